"""Pagings: which reply of a list is being looked into, so that it is known what a process died of.

As `readings` knows it of documents: here they have no keys yet (R15).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, select

from connector.ledger.claims import into
from connector.ledger.reading_tables import paging
from connector.ledger.readings import LONG, Scope
from connector.ledger.schema import quarantine

MOST_KILLERS = 20  # of a list, the last ones


class Paging(NamedTuple):
    """What *owner* had in hand: a reply to so *much* of a list; 0 while it looks into none.

    *alone*: the digest of the reply, where there is no smaller one.
    """

    owner: str
    much: int
    alone: str


def begin(db: Connection, scope: Scope, had: Paging, now: datetime) -> None:
    """An owner looks into that reply of *scope* now, and into no other."""
    key = {"owner": had.owner, "flow": scope[0], "entity": scope[1]}
    told = {"much": had.much, "alone": had.alone, "began_at": now}
    row = into(db.dialect.name, paging).values(**key, **told)
    db.execute(row.on_conflict_do_update(index_elements=list(key), set_=told))


def left(db: Connection, scope: Scope, owner: str, now: datetime) -> list[Paging]:
    """What others had in hand when they died; on PostgreSQL who takes longer than anybody is."""
    flow, entity = scope
    here = [paging.c.flow == flow, paging.c.entity == entity, paging.c.owner != owner]
    if db.dialect.name != "sqlite":
        here.append(paging.c.began_at < now - LONG)
    rows = db.execute(select(paging.c.owner, paging.c.much, paging.c.alone).where(*here))
    return [Paging(*row) for row in rows]


def end(db: Connection, scope: Scope, owners: Collection[str]) -> None:
    """They have nothing in hand any more, or died of what is known by now."""
    here = (paging.c.flow == scope[0], paging.c.entity == scope[1])
    db.execute(delete(paging).where(*here, paging.c.owner.in_(owners)))


def killers(db: Connection, scope: Scope, code: str) -> Sequence[bytes]:
    """The replies that were set aside for what they did to who looked into them."""
    here = (quarantine.c.flow == scope[0], quarantine.c.entity == scope[1])
    of = select(quarantine.c.raw).where(*here, quarantine.c.code == code)
    known = of.where(quarantine.c.raw.is_not(None)).order_by(quarantine.c.id.desc())
    return db.scalars(known.limit(MOST_KILLERS)).all()
