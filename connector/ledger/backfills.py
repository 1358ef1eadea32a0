"""Backfills: what is delivered from before a flow's start, how far it has come, who accepted it."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, insert, or_, select, update

from connector.ledger import parts
from connector.ledger.links import own_link
from connector.ledger.moves import Moving, move
from connector.ledger.parts import Part
from connector.ledger.schema import backfill, link, record, run

MINUTE = timedelta(minutes=1)
PAGE = 100  # documents that are let go at once
MOVING = ("prepared", "running", "in_doubt")


@dataclass(frozen=True, kw_only=True, slots=True)
class Backfill:
    """One range of births of one flow. *statuses* empty: as the flow's `only` says."""

    id: int
    flow: str
    since: datetime
    until: datetime
    statuses: tuple[str, ...]
    per_minute: int | None
    next_at: datetime | None
    expected: int | None
    read: int
    walked: bool
    shown_at: datetime | None
    accepted_at: datetime | None
    accepted_by: str | None
    begun_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """What a person asks for."""

    flow: str
    since: datetime
    until: datetime
    statuses: tuple[str, ...] = ()
    per_minute: int | None = None


def get(db: Connection, id_: int) -> Backfill:
    """The backfill of that id."""
    row = db.execute(select(backfill).where(backfill.c.id == id_)).one()
    values = dict(row._mapping) | {"statuses": tuple(json.loads(row.statuses))}
    return Backfill(**values)


def begin_or_resume(db: Connection, wanted: Range, now: datetime) -> Backfill:
    """The backfill of this range as far as it has come; one that has ended begins anew."""
    statuses = _written(wanted.statuses)
    same = and_(
        backfill.c.flow == wanted.flow,
        backfill.c.since == wanted.since,
        backfill.c.until == wanted.until,
        backfill.c.statuses == statuses,
    )
    row = db.execute(select(backfill.c.id, backfill.c.ended_at).where(same)).first()
    rate = {"per_minute": wanted.per_minute}
    if row is None:
        told = {"flow": wanted.flow, "since": wanted.since, "until": wanted.until, "begun_at": now}
        made = insert(backfill).values(statuses=statuses, **told, **rate).returning(backfill.c.id)
        return get(db, int(db.scalar(made) or 0))
    if row.ended_at is not None:
        nothing: dict[str, Any] = dict.fromkeys(
            ("shown_at", "accepted_at", "accepted_by", "ended_at", "next_at")
        )
        again = {"read": 0, "walked": False, "begun_at": now, **nothing}
        db.execute(update(backfill).where(backfill.c.id == row.id).values(again))
        parts.forget(db, row.id)
    db.execute(update(backfill).where(backfill.c.id == row.id).values(rate))
    return get(db, row.id)


def under_way(db: Connection, wanted: Range) -> Range:
    """*wanted*, which ends now: as the one under way that ended when it was now, if there is one.

    Else every look would be another range, and none could be accepted after it was shown.
    """
    same = (
        backfill.c.flow == wanted.flow,
        backfill.c.since == wanted.since,
        backfill.c.until <= wanted.until,
        backfill.c.statuses == _written(wanted.statuses),
        backfill.c.ended_at.is_(None),
    )
    until = db.scalar(select(func.max(backfill.c.until)).where(*same))
    return wanted if until is None else replace(wanted, until=until)


def _written(statuses: Collection[str]) -> str:
    return json.dumps(sorted(statuses))


def expect(db: Connection, id_: int, count: int | None) -> None:
    """Remember how many documents the source says there are."""
    db.execute(update(backfill).where(backfill.c.id == id_).values(expected=count))


def take(db: Connection, at: Backfill, owner: str, living: Collection[str]) -> Part | None:
    """A part of it that *owner* reads from now on; None: others read what is left, or nothing is.

    It is cut when the first of it is taken. What one reads who is not among *living* is free.
    """
    parts.cut(db, at.id, at.since, at.until, at.expected)
    return parts.take(db, at.id, owner, living)


def moved(db: Connection, part: Part, position: str, read: int, *, complete: bool) -> Part:
    """A page is staged: *part* stands at *position*; committed with the page.

    Raises NotNow(read_elsewhere) if another process has read it on.
    """
    told = parts.moved(db, part, position, complete=complete)
    mine = backfill.c.id == part.backfill
    db.execute(update(backfill).where(mine).values(read=backfill.c.read + read))
    if complete and not parts.is_left(db, part.backfill):
        db.execute(update(backfill).where(mine).values(walked=True))
    return told


def read_by_many(db: Connection, living: Collection[str]) -> list[tuple[int, str]]:
    """The backfills that one of *living* makes and of which a part is free, with their flows."""
    running = (run.c.task == "backfill", run.c.state == "running", run.c.owner.in_(living))
    made = {json.loads(given)["id"] for given in db.scalars(select(run.c.given).where(*running))}
    unread = (backfill.c.id.in_(made), backfill.c.walked.is_(False))
    rows = db.execute(select(backfill.c.id, backfill.c.flow).where(*unread))
    return [(row.id, row.flow) for row in rows if parts.is_free(db, row.id, living)]


def shown(db: Connection, id_: int, now: datetime) -> None:
    """Its plan was shown as it stood at *now*; what changes later is not in it (R16)."""
    db.execute(update(backfill).where(backfill.c.id == id_).values(shown_at=now))


def accept(db: Connection, id_: int, by: str, now: datetime) -> None:
    """A person accepts the plan that was shown."""
    said = {"accepted_at": now, "accepted_by": by}
    db.execute(update(backfill).where(backfill.c.id == id_).values(said))


