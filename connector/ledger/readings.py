"""Readings: what is being read right now, so that it is known what a process died of (R15)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from connector.ledger.claims import into
from connector.ledger.many import many
from connector.ledger.reading_tables import reading

Scope = tuple[str, str]  # flow, entity
LONG = timedelta(minutes=2)  # no page is read for so long; only PostgreSQL's owners need it
FORGOTTEN = timedelta(days=7)  # what nobody read again


def begin(db: Connection, scope: Scope, owner: str, keys: Sequence[str], now: datetime) -> None:
    """*owner* turns the documents *keys* into records, and nothing else of *scope*."""
    told = {"documents": json.dumps(list(keys)), "began_at": now}
    many(db, _beginning(db.dialect.name), [{**_of(scope), "owner": owner, **told}])


@cache
def _beginning(dialect: str) -> Any:
    names = ("owner", "flow", "entity", "documents", "began_at")
    row = into(dialect, reading).values({n: bindparam(n, type_=reading.c[n].type) for n in names})
    mine = [reading.c.owner, reading.c.flow, reading.c.entity]
    told = {n: row.excluded[n] for n in ("documents", "began_at")}
    return row.on_conflict_do_update(index_elements=mine, set_=told)


def _of(scope: Scope) -> dict[str, str]:
    return {"flow": scope[0], "entity": scope[1]}


def left(db: Connection, scope: Scope, owner: str, now: datetime) -> list[frozenset[str]]:
    """What others had in hand when they died.

    All others are dead where *owner* holds the lock of a SQLite ledger; on PostgreSQL those who
    have read for longer than anybody does.
    """
    given = {**_of(scope), "before": now - LONG}
    rows = db.execute(_noted(late=db.dialect.name != "sqlite"), given).all()
    return [frozenset(json.loads(told)) for of, told in rows if of != owner]


@cache
def _noted(*, late: bool) -> Any:
    """Who reads what of a scope; *late*: since before a moment."""
    here = (reading.c.flow == bindparam("flow"), reading.c.entity == bindparam("entity"))
    before = bindparam("before", type_=reading.c.began_at.type)
    some = (reading.c.began_at < before,) if late else ()
    return select(reading.c.owner, reading.c.documents).where(*here, *some)


def end(db: Connection, scope: Scope, owner: str, keys: Sequence[str], now: datetime) -> None:
    """*owner* has read *keys*, and lives: nobody died of them."""
    rows, read = db.execute(_noted(late=False), _of(scope)).all(), set(keys)
    done = [of for of, told in rows if of == owner or read.issuperset(json.loads(told))]
    given = {**_of(scope), "before": now - FORGOTTEN}
    db.execute(_over(), {**given, "done": done})


@cache
def _over() -> Any:
    here = (reading.c.flow == bindparam("flow"), reading.c.entity == bindparam("entity"))
    forgotten = reading.c.began_at < bindparam("before", type_=reading.c.began_at.type)
    done = reading.c.owner.in_(bindparam("done", expanding=True))
    return delete(reading).where(*here, done | forgotten)
