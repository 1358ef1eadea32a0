"""How far a scope has been read: each by itself, moved by whoever saw it last (P3)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from connector.errors import NotNow
from connector.ledger import cursors
from connector.ledger.cursors import Cursor
from connector.ledger.schema import quarantine
from connector.values import Broken

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


def test_a_piece_without_a_key_is_kept_once_for_each_list_that_had_it(db):
    """R15: read again it is the same piece; in another list, or with other bytes, another."""
    piece = Broken(at="items[3]", code="no_key", raw=b"{}")
    for flow, entity, broken in [
        ("orders", "order", piece),
        ("orders", "order", piece),
        ("orders", "refund", piece),
        ("returns", "order", piece),
        ("orders", "order", replace(piece, raw=b"[]")),
    ]:
        cursors.set_aside(db, flow, entity, broken, NOW)
    kept = select(quarantine.c.flow, quarantine.c.entity, quarantine.c.raw).order_by(
        quarantine.c.id
    )
    assert [tuple(row) for row in db.execute(kept)] == [
        ("orders", "order", b"{}"),
        ("orders", "refund", b"{}"),
        ("returns", "order", b"{}"),
        ("orders", "order", b"[]"),
    ]
