"""What a doubt comes to at a target that cannot be asked; pure."""

from __future__ import annotations

from dataclasses import replace as but
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from standing import AT, FLOW, NOW, UPDATE

from connector.flow.doubts import can_ask, unanswerable, upserts
from connector.flow.flows import Flow
from connector.profile import Capabilities

BLIND = but(FLOW, finds=False, gets=False)
UPSERT = but(BLIND, capabilities=Capabilities(identity="upsert"))


def test_only_who_finds_or_reads_can_be_asked() -> None:
    """By our reference, or by a number that is known."""
    linked = replace(AT, link_key="O1")
    assert can_ask(AT, FLOW)
    assert can_ask(linked, but(FLOW, finds=False))
    assert not can_ask(AT, but(FLOW, finds=False))
    assert not can_ask(linked, BLIND)
    told = replace(AT, attempt_key="O9")
    assert can_ask(told, but(FLOW, finds=False))
    assert not can_ask(replace(told, attempt_code="exists"), but(FLOW, finds=False))


@pytest.mark.parametrize(
    ("flow", "at", "move"),
    [
        (BLIND, {}, "unanswerable"),
        (BLIND, UPDATE, "absent"),
        (BLIND, UPDATE | {"op_class": "append"}, "unanswerable"),
        (UPSERT, {}, "absent"),
        (UPSERT, UPDATE | {"op_class": "append"}, "unanswerable"),
        (but(UPSERT, steps=("draft", "confirm")), {}, "unanswerable"),
    ],
)
def test_only_what_may_happen_twice_is_sent_again_unasked(
    flow: Flow, at: dict[str, Any], move: str
) -> None:
    """All else asks a person; the question names the command that answers it."""
    s = unanswerable(replace(AT, **at), flow, NOW)
    assert s.move == move
    if move == "unanswerable":
        assert (s.outcome, s.reason) == (None, "doubt")
        assert "connector record resolve order 1" in (s.detail or "")
    else:
        assert (s.outcome, s.forget_base) == ("again", True)


def test_what_may_happen_twice_waits_for_settle_and_ends_where_it_kills() -> None:
    """S4, R12."""
    soon = replace(AT, **UPDATE, settle_until=NOW + timedelta(seconds=1))
    assert unanswerable(soon, BLIND, NOW).move == "ask_later"
    assert unanswerable(replace(soon, settle_until=NOW), BLIND, NOW).move == "absent"
    died = replace(AT, **UPDATE, attempts=4, settle_until=None)
    assert unanswerable(died, BLIND, NOW).reason == "gave_up"
    assert unanswerable(replace(died, attempts=3), BLIND, NOW).move == "absent"


def test_an_upsert_is_a_create_in_one_step() -> None:
    """Only then a second call meets the first one's document."""
    assert upserts(AT, UPSERT)
    assert not upserts(replace(AT, action="update"), UPSERT)
    assert not upserts(AT, but(UPSERT, steps=("draft", "confirm")))
    assert not upserts(AT, BLIND)
