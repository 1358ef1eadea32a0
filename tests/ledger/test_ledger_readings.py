"""What is being read is noted, so that it is known what a process died of (R15)."""

from datetime import UTC, datetime, timedelta

from connector.ledger import readings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORDERS = ("orders", "order")


def test_what_the_dead_had_in_hand_is_told_and_what_is_ours_is_not(db):
    """Each of the dead by itself; of one process only its last note."""
    then = NOW - timedelta(hours=1)
    readings.begin(db, ORDERS, "dead", ["1", "2"], then)
    readings.begin(db, ORDERS, "dead", ["2"], then)
    readings.begin(db, ORDERS, "dead too", ["2", "3"], then)
    readings.begin(db, ORDERS, "ours", ["9"], then)
    readings.begin(db, ("orders", "refund"), "dead", ["7"], then)
    readings.begin(db, ("returns", "order"), "dead", ["8"], then)
    left = readings.left(db, ORDERS, "ours", NOW)
    assert sorted(map(sorted, left)) == [["2"], ["2", "3"]]


def test_where_no_lock_proves_them_dead_others_may_be_alive(db):
    """On SQLite the lock proves him dead; elsewhere only that nobody reads for so long."""
    readings.begin(db, ORDERS, "other", ["1"], NOW - timedelta(seconds=5))
    alive = db.dialect.name == "postgresql"
    assert len(readings.left(db, ORDERS, "ours", NOW)) == (0 if alive else 1)
    assert len(readings.left(db, ORDERS, "ours", NOW + readings.LONG)) == 1


def test_what_was_read_to_its_end_is_held_against_nobody(db):
    """All that was in those documents is forgotten, what holds another one stays."""
    readings.begin(db, ORDERS, "a", ["1"], NOW)
    readings.begin(db, ORDERS, "b", ["1", "2"], NOW)
    readings.begin(db, ORDERS, "ours", ["1"], NOW)
    readings.begin(db, ("orders", "refund"), "a", ["1"], NOW)
    readings.begin(db, ("returns", "order"), "a", ["1"], NOW)
    readings.begin(db, ("returns", "refund"), "b", ["1"], NOW)
    readings.end(db, ORDERS, "ours", ["1"], NOW)
    later = NOW + timedelta(days=1)
    assert readings.left(db, ORDERS, "new", later) == [frozenset(["1", "2"])]
    assert len(readings.left(db, ("orders", "refund"), "new", later)) == 1
    assert len(readings.left(db, ("returns", "order"), "new", later)) == 1


def test_what_nobody_reads_again_is_forgotten(db):
    """Its document may be gone."""
    readings.begin(db, ORDERS, "dead", ["1"], NOW)
    readings.end(db, ORDERS, "ours", ["2"], NOW + readings.FORGOTTEN)
    assert len(readings.left(db, ORDERS, "new", NOW + timedelta(days=30))) == 1
    readings.end(db, ORDERS, "ours", ["2"], NOW + readings.FORGOTTEN + timedelta(seconds=1))
    assert readings.left(db, ORDERS, "new", NOW + timedelta(days=30)) == []


def test_who_lives_has_nothing_in_hand_afterwards(db):
    """Also what he had noted before and never came to, as an error ended that reading."""
    readings.begin(db, ORDERS, "ours", ["1", "9"], NOW)
    readings.end(db, ORDERS, "ours", ["1"], NOW)
    assert readings.left(db, ORDERS, "new", NOW + timedelta(days=1)) == []
