"""Parts of a backfill: pieces of its time that are read each on its own, by whoever is free.

A part is one process' as long as that lives; where it stands is moved by compare-and-set, so that
of two that read it the later one is told so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, or_, select, update

from connector.errors import NotNow
from connector.ledger.claims import into
from connector.ledger.schema import part

SIZE = 1000  # documents of a part, where they are spread evenly
MOST = 100  # parts
UNKNOWN = 16  # parts where the source does not say how many documents there are
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What was born in [since, until), and how far it is read."""

    backfill: int
    since: datetime
    until: datetime
    position: str | None


def slices(since: datetime, until: datetime, count: int) -> Iterator[tuple[datetime, datetime]]:
    """At most *count* pieces of [since, until), cut at whole seconds, that leave nothing out."""
    step = max(SECOND, (until - since) / count)
    begin = since
    for number in range(1, count + 1):
        end = until if number == count else (since + step * number).replace(microsecond=0)
        end = min(end, until)
        if begin < end:
            yield begin, end
            begin = end


def how_many(expected: int | None) -> int:
    """Parts of a backfill of so many documents."""
    return UNKNOWN if expected is None else max(1, min(MOST, -(-expected // SIZE)))


def cut(db: Connection, id_: int, since: datetime, until: datetime, expected: int | None) -> None:
    """Cut it into parts, unless it is."""
    if db.execute(select(part.c.since).where(part.c.backfill == id_).limit(1)).first() is not None:
        return
    made = into(db.dialect.name, part).on_conflict_do_nothing()
    pieces = slices(since, until, how_many(expected))
    db.execute(made, [{"backfill": id_, "since": a, "until": b} for a, b in pieces])


def take(db: Connection, id_: int, owner: str, living: Collection[str]) -> Part | None:
    """The earliest part that *owner* has in hand already, or that is free."""
    others = [one for one in living if one != owner]
    chosen = select(part.c.since).where(part.c.backfill == id_, *_free(others))
    since = db.scalar(chosen.order_by(part.c.since).limit(1).with_for_update(skip_locked=True))
    if since is None:
        return None
    here = (part.c.backfill == id_, part.c.since == since)
    told = (part.c.until, part.c.position)
    row = db.execute(update(part).where(*here).values(owner=owner).returning(*told)).one()
    return Part(backfill=id_, since=since, until=row.until, position=row.position)


def moved(db: Connection, at: Part, position: str, *, complete: bool) -> Part:
    """It stands at *position* from now on; raises NotNow(read_elsewhere)."""
    here = (
        part.c.backfill == at.backfill,
        part.c.since == at.since,
        part.c.position.is_not_distinct_from(at.position),
        part.c.walked.is_(False),
    )
    values = {"position": position, "walked": complete}
    if db.execute(update(part).where(*here).values(values)).rowcount != 1:
        message = "another process reads this part of the backfill"
        raise NotNow(message, code="read_elsewhere")
    return replace(at, position=position)


def is_left(db: Connection, id_: int) -> bool:
    """Is a part not read to its end?"""
    unread = (part.c.backfill == id_, part.c.walked.is_(False))
    return db.execute(select(part.c.since).where(*unread).limit(1)).first() is not None


def is_free(db: Connection, id_: int, living: Collection[str]) -> bool:
    """Could somebody who has none take one?"""
    chosen = select(part.c.since).where(part.c.backfill == id_, *_free(living)).limit(1)
    return db.execute(chosen).first() is not None


def forget(db: Connection, id_: int) -> None:
    """It begins anew."""
    db.execute(delete(part).where(part.c.backfill == id_))


def _free(others: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    nobody = or_(part.c.owner.is_(None), part.c.owner.not_in(others))
    return part.c.walked.is_(False), nobody
