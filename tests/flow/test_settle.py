"""What an outcome, or an answer to a doubt, means for its record: pure, case by case."""

from __future__ import annotations

from dataclasses import replace as but
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from standing import AT, EARLIER, FLOW, LATE, NOW, UPDATE

from connector.flow.flows import AttemptRules, Flow
from connector.flow.settle import STALE_MOST, answer, settle
from connector.ledger.attempts import Settlement
from connector.ledger.content import pack, unpack
from connector.values import (
    Absent,
    Ambiguous,
    Done,
    Exists,
    Gone,
    InDoubt,
    NotSent,
    Refused,
    Seen,
    Stale,
    Unauthorized,
    Unavailable,
)


def seen(**told: Any) -> Seen:
    """What is there: all that was sent, unless told otherwise."""
    given = {"there": {"total": Decimal(10)}, "item": {"note": "new", "total": Decimal(10)}}
    return Seen(**{"key": "O1", "version": "7"} | given | told)


def settled(outcome: Any, flow: Flow = FLOW, **at: Any) -> Settlement:
    return settle(replace(AT, **at), outcome, flow, NOW)


def answered(told: Any, flow: Flow = FLOW, *, control: bool = True, **at: Any) -> Settlement:
    standing = replace(AT, **{"state": "in_doubt"} | at)
    return answer(standing, told, flow, asked=NOW, control=control)


# ── the outcome of a call ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("outcome", "closed", "in_hand", "late", "wait"),
    [
        (NotSent(why="too_late"), "not_sent", "not_sent", "late", 1),
        (Unavailable(wait=None), "unavailable", "later", "late", 7),
        (Unavailable(wait=timedelta(seconds=90)), "unavailable", "later", "late", 90),
        (Unavailable(wait=None, busy=True), "unavailable", "later", "late", 1),
        (Unauthorized(), "unauthorized", "later", "late", 40),
        (Refused(code="locked", at=None), "refused", "later", "late", 40),
        (Stale(), "stale", "later", "late", 0),
    ],
)
def test_what_surely_did_not_happen_is_tried_later(
    outcome: Any, closed: str, in_hand: str, late: str, wait: int
) -> None:
    """It closes its own intent; a record that somebody else has in hand is his to move (R3)."""
    s = settled(outcome)
    assert (s.outcome, s.move) == (closed, in_hand)
    assert s.due_at == NOW + timedelta(seconds=wait)
    assert [settled(outcome, **at).move for at in LATE] == [late] * 3


@pytest.mark.parametrize(
    ("outcome", "attempts"),
    [
        (NotSent(why="x"), None),
        (Unavailable(wait=None), None),
        (Unauthorized(), None),
        (Refused(code="locked", at=None), 2),
        (Stale(), 2),
        (Done(key="O1", version=None), 0),
    ],
)
def test_only_what_was_refused_burns_an_attempt(outcome: Any, attempts: int | None) -> None:
    """R12: an outage burns none, success forgets them all."""
    assert settled(outcome).attempts == attempts


def test_a_refusal_names_its_place_and_ends_at_the_limit() -> None:
    """Then a person must act; one that comes late ends the doubt so as well."""
    assert settled(Refused(code="too_long", at="Note")).code == "too_long at Note"
    assert settled(Refused(code="too_long", at=None)).code == "too_long"
    last = settled(Refused(code="no", at=None), attempts=3)
    assert (last.move, last.reason, last.attempts) == ("refused", "refused", 4)
    assert settled(Refused(code="no", at=None), attempts=3, fence=6).move == "found_held"


def test_stale_is_read_again_a_few_times() -> None:
    """S8: the base is unknown then; in the end it is a refusal."""
    assert settled(Stale()).forget_base
    end = settled(Stale(), but(FLOW, attempts=AttemptRules(most=99)), attempts=STALE_MOST - 1)
    assert (end.outcome, end.code, end.forget_base) == ("refused", "stale", False)


def test_what_is_gone_there_waits_for_a_person() -> None:
    """It is not made a second time."""
    assert (settled(Gone()).move, settled(Gone()).reason) == ("gone", "gone_at_target")
    assert settled(Gone(), fence=6).move == "found_held"


def test_what_may_have_happened_stays_open() -> None:
    """S4: asked after soon, believed after settle; what exists is looked at now."""
    doubt = settled(InDoubt(why="timeout", key="O9"))
    assert (doubt.outcome, doubt.move, doubt.target_key) == (None, "doubt", "O9")
    assert doubt.settle_until == NOW + FLOW.settle
    assert NOW < (doubt.due_at or NOW) < NOW + FLOW.settle
    there = settled(Exists(key="O9"))
    assert (there.outcome, there.move, there.settle_until) == (None, "doubt", NOW)


