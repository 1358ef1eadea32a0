"""The ledger knows since when it has watched, and notices that it was set back (S1)."""

from __future__ import annotations

import shutil
from datetime import timedelta

import pytest
from ledger_rows import NOW, SECOND, a_record, an_attempt
from sqlalchemy import func, select

from connector.errors import Bug, ConnectorError
from connector.ledger import life
from connector.ledger.schema import life as life_table
from connector.ledger.schema import record
from connector.ledger.store import Ledger

MINUTE = timedelta(minutes=1)


@pytest.fixture
def young(ledger):
    """A ledger in its first life, a minute old, which has sent something."""
    with ledger.begin() as db:
        life.create(db, NOW)
    ledger.wake(NOW)
    beat(ledger, NOW + MINUTE)
    return ledger


def send(ledger):
    """Open an intent, as a delivery does: committed, then noted beside the database."""
    with ledger.begin() as db:
        id_ = an_attempt(db, a_record(db))
    ledger.note(id_)


def beat(ledger, now):
    with ledger.begin() as db:
        life.beat(db, now)


def woken(ledger, now):
    """What another process finds when it wakes the ledger."""
    ledger.close()
    again = Ledger(ledger.url.render_as_string(hide_password=False))
    again.wake(now)
    again.close()
    return again.life


def test_a_fresh_ledger_begins_its_life_at_its_creation(young):
    """What is born after that is ours to create."""
    now = NOW + 2 * MINUTE
    found = woken(young, now)

    assert (found.epoch, found.alive_since, found.unsettled_since) == (1, NOW, NOW)


def test_an_unbroken_watch_goes_on(young):
    """A restart within two minutes is no gap."""
    send(young)
    found = woken(young, NOW + 3 * MINUTE)

    assert (found.epoch, found.id) == (1, young.life.id)


def test_a_gap_begins_a_new_life_that_knows_its_calls(young):
    """Nothing born meanwhile is created unlooked; but no call was forgotten."""
    send(young)
    now = NOW + 3 * MINUTE + SECOND
    found = woken(young, now)

    assert (found.epoch, found.alive_since, found.unsettled_since) == (2, now, NOW)
    assert found.id != young.life.id
    assert found.installation == young.life.installation


def test_a_ledger_that_was_set_back_begins_a_new_life(tmp_path, young):
    """The file beside it knows of an intent that the copy lacks: a call may be under way."""
    if young.path is None:
        pytest.skip("a PostgreSQL is set back by its own tools; the next test does it by hand")
    with young.engine.connect() as db:
        db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(young.path, tmp_path / "backup.db")
    send(young)
    young.close()
    for wal in tmp_path.glob("ledger.db-*"):
        wal.unlink()
    shutil.copy(tmp_path / "backup.db", young.path)
    found = woken(young, NOW + 2 * MINUTE)

    assert (found.epoch, found.unsettled_since) == (2, NOW + 2 * MINUTE)


def test_a_database_that_lost_an_intent_begins_a_new_life(young):
    """The same, whatever the database."""
    send(young)
    young.note(1000)
    found = woken(young, NOW + 2 * MINUTE)

    assert (found.epoch, found.unsettled_since) == (2, NOW + 2 * MINUTE)


def test_a_ledger_whose_witness_is_lost_begins_a_new_life(young):
    """It was moved, or copied without what lay beside it."""
    send(young)
    young.witness.path.unlink()

    # A PostgreSQL ledger may be worked on by a machine that never did: its cluster is the proof.
    assert woken(young, NOW + 2 * MINUTE).epoch == (2 if young.path else 1)


def test_a_witness_of_another_life_proves_nothing(young):
    """A ledger put in the place of another one."""
    send(young)
    young.witness.note("another", 1)

    assert woken(young, NOW + 2 * MINUTE).epoch == 2


def test_a_ledger_on_another_machine_begins_a_new_life(young, monkeypatch):
    """Its clock and its calls are another's."""
    send(young)
    monkeypatch.setattr(life, "machine", lambda _db=None: "another")

    assert woken(young, NOW + 2 * MINUTE).epoch == 2


def test_a_new_life_is_a_life_like_the_first(young):
    """It goes on unbroken when it is woken again."""
    send(young)
    second = woken(young, NOW + 10 * MINUTE)

    assert woken(young, NOW + 11 * MINUTE) == second


def test_a_ledger_has_one_life(young):
    """Making it again changes nothing."""
    with young.begin() as db:
        life.create(db, NOW + MINUTE)
        assert db.scalar(select(func.count()).select_from(life_table)) == 1


def test_an_unwoken_ledger_has_no_life_to_tell(ledger):
    """Whoever delivers without waking it has a bug."""
    with pytest.raises(Bug):
        _ = ledger.life


def test_a_sqlite_ledger_has_one_owner(tmp_path, young):
    """O1: the second process is told who has it, and what to do."""
    if young.path is None:
        pytest.skip("owners of a PostgreSQL ledger lapse by their leases")
    second = Ledger(f"sqlite:///{young.path}")
    with pytest.raises(ConnectorError) as told:
        second.wake(NOW)
    second.close()

    assert told.value.code == "ledger_locked"
    assert told.value.cure


def test_what_an_exception_interrupts_is_not_written(young):
    """A transaction is a `with`."""
    with pytest.raises(ZeroDivisionError):
        interrupted(young)
    with young.begin() as db:
        assert db.scalar(select(func.count()).select_from(record)) == 0


def interrupted(ledger):
    """Write, and fail."""
    with ledger.begin() as db:
        a_record(db)
        _ = 1 / 0
