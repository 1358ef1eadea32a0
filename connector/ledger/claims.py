"""The right to create who answers to a natural key: one row a key, one holder at a time (D2)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, and_, exists, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from connector.ledger.schema import attempt, claim, record


def take(
    db: Connection, target: str, entity: str, match_key: str, record_id: int, now: datetime
) -> Row[Any, Any] | None:
    """D2: take the right to create who answers to *match_key*; else the record that holds it.

    A holder that neither is linked nor has a call out nor works on one loses it.
    """
    values = {"record": record_id, "made_at": now}
    key = {"target": target, "entity": entity, "match_key": match_key}
    made = into(db.dialect.name, claim).values(**key, **values).on_conflict_do_nothing()
    if db.execute(made).rowcount == 1:
        return None
    where = and_(*(claim.c[name] == value for name, value in key.items()))
    # Locked before it is judged: of two workers that find it free, the second sees the first.
    held_by = db.scalar(select(claim.c.record).where(where).with_for_update())
    if held_by != record_id and (holder := _works_on(db, held_by)) is not None:
        return holder
    db.execute(update(claim).where(where).values(**values))
    return None


def _works_on(db: Connection, record_id: int | None) -> Row[Any, Any] | None:
    """The record, if it is in hand, in doubt, or has a call out."""
    out = exists(
        select(attempt.c.id).where(attempt.c.record == record.c.id, attempt.c.outcome.is_(None))
    )
    at_work = or_(record.c.state.in_(("running", "in_doubt")), out)
    found = select(record.c.id, record.c.key).where(record.c.id == record_id, at_work)
    return db.execute(found).first()


def into(dialect: str, table: Table) -> Any:
    """An insert that can say what follows where the row is there already."""
    return (sqlite if dialect == "sqlite" else postgresql).insert(table)