def test_done_acknowledges_what_was_sent() -> None:
    """R2: a newer content keeps it in the queue, and so does a step that is left."""
    done = Done(key="O1", version="7", total=Decimal("10.00"))
    whole = settled(done)
    assert (whole.move, whole.reason, whole.acked_seq) == ("sent", "sent", 3)
    assert [whole.facts and whole.facts.total, _bare_total()] == ["10.00", None]
    newer = settled(done, seq=4)
    assert (newer.move, newer.reason, newer.acked_seq) == ("sent_more", None, 3)
    left = settled(but(done, steps_left=("confirm",)))
    assert (left.move, left.facts and left.facts.steps_left) == ("sent_more", "confirm")
    assert [settled(done, **at).move for at in LATE] == ["late_done"] * 3
    assert [settled(done, seq=4, **at).move for at in LATE] == ["late"] * 3


def _bare_total() -> str | None:
    s = settled(Done(key="O1", version="7"))
    assert s.facts is not None
    return s.facts.total


def test_an_update_leaves_the_steps_as_they_were() -> None:
    """Only a create says which are left."""
    s = settled(Done(key="O1", version="7"), **UPDATE, link_steps="confirm print")
    assert s.facts is not None
    assert s.facts.steps_left == "confirm print"
    assert s.move == "sent_more"
    assert settled(Done(key="O1", version="7"), **UPDATE).move == "sent"


def test_a_step_that_stays_undone_is_tried_later_and_not_for_ever() -> None:
    """The call was answered, and its step is as it was."""
    step = {"action": "create", "op_class": "transition", "step": "confirm", "link_key": "O1"}
    still = settled(Done(key="O1", version="7", steps_left=("confirm",)), **step)
    assert (still.outcome, still.move, still.code) == ("done", "later", "confirm undone")
    assert still.attempts == 2
    warned = Done(key="O1", version="7", steps_left=("confirm",), warnings=("closed", "late"))
    assert settled(warned, **step).code == "closed,late"
    last = settled(Done(key="O1", version="7", steps_left=("confirm",)), **step, attempts=3)
    assert (last.outcome, last.move) == ("done", "refused")
    over = settled(Done(key="O1", version="7"), **step)
    assert (over.move, over.acked_seq) == ("sent_more", None)  # it carried no content


@pytest.mark.parametrize(
    ("at", "move"),
    [
        ({}, "sent_held"),
        ({"seq": 4}, "sent_more"),  # the newer total was not sent yet
        ({"fence": 6}, "late_done"),
        (UPDATE, "sent"),
    ],
)
def test_a_total_that_differs_is_held(at: dict[str, Any], move: str) -> None:
    """D6: of a create, with the content that is wanted, in our hand."""
    s = settled(Done(key="O1", version="7", total=Decimal("11.00")), **at)
    assert s.move == move
    assert s.facts is not None
    assert (s.reason == "money") == (move == "sent_held")
    assert settled(Done(key="O1", version="7", total=Decimal("10.03"))).move == "sent"


def test_the_base_is_what_was_sent_over_what_was_there() -> None:
    """An update carries the changed fields alone."""
    s = settled(Done(key="O1", version="7"), **UPDATE, base_source=pack({"note": "old", "a": "1"}))
    assert s.facts is not None
    assert unpack(s.facts.base_source) == {"note": "new", "a": "1", "total": Decimal(10)}


# ── the answer to a doubt ───────────────────────────────────────────────────────────────────────


def test_not_found_counts_only_after_settle_and_with_a_control() -> None:
    """S4, S7: a call may still commit, and a find that finds nothing at all may be broken."""
    told = Absent(at=NOW)
    assert answered(told).move == "absent"
    assert answered(told, settle_until=NOW).move == "absent"
    early = answered(told, settle_until=NOW + timedelta(seconds=1))
    assert (early.move, early.due_at) == ("ask_later", NOW + timedelta(seconds=1))
    jumped = answered(told, not_before=NOW + timedelta(minutes=2))
    assert (jumped.move, jumped.due_at) == ("ask_later", NOW + timedelta(minutes=2))
    assert answered(told, not_before=EARLIER).move == "absent"
    assert answered(told, control=False).move == "ask_later"
    unknown_end = answered(told, settle_until=None, started_at=None)
    assert unknown_end.move == "absent"  # an hour ago: the call and settle are over
    assert answered(told, settle_until=None, send_before=NOW).move == "ask_later"


@pytest.mark.parametrize(
    "at", [UPDATE, {"attempt_key": "O9"}, {"link_key": "O9"}, {"op_class": "transition"}]
)
def test_what_was_there_and_is_not_is_never_made_anew(at: dict[str, Any]) -> None:
    """A change of it, or a create that had told its number."""
    s = answered(Absent(at=NOW), **at)
    assert (s.outcome, s.move, s.reason) == ("absent", "found_held", "gone_at_target")


def test_what_exists_and_is_not_found_is_asked_of_a_person() -> None:
    """Its number is another's, or another's it may be."""
    s = answered(Absent(at=NOW), attempt_code="exists", attempt_key="O9")
    assert (s.move, s.reason) == ("found_held", "ambiguous")
    assert "O9" in (s.detail or "")


