"""Hints are counted, and none is forgotten that was not read (P7); on both databases."""

from __future__ import annotations

from datetime import timedelta

from ledger_rows import NOW

from connector.ledger import hints
from connector.ledger.schema import hint


def standing(db, now=NOW, flow="orders"):
    """Key → (n, version) of what is to be read."""
    return {one.key: (one.n, one.version) for one in hints.due(db, flow, now, 100)}


def test_words_are_counted_and_the_newest_version_is_kept(db):
    """Doubled and out of order: one row, and the highest version that was ever said."""
    for version in ("2026-12-01T10:00:02", "2026-12-01T10:00:01", None):
        hints.note(db, "orders", [("7", version)], NOW)
    hints.note(db, "orders", [("8", None), ("8", "3"), ("8", "12")], NOW)
    assert standing(db) == {"7": (3, "2026-12-01T10:00:02"), "8": (3, "12")}
    assert hints.waiting(db) == {"orders": 2}


def test_what_was_read_is_closed_unless_another_word_came(db):
    """The row is deleted as it was noted, and only so."""
    hints.note(db, "orders", [("7", None), ("8", None)], NOW)
    noted = hints.due(db, "orders", NOW, 100)
    hints.note(db, "orders", [("8", None)], NOW)
    hints.close(db, noted)
    assert standing(db) == {"8": (2, None)}


def test_what_was_read_in_vain_is_read_later_and_a_new_word_makes_it_due(db):
    """Waits grow; nothing is given up."""
    hints.note(db, "orders", [("7", None)], NOW)
    for wait in hints.AGAIN:
        hints.postpone(db, hints.due(db, "orders", NOW, 100), NOW)
        assert standing(db) == {}
        assert hints.due_flows(db, NOW) == set()
        assert standing(db, NOW + wait) == {"7": (1, None)}
        assert hints.due_flows(db, NOW + wait) == {"orders"}
        db.execute(hint.update().values(due_at=NOW))
    hints.postpone(db, hints.due(db, "orders", NOW, 100), NOW)
    hints.note(db, "orders", [("7", None)], NOW)
    assert standing(db) == {"7": (2, None)}


def test_the_oldest_come_first_and_no_more_than_asked_for(db):
    """A flood is read in portions."""
    for n in range(5):
        hints.note(db, "orders", [(str(9 - n), None)], NOW + timedelta(seconds=n))
    later = NOW + timedelta(minutes=1)
    assert [one.key for one in hints.due(db, "orders", later, 3)] == ["9", "8", "7"]


def test_what_no_flow_reads_any_more_is_dropped(db):
    """After a change of the configuration."""
    hints.note(db, "orders", [("7", None)], NOW)
    hints.note(db, "old", [("7", None)], NOW)
    hints.drop(db, ["orders"])
    assert hints.waiting(db) == {"orders": 1}
