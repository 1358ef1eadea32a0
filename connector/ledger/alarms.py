"""Alarms: what was told to whom and is not over yet; and the counts of what can be told."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    and_,
    delete,
    func,
    insert,
    join,
    or_,
    select,
    update,
)

from connector.ledger import history
from connector.ledger.schema import alarm, attempt, record

SOME = 5

Place = tuple[str, str, str]  # alert, what, subject


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What stands as told: *upto* the newest record that was among it."""

    told_at: datetime
    upto: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """Records of one kind: how many, since when, until when they came to it, some of the newest."""

    count: int
    oldest: datetime
    newest: datetime
    some: tuple[str, ...]


def standing(db: Connection) -> dict[Place, Told]:
    """Everything that was told and is not over."""
    rows = db.execute(select(alarm)).all()
    return {(r.alert, r.what, r.subject): Told(told_at=r.told_at, upto=r.upto) for r in rows}


def tell(db: Connection, at: Place, told: Told) -> None:
    """It was told."""
    values = {"told_at": told.told_at, "upto": told.upto}
    known = update(alarm).where(_is(at)).values(values)
    if db.execute(known).rowcount == 0:
        alert, what, subject = at
        db.execute(insert(alarm).values(alert=alert, what=what, subject=subject, **values))


def forget(db: Connection, at: Place) -> None:
    """It is over."""
    db.execute(delete(alarm).where(_is(at)))


def held(
    db: Connection, flow: str, reasons: Collection[str], before: datetime, *, demanded: bool = False
) -> Counted | None:
    """Records of *flow* that have been held for one of *reasons* since *before*.

    *demanded*: those held by a rule only where another record waits for them.
    """
    moment = record.c.changed_at
    mine = and_(record.c.flow == flow, record.c.state == "held", record.c.reason.in_(reasons))
    if demanded:
        mine = and_(mine, or_(record.c.reason != "rule", history.demanded(db)))
    return _counted(db, record, moment, and_(mine, moment <= before))


def doubts(db: Connection, flow: str, before: datetime) -> Counted | None:
    """Records of *flow* that have been in doubt since *before*."""
    moment = attempt.c.written_at
    mine = and_(record.c.flow == flow, record.c.state == "in_doubt", attempt.c.outcome.is_(None))
    both = join(attempt, record, attempt.c.record == record.c.id)
    return _counted(db, both, moment, and_(mine, moment <= before))


def under_way(db: Connection, flows: Collection[str]) -> int:
    """How many records of *flows* wait for their next step."""
    states = record.c.state.in_(("prepared", "running", "in_doubt"))
    return db.scalar(select(func.count()).where(record.c.flow.in_(flows), states)) or 0


def _is(at: Place) -> ColumnElement[bool]:
    alert, what, subject = at
    return and_(alarm.c.alert == alert, alarm.c.what == what, alarm.c.subject == subject)


def _counted(
    db: Connection, of: FromClause, moment: Column[datetime], wanted: ColumnElement[bool]
) -> Counted | None:
    total = select(func.count(), func.min(moment), func.max(moment)).select_from(of).where(wanted)
    count, oldest, newest = db.execute(total).one()
    if not count:
        return None
    names = select(record.c.entity, record.c.key).select_from(of).where(wanted)
    rows = db.execute(names.order_by(moment.desc()).limit(SOME))
    some = tuple(f"{row.entity} {row.key}" for row in rows)
    return Counted(count=count, oldest=oldest, newest=newest, some=some)
