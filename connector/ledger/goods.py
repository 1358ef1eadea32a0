"""What orders take of the stock, content by content, and since when the target has acknowledged it.

One row for each content whose goods differ from those before: `lines` is JSON, a list of
[product key, sku, quantity as text].  A row is open until its target surely counts all of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    delete,
    exists,
    func,
    select,
    update,
)

from connector.ledger.links import REPLACED, own_link
from connector.ledger.many import add
from connector.ledger.schema import goods, link, record

NOTHING = "[]"
Line = tuple[str | None, str | None, Decimal]


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """The goods of one content of an order; *acked_at*: when the target had acknowledged it."""

    seq: int
    lines: tuple[Line, ...]
    acked_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenOrder:
    """An order of which the target may not count everything.

    *reserved_at*: since when we know that its document there is where the target counts it.
    *contents*: oldest first; the last is what is wanted now.
    """

    id: int
    flow: str
    key: str
    source: str
    state: str
    reason: str | None
    target_key: str | None
    reserved_at: datetime | None
    contents: tuple[Content, ...]


def packed(lines: Sequence[Line]) -> str:
    """Lines as they are kept: equal goods are one text."""
    plain = [[product, sku, format(quantity, "f")] for product, sku, quantity in lines]
    return json.dumps(plain, separators=(",", ":"))


def unpacked(text: str) -> tuple[Line, ...]:
    """Lines as they were packed."""
    return tuple((product, sku, Decimal(quantity)) for product, sku, quantity in json.loads(text))


def first(db: Connection, taken: Sequence[tuple[int, int, str]]) -> None:
    """Write down what new records (record, seq, lines) take."""
    if taken:
        add(db, goods, [_row(*one) for one in taken])


def _row(id_: int, seq: int, lines: str) -> dict[str, Any]:
    return {"record": id_, "seq": seq, "lines": lines, "settled": lines == NOTHING}


def note(db: Connection, taken: Sequence[tuple[int, int, str]]) -> None:
    """Write down what (record, seq, lines) take; goods equal to those before change nothing."""
    if not taken:
        return
    last = _last(db, [id_ for id_, _, _ in taken])
    fresh = [
        _row(id_, seq, lines)
        for id_, seq, lines in taken
        if id_ not in last or (last[id_].seq < seq and last[id_].lines != lines)
    ]
    known = [row["record"] for row in fresh if row["record"] in last]
    if known:
        # Only the newest says what is wanted; what lies before the last acknowledged is history.
        db.execute(update(goods).where(goods.c.record.in_(known)).values(settled=True))
        acked = select(func.max(_older.c.seq)).where(
            _older.c.record == goods.c.record, _older.c.acked_at.is_not(None)
        )
        before = goods.c.seq < acked.scalar_subquery()
        db.execute(delete(goods).where(goods.c.record.in_(known), before))
    if fresh:
        add(db, goods, fresh)
    for id_, seq, lines in taken:  # the same content, judged otherwise: rules or mappings changed
        if id_ in last and last[id_].seq >= seq and last[id_].lines != lines:
            again = {"lines": lines, "settled": lines == NOTHING, "acked_at": None}
            mine = and_(goods.c.record == id_, goods.c.seq == last[id_].seq)
            db.execute(update(goods).where(mine).values(again))


_older = goods.alias("older")


def _last(db: Connection, ids: Sequence[int]) -> dict[int, Any]:
    rows = select(goods.c.record, goods.c.seq, goods.c.lines).where(goods.c.record.in_(ids))
    return {row.record: row for row in db.execute(rows.order_by(goods.c.seq))}


def open_orders(db: Connection, flows: Sequence[str]) -> list[OpenOrder]:
    """The orders of *flows* of which something may not be counted yet, with their contents."""
    unsettled = select(goods.c.record).where(goods.c.settled.is_(False))
    rows = db.execute(
        select(
            record.c.id, record.c.flow, record.c.key, record.c.source, record.c.state,
            record.c.reason, link.c.target_key, link.c.reserved_at,
            goods.c.seq, goods.c.lines, goods.c.acked_at,
        )
        .select_from(goods.join(record).outerjoin(link, own_link()))
        .where(record.c.flow.in_(flows), record.c.id.in_(unsettled))
        .order_by(record.c.id, goods.c.seq)
    )  # fmt: skip
    return [_order(list(some)) for _, some in groupby(rows, key=lambda row: row.id)]


def _order(rows: Sequence[Any]) -> OpenOrder:
    contents = tuple(
        Content(seq=row.seq, lines=unpacked(row.lines), acked_at=row.acked_at) for row in rows
    )
    first = rows[0]
    there = first.target_key is not None and not first.target_key.startswith(REPLACED)
    return OpenOrder(
        id=first.id, flow=first.flow, key=first.key, source=first.source, state=first.state,
        reason=first.reason, target_key=first.target_key if there else None,
        reserved_at=first.reserved_at if there else None,
        contents=contents,
    )  # fmt: skip


def unknown(db: Connection, flows: Sequence[str]) -> list[tuple[str, str]]:
    """(flow, key) of orders that nobody could read so far, not even what they take."""
    written = exists(select(goods.c.record).where(goods.c.record == record.c.id))
    rows = select(record.c.flow, record.c.key).where(
        record.c.flow.in_(flows), record.c.state == "held", record.c.entity == "order", ~written
    )
    return [(row.flow, row.key) for row in db.execute(rows.order_by(record.c.flow, record.c.key))]


def reserved(db: Connection, ids: Sequence[int], at: datetime) -> None:
    """The target's documents of these records were seen, at *at*, where it counts them."""
    for id_ in ids:
        mine = (
            select(link.c.id).select_from(record.join(link, own_link())).where(record.c.id == id_)
        )
        db.execute(
            update(link).where(link.c.id.in_(mine), link.c.reserved_at.is_(None)).values(
                reserved_at=at
            )
        )  # fmt: skip


def settle(db: Connection, counted: Sequence[tuple[int, int]]) -> None:
    """The target surely counts all that these orders (record, seq) take, up to this content."""
    if counted:
        mine = and_(goods.c.record == bindparam("b_id"), goods.c.seq <= bindparam("b_seq"))
        given = [{"b_id": id_, "b_seq": seq} for id_, seq in counted]
        db.execute(update(goods).where(mine).values(settled=True), given)
