"""Readings: what is being read right now, so that it is known what a process died of (R15)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, delete, select

from connector.ledger.claims import into
from connector.ledger.reading_tables import reading

Scope = tuple[str, str]  # flow, entity
LONG = timedelta(minutes=2)  # no page is read for so long; only PostgreSQL's owners need it
FORGOTTEN = timedelta(days=7)  # what nobody read again


def begin(db: Connection, scope: Scope, owner: str, keys: Sequence[str], now: datetime) -> None:
    """*owner* turns the documents *keys* into records, and nothing else of *scope*."""
    flow, entity = scope
    told = {"documents": json.dumps(list(keys)), "began_at": now}
    row = into(db.dialect.name, reading).values(owner=owner, flow=flow, entity=entity, **told)
    mine = [reading.c.owner, reading.c.flow, reading.c.entity]
    db.execute(row.on_conflict_do_update(index_elements=mine, set_=told))


def left(db: Connection, scope: Scope, owner: str, now: datetime) -> list[frozenset[str]]:
    """What others had in hand when they died.

    All others are dead where *owner* holds the lock of a SQLite ledger; on PostgreSQL those who
    have read for longer than anybody does.
    """
    flow, entity = scope
    others = and_(reading.c.flow == flow, reading.c.entity == entity, reading.c.owner != owner)
    if db.dialect.name != "sqlite":
        others = and_(others, reading.c.began_at < now - LONG)
    return [
        frozenset(json.loads(told))
        for told in db.scalars(select(reading.c.documents).where(others))
    ]


def end(db: Connection, scope: Scope, owner: str, keys: Sequence[str], now: datetime) -> None:
    """*owner* has read *keys*, and lives: nobody died of them."""
    flow, entity = scope
    here = and_(reading.c.flow == flow, reading.c.entity == entity)
    rows = db.execute(select(reading.c.owner, reading.c.documents).where(here)).all()
    read = set(keys)
    done = [r.owner for r in rows if r.owner == owner or read.issuperset(json.loads(r.documents))]
    over = reading.c.owner.in_(done) | (reading.c.began_at < now - FORGOTTEN)
    db.execute(delete(reading).where(here, over))