@pytest.mark.parametrize(
    ("at", "move"),
    [
        ({}, "found_held"),
        ({"attempts": 3}, "absent"),
        ({"started_at": None}, "absent"),  # it may never have begun
        ({"settle_until": EARLIER}, "absent"),  # an answered call kills nobody
        ({"seq": 4}, "absent"),  # what is wanted by now may be harmless
    ],
)
def test_what_killed_its_worker_too_often_is_given_up(at: dict[str, Any], move: str) -> None:
    """R12: only surely begun calls without any answer count, of the content that is wanted."""
    died = {"attempts": 4, "settle_until": None, "send_before": EARLIER}
    s = answered(Absent(at=NOW), **died | at)
    assert s.move == move
    assert s.attempts == (0 if at == {"seq": 4} else None)


@pytest.mark.parametrize(
    ("told", "at", "move"),
    [
        ({"item": {"note": "old"}}, UPDATE, "found_held"),
        ({"item": {}}, UPDATE, "found_held"),  # nobody knows: it was sent four times
        ({}, UPDATE, "found"),
        ({"item": {"note": "old"}}, {}, "found"),  # it was created: the next call is another
        ({"steps_left": ("confirm",)}, {}, "found_held"),
        ({"steps_left": ("confirm",)}, {"attempts": 3}, "found"),
        ({"item": {"note": "old"}}, UPDATE | {"seq": 4}, "found"),
    ],
)
def test_what_is_found_and_did_not_come_to_pass_is_given_up_as_well(
    told: dict[str, Any], at: dict[str, Any], move: str
) -> None:
    """A change that kills its worker would be made again, for ever."""
    died = {"attempts": 4, "settle_until": None, "send_before": EARLIER}
    s = answered(seen(**told), **died | at)
    assert (s.outcome, s.move) == ("found", move)
    assert (s.reason == "gave_up") == (move == "found_held")


def test_what_is_found_counts_at_once_unless_it_may_still_change() -> None:
    """S4: found proves existence at once; content only where nothing more can come."""
    soon = {"settle_until": NOW + timedelta(minutes=1)}
    assert answered(seen(), **soon).move == "found"
    assert answered(seen(), **soon, **UPDATE).move == "ask_later"
    assert answered(seen(), but(FLOW, steps=("draft", "confirm")), **soon).move == "ask_later"
    assert answered(seen(), **UPDATE).move == "found"


def test_several_that_carry_our_reference_are_held() -> None:
    """S7: a person says which one stays."""
    s = answered(Ambiguous(keys=("O1", "O2")))
    assert (s.outcome, s.move, s.reason) == ("found", "found_held", "duplicate")


def test_who_cannot_be_asked_now_is_asked_again() -> None:
    """The doubt stays."""
    s = answered(None)
    assert (s.outcome, s.move) == (None, "ask_later")
    assert NOW < (s.due_at or NOW) <= NOW + timedelta(seconds=30)
    quick = answered(None, but(FLOW, settle=timedelta(seconds=4)))
    assert quick.due_at == NOW + timedelta(seconds=4)


@pytest.mark.parametrize(
    ("told", "at", "move"),
    [
        ({}, {}, "found"),
        ({"item": {"note": "old"}}, {}, "found_held"),
        ({}, {"seq": 4}, "found_held"),
        ({"item": {}}, {}, "found"),  # what it does not tell is not contradicted
    ],
)
def test_what_is_closed_there_is_held_unless_it_is_as_wanted(
    told: dict[str, Any], at: dict[str, Any], move: str
) -> None:
    """R6: posted or cancelled there, a change would be refused."""
    s = answered(seen(locked=True, **told), **at)
    assert s.move == move
    assert (s.reason == "locked") == (move == "found_held")


@pytest.mark.parametrize(
    ("there", "at", "move"),
    [
        ({"total": Decimal("11.00")}, {}, "found_held"),
        ({"total": Decimal("11.00")}, {"seq": 4}, "found"),
        ({"total": Decimal("11.00")}, UPDATE, "found"),
        ({}, {}, "found"),
        ({"total": Decimal("10.00")}, {}, "found"),
    ],
)
def test_a_total_that_differs_where_it_is_found_is_held(
    there: dict[str, Any], at: dict[str, Any], move: str
) -> None:
    """D6, after a doubt."""
    s = answered(seen(there=there), **at)
    assert s.move == move
    assert (s.reason == "money") == (move == "found_held")
    assert s.facts is not None
    assert s.facts.total == (str(there["total"]) if there else None)


def test_the_base_of_what_is_found_is_what_was_read() -> None:
    """R6: of a change what is confirmed there, and of what it did not carry what was known."""
    base = pack({"note": "old", "a": "1"})
    kept = answered(seen(item={"note": "new"}), **UPDATE, base_source=base)
    assert kept.facts is not None
    assert unpack(kept.facts.base_source) == {"note": "new", "a": "1"}
    made = answered(seen(item={"note": "torn"}))  # of a create nobody else wrote the rest
    assert made.facts is not None
    assert unpack(made.facts.base_source) == {"total": Decimal(10)}
    torn = answered(seen(item={"note": "torn"}), **UPDATE, base_source=base)
    assert torn.facts is not None
    assert unpack(torn.facts.base_source) == {"a": "1"}
