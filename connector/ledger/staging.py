"""Staging: what is wanted is written down, and delivery is never disturbed (R1, R5, R13)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from msgspec.structs import replace
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from connector.errors import NotNow
from connector.ledger import bearers, goods
from connector.ledger.drafts import Draft as Draft
from connector.ledger.links import own_link
from connector.ledger.many import add, many
from connector.ledger.moves import open_intent
from connector.ledger.schema import event, link, record


@dataclass(frozen=True, kw_only=True, slots=True)
class Staged:
    """What staging did: counts, and the keys whose birth contradicts the ledger (R9)."""

    new: int = 0
    changed: int = 0
    same: int = 0
    reborn: tuple[str, ...] = ()


_KEPT = (
    "flow", "entity", "key", "source", "target", "serial_key", "birth", "born_at", "reference",
    "read_at", "doc", "doc_hash", "raw_hash", "read_digest", "total", "currency", "subject", "lane",
)  # fmt: skip

# What two processes that read the same may write at once; the second finds it written next time.
_ONE_EACH = {"uq_record_flow_entity_key", "uq_record_target_entity_reference"}


def hashes(
    db: Connection, flow: str, entity: str, keys: Sequence[str]
) -> dict[str, tuple[str | None, str | None]]:
    """Key → (raw_hash, read_digest) of what was staged last; unknown keys are left out.

    What the flow's rules keep back has no hash: it is judged again whenever it is read (R14); nor
    has what is due without content.
    """
    rows = db.execute(_hashes(), {"flow": flow, "entity": entity, "keys": keys}).all()
    return {key: (raw_hash, read_digest) for key, raw_hash, read_digest in rows}


@cache
def _hashes() -> Any:
    whole = or_(record.c.doc.is_not(None), record.c.state != "prepared")
    hashed = case((and_(record.c.verdict == "due", whole), record.c.raw_hash))
    return select(record.c.key, hashed, record.c.read_digest).where(_named())


def _named() -> ColumnElement[bool]:
    """The condition "one of these keys of a flow"."""
    return and_(
        record.c.flow == bindparam("flow"),
        record.c.entity == bindparam("entity"),
        record.c.key.in_(bindparam("keys", expanding=True)),
    )


def stage(db: Connection, drafts: Sequence[Draft], now: datetime) -> Staged:
    """Write what is wanted; delivery is never disturbed (R1), equal documents change nothing.

    Raises NotNow(read_elsewhere) if another process has just written one of them.
    """
    counts = {"changed": 0, "same": 0}
    reborn: list[str] = []
    new: list[Draft] = []
    changes: list[tuple[Row[Any], dict[str, Any]]] = []
    taken: list[tuple[int, int, str]] = []
    known = _known(db, drafts)
    named = {key for key, row in known.items() if row.reference is not None}
    used = bearers.taken(db, [d for d in drafts if (d.flow, d.entity, d.key) not in named])
    for draft in _telling(sorted(drafts, key=lambda d: (d.flow, d.entity, d.key)), known):
        row = known.get((draft.flow, draft.entity, draft.key))
        if row is None or row.reference is None:
            draft = bearers.unique(draft, used)
        if row is None:
            new.append(draft)
        elif row.birth and draft.birth and row.birth != draft.birth:
            reborn.append(draft.key)
            _conflict(db, row, now)
        elif (draft.only_new and not _is_empty(row)) or (values := restage(row, draft)) is None:
            counts["same"] += 1
        else:
            changes.append((row, values))
            if draft.goods is not None and "verdict" in values:
                taken.append((row.id, values.get("seq", row.seq), draft.goods))
            counts["changed" if "verdict" in values else "same"] += 1
    _change(db, changes, now)
    goods.note(db, taken)
    goods.first(db, _insert(db, new, now))
    return Staged(**counts | {"new": len(new)}, reborn=tuple(reborn))


def _telling(
    drafts: Iterable[Draft], known: Mapping[tuple[str, str, str], Row[Any]]
) -> Iterator[Draft]:
    """Without those that say nothing of what is not known; R10: of an order that is kept back

    nothing is delivered for the first time before it was itself. R11: what was staged with its
    order before it had a flow of its own stays there.
    """
    begun = {row.serial_key for row in known.values() if row.linked}
    for draft in drafts:
        if draft.kept_back and draft.serial_key not in begun:
            draft = replace(draft, verdict="filtered", only_known=True)
        silent = draft.only_known or (draft.beside, draft.entity, draft.key) in known
        if not silent or (draft.flow, draft.entity, draft.key) in known:
            yield draft


def restage(row: Row[Any], draft: Draft) -> dict[str, Any] | None:
    """The columns that *draft* changes in its record: None if it is old or says nothing new.

    R13: only an older version is replaced; on equal versions the read that began later wins.
    R5: the comparison is with what was staged last, never with what was delivered.
    """
    if not newer(row, draft):
        return None
    seen: dict[str, Any] = {
        "raw_hash": draft.raw_hash,
        "read_digest": draft.read_digest,
        "read_at": draft.read_at,
    }
    if draft.version is not None:
        seen["source_version"] = draft.version
    lane = _lane(row, draft)
    verdict = _verdict(draft, linked=row.linked, backfilled=lane == "backfill")
    same_content = same_as_staged(row, draft) or (
        draft.doc is None and row.raw_hash == draft.raw_hash
    )
    if same_content and verdict == row.verdict and not judged_again(row, draft):
        return seen | {"doc": draft.doc} if _is_empty(row) else seen
    values = seen | {"verdict": verdict, "needs": draft.needs or None, "lane": lane}
    if not same_content:
        values |= {"seq": row.seq + 1}
    if draft.doc is not None:
        values |= {
            "doc": draft.doc,
            "doc_hash": draft.doc_hash,
            "total": draft.total,
            "currency": draft.currency,
            "subject": draft.subject,
            "birth": row.birth or draft.birth,
            "born_at": row.born_at or draft.born_at,
            "reference": row.reference or draft.reference,
        }
    if undisturbed(row):
        return {k: v for k, v in values.items() if k != "needs"}
    return values | _standing(verdict, draft) | ({} if same_content else {"attempts": 0})


def _is_empty(row: Row[Any]) -> bool:
    """Is it due, and was its content dropped before (O4)?"""
    return bool(row.state == "prepared" and row.doc is None)


def _lane(row: Row[Any], draft: Draft) -> str:
    """What is linked is live; what the flow left alone is a backfill's if one reads it."""
    if row.linked:
        return "live"
    return draft.lane if row.verdict == "filtered" else str(row.lane)


