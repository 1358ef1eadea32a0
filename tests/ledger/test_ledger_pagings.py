"""Which reply is looked into is noted, so that it is known what a process died of (R15)."""

from datetime import UTC, datetime, timedelta

from connector.ledger import cursors, pagings
from connector.ledger.pagings import MOST_KILLERS, Paging
from connector.ledger.readings import LONG
from connector.values import Broken

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORDERS = ("orders", "order")


def test_what_the_dead_had_in_hand_is_told_and_what_is_ours_is_not(db):
    """Of one process only its last note, and of this list only."""
    then = NOW - timedelta(hours=1)
    pagings.begin(db, ORDERS, Paging("dead", 100, ""), then)
    pagings.begin(db, ORDERS, Paging("dead", 1, "digest"), then)
    pagings.begin(db, ORDERS, Paging("dead too", 0, ""), then)
    pagings.begin(db, ORDERS, Paging("ours", 50, ""), then)
    pagings.begin(db, ("orders", "refund"), Paging("dead", 7, ""), then)
    pagings.begin(db, ("returns", "order"), Paging("dead", 8, ""), then)
    left = pagings.left(db, ORDERS, "ours", NOW)
    assert sorted(left) == [("dead", 1, "digest"), ("dead too", 0, "")]


def test_where_no_lock_proves_them_dead_others_may_be_alive(db):
    """On SQLite the lock proves him dead; elsewhere only that nobody reads for so long."""
    pagings.begin(db, ORDERS, Paging("other", 1, "d"), NOW - timedelta(seconds=5))
    alive = db.dialect.name == "postgresql"
    assert len(pagings.left(db, ORDERS, "ours", NOW)) == (0 if alive else 1)
    assert len(pagings.left(db, ORDERS, "ours", NOW + LONG)) == 1


def test_only_the_notes_of_those_named_end_and_only_in_that_list(db):
    """Another who lives goes on."""
    for owner in ("a", "b", "ours"):
        pagings.begin(db, ORDERS, Paging(owner, 1, ""), NOW)
        pagings.begin(db, ("returns", "order"), Paging(owner, 1, ""), NOW)
    pagings.end(db, ORDERS, {"a", "ours"})
    later = NOW + timedelta(days=1)
    assert [p.owner for p in pagings.left(db, ORDERS, "new", later)] == ["b"]
    assert len(pagings.left(db, ("returns", "order"), "new", later)) == 3


def test_the_killers_of_a_list_are_its_last_ones_and_nothing_else_that_was_set_aside(db):
    """By their bytes, as far as those are kept."""
    for n in range(MOST_KILLERS + 2):
        broken = Broken(at="page 1", code="kills_reader", raw=f"row {n}".encode())
        cursors.set_aside(db, *ORDERS, broken, NOW)
    cursors.set_aside(db, *ORDERS, Broken(at="page 1", code="no_key", raw=b"other"), NOW)
    cursors.set_aside(db, "returns", "order", Broken(at="", code="kills_reader", raw=b"x"), NOW)
    known = pagings.killers(db, ORDERS, "kills_reader")
    assert sorted(known) == sorted(f"row {n}".encode() for n in range(2, MOST_KILLERS + 2))
