"""Hints: what a system said of its documents, one row a flow and key, until they were read (P7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update

from connector.ledger.schema import hint
from connector.ledger.staging import later

# Waits until a document is read again that is not yet what was said of it; the last one repeats.
AGAIN = tuple(timedelta(seconds=s) for s in (2, 5, 15, 60, 300, 900))


@dataclass(frozen=True, kw_only=True, slots=True)
class Noted:
    """A hint as it stood before its document was read: *n* words so far, the newest *version*."""

    flow: str
    key: str
    n: int
    version: str | None
    tries: int


def note(db: Connection, flow: str, words: Iterable[tuple[str, str | None]], now: datetime) -> None:
    """Count a word for each key and version: due at once, however often it was read in vain."""
    for key, version in sorted(words, key=lambda word: word[0]):
        is_ = and_(hint.c.flow == flow, hint.c.key == key)
        row = db.execute(select(hint.c.n, hint.c.version).where(is_).with_for_update()).first()
        if row is None:
            db.execute(insert(hint).values(flow=flow, key=key, n=1, version=version,
                                           due_at=now, since=now))  # fmt: skip
            continue
        newest = version if version and later(version, row.version or "") else row.version
        db.execute(update(hint).where(is_).values(n=row.n + 1, version=newest, tries=0, due_at=now))


def due(db: Connection, flow: str, now: datetime, most: int) -> list[Noted]:
    """The hints of *flow* whose documents are to be read now, oldest first."""
    names = [hint.c[name] for name in Noted.__dataclass_fields__]
    mine = and_(hint.c.flow == flow, hint.c.due_at <= now)
    rows = db.execute(select(*names).where(mine).order_by(hint.c.since, hint.c.key).limit(most))
    return [Noted(**row._mapping) for row in rows]


def due_flows(db: Connection, now: datetime) -> set[str]:
    """The flows that have any."""
    return set(db.scalars(select(hint.c.flow).where(hint.c.due_at <= now).distinct()))


def close(db: Connection, read: Sequence[Noted]) -> None:
    """Their documents were read: forget them, unless another word came meanwhile."""
    for one in read:
        db.execute(delete(hint).where(_as_noted(one)))


def postpone(db: Connection, unread: Sequence[Noted], now: datetime) -> None:
    """Their documents could not be read, or not as far: again later, unless a word came."""
    for one in unread:
        wait = AGAIN[min(one.tries, len(AGAIN) - 1)]
        values = {"tries": one.tries + 1, "due_at": now + wait}
        db.execute(update(hint).where(_as_noted(one)).values(values))


def drop(db: Connection, flows: Iterable[str]) -> None:
    """Forget what concerns none of *flows*: nobody reads it any more."""
    db.execute(delete(hint).where(hint.c.flow.not_in(list(flows))))


def waiting(db: Connection) -> dict[str, int]:
    """How many documents of each flow wait to be read."""
    rows = db.execute(select(hint.c.flow, func.count()).group_by(hint.c.flow))
    return {row[0]: row[1] for row in rows}


def _as_noted(one: Noted) -> ColumnElement[bool]:
    return and_(hint.c.flow == one.flow, hint.c.key == one.key, hint.c.n == one.n)
