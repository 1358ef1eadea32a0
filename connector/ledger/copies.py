"""A copy of a ledger to try things on: what happens there never happened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, insert, select

from connector.ledger.schema import meta
from connector.ledger.store import Ledger

CHUNK = 1000


@contextmanager
def copied(ledger: Ledger) -> Iterator[Ledger]:
    """A copy of *ledger* as it stands now, for a `with`; in a folder that only we may read."""
    with TemporaryDirectory(prefix="connector-") as folder:
        copy = Ledger(f"sqlite:///{Path(folder) / 'ledger.db'}")
        try:
            with copy.begin() as to:
                meta.create_all(to)
                ledger.read(lambda db: fill(to, db))
            if ledger.witness.path.exists():
                copy.witness.path.write_text(ledger.witness.path.read_text())
            yield copy
        finally:
            copy.close()


def fill(to: Connection, db: Connection) -> dict[str, int]:
    """Copy every row behind *db* into the empty tables behind *to*; how many of each table."""
    copied: dict[str, int] = {}
    for table in meta.sorted_tables:
        rows = db.execute(select(table).order_by(*table.primary_key.columns)).mappings()
        for part in rows.partitions(CHUNK):
            to.execute(insert(table), [dict(row) for row in part])
            copied[table.name] = copied.get(table.name, 0) + len(part)
    return copied
