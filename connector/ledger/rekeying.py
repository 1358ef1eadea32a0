"""Links after their target was replaced: who stands where now, in the name of a person (R9)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from connector.ledger import life, systems
from connector.ledger.links import REPLACED, own_link
from connector.ledger.moves import Moving, move
from connector.ledger.schema import attempt, connection, event, link, record

PAGE = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """A link into the replaced system, and its record."""

    id: int
    role: str
    source: str
    entity: str
    source_key: str
    target_key: str
    reference: str | None
    record: int | None
    flow: str | None


def page(db: Connection, target: str, after: int) -> list[Held]:
    """The next links into *target*, in the order in which they were made."""
    names = ("id", "role", "source", "entity", "source_key", "target_key", "reference")
    rows = db.execute(
        select(*(link.c[n] for n in names), record.c.id.label("record"), record.c.flow)
        .join_from(link, record, own_link(), isouter=True)
        .where(link.c.target == target, link.c.id > after)
        .order_by(link.c.id)
        .limit(PAGE)
    )
    return [Held(**row._mapping) for row in rows]


def open_calls(db: Connection, target: str) -> int:
    """How many calls to *target* have no outcome yet."""
    counted = (
        select(func.count()).select_from(attempt).join(record, attempt.c.record == record.c.id)
    )
    return db.scalar(counted.where(record.c.target == target, attempt.c.outcome.is_(None))) or 0


def standing(db: Connection, ids: Sequence[int]) -> dict[int, Held]:
    """These links as they stand now."""
    found: dict[int, Held] = {}
    names = ("id", "role", "source", "entity", "source_key", "target_key", "reference")
    for start in range(0, len(ids), PAGE):
        rows = db.execute(
            select(*(link.c[n] for n in names), record.c.id.label("record"), record.c.flow)
            .join_from(link, record, own_link(), isouter=True)
            .where(link.c.id.in_(ids[start : start + PAGE]))
        )
        found |= {row.id: Held(**row._mapping) for row in rows}
    return found


def others(db: Connection, target: str, ids: Sequence[int]) -> int:
    """How many links into *target* are not among *ids*."""
    into = select(func.count()).select_from(link).where(link.c.target == target)
    return (db.scalar(into) or 0) - len(set(ids))


def rekey(db: Connection, new: Mapping[int, str], by: str, now: datetime) -> None:
    """Give links the ids that their documents have now; what stands there is read before use."""
    unread = ("target_version", "base_source", "base_target", "total", "reserved_at")
    nothing = dict.fromkeys(unread)
    for id_ in new:  # an id may be another's old one: first all step aside
        db.execute(update(link).where(link.c.id == id_).values(target_key=f"(rekey) {id_}"))
    for id_, key in new.items():
        changed = {"target_key": key, "base_known": False, "steps_left": "", **nothing}
        db.execute(update(link).where(link.c.id == id_).values(changed))
    _tell(db, {id_: f"rekeyed to {key}" for id_, key in new.items()}, by, now)


def lay_aside(db: Connection, held: Sequence[Held], by: str, now: datetime) -> None:
    """What is not in the new system keeps its link, and nobody there is taken for it."""
    gone = {h.id: f"{REPLACED}{h.target_key.removeprefix(REPLACED)}" for h in held}
    rekey(db, gone, by, now)


def forget(db: Connection, held: Sequence[Held], by: str, now: datetime) -> None:
    """Take links away: their documents are looked for at once, and made where they are not."""
    for h in held:
        seq = db.scalar(select(record.c.seq).where(record.c.id == h.record))
        if seq is not None and h.record is not None:
            why = f"no longer linked to {h.target_key}"
            move(
                db,
                "again",
                [Moving(id=h.record, seq=seq, due_at=now, detail=why)],
                now=now,
                actor=by,
            )
    for start in range(0, len(held), PAGE):
        ids = [h.id for h in held[start : start + PAGE]]
        db.execute(delete(link).where(link.c.id.in_(ids)))


def replace(db: Connection, name: str, who: Mapping[str, str], now: datetime) -> None:
    """Another system stands behind *name* from now on: what was known of the old one is void.

    Nothing that was born before is created without a look (S1), and find is to be proven anew (S7).
    """
    known = {"identity": json.dumps(dict(who), sort_keys=True), "proven": "{}", "checked_at": now}
    if db.execute(update(connection).where(connection.c.name == name).values(known)).rowcount == 0:
        systems.meet(db, name, who, now)
    life.renew(db, now)


def _tell(db: Connection, said: Mapping[int, str], by: str, now: datetime) -> None:
    ids = list(said)
    for start in range(0, len(ids), PAGE):
        rows = db.execute(
            select(
                link.c.id.label("link"), record.c.id, record.c.state, record.c.reason, record.c.seq
            )
            .join_from(record, link, own_link())
            .where(link.c.id.in_(ids[start : start + PAGE]))
        ).all()
        told = [
            {"record": r.id, "at": now, "move": "rekey", "state": r.state, "reason": r.reason,
             "seq": r.seq, "actor": by, "detail": said[r.link]}
            for r in rows
        ]  # fmt: skip
        if told:
            db.execute(insert(event), told)
