"""What the ledger can tell: the read-only questions of list, show, trace, status and stats."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, literal, or_, select

from connector.ledger.links import any_of, own_link
from connector.ledger.records import blockers
from connector.ledger.schema import (
    attempt,
    connection,
    cursor,
    event,
    life,
    link,
    meta,
    quarantine,
    record,
)
from connector.values import Ref

DEAD = ("refused", "gave_up", "unreadable", "doubt")
# What may be shown unasked: neither documents, births nor whose it is.
_SHOWN = [c for c in record.c if c.name not in ("doc", "birth", "subject", "raw_hash", "doc_hash")]
Rows = list[dict[str, Any]]


def find(db: Connection, entity: str, key: str, flow: str | None = None) -> Rows:
    """The records of a document, one a flow, each with the target's id."""
    given = {"entity": entity, "key": key} | ({"flow": flow} if flow else {})
    return listed(db, given)


def named(db: Connection, entity: str, name: str, within: bytes) -> Rows:
    """The records that people may mean by *name*: by their key, the target's, or our reference.

    Or by what their document says, where *within* stands in it; column `fits` tells which it was.
    """
    there, ours = link.c.target_key == name, or_(
        record.c.reference == name, link.c.reference == name
    )  # fmt: skip
    own = record.c.key == name
    fits = case((own, "key"), (there, "target_key"), (ours, "reference"), else_="document")
    return _all(
        db,
        select(*_SHOWN, link.c.target_key.label("there"), fits.label("fits"))
        .join_from(record, link, own_link(), isouter=True)
        .where(record.c.entity == entity, or_(own, there, ours, _holds(db, within)))
        .order_by(record.c.changed_at.desc(), record.c.id.desc()),
    )


def _holds(db: Connection, within: bytes) -> ColumnElement[bool]:
    """Does the stored document have these bytes in it?"""
    if db.dialect.name == "sqlite":
        return func.instr(record.c.doc, within) > 0
    return func.position(literal(within).op("IN")(record.c.doc)) > 0


def listed(db: Connection, given: Mapping[str, str | None], most: int = 100) -> Rows:
    """The newest changed records with the columns that *given* names (None: any)."""
    wanted = [record.c[name] == value for name, value in given.items() if value is not None]
    return _all(
        db,
        select(*_SHOWN, link.c.target_key.label("there"))
        .join_from(record, link, own_link(), isouter=True)
        .where(and_(True, *wanted))
        .order_by(record.c.changed_at.desc(), record.c.id.desc())
        .limit(most),
    )


def dead(db: Connection, given: Mapping[str, str | None], most: int = 100) -> Rows:
    """The dead letters among `listed`."""
    return [r for reason in DEAD for r in listed(db, {**given, "reason": reason}, most)][:most]


def content(db: Connection, record_id: int) -> bytes | None:
    """The canonical document that is wanted: personal data, only for who asks."""
    found: bytes | None = db.scalar(select(record.c.doc).where(record.c.id == record_id))
    return found


def events(db: Connection, record_id: int) -> Rows:
    """Every move of a record, oldest first."""
    columns = [event.c[n] for n in ("at", "move", "state", "reason", "seq", "actor", "detail")]
    return _all(db, select(*columns).where(event.c.record == record_id).order_by(event.c.id))


def attempts(db: Connection, record_id: int) -> Rows:
    """Every attempt of a record without what it sent, oldest first."""
    columns = [c for c in attempt.c if c.name not in ("payload", "payload_hash", "said", "record")]
    return _all(db, select(*columns).where(attempt.c.record == record_id).order_by(attempt.c.id))


def said(db: Connection, record_id: int) -> str | None:
    """What the target said last, in its words, where it did not carry out what was asked."""
    told = select(attempt.c.said).where(attempt.c.record == record_id)
    return db.scalar(told.order_by(attempt.c.id.desc()).limit(1))


def links(db: Connection, record_id: int) -> Rows:
    """What a record is linked to, without the contents on which both sides agreed."""
    names = "target target_key role reference target_version base_known steps_left total made_at"
    columns = [link.c[n] for n in (*names.split(), "made_by")]
    chosen = select(*columns).join_from(record, link, own_link()).where(record.c.id == record_id)
    return _all(db, chosen.order_by(link.c.id))


def children(db: Connection, serial_key: str, record_id: int) -> Rows:
    """Records of the same root: refunds, payments, shipments."""
    chosen = select(*_SHOWN).where(record.c.serial_key == serial_key, record.c.id != record_id)
    return _all(db, chosen.order_by(record.c.key))


def newest_event(db: Connection) -> int:
    """The id of the newest event, 0 for none."""
    return db.scalar(select(func.max(event.c.id))) or 0


def since(db: Connection, event_id: int) -> Rows:
    """The moves after event *event_id*, each with its record."""
    names = ("flow", "entity", "key", "reference")
    columns = [record.c[n] for n in names] + [event.c[n] for n in ("move", "detail", "record")]
    now = [record.c.state.label("state"), record.c.reason.label("reason"), record.c.needs]
    return _all(
        db,
        select(*columns, *now, record.c.due_at)
        .join_from(event, record, event.c.record == record.c.id)
        .where(event.c.id > event_id)
        .order_by(event.c.id),
    )


