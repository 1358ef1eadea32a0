"""What is kept and for how long (O4): content goes first, then attempts, proof last.

Never touched: links, keys, births, references, hashes, open intents, and what is not done yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from connector.errors import ConnectorError
from connector.ledger.content import BLIND, blind
from connector.ledger.links import own_link
from connector.ledger.moves import open_intent
from connector.ledger.schema import attempt, event, link, quarantine, record
from connector.ledger.store import Ledger
from connector.points import reach

PAGE = 2_000


@dataclass(frozen=True, slots=True)
class Window:
    """A span of ids: what one transaction looks at, however large the table is."""

    begin: int
    end: int

    def of(self, table: Table) -> ColumnElement[bool]:
        """The condition "its id lies in this span"."""
        return and_(table.c.id > self.begin, table.c.id <= self.end)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """Before which times content, attempts and proof are dropped."""

    payloads: datetime
    attempts: datetime
    proof: datetime


Step = Callable[[Connection, Bounds, "Window"], int]


def drop(ledger: Ledger, bounds: Bounds) -> dict[str, int]:
    """Drop what is older than its bound, a window in each transaction; how much of each went."""
    return {name: _all(ledger, *step, bounds) for name, step in STEPS.items()}


def _all(ledger: Ledger, table: Table, step: Step, bounds: Bounds) -> int:
    total, newest = 0, ledger.read(_newest_id, table)
    for begin in range(0, newest, PAGE):
        with ledger.begin() as db:
            total += step(db, bounds, Window(begin, begin + PAGE))
        reach("vacuum.mid")
    return total


def _newest_id(db: Connection, table: Table) -> int:
    return db.scalar(select(func.max(table.c.id))) or 0


def shrink(ledger: Ledger) -> bool:
    """Give the room of what was dropped back to the machine; False beside a delivery."""
    if ledger.path is None:
        return False
    try:
        ledger.own()
    except ConnectorError:
        return False
    raw = ledger.engine.raw_connection()
    try:
        for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
            raw.cursor().execute(statement)
    finally:
        raw.close()
    return True


def _done(before: datetime) -> ColumnElement[bool]:
    """The condition "this record was over before then, and nothing of it is open"."""
    return and_(record.c.state == "done", record.c.changed_at < before, ~open_intent())


def _documents(db: Connection, bounds: Bounds, window: Window) -> int:
    # A level is computed from its document, and says nothing of anybody.
    whole = (record.c.doc.is_not(None), record.c.entity != "stock")
    old = select(record.c.id).where(_done(bounds.payloads), *whole)
    return _change(db, record, old, window, {"doc": None})


def _payloads(db: Connection, bounds: Bounds, window: Window) -> int:
    closed = (attempt.c.outcome.is_not(None), attempt.c.finished_at < bounds.payloads)
    old = select(attempt.c.id).where(*closed, attempt.c.payload.is_not(None))
    return _change(db, attempt, old, window, {"payload": None, "said": None})


def _bases(db: Connection, bounds: Bounds, window: Window) -> int:
    old = _readable().where(_done(bounds.payloads), window.of(record))
    return _blinded(db, db.execute(old).all())


def _readable() -> Select[Any]:
    """Links whose bases can still be read."""
    plain = and_(link.c.base_source.is_not(None), func.substr(link.c.base_source, 1, 8) != BLIND)
    chosen = select(link.c.id, link.c.base_source).join_from(link, record, own_link())
    return chosen.where(or_(plain, link.c.base_target.is_not(None)))


def _blinded(db: Connection, rows: Sequence[Any]) -> int:
    for row in rows:
        base = None if row.base_source is None else blind(row.base_source)
        values = {"base_source": base, "base_target": None}
        db.execute(update(link).where(link.c.id == row.id).values(values))
    return len(rows)


def _pieces(db: Connection, bounds: Bounds, window: Window) -> int:
    old = select(quarantine.c.id).where(
        quarantine.c.seen_at < bounds.payloads, quarantine.c.raw.is_not(None)
    )
    return _change(db, quarantine, old, window, {"raw": None})


def _attempts(db: Connection, bounds: Bounds, window: Window) -> int:
    # The newest stays: its number proves that the ledger was not set back (S1).
    closed = (attempt.c.outcome.is_not(None), attempt.c.finished_at < bounds.attempts)
    old = (
        select(attempt.c.id)
        .join(record, attempt.c.record == record.c.id)
        .where(*closed, record.c.state == "done", attempt.c.id < _newest(attempt))
    )
    return _delete(db, attempt, old, window)


def _events(db: Connection, bounds: Bounds, window: Window) -> int:
    old = (
        select(event.c.id)
        .join(record, event.c.record == record.c.id)
        .where(event.c.at < bounds.proof, record.c.state == "done", event.c.id < _newest(event))
    )
    return _delete(db, event, old, window)


def _totals(db: Connection, bounds: Bounds, window: Window) -> int:
    told = or_(record.c.total.is_not(None), record.c.subject.is_not(None))
    old = select(record.c.id).where(_done(bounds.proof), told)
    return _change(db, record, old, window, {"total": None, "currency": None, "subject": None})


STEPS: Mapping[str, tuple[Table, Step]] = {
    "documents": (record, _documents),
    "payloads": (attempt, _payloads),
    "bases": (record, _bases),
    "set_aside": (quarantine, _pieces),
    "attempts": (attempt, _attempts),
    "events": (event, _events),
    "totals": (record, _totals),
}


def _newest(table: Table) -> Any:
    return select(func.max(table.c.id)).scalar_subquery()


def _change(
    db: Connection, table: Table, old: Select[Any], window: Window, values: Mapping[str, Any]
) -> int:
    ids = list(db.scalars(old.where(window.of(table))))
    if ids:
        db.execute(update(table).where(table.c.id.in_(ids)).values(values))
    return len(ids)


def _delete(db: Connection, table: Table, old: Select[Any], window: Window) -> int:
    ids = list(db.scalars(old.where(window.of(table))))
    if ids:
        db.execute(delete(table).where(table.c.id.in_(ids)))
    return len(ids)


# ── a person ────────────────────────────────────────────────────────────────────────────────────


def subjects(db: Connection, ids: Sequence[int]) -> list[str]:
    """Whose data these records hold."""
    whose = select(record.c.subject).where(record.c.id.in_(ids), record.c.subject.is_not(None))
    return list(db.scalars(whose.distinct()))


def of_person(db: Connection, subjects: Sequence[str]) -> list[dict[str, Any]]:
    """The records that hold data of a person, by the keys that stand for him."""
    columns = [record.c[n] for n in ("id", "flow", "entity", "key", "state", "reason", "seq")]
    rows = db.execute(
        select(*columns, open_intent().label("doubtful"))
        .where(record.c.subject.in_(subjects))
        .order_by(record.c.id)
        .with_for_update(of=record)
    )
    return [dict(row) for row in rows.mappings()]


def erase(db: Connection, ids: Sequence[int], by: str, now: datetime) -> None:
    """Drop the content of these records; what proves that they were delivered stays."""
    for start in range(0, len(ids), PAGE):
        some = ids[start : start + PAGE]
        db.execute(update(record).where(record.c.id.in_(some)).values(doc=None))
        closed = (attempt.c.record.in_(some), attempt.c.outcome.is_not(None))
        db.execute(update(attempt).where(*closed).values(payload=None, said=None))
        _blinded(db, db.execute(_readable().where(record.c.id.in_(some))).all())
        rows = db.execute(
            select(record.c.id, record.c.state, record.c.reason, record.c.seq).where(
                record.c.id.in_(some)
            )
        )
        told = {"at": now, "move": "erased", "actor": by}
        events = [
            {"record": r.id, "state": r.state, "reason": r.reason, "seq": r.seq, **told}
            for r in rows
        ]
        db.execute(insert(event), events)