def end(db: Connection, id_: int, now: datetime) -> None:
    """All that was accepted is delivered or held with a reason."""
    db.execute(update(backfill).where(backfill.c.id == id_).values(ended_at=now))


# ── the rate ────────────────────────────────────────────────────────────────────────────────────


def _pace(at: Backfill, now: datetime) -> tuple[int, datetime, timedelta]:
    """How many documents may be let go now, from when they are counted, and how far apart.

    In no minute are there more than `per_minute`; what time was not used is not made up for.
    """
    if at.per_minute is None:
        return PAGE, now, timedelta(0)
    burst = max(1, at.per_minute // 60)
    step = MINUTE / (at.per_minute - burst + 1)
    begin = max(at.next_at or now, now - (burst - 1) * step)
    free = 0 if begin > now else (now - begin) // step + 1
    return min(PAGE, free), begin, step


# ── its records ─────────────────────────────────────────────────────────────────────────────────


def _own(at: Backfill) -> ColumnElement[bool]:
    born = and_(record.c.born_at >= at.since, record.c.born_at < at.until)
    return and_(record.c.flow == at.flow, born)


def _waits(why: str) -> ColumnElement[bool]:
    held = and_(record.c.state == "held", record.c.reason == "review", record.c.needs == why)
    return and_(held, record.c.lane == "backfill")


def release(db: Connection, at: Backfill, why: str, now: datetime) -> datetime:
    """Let go as many as the rate allows of those that wait for *why* as the plan showed them.

    Returns when the next one may go.
    """
    most, begin, step = _pace(at, now)
    rows = db.execute(_as_shown(at, why).order_by(record.c.due_at, record.c.id).limit(most))
    found = [(row.id, row.seq) for row in rows]
    gone = _let_go(db, found, now, at.accepted_by or "engine", f"backfill {at.id} is accepted")
    following = begin + gone * step
    db.execute(update(backfill).where(backfill.c.id == at.id).values(next_at=following))
    return following


def _as_shown(at: Backfill, why: str) -> Select[tuple[int, int]]:
    as_shown = record.c.changed_at <= at.shown_at
    return select(record.c.id, record.c.seq).where(_own(at), _waits(why), as_shown)


def is_needed(db: Connection, flow: str, keys: Sequence[str], why: str) -> bool:
    """Does one of *keys* wait for *why*?"""
    return db.execute(_needed(flow, keys, why).limit(1)).first() is not None


def release_needed(db: Connection, flow: str, keys: Sequence[str], why: str, now: datetime) -> int:
    """Let go those of *keys* that wait for *why*: a document that may be delivered needs them."""
    found = [(row.id, row.seq) for row in db.execute(_needed(flow, keys, why))]
    return _let_go(db, found, now, "engine", "a document that may go needs it")


def _needed(flow: str, keys: Sequence[str], why: str) -> Select[tuple[int, int]]:
    mine = and_(record.c.flow == flow, record.c.key.in_(keys))
    return select(record.c.id, record.c.seq).where(mine, _waits(why))


def _let_go(
    db: Connection, rows: Sequence[tuple[int, int]], now: datetime, actor: str, why: str
) -> int:
    moving = [
        Moving(
            id=id_,
            seq=seq,
            due_at=now,
            detail=why,
            values={"decision": "release", "decided_seq": seq},
        )
        for id_, seq in rows
    ]
    return len(move(db, "release", moving, now=now, actor=actor))


def is_left(db: Connection, at: Backfill, why: str) -> bool:
    """Does one wait for *why* as the plan showed it?"""
    return db.execute(_as_shown(at, why).limit(1)).first() is not None


def moving_at(db: Connection, at: Backfill) -> datetime | None:
    """When the next of its records is due; None: none moves."""
    of = and_(_own(at), record.c.state.in_(MOVING))
    due: datetime | None = db.scalar(select(func.min(record.c.due_at)).where(of))
    return due


def counts(db: Connection, at: Backfill, why: str) -> dict[str, Any]:
    """How its documents stand, and what those that wait for *why* come to, by currency."""
    waits = _waits(why).label("waits")
    found = (link.c.made_by.in_(("match", "found"))).label("found")
    made = (link.c.made_by == "engine").label("made")
    key = (record.c.state, record.c.reason, waits, found, made)
    rows = db.execute(
        select(*key, func.count().label("n"))
        .join_from(record, link, own_link(), isouter=True)
        .where(_own(at), or_(link.c.id.is_not(None), record.c.lane == "backfill"))
        .group_by(*key)
    ).all()
    held: dict[str, int] = {}
    for row in rows:
        if row.state == "held" and not row.waits:
            held[row.reason] = held.get(row.reason, 0) + row.n
    return {
        "there": sum(r.n for r in rows if r.found),
        "created": sum(r.n for r in rows if r.made),
        "to_create": sum(r.n for r in rows if r.waits),
        "under_way": sum(r.n for r in rows if r.state in MOVING),
        "held": held,
        "amount": _amount(db, at, why),
    }


def _amount(db: Connection, at: Backfill, why: str) -> dict[str, Decimal]:
    chosen = select(record.c.total, record.c.currency).where(_own(at), _waits(why))
    sums: dict[str, Decimal] = {}
    for row in db.execute(chosen.where(record.c.total.is_not(None))):
        sums[row.currency or ""] = sums.get(row.currency or "", Decimal(0)) + Decimal(row.total)
    return sums
