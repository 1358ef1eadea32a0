"""How connections stand, for all processes that share the ledger."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import Connection, select, update

from connector.ledger.claims import into
from connector.ledger.schema import standing
from connector.standing import Noted


def read(db: Connection, name: str, *, locked: bool = False) -> Noted:
    """What is noted of *name*; *locked*: nobody else changes it in this transaction."""
    if locked:
        db.execute(into(db.dialect.name, standing).values(name=name).on_conflict_do_nothing())
    chosen = select(standing).where(standing.c.name == name)
    row = db.execute(chosen.with_for_update() if locked else chosen).mappings().first()
    return _noted(row) if row is not None else Noted()


def read_all(db: Connection) -> dict[str, Noted]:
    """What is noted of every connection."""
    return {row["name"]: _noted(row) for row in db.execute(select(standing)).mappings()}


def write(db: Connection, name: str, noted: Noted) -> None:
    """Note it; read locked before."""
    db.execute(update(standing).where(standing.c.name == name).values(asdict(noted)))


def _noted(row: object) -> Noted:
    return Noted(**{n: v for n, v in dict(row).items() if n != "name"})  # type: ignore[call-overload]
