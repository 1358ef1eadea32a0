"""Readings of a stock: sealed or braked as a whole, and what the last sealed one said (P6)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, insert, select, update

from connector.errors import ConnectorError
from connector.ledger.content import digest
from connector.ledger.schema import attempt, record, stock, stocktake

VALID = timedelta(days=1)  # how long an approval holds


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """An article as it was read: its SKU, and what would be offered of it without any orders."""

    key: str
    sku: str | None
    offered: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Braked:
    """A reading that waits for a person: what it would do, and why it is improbable."""

    id: int
    flow: str
    begun_at: datetime
    items: int
    zeroed: int
    changed: int
    absent: int
    why: str


def last(db: Connection, flow: str) -> list[Any]:
    """Every article of the last sealed reading: key, offered, changed_at, zeroed_at."""
    return list(db.execute(select(stock).where(stock.c.flow == flow)))


def by_sku(db: Connection, flow: str, skus: Collection[str]) -> dict[str, list[str]]:
    """SKU → articles of the last reading that carry it; unknown ones are left out."""
    rows = select(stock.c.sku, stock.c.key).where(stock.c.flow == flow, stock.c.sku.in_(skus))
    found: dict[str, list[str]] = {}
    for row in db.execute(rows.order_by(stock.c.key)):
        found.setdefault(row.sku, []).append(row.key)
    return found


def note(
    db: Connection,
    flow: str,
    counted: Sequence[Counted],
    at: datetime,
    approved: Collection[str] = (),
) -> None:
    """Keep what a sealed reading, or a look at single articles, said; only what differs is written.

    What was *approved* is no longer a change of the day.
    """
    known = {row.key: row for row in last(db, flow)}
    new = [
        {"flow": flow, "key": one.key, "sku": one.sku, "offered": one.offered}
        for one in counted
        if one.key not in known
    ]
    changed = [
        _change(known[one.key], one, at, approved)
        for one in counted
        if one.key in known and _differs(known[one.key], one)
    ]
    if new:
        db.execute(insert(stock), new)
    if changed:
        mine = and_(stock.c.flow == flow, stock.c.key == bindparam("b_key"))
        names = ("sku", "offered", "changed_at", "zeroed_at")
        values = {name: bindparam(f"v_{name}", type_=stock.c[name].type) for name in names}
        db.execute(update(stock).where(mine).values(values), changed)


def _differs(row: Any, one: Counted) -> bool:
    return bool(row.offered != one.offered or row.sku != one.sku)


def _change(row: Any, one: Counted, at: datetime, approved: Collection[str]) -> dict[str, Any]:
    zeroed = at if one.offered <= 0 < row.offered else row.zeroed_at
    quiet = one.key in approved
    return {
        "b_key": one.key,
        "v_sku": one.sku,
        "v_offered": one.offered,
        "v_changed_at": None if quiet else at if row.offered != one.offered else row.changed_at,
        "v_zeroed_at": None if quiet or one.offered > 0 else zeroed,
    }


def drop(db: Connection, flow: str, keys: Sequence[str]) -> None:
    """Articles that the source surely no longer has are no part of the stock."""
    if keys:
        db.execute(delete(stock).where(stock.c.flow == flow, stock.c.key.in_(keys)))


# ── what waits for a person ─────────────────────────────────────────────────────────────────────


def brake(db: Connection, flow: str, judged: Mapping[str, Any], affected: Iterable[str]) -> int:
    """Keep a reading back; its number. The same affected articles are one reading that waits."""
    keys = json.dumps(sorted(affected))
    values = {**judged, "affected": keys, "digest": digest(keys.encode())}
    waiting = db.execute(
        select(stocktake.c.id, stocktake.c.digest).where(
            stocktake.c.flow == flow, stocktake.c.state == "braked"
        )
    ).first()
    if waiting is not None and waiting.digest == values["digest"]:
        return int(waiting.id)
    # R16: another set of articles is another question, with a number of its own.
    old = and_(stocktake.c.flow == flow, stocktake.c.state == "braked")
    db.execute(update(stocktake).where(old).values(state="superseded"))
    made = insert(stocktake).values(flow=flow, state="braked", **values)
    return int(db.execute(made).inserted_primary_key[0])  # type: ignore[index]


def braked(db: Connection) -> list[Braked]:
    """The readings that wait for a person."""
    columns = [stocktake.c[name] for name in Braked.__dataclass_fields__]
    waiting = select(*columns).where(stocktake.c.state == "braked").order_by(stocktake.c.id)
    return [Braked(**row._mapping) for row in db.execute(waiting)]


def approve(db: Connection, flow: str, id_: int, by: str, now: datetime) -> Braked:
    """A person has seen it and means it; raises ConnectorError(not_allowed) if it waits no more."""
    found = [one for one in braked(db) if (one.flow, one.id) == (flow, id_)]
    if not found:
        raise ConnectorError(
            f"{flow}-{id_} waits for no approval: another took its place, or it was given",
            code="not_allowed",
            cure="connector status",
        )
    approved = {"state": "approved", "approved_by": by, "approved_at": now}
    db.execute(update(stocktake).where(stocktake.c.id == id_).values(approved))
    return found[0]


def approved(db: Connection, flow: str, now: datetime) -> set[str]:
    """The articles that a person said may change, and no reading has used since."""
    rows = db.scalars(
        select(stocktake.c.affected).where(
            stocktake.c.flow == flow,
            stocktake.c.state == "approved",
            stocktake.c.approved_at > now - VALID,
        )
    )
    return {key for text in rows for key in json.loads(text)}


def spend(db: Connection, flow: str) -> None:
    """A reading was sealed: approvals for it are used, and what still waited is overtaken."""
    mine = stocktake.c.flow == flow
    used = and_(mine, stocktake.c.state == "approved")
    db.execute(update(stocktake).where(used).values(state="spent"))
    waits = and_(mine, stocktake.c.state == "braked")
    db.execute(update(stocktake).where(waits).values(state="superseded"))


# ── what a reading lets be offered ──────────────────────────────────────────────────────────────


def offerable(
    db: Connection, flow: str, since: datetime, now: datetime, after: str, most: int
) -> list[Any]:
    """Articles (id, key, state) read since then that nobody has in hand, in doubt or held back."""
    doubtful = select(attempt.c.serial_key).where(attempt.c.outcome.is_(None))
    rows = db.execute(
        select(record.c.id, record.c.key, record.c.state)
        .where(
            record.c.flow == flow,
            record.c.entity == "stock",
            record.c.key > after,
            record.c.read_at >= since,
            record.c.doc.is_not(None),
            (record.c.state == "done")
            | ((record.c.state == "prepared") & (record.c.due_at <= now)),
            record.c.serial_key.not_in(doubtful),
        )
        .order_by(record.c.key)
        .limit(most)
    )
    return list(rows)


def due(db: Connection, flow: str, now: datetime) -> list[str]:
    """Articles whose next try has come: refused before, or in doubt until now."""
    return list(
        db.scalars(
            select(record.c.key).where(
                record.c.flow == flow, record.c.state == "prepared", record.c.due_at <= now
            )
        )
    )


def records_of(db: Connection, flow: str, keys: Sequence[str]) -> list[int]:
    """The records of these articles that could be read."""
    mine = and_(record.c.flow == flow, record.c.entity == "stock", record.c.key.in_(keys))
    readable = select(record.c.id).where(mine, record.c.doc.is_not(None))
    return list(db.scalars(readable.order_by(record.c.key)))
