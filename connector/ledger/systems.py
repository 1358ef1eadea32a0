"""Connections as the ledger knows them: who they are (R9), is their find proven (S7)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from connector.ledger.schema import connection


def identity(db: Connection, name: str) -> dict[str, str] | None:
    """Who the ledger knows behind *name*, None if it never met it."""
    known = db.scalar(select(connection.c.identity).where(connection.c.name == name))
    return None if known is None else dict(json.loads(known))


def identities(db: Connection) -> dict[str, dict[str, str]]:
    """Who the ledger knows behind each connection."""
    rows = db.execute(select(connection.c.name, connection.c.identity))
    return {row.name: dict(json.loads(row.identity)) for row in rows}


def meet(db: Connection, name: str, who: Mapping[str, str], now: datetime) -> None:
    """Remember who answers behind *name*; called only when nothing that was known differs."""
    told = {"identity": json.dumps(dict(who), sort_keys=True), "checked_at": now}
    changed = db.execute(update(connection).where(connection.c.name == name).values(told))
    if changed.rowcount == 0:
        db.execute(insert(connection).values(name=name, first_seen=now, **told))


def is_proven(db: Connection, name: str, entity: str, digest: str) -> bool:
    """Has find of *entity*, as this profile does it, found one of our own documents?"""
    proven = db.scalar(select(connection.c.proven).where(connection.c.name == name))
    return proven is not None and json.loads(proven).get(entity) == digest


def prove(db: Connection, name: str, entity: str, digest: str) -> None:
    """Remember that it has."""
    row = db.execute(select(connection.c.proven).where(connection.c.name == name)).one()
    proven = {**json.loads(row.proven), entity: digest}
    db.execute(
        update(connection)
        .where(connection.c.name == name)
        .values(proven=json.dumps(proven, sort_keys=True))
    )