def _verdict(draft: Draft, *, linked: bool, backfilled: bool) -> str:
    """R10: filters and deletions guard the first delivery; later they are changes to deliver."""
    if draft.old and not (linked or backfilled):
        return "filtered"
    match draft.verdict:
        case "filtered":
            return "due" if linked else "filtered"
        case "gone":
            return "review" if linked else "filtered"
        case other:
            return other


def newer(row: Row[Any], draft: Draft) -> bool:
    """R13: is what *draft* read not older than what is staged?"""
    versions = (draft.version, row.source_version)
    if None in versions or draft.version == row.source_version:
        return bool(draft.read_at >= row.read_at)
    return later(str(draft.version), row.source_version)


def later(one: str, other: str) -> bool:
    """Is version *one* later than *other*? Counters by their number, all else as text."""
    if one.isdecimal() and other.isdecimal():
        return int(one) > int(other)
    return one > other


def same_as_staged(row: Row[Any], draft: Draft) -> bool:
    """R5: is the document equal to the one staged last?"""
    return draft.doc is not None and draft.doc_hash == row.doc_hash


def judged_again(row: Row[Any], draft: Draft) -> bool:
    """R14: a held record is judged again when the mapping that held it has changed."""
    return (
        row.state == "held"
        and row.reason in ("unreadable", "rule")
        and row.read_digest != draft.read_digest
    )


def undisturbed(row: Row[Any]) -> bool:
    """R1, R4: with a call in hand or in doubt, staging writes what is wanted and nothing else."""
    return (
        row.state in ("running", "in_doubt")
        or row.doubtful
        or (row.state, row.reason) == ("held", "undone")
    )


def _standing(verdict: str, draft: Draft) -> dict[str, Any]:
    """State, reason and due time that a verdict gives to a record nobody has in hand."""
    base: dict[str, Any] = {"due_at": draft.due_at, "blocked_on": None, "owner": None}
    match verdict:
        case "due":
            return base | {"state": "prepared", "reason": None}
        case "filtered":
            return base | {"state": "done", "reason": "filtered"}
        case held:
            return base | {"state": "held", "reason": held}


def _known(db: Connection, drafts: Sequence[Draft]) -> dict[tuple[str, str, str], Row[Any]]:
    """The records that *drafts* name, each with `linked` and `doubtful`."""
    found: dict[tuple[str, str, str], Row[Any]] = {}
    for (flow, entity), keys in _keys(drafts).items():
        rows = db.execute(_standing_now(), {"flow": flow, "entity": entity, "keys": keys}).all()
        found |= {(flow, entity, row.key): row for row in rows}
    return found


