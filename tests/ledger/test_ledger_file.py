"""The file of a SQLite ledger."""

from __future__ import annotations

import sqlite3

import pytest

from connector.ledger.schema import meta
from connector.ledger.store import Ledger


@pytest.mark.parametrize(("made_with", "has"), [(None, 8192), (4096, 4096)])
def test_a_new_ledger_has_large_pages_and_an_old_one_is_used_as_it_is(tmp_path, made_with, has):
    """Two documents fit into one of them; a file that was made before is no reason to stop."""
    path = tmp_path / "ledger.db"
    if made_with:
        old = sqlite3.connect(path)
        old.executescript(
            f"PRAGMA page_size={made_with}; CREATE TABLE there (id); PRAGMA journal_mode=WAL"
        )
        old.close()
    ledger = Ledger(f"sqlite:///{path}")
    try:
        with ledger.begin() as db:
            meta.create_all(db)
        told = {n: ledger.read(lambda db, n=n: db.exec_driver_sql(f"PRAGMA {n}").scalar())
                for n in ("page_size", "journal_mode")}  # fmt: skip
    finally:
        ledger.close()
    assert told == {"page_size": has, "journal_mode": "wal"}
