"""The one next step, from what is wanted and what is known: every condition of `decide` alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.flow.decide import Rules, Want, decide
from connector.values import (
    Absent,
    Adopt,
    Create,
    Decision,
    Hold,
    Known,
    Linked,
    Look,
    New,
    Nothing,
    Resume,
    Seen,
    Unsure,
    Update,
    Wait,
)

NOW = datetime(2026, 11, 28, tzinfo=UTC)
SETTLE = timedelta(minutes=15)
HELD = Hold(reason="rule", needs="mend it")
WANTS = {"note": "new", "ref": "R"}
UNSURE = Unsure(why="doubt")


def rules(**more: Any) -> Rules:
    return Rules(**({"now": NOW, "settle": SETTLE} | more))


def linked(**base: str) -> Linked:
    return Linked(key="O1", version="3", base=base)


def untold(**base: str) -> Linked:
    return Linked(key="O1", version=None, base=base)


def seen(item: dict[str, str], base: dict[str, str] | None = None, **more: Any) -> Seen:
    return Seen(key="O1", version="3", there={}, item=item, base=base, **more)


def word(decision: Decision) -> str:
    """A decision and its reason in a word."""
    reason = getattr(decision, "reason", "")
    return type(decision).__name__ + (f" {reason}" if reason else "")


STEPS: list[tuple[str, Want, Known, Rules]] = [
    # a document that was never sent
    ("Create", Want(), New(), rules()),
    ("Nothing never_delivered", Want(terminal=True), New(), rules()),
    ("Hold rule", Want(), New(), rules(creates=False)),
    ("Nothing filtered", Want(), New(), rules(creates=False, leaves=True)),
    ("Create", Want(), New(), rules(leaves=True)),
    ("Hold review", Want(unaccepted=True), New(), rules()),
    ("Nothing filtered", Want(filtered=True), New(), rules()),
    # one that may not go as it stands: over before it was sent, it need not
    ("Hold rule", Want(hold=HELD), New(), rules()),
    ("Nothing never_delivered", Want(hold=HELD, terminal=True), New(), rules()),
    ("Look", Want(hold=HELD, terminal=True), UNSURE, rules()),
    ("Hold rule", Want(hold=HELD, terminal=True), linked(), rules()),
    ("Hold rule", Want(hold=HELD, terminal=True), seen({}), rules()),
    # nobody knows whether it is there
    ("Look", Want(), UNSURE, rules()),
    ("Hold review", Want(), UNSURE, rules(asks=False)),
    ("Look", Want(linked=True), UNSURE, rules(asks=False)),
    ("Create", Want(released=True), UNSURE, rules(asks=False)),
    ("Nothing never_delivered", Want(terminal=True), UNSURE, rules(asks=False)),
    # asked, and not there: it counts only after the settle time (S4)
    ("Create", Want(), Absent(at=NOW), rules()),
    ("Wait settling", Want(), Absent(at=NOW, since=NOW), rules()),
    ("Create", Want(), Absent(at=NOW + SETTLE, since=NOW), rules()),
    ("Hold gone_at_target", Want(linked=True), Absent(at=NOW), rules()),
    ("Nothing gone", Want(linked=True, terminal=True), Absent(at=NOW), rules()),
    # found: linked first, then compared with what is there (R6)
    ("Adopt", Want(fields=WANTS), seen({"note": "old"}), rules()),
    ("Update", Want(fields=WANTS, linked=True), seen({"note": "old"}, {"note": "old"}), rules()),
    ("Nothing same", Want(fields=WANTS, linked=True), seen(WANTS, WANTS), rules()),
    ("Resume", Want(fields=WANTS, linked=True), seen(WANTS, steps_left=("confirm",)), rules()),
    (
        "Update",  # its content first: the step may close it
        Want(fields=WANTS, linked=True),
        seen({"note": "old"}, {"note": "old"}, steps_left=("confirm",)),
        rules(),
    ),
    (
        "Hold rule",
        Want(fields=WANTS, linked=True),
        seen({"note": "old", "ref": "R"}, {"note": "old"}),
        rules(can=frozenset()),
    ),
    # closed there: only what differs asks a person
    (
        "Hold locked",
        Want(fields=WANTS, linked=True),
        seen({"note": "old"}, {"note": "old"}, locked=True),
        rules(),
    ),
    (
        "Nothing same",
        Want(fields=WANTS, linked=True, released=True),
        seen({"note": "old"}, {"note": "old"}, locked=True),
        rules(),
    ),
    (
        "Nothing same",
        Want(fields=WANTS, linked=True),
        seen(WANTS, locked=True, steps_left=("confirm",)),
        rules(),
    ),
    # linked: the fields that changed, as far as they may
    ("Update", Want(fields=WANTS), linked(note="old", ref="R"), rules()),
    ("Nothing same", Want(fields=WANTS), linked(**WANTS), rules()),
    ("Nothing same", Want(fields=WANTS, guest=True), linked(note="old"), rules()),
    ("Nothing same", Want(fields=WANTS), linked(note="old"), rules(writes=False)),
    ("Hold rule", Want(fields=WANTS), linked(note="old", ref="R"), rules(can=frozenset())),
    ("Update", Want(fields=WANTS), linked(note="old", ref="R"), rules(can=frozenset({"note"}))),
    (
        "Nothing same",
        Want(fields=WANTS, released=True),
        linked(note="old", ref="R"),
        rules(can=frozenset()),
    ),
    # a version that must be named and that no reply told is read first
    ("Look", Want(fields=WANTS), untold(note="old", ref="R"), rules(versioned=True)),
    ("Update", Want(fields=WANTS), untold(note="old", ref="R"), rules()),
    ("Update", Want(fields=WANTS), linked(note="old", ref="R"), rules(versioned=True)),
    ("Nothing same", Want(fields=WANTS), untold(**WANTS), rules(versioned=True)),
    (
        "Update",
        Want(fields=WANTS, linked=True),
        seen({"note": "old"}, WANTS | {"note": "old"}),
        rules(versioned=True),
    ),
    # a field that cannot be updated and was never compared is no news; without reading it is
    (
        "Nothing same",
        Want(fields=WANTS, linked=True),
        seen({"note": "old", "ref": "R"}, {}),
        rules(can=frozenset()),
    ),
    ("Hold rule", Want(fields=WANTS), linked(ref="R"), rules(can=frozenset())),
]


@pytest.mark.parametrize(("expected", "want", "known", "given"), STEPS)
def test_the_next_step(expected: str, want: Want, known: Known, given: Rules) -> None:
    """One line, one condition."""
    assert word(decide(want, known, given)) == expected


def test_what_a_step_carries() -> None:
    """Keys, versions, fields and times are those of what is known."""
    want = Want(fields=WANTS, linked=True)
    some = rules(can=frozenset({"note"}))
    assert decide(want, linked(note="old", ref="R"), some) == Update(
        key="O1", version="3", fields=("note",)
    )
    assert decide(Want(), seen({}), rules()) == Adopt(key="O1")
    left = seen(WANTS, steps_left=("confirm", "post"))
    assert decide(want, left, rules()) == Resume(key="O1", steps=("confirm", "post"))
    wait = decide(Want(), Absent(at=NOW, since=NOW), rules())
    assert wait == Wait(until=NOW + SETTLE, reason="settling")
    assert decide(Want(), UNSURE, rules()) == Look()
    assert decide(Want(), New(), rules()) == Create()
    assert decide(Want(filtered=True), New(), rules()) == Nothing(reason="filtered")
