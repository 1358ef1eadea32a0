"""How far a scope has been read: each by itself, moved by whoever saw it last (P3)."""

from datetime import UTC, datetime, timedelta

import pytest

from connector.errors import NotNow
from connector.ledger import cursors
from connector.ledger.cursors import Cursor

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
AT = ("shop", "order", "orders")
OTHERS = [("erp", "order", "orders"), ("shop", "product", "orders"), ("shop", "order", "returns")]
NOTHING = Cursor(position=None, rev=0)


def test_every_scope_has_a_position_of_its_own(db):
    """Connection, entity and flow: none is another's, and moving one moves no other."""
    for n, at in enumerate([AT, *OTHERS]):
        cursors.move(db, at, NOTHING, f"p{n}", NOW + timedelta(seconds=n))
    assert cursors.get(db, *AT) == Cursor(position="p0", rev=1)
    assert [cursors.get(db, *at).position for at in OTHERS] == ["p1", "p2", "p3"]
    assert cursors.moved_at(db, *AT) == NOW
    assert [cursors.moved_at(db, *at) for at in OTHERS] == [
        NOW + timedelta(seconds=n) for n in (1, 2, 3)
    ]
    cursors.move(db, AT, Cursor(position="p0", rev=1), "next", LATER)
    assert cursors.get(db, *AT) == Cursor(position="next", rev=2)
    assert [cursors.get(db, *at).position for at in OTHERS] == ["p1", "p2", "p3"]


def test_what_was_never_read_has_none(db):
    """From the beginning."""
    assert cursors.get(db, *AT) == NOTHING
    assert cursors.moved_at(db, *AT) is None


def test_who_saw_an_older_position_moves_nothing(db):
    """Another process has read on: what was staged with it is rolled back."""
    seen = cursors.move(db, AT, NOTHING, "a", NOW)
    with pytest.raises(NotNow):
        cursors.move(db, AT, NOTHING, "b", NOW)
    cursors.move(db, AT, seen, "c", NOW)
    with pytest.raises(NotNow):
        cursors.move(db, AT, seen, "d", NOW)
    assert cursors.get(db, *AT).position == "c"