@cache
def _standing_now() -> Any:
    linked = exists(select(link.c.id).where(own_link()))
    columns = (record, linked.label("linked"), open_intent().label("doubtful"))
    return select(*columns).where(_named()).with_for_update(of=record)


def _keys(drafts: Sequence[Draft]) -> dict[tuple[str, str], list[str]]:
    by_flow: dict[tuple[str, str], list[str]] = {}
    for d in drafts:
        for flow in {d.flow, d.beside} - {None}:
            by_flow.setdefault((str(flow), d.entity), []).append(d.key)
    return by_flow


def _insert(db: Connection, drafts: Sequence[Draft], now: datetime) -> list[tuple[int, int, str]]:
    """Insert new records; what they take of the stock."""
    if not drafts:
        return []
    rows = [_row(draft, now) for draft in drafts]
    before = db.scalar(select(func.max(record.c.id))) or 0
    try:
        add(db, record, rows)
    except IntegrityError as error:
        if _named_by(error) not in _ONE_EACH:
            raise
        message = "another process reads the same documents"
        raise NotNow(message, code="read_elsewhere") from error
    made = db.execute(_made(), {"before": before}).all()
    ids = {(flow, entity, key): id_ for id_, flow, entity, key in made}
    told = {"at": now, "move": "stage new", "seq": 1, "actor": "engine"}
    events = [
        {"record": ids[r["flow"], r["entity"], r["key"]], "state": r["state"],
         "reason": r["reason"], "detail": r["needs"], **told}
        for r in rows
    ]  # fmt: skip
    add(db, event, events)
    return [(ids[d.flow, d.entity, d.key], 1, d.goods) for d in drafts if d.goods is not None]


def _named_by(error: IntegrityError) -> str | None:
    """The constraint that PostgreSQL names; one process alone meets none (O1)."""
    name: str | None = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    return name


@cache
def _made() -> Any:
    """The records of later ids: ours, and what another machine wrote meanwhile."""
    columns = (record.c.id, record.c.flow, record.c.entity, record.c.key)
    return select(*columns).where(record.c.id > bindparam("before"))


def _row(draft: Draft, now: datetime) -> dict[str, Any]:
    verdict = _verdict(draft, linked=False, backfilled=draft.lane == "backfill")
    return {
        **{name: getattr(draft, name) for name in _KEPT},
        **_standing(verdict, draft),
        "source_version": draft.version,
        "verdict": verdict,
        "needs": draft.needs or None,
        "created_at": now,
        "changed_at": now,
    }


def _change(
    db: Connection, changes: Sequence[tuple[Row[Any], dict[str, Any]]], now: datetime
) -> None:
    """Write what changed; an event only where a person would call it a change."""
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row, values in changes:
        named = {f"v_{name}": value for name, value in values.items()}
        alike.setdefault(tuple(values), []).append({"b_id": row.id, "b_now": now, **named})
    for names, rows in alike.items():
        many(db, _changing(names), rows)
    told = [
        _event(row.id, "stage newer", _was(row) | values, now)
        for row, values in changes
        if "verdict" in values
    ]
    if told:
        add(db, event, told)


def _was(row: Row[Any]) -> dict[str, Any]:
    return {"state": row.state, "reason": row.reason, "seq": row.seq, "needs": None}


@cache
def _changing(names: tuple[str, ...]) -> Any:
    values = {name: bindparam(f"v_{name}", type_=record.c[name].type) for name in names}
    values["changed_at"] = bindparam("b_now", type_=record.c.changed_at.type)
    return update(record).where(record.c.id == bindparam("b_id")).values(values)


def _conflict(db: Connection, row: Row[Any], now: datetime) -> None:
    """R9: another document under a known key; delivery of the old one is not disturbed."""
    if undisturbed(row) or (row.state, row.verdict) == ("held", "conflict"):
        return
    needs = "another document has this key: is the shop restored or cloned?"
    values = {
        "state": "held", "reason": "conflict", "needs": needs, "verdict": "conflict",
        "blocked_on": None, "changed_at": now,
    }  # fmt: skip
    db.execute(update(record).where(record.c.id == row.id).values(values))
    add(db, event, [_event(row.id, "other birth", values | {"seq": row.seq}, now)])


def _event(id_: int, name: str, standing: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "record": id_, "at": now, "move": name, "state": standing["state"],
        "reason": standing["reason"], "seq": standing["seq"], "actor": "engine",
        "detail": standing["needs"] or None,
    }  # fmt: skip
