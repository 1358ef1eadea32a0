"""Confirmations: when a flow's source was last read to its end, and what has waited since."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from connector.ledger.schema import confirmed, record

UNDER_WAY = ("prepared", "running", "in_doubt")


def confirm(db: Connection, flow: str, at: datetime) -> None:
    """The walk of *flow* that began *at* came to its end."""
    known = update(confirmed).where(confirmed.c.flow == flow).values(at=at)
    if db.execute(known).rowcount == 0:
        db.execute(insert(confirmed).values(flow=flow, at=at))


def times(db: Connection) -> dict[str, datetime]:
    """Flow → the beginning of its last walk that came to its end."""
    return {row.flow: row.at for row in db.execute(select(confirmed))}


def waits_since(db: Connection, flow: str, before: datetime) -> bool:
    """Is anything of *flow* under way that was already read *before* then? Backfill aside."""
    mine = (record.c.flow == flow, record.c.state.in_(UNDER_WAY), record.c.lane == "live")
    late = select(record.c.id).where(*mine, record.c.read_at < before).limit(1)
    return db.scalar(late) is not None
