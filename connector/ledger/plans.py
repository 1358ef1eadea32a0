"""What a plan asks of the ledger: what a run touched, where a document stands, what to do again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, func, select

from connector.ledger.links import own_link
from connector.ledger.moves import Moving, move
from connector.ledger.schema import attempt, event, link, record

PAGE = 500
WINDOW = 2_000
Name = tuple[str, str, str]  # flow, entity, key
_STANDS = (
    "id", "flow", "entity", "key", "reference", "seq", "acked_seq", "doc_hash", "state", "reason",
    "needs", "due_at", "total", "currency",
)  # fmt: skip


def newest(db: Connection) -> tuple[int, int, int]:
    """The newest event, attempt and link: what is newer later was done meanwhile."""
    tables = (event, attempt, link)
    event_id, attempt_id, link_id = (db.scalar(select(func.max(t.c.id))) or 0 for t in tables)
    return event_id, attempt_id, link_id


def touched(db: Connection, after: int) -> list[dict[str, Any]]:
    """The records that events later than *after* tell of, as they stand now."""
    told = exists(select(event.c.id).where(event.c.record == record.c.id, event.c.id > after))
    columns = [record.c[name] for name in _STANDS]
    rows = db.execute(select(*columns).where(told).order_by(record.c.id))
    return [dict(row) for row in rows.mappings()]


def tried(db: Connection, after: int) -> list[dict[str, Any]]:
    """The attempts later than *after*, oldest first, with what each sends."""
    columns = [attempt.c[n] for n in ("record", "action", "step", "payload", "payload_hash")]
    rows = db.execute(select(*columns).where(attempt.c.id > after).order_by(attempt.c.id))
    return [dict(row) for row in rows.mappings()]


def adopted(db: Connection, after: int) -> dict[int, str]:
    """Record → what is there, for links later than *after* that no create of ours made."""
    found = link.c.made_by.in_(("match", "found"))
    rows = db.execute(
        select(record.c.id, link.c.target_key)
        .join_from(record, link, own_link())
        .where(link.c.id > after, found)
    )
    return {row.id: row.target_key for row in rows}


def bases(db: Connection, ids: Sequence[int]) -> dict[int, bytes]:
    """Record → the `write` that was last acknowledged, for those that have one."""
    found: dict[int, bytes] = {}
    for start in range(0, len(ids), PAGE):
        rows = db.execute(
            select(record.c.id, link.c.base_source)
            .join_from(record, link, own_link())
            .where(record.c.id.in_(ids[start : start + PAGE]), link.c.base_source.is_not(None))
        )
        found |= {row.id: row.base_source for row in rows}
    return found


def standing(db: Connection, names: Iterable[Name]) -> dict[Name, dict[str, Any]]:
    """Where each of the documents named stands; what the ledger does not know is left out."""
    keys: dict[tuple[str, str], list[str]] = {}
    for flow, entity, key in names:
        keys.setdefault((flow, entity), []).append(key)
    found: dict[Name, dict[str, Any]] = {}
    columns = [record.c[name] for name in _STANDS]
    for (flow, entity), some in keys.items():
        own = (record.c.flow == flow, record.c.entity == entity)
        for start in range(0, len(some), PAGE):
            chosen = select(*columns).where(*own, record.c.key.in_(some[start : start + PAGE]))
            rows = db.execute(chosen).mappings()
            found |= {(r["flow"], r["entity"], r["key"]): dict(r) for r in rows}
    return found


def newest_record(db: Connection) -> int:
    """The newest record, 0 for none."""
    return db.scalar(select(func.max(record.c.id))) or 0


def written_otherwise(
    db: Connection, flow: str, write_digest: str, after: int, keys: Sequence[str] = ()
) -> list[int]:
    """Delivered records of *flow* that no call of the mapping *write_digest* made or changed.

    R14: they are not delivered again by themselves. Only the WINDOW of ids after *after*.
    """
    current = exists(
        select(attempt.c.id).where(
            attempt.c.record == record.c.id,
            attempt.c.write_digest == write_digest,
            attempt.c.outcome.in_(("done", "found")),
        )
    )
    linked = exists(select(link.c.id).where(own_link(), link.c.base_source.is_not(None)))
    chosen = select(record.c.id).where(
        record.c.flow == flow,
        record.c.state == "done",
        record.c.reason.in_(("sent", "same")),
        record.c.doc.is_not(None),
        record.c.id > after,
        record.c.id <= after + WINDOW,
        linked,
        ~current,
    )
    if keys:
        chosen = chosen.where(record.c.key.in_(keys))
    return list(db.scalars(chosen.order_by(record.c.id)))


def again(db: Connection, seqs: Mapping[int, int], actor: str, now: datetime) -> set[int]:
    """R14: deliver these once more, each as it was seen (R16); the ids that are due now."""
    why = "the mapping has changed since it was delivered"
    moving = [Moving(id=i, seq=seq, due_at=now, detail=why) for i, seq in seqs.items()]
    return move(db, "again", moving, now=now, actor=actor)
