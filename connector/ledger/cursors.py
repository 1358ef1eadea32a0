"""Cursors: how far a scope of a connection has been read; moved by compare-and-set (P3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, Update, bindparam, insert, select, update

from connector.errors import NotNow
from connector.ledger.claims import into
from connector.ledger.content import digest
from connector.ledger.many import many
from connector.ledger.schema import cursor, quarantine
from connector.values import Broken


@dataclass(frozen=True, kw_only=True, slots=True)
class Cursor:
    """A position and its revision; *position* None: nothing was read yet."""

    position: str | None
    rev: int


def get(db: Connection, connection: str, entity: str, scope: str) -> Cursor:
    """Where this scope stands."""
    row = db.execute(
        select(cursor.c.position, cursor.c.rev).where(
            cursor.c.connection == connection, cursor.c.entity == entity, cursor.c.scope == scope
        )
    ).first()
    return Cursor(position=row.position, rev=row.rev) if row else Cursor(position=None, rev=0)


def moved_at(db: Connection, connection: str, entity: str, scope: str) -> datetime | None:
    """When this scope was last read on; None: never."""
    found: datetime | None = db.scalar(
        select(cursor.c.moved_at).where(
            cursor.c.connection == connection, cursor.c.entity == entity, cursor.c.scope == scope
        )
    )
    return found


def move(
    db: Connection, at: tuple[str, str, str], was: Cursor, position: str, now: datetime
) -> Cursor:
    """Move the scope *at* (connection, entity, scope) on from *was*.

    Raises NotNow(read_elsewhere) if another process did: what was staged with it is rolled back.
    """
    connection, entity, scope = at
    if was.rev == 0:
        told = {"connection": connection, "entity": entity, "scope": scope, "rev": 1}
        made = into(db.dialect.name, cursor).values(**told, position=position, moved_at=now)
        if db.scalar(made.on_conflict_do_nothing().returning(cursor.c.rev)) is None:
            raise _elsewhere(at)
        return Cursor(position=position, rev=1)
    named = {"at": connection, "of": entity, "by": scope, "was": was.rev}
    new = {"position": position, "rev": was.rev + 1, "moved_at": now}
    if many(db, _moving(), [named | new]) != 1:
        raise _elsewhere(at)
    return Cursor(position=position, rev=was.rev + 1)


@cache
def _moving() -> Update:
    """Each page moves one: prepared once."""
    named = (
        cursor.c.connection == bindparam("at"),
        cursor.c.entity == bindparam("of"),
        cursor.c.scope == bindparam("by"),
        cursor.c.rev == bindparam("was"),
    )
    new = {n: bindparam(n, type_=cursor.c[n].type) for n in ("position", "rev", "moved_at")}
    return update(cursor).where(*named).values(new)


def _elsewhere(at: tuple[str, str, str]) -> NotNow:
    connection, entity, _ = at
    return NotNow(f"another process reads {entity} of {connection}", code="read_elsewhere")


def set_aside(db: Connection, flow: str, entity: str, broken: Broken, now: datetime) -> None:
    """R15: keep a piece of a page that has no key; once per content."""
    raw_hash = digest(broken.raw)
    known = db.execute(
        select(quarantine.c.id).where(
            quarantine.c.flow == flow,
            quarantine.c.entity == entity,
            quarantine.c.raw_hash == raw_hash,
        )
    ).first()
    if known is None:
        db.execute(
            insert(quarantine).values(
                flow=flow, entity=entity, at=broken.at, code=broken.code, raw=broken.raw,
                raw_hash=raw_hash, seen_at=now,
            )
        )  # fmt: skip