def standing(db: Connection) -> Rows:
    """How many records each flow has in each state and for each reason, and the oldest due."""
    key = (record.c.flow, record.c.state, record.c.reason)
    oldest = func.min(record.c.due_at).label("oldest")
    chosen = select(*key, func.count().label("count"), oldest).group_by(*key).order_by(*key)
    return _all(db, chosen)


def waiting(
    db: Connection, most: int, linking: Collection[str] = (), without: Collection[str] = ()
) -> Rows:
    """Records that wait for a person, oldest first; blocked ones wait for another record.

    *linking*: flows that create nothing; what they do not find there is nobody's business until
    another record waits for it. *without*: none of these flows.
    """
    held = (
        record.c.state == "held", record.c.reason != "blocked", record.c.flow.not_in(without),
    )  # fmt: skip
    chosen = select(*_SHOWN).where(*held, or_(~_not_there(linking), demanded(db)))
    return _all(db, chosen.order_by(record.c.changed_at, record.c.id).limit(most))


def _not_there(linking: Collection[str]) -> ColumnElement[bool]:
    return and_(record.c.flow.in_(linking), record.c.reason == "rule")


def demanded(db: Connection) -> ColumnElement[bool]:
    """The condition "a rule holds this one, and a blocked record waits for it"."""
    lists = select(record.c.blocked_on).where(record.c.blocked_on.is_not(None)).distinct()
    wanted = {ref for on in db.scalars(lists) for ref in blockers(on)}
    # Of all that is waited for few are held so: a statement takes no more than 65 535 values.
    ruled = (record.c.state == "held", record.c.reason == "rule")
    held = db.execute(select(record.c.entity, record.c.key).where(*ruled)) if wanted else ()
    found = {Ref(entity=entity, key=key) for entity, key in held}
    return any_of(wanted & found, record.c.entity, record.c.key)


def old_doubts(
    db: Connection, before: datetime, most: int, *, without: Collection[str] = ()
) -> Rows:
    """Records in doubt since before *before*; nothing settles them but the target or a person."""
    chosen = select(*_SHOWN).join_from(record, attempt, attempt.c.record == record.c.id)
    old = (attempt.c.outcome.is_(None), attempt.c.written_at < before)
    doubtful = (record.c.state == "in_doubt", record.c.flow.not_in(without))
    return _all(db, chosen.where(*doubtful, *old).limit(most))


def oldest_doubts(db: Connection) -> dict[str, datetime]:
    """Since when the oldest open doubt of each flow is one."""
    began = func.min(attempt.c.written_at)
    chosen = select(record.c.flow, began).join_from(
        attempt, record, attempt.c.record == record.c.id
    )
    open_ = (attempt.c.outcome.is_(None), record.c.state == "in_doubt")
    rows = db.execute(chosen.where(*open_).group_by(record.c.flow))
    return {row[0]: row[1] for row in rows}


def newest_attempt(db: Connection) -> int:
    """The id of the newest attempt, 0 for none."""
    return db.scalar(select(func.max(attempt.c.id))) or 0


def attempted(db: Connection, attempt_id: int) -> Rows:
    """What came of the attempts after *attempt_id*, counted by flow, action and outcome."""
    key = (record.c.flow, attempt.c.action, attempt.c.outcome)
    chosen = select(*key, func.count().label("count"))
    joined = chosen.join_from(attempt, record, attempt.c.record == record.c.id)
    return _all(db, joined.where(attempt.c.id > attempt_id).group_by(*key))


def cursors(db: Connection) -> Rows:
    """How far every scope was read, and when it moved last."""
    return _all(db, select(cursor).order_by(cursor.c.connection, cursor.c.scope))


def connections(db: Connection) -> Rows:
    """The systems that the ledger knows."""
    return _all(db, select(connection).order_by(connection.c.name))


def set_aside(db: Connection) -> Rows:
    """Pieces of pages that could not even be named, by flow and code, and where the last one was.

    Without what they hold.
    """
    key = (quarantine.c.flow, quarantine.c.code)
    last = func.max(quarantine.c.seen_at).label("last")
    newest = func.max(quarantine.c.id).label("newest")
    by = select(*key, func.count().label("count"), last, newest).group_by(*key).subquery()
    told = (by.c.flow, by.c.code, by.c.count, by.c.last, quarantine.c.at)
    joined = select(*told).join(quarantine, quarantine.c.id == by.c.newest)
    return _all(db, joined.order_by(by.c.flow, by.c.code))


def sizes(db: Connection) -> dict[str, int]:
    """Rows by table."""
    return {
        table.name: db.scalar(select(func.count()).select_from(table)) or 0
        for table in meta.sorted_tables
    }


def watch(db: Connection) -> dict[str, Any]:
    """The ledger's life: its epoch, since when it watches, its last beat."""
    names = ("epoch", "created_at", "alive_since", "unsettled_since", "beat_at")
    return dict(db.execute(select(*(life.c[n] for n in names))).mappings().one())


def references(db: Connection, flow: str, keys: list[str]) -> dict[str, dict[str, Any]]:
    """Key → the record of an order, for those that the flow knows."""
    names = "key id reference state reason seq acked_seq decision decided_seq"
    columns = [record.c[n] for n in names.split()]
    own = and_(record.c.flow == flow, record.c.key.in_(keys), ~record.c.key.contains("/"))
    return {row["key"]: row for row in _all(db, select(*columns).where(own))}


def _all(db: Connection, query: Any) -> Rows:
    return [dict(row) for row in db.execute(query).mappings()]
