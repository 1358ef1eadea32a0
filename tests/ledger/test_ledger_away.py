"""A ledger that is locked, full or away says so; a wrong statement stays a bug."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from connector.errors import LedgerAway
from connector.ledger import store
from connector.ledger.nested import nested
from connector.ledger.schema import meta
from connector.ledger.store import Ledger


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A SQLite ledger whose lock nobody waits long for."""
    monkeypatch.setattr(store, "PRAGMAS", (*store.PRAGMAS[:-1], "PRAGMA busy_timeout=10"))
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    ledger = Ledger(url)
    with ledger.begin() as db:
        meta.create_all(db)
    yield ledger
    ledger.close()


def grow(ledger):
    with ledger.begin() as db:
        db.execute(text("CREATE TABLE more (x)"))
        db.execute(text("INSERT INTO more VALUES (zeroblob(1000000))"))


def test_a_ledger_that_somebody_else_writes_is_away(file):
    """Nothing of ours contradicts itself: it is tried again."""
    other = Ledger(file.url.render_as_string())
    with other.begin(), pytest.raises(LedgerAway, match="SQLITE_BUSY"):
        grow(file)
    other.close()
    grow(file)


def test_a_ledger_without_room_is_away_and_keeps_what_it_has(file):
    """The disk is full: the transaction is undone, reading goes on, and room cures it."""
    with file.begin() as db:
        pages = db.exec_driver_sql("PRAGMA page_count").scalar()
        db.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    with pytest.raises(LedgerAway, match="SQLITE_FULL"):
        grow(file)
    file.read(lambda db: db.exec_driver_sql("PRAGMA max_page_count=1000000"))
    grow(file)


def test_a_disk_that_is_full_in_a_part_of_a_transaction_is_told_as_that(file):
    """SQLite ends the transaction and its savepoint: that there is none is not what happened."""
    with file.begin() as db:
        pages = db.exec_driver_sql("PRAGMA page_count").scalar()
        db.exec_driver_sql(f"PRAGMA max_page_count={pages + 10}")
        db.execute(text("CREATE TABLE more (x)"))

    def fill():
        with file.begin() as db, nested(db):
            for _ in range(100):
                db.execute(text("INSERT INTO more VALUES (zeroblob(1000))"))

    with pytest.raises(LedgerAway, match="SQLITE_FULL"):
        fill()
    assert file.read(lambda db: db.scalar(text("SELECT count(*) FROM more"))) == 0


def test_a_server_that_goes_in_a_part_of_a_transaction_is_away(database):
    """PostgreSQL: the lost connection is told, not that nothing can be undone on it."""
    ledger = Ledger(database())
    kill = text("SELECT pg_terminate_backend(:pid)")

    def lose():
        with ledger.begin() as db, nested(db):
            pid = db.scalar(text("SELECT pg_backend_pid()"))
            ledger.read(lambda other: other.scalar(kill, {"pid": pid}))
            db.scalar(text("SELECT 1"))

    with pytest.raises(LedgerAway):
        lose()
    ledger.close()


def test_a_server_that_is_gone_is_away(tmp_path):
    """PostgreSQL: nobody listens, and the error names neither host nor user."""
    ledger = Ledger("postgresql+psycopg://somebody:secret@127.0.0.1:1/nowhere")
    with pytest.raises(LedgerAway) as raised:
        ledger.read(lambda db: db)
    assert "somebody" not in str(raised.value)
    ledger.close()


def test_a_ledger_whose_connections_all_hang_is_away(file, monkeypatch):
    """A server that answers none of them is no bug: outcomes are written once it does (S10)."""
    monkeypatch.setattr(file.engine.pool, "_timeout", 0.01)
    with ExitStack() as held:
        for _ in range(16):
            held.enter_context(file.engine.connect())
        with pytest.raises(LedgerAway, match="TimeoutError"):
            grow(file)
    grow(file)


def test_a_statement_that_is_wrong_is_not_an_outage(file):
    """It would be tried for ever."""
    with pytest.raises(OperationalError, match="no such table"):
        file.read(lambda db: db.execute(text("SELECT * FROM nowhere")))
