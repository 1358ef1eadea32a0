"""A create of several steps that broke off: content first, and a step acknowledges none."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest

from connector.flow.decide import Rules, Want, decide
from connector.flow.settle import settle
from connector.ledger.attempts import Standing
from connector.testing.rig import START, order_flow
from connector.values import Done, Known, Linked, Resume, Seen, Update

RULES = Rules(now=START, settle=timedelta(minutes=1))
LEFT = ("confirm",)


def linked(note: str) -> Linked:
    return Linked(key="O1", version="1", base={"note": note}, steps_left=LEFT)


def seen(note: str) -> Seen:
    there = {"note": note}
    return Seen(key="O1", version="1", there=there, item=there, base={}, steps_left=LEFT)


@pytest.mark.parametrize("known", [linked("old"), seen("old")])
def test_what_differs_is_written_before_the_missing_step(known: Known) -> None:
    """A step may close the document: a released order takes no change."""
    want = Want(fields={"note": "new"}, linked=True)
    assert decide(want, known, RULES) == Update(key="O1", version="1", fields=("note",))


@pytest.mark.parametrize("known", [linked("new"), seen("new")])
def test_the_missing_step_is_made_once_the_content_is_right(known: Known) -> None:
    """Nothing differs, and the create is finished."""
    want = Want(fields={"note": "new"}, linked=True)
    assert decide(want, known, RULES) == Resume(key="O1", steps=LEFT)


@pytest.mark.parametrize(
    ("step", "acked", "move"), [(None, 2, "sent"), ("confirm", None, "sent_more")]
)
def test_a_resumed_step_acknowledges_no_content(
    step: str | None, acked: int | None, move: str
) -> None:
    """R2: it carried none; what is wanted is decided again (the demo lost a change by this)."""
    blank: dict[str, Any] = dict.fromkeys(Standing.__struct_fields__)
    told = {"state": "running", "fence": 1, "attempt_fence": 1, "seq": 2, "attempt_seq": 2}
    own = {"action": "create", "op_class": "create", "step": step, "attempts": 0, "payload": b"{}"}
    at = cast("Standing", Standing(**(blank | told | own)))
    settled = settle(at, Done(key="O1"), order_flow(steps=LEFT), START)
    assert (settled.acked_seq, settled.move) == (acked, move)
