"""Parts of a backfill: nothing left out, each read by one at a time, a dead reader's by another."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_rows import NOW, SECOND

from connector.errors import NotNow
from connector.ledger import backfills, parts, runs
from connector.ledger.backfills import Range
from connector.ledger.runs import Asked

DAY = timedelta(days=1)
ASKED = Range(flow="orders", since=NOW - 9 * DAY, until=NOW)


def begun(db, expected=2500):
    """A backfill of so many documents, nothing of it read."""
    at = backfills.begin_or_resume(db, ASKED, NOW)
    backfills.expect(db, at.id, expected)
    return backfills.get(db, at.id)


@given(
    length=st.timedeltas(timedelta(microseconds=1), timedelta(days=4000)),
    count=st.integers(1, 100),
)
def test_pieces_of_a_time_leave_nothing_out_and_have_nothing_in_common(length, count):
    """Each begins where the one before ends, at a whole second; the last ends with the time."""
    pieces = list(parts.slices(NOW, NOW + length, count))
    assert (pieces[0][0], pieces[-1][1]) == (NOW, NOW + length)
    assert len(pieces) <= count
    assert all(begin < end for begin, end in pieces)
    assert [end for _, end in pieces[:-1]] == [begin for begin, _ in pieces[1:]]


@pytest.mark.parametrize(
    ("expected", "count"), [(0, 1), (1000, 1), (1001, 2), (1_000_000, 100), (None, 16)]
)
def test_the_more_documents_the_more_parts_but_not_without_end(expected, count):
    """A million is cut into a hundred, a few are not cut."""
    assert parts.how_many(expected) == count


def test_two_that_live_read_different_parts_and_each_keeps_its_own(db):
    """The third has none while three parts are in hand."""
    at, living = begun(db), {"a", "b", "c"}
    first, second = (backfills.take(db, at, name, living) for name in "ab")
    assert first.until == second.since
    assert backfills.take(db, at, "a", living) == first
    assert backfills.take(db, at, "c", living).until == NOW
    assert backfills.take(db, at, "d", living) is None


def test_what_a_dead_one_read_is_gone_on_with_where_it_stood(db):
    """Its share of calls is over: whoever is free takes its part, and it is told when it wakes."""
    at = begun(db, expected=1)
    dead = backfills.take(db, at, "dead", {"dead"})
    stood = backfills.moved(db, dead, "page 2", 100, complete=False)
    heir = backfills.take(db, at, "heir", {"heir"})
    assert heir.position == "page 2"
    backfills.moved(db, heir, "page 3", 50, complete=True)
    with pytest.raises(NotNow) as told:
        backfills.moved(db, stood, "page 3", 50, complete=True)
    assert told.value.code == "read_elsewhere"
    now = backfills.get(db, at.id)
    assert (now.read, now.walked) == (150, True)


def test_it_is_walked_when_the_last_part_is_and_begins_anew_whole(db):
    """In whatever order they end."""
    at = begun(db)
    taken = [backfills.take(db, at, name, {"a", "b", "c"}) for name in "abc"]
    for part, walked in zip(reversed(taken), (False, False, True), strict=True):
        backfills.moved(db, part, "end", 10, complete=True)
        assert backfills.get(db, at.id).walked is walked
    assert backfills.take(db, at, "a", {"a"}) is None
    backfills.end(db, at.id, NOW)
    again = backfills.begin_or_resume(db, ASKED, NOW + SECOND)
    assert (again.read, again.walked) == (0, False)
    assert backfills.take(db, again, "a", {"a"}).position is None


def test_others_help_with_what_one_of_the_living_makes(db):
    """Not with what waits, nor with what is read by all of them, nor once it is read."""
    at, living = begun(db, expected=2000), {"a", "b"}
    asked = Asked(id=0, flow="orders", keys=(), task="backfill", given={"id": at.id})
    run = runs.ask(db, asked, NOW)
    assert backfills.read_by_many(db, living) == []
    runs.take(db, run, "a")
    one = backfills.take(db, at, "a", living)
    assert backfills.read_by_many(db, living) == [(at.id, "orders")]
    assert backfills.read_by_many(db, {"b"}) == []
    two = backfills.take(db, at, "b", living)
    assert backfills.read_by_many(db, living) == []
    for part in (one, two):
        backfills.moved(db, part, "end", 1, complete=True)
    assert backfills.read_by_many(db, {"a"}) == []
