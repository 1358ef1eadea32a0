"""A copy of a ledger to try things on: what happens there never happened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import insert, select

from connector.ledger.schema import meta
from connector.ledger.store import Ledger

CHUNK = 1000


@contextmanager
def copied(ledger: Ledger) -> Iterator[Ledger]:
    """A copy of *ledger* as it stands now, for a `with`; in a folder that only we may read."""
    with TemporaryDirectory(prefix="connector-") as folder:
        copy = Ledger(f"sqlite:///{Path(folder) / 'ledger.db'}")
        try:
            _fill(copy, ledger)
            if ledger.witness.path.exists():
                copy.witness.path.write_text(ledger.witness.path.read_text())
            yield copy
        finally:
            copy.close()


def _fill(copy: Ledger, ledger: Ledger) -> None:
    with copy.begin() as to, ledger.engine.connect() as db, db.begin():
        meta.create_all(to)
        for table in meta.sorted_tables:
            for rows in db.execute(select(table)).mappings().partitions(CHUNK):
                to.execute(insert(table), [dict(row) for row in rows])
