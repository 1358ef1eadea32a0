"""`move` is the only way through the states, and the table of moves is what it does."""

from __future__ import annotations

import itertools

import pytest
from ledger_rows import NOW, a_record, an_attempt, columns_of
from sqlalchemy import event as listening
from sqlalchemy import select, update

from connector.ledger.moves import MOVES, PAGE, Moving, move
from connector.ledger.schema import STATES, event, record

CASES = list(itertools.product(STATES, (1, 2), (False, True), (1, 2)))
REASON = {"held": "rule", "done": "filtered"}


def allowed(rule, state, fence, intent, seq):
    """What the table says of a record in *state*; the mover holds fence 1 and saw seq 1."""
    return (
        state in rule.origins
        and (rule.intent is None or rule.intent == intent)
        and not (rule.fenced and fence != 1)
        and not (rule.unchanged and seq != 1)
    )


def moved_from(db, rule):
    """Try *rule* on a record in every situation; give the situations in which it moved."""
    ids = {}
    for case in CASES:
        state, fence, intent, seq = case
        ids[case] = a_record(db, state=state, fence=fence, seq=seq)
        if intent:
            an_attempt(db, ids[case])
    owner = {"owner": "us"} if rule.to == "running" else {}
    moving = [
        Moving(id=id_, fence=1, seq=1, reason=REASON.get(rule.to), values=owner)
        for id_ in ids.values()
    ]
    moved = move(db, rule.name, moving, now=NOW)
    return {case for case, id_ in ids.items() if id_ in moved}, ids


@pytest.mark.parametrize("name", MOVES)
def test_a_move_is_made_only_as_the_table_says_and_told_once(db, name):
    """Origin, fence, intent and what was seen stand in the WHERE clause; a move has one event."""
    rule = MOVES[name]
    moved, ids = moved_from(db, rule)
    told = db.execute(select(event.c.record, event.c.move, event.c.state)).all()

    assert moved == {case for case in CASES if allowed(rule, *case)}
    assert sorted(told) == sorted((ids[case], name, rule.to) for case in moved)
    for case, id_ in ids.items():
        assert columns_of(db, id_, "state") == (rule.to if case in moved else case[0],)


def test_no_move_leads_out_of_doubt_with_its_intent_open():
    """R4: prepared and done are reached only without an open intent."""
    out = [m.name for m in MOVES.values() if m.to in ("prepared", "done") and m.intent is not False]
    assert out == []


def test_who_holds_a_record_is_asked_before_it_moves():
    """R3: out of running moves the holder; the others take back from the dead."""
    unfenced = {m.name for m in MOVES.values() if "running" in m.origins and not m.fenced}
    assert unfenced <= {"lapse", "lapse_doubt", "gave_up"}


def test_a_move_leaves_nothing_of_its_origin_behind(db):
    """Owner and blockers are those of a state that is over."""
    id_ = a_record(db, state="held", reason="blocked", blocked_on="customer:1", needs="customer 1")
    move(db, "sweep", [Moving(id=id_, due_at=NOW)], now=NOW)

    assert columns_of(db, id_, "state", "reason", "blocked_on", "owner", "needs") == (
        "prepared", None, None, None, None,
    )  # fmt: skip


def test_nobody_else_is_moved(db):
    """A move names its records one by one."""
    moved, other = a_record(db, state="held"), a_record(db, state="held")
    move(db, "sweep", [Moving(id=moved)], now=NOW)

    assert columns_of(db, other, "state") == ("held",)
    assert db.scalars(select(event.c.record)).all() == [moved]


@pytest.mark.parametrize("needs", ["needs {}", "the same"])
@pytest.mark.parametrize(
    ("stands", "seen"),
    [
        (None, None),
        ({"fence": 2}, {}),
        ({}, {"fence": 0}),  # R3: the hand that the others are in is not the one that holds it
        ({}, {"seq": 0}),  # something newer is wanted
    ],
)
def test_many_move_as_each_would_alone(db, stands, seen, needs):
    """One that may not move is left; it neither keeps the others nor makes them move twice."""
    held = {"state": "running", "fence": 1}
    ids = [a_record(db, **held) for _ in range(8)]
    late = [] if stands is None else [a_record(db, **held | stands)]
    given = {"fence": 1, "seq": 1, "reason": "rule"}
    moving = [Moving(id=id_, detail=needs.format(id_), **given) for id_ in ids]
    moving[3:3] = [Moving(id=id_, detail=needs.format(id_), **given | seen) for id_ in late]

    assert move(db, "hold", moving, now=NOW) == set(ids)

    stand = [columns_of(db, id_, "state", "needs", "owner") for id_ in ids]
    assert stand == [("held", needs.format(id_), None) for id_ in ids]
    assert [columns_of(db, id_, "state") for id_ in late] == [("running",)] * len(late)
    told = db.execute(select(event.c.record, event.c.detail)).all()
    assert sorted(told) == [(id_, needs.format(id_)) for id_ in ids]


@pytest.mark.parametrize("more", [0, 7])
def test_of_many_that_move_each_gets_its_own_values(db, more):
    """Also one of which more is set than of the first."""
    ids = [a_record(db, state="running", fence=1, attempts=5) for _ in range(8)]
    moving = [Moving(id=id_, fence=1, due_at=NOW) for id_ in ids]
    moving[more] = Moving(id=ids[more], fence=1, due_at=NOW, values={"attempts": 0})

    assert move(db, "later", moving, now=NOW) == set(ids)

    expected = [(0 if n == more else 5,) for n in range(8)]
    assert [columns_of(db, id_, "attempts") for id_ in ids] == expected


def test_who_waits_again_is_told_of_only_if_the_reason_is_another(db):
    """Events are bounded by changes, not by polls."""
    id_ = a_record(db, state="running", fence=1)
    for why in ("first", "first", "second", "first"):
        db.execute(update(record).values(state="running", owner="somebody"))
        move(db, "wait", [Moving(id=id_, fence=1, due_at=NOW, detail=why)], now=NOW)

    told = select(event.c.detail).where(event.c.move == "wait").order_by(event.c.id)
    assert list(db.scalars(told)) == ["first", "second", "first"]


def test_of_any_number_of_records_a_statement_names_a_page(db):
    """What one blocker held up is freed at once, and a PostgreSQL takes 65 535 values at most."""
    ids = [a_record(db, state="held") for _ in range(2 * PAGE + 1)]
    named = []

    def note(_connection, _cursor, _statement, values, _context, executemany):
        named.append(0 if executemany else len(values))

    listening.listen(db, "before_cursor_execute", note)
    moving = [Moving(id=id_, seq=1, due_at=NOW) for id_ in ids]
    assert move(db, "sweep", moving, now=NOW) == set(ids)

    assert PAGE <= max(named) < PAGE + 50
    assert db.scalars(select(record.c.state).distinct()).all() == ["prepared"]
    assert len(db.scalars(select(event.c.record)).all()) == len(ids)


def test_only_who_goes_on_waiting_for_the_same_is_told_once(db):
    """Events are bounded by changes: a poll that finds what it found is none, anything else is."""
    waiting = a_record(db, state="running", needs="x", fence=1)
    other = a_record(db, state="prepared", needs="y")
    move(db, "wait", [Moving(id=waiting, fence=1, detail="x", due_at=NOW)], now=NOW)
    move(db, "differs", [Moving(id=other, detail="y", reason="conflict")], now=NOW)
    told = db.execute(select(event.c.record, event.c.move)).all()
    assert told == [(other, "differs")]


def test_what_is_done_needs_nothing(db):
    """What is told of its end stands in its event."""
    id_ = a_record(db, state="running", fence=1, needs="a customer")
    told = {"reason": "same", "detail": "as it was", "values": {"acked_seq": 1}}
    done = Moving(id=id_, fence=1, seq=1, **told)
    move(db, "nothing", [done], now=NOW)
    assert columns_of(db, id_, "state", "needs") == ("done", None)
