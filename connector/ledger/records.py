"""Records: staging what is wanted, claiming what is due, freeing what was blocked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    case,
    exists,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import aliased

from connector.ledger.links import own_link
from connector.ledger.moves import Moving, move, open_intent
from connector.ledger.schema import attempt, event, link, record
from connector.points import reach
from connector.values import Ref


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """What a page says of one document, judged by rules, ready to be staged.

    *doc* None: unreadable, the last good document stays. *verdict*: due, filtered, or the reason
    for which it is held; *due_at*: when it may first be delivered.
    """

    flow: str
    entity: str
    key: str
    source: str
    target: str
    serial_key: str
    read_at: datetime
    due_at: datetime
    verdict: str = "due"
    needs: str = ""
    birth: str | None = None
    born_at: datetime | None = None
    reference: str | None = None
    version: str | None = None
    doc: bytes | None = None
    doc_hash: str | None = None
    raw_hash: str | None = None
    read_digest: str = ""
    total: str | None = None
    currency: str | None = None
    subject: str | None = None
    lane: str = "live"
    only_new: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Staged:
    """What staging did: counts, and the keys whose birth contradicts the ledger (R9)."""

    new: int = 0
    changed: int = 0
    same: int = 0
    reborn: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """A record in our hand, with what the ledger knows of it and of its link."""

    id: int
    flow: str
    entity: str
    source: str
    target: str
    key: str
    serial_key: str
    birth: str | None
    born_at: datetime | None
    reference: str
    seq: int
    acked_seq: int
    doc: bytes
    verdict: str
    needs: str | None
    decision: str | None
    attempts: int
    fence: int
    lane: str
    target_key: str | None
    target_version: str | None
    base_source: bytes | None
    base_target: bytes | None
    base_known: bool | None
    steps_left: str | None
    link_reference: str | None


def hashes(
    db: Connection, flow: str, entity: str, keys: Sequence[str]
) -> dict[str, tuple[str | None, str | None]]:
    """Key → (raw_hash, read_digest) of what was staged last; unknown keys are left out."""
    rows = db.execute(
        select(record.c.key, record.c.raw_hash, record.c.read_digest).where(
            record.c.flow == flow, record.c.entity == entity, record.c.key.in_(keys)
        )
    )
    return {row.key: (row.raw_hash, row.read_digest) for row in rows}


def stage(db: Connection, drafts: Sequence[Draft], now: datetime) -> Staged:
    """Write what is wanted; delivery is never disturbed (R1) and an equal document changes nothing."""
    counts = {"new": 0, "changed": 0, "same": 0}
    reborn: list[str] = []
    known = _known(db, drafts)
    taken = _taken(db, [d for d in drafts if (d.flow, d.entity, d.key) not in known])
    for draft in sorted(drafts, key=lambda d: (d.flow, d.entity, d.key)):
        row = known.get((draft.flow, draft.entity, draft.key))
        if row is None:
            _insert(db, unique(draft, taken), now)
            counts["new"] += 1
        elif row.birth and draft.birth and row.birth != draft.birth:
            reborn.append(draft.key)
            _conflict(db, row, now)
        elif draft.only_new or (values := restage(row, draft)) is None:
            counts["same"] += 1
        else:
            _change(db, row, values, now)
            counts["changed"] += 1
    return Staged(**counts, reborn=tuple(reborn))


def restage(row: Row[Any], draft: Draft) -> dict[str, Any] | None:
    """The columns that *draft* changes in its record: None if it is old or says nothing new.

    R13: only an older version is replaced; on equal versions the read that began later wins.
    R5: the comparison is with what was staged last, never with what was delivered.
    """
    if not newer(row, draft):
        return None
    seen = {"raw_hash": draft.raw_hash, "read_digest": draft.read_digest, "read_at": draft.read_at}
    if draft.version is not None:
        seen["source_version"] = draft.version
    verdict = _verdict(draft, linked=row.linked)
    same_content = same_as_staged(row, draft) or (
        draft.doc is None and row.raw_hash == draft.raw_hash
    )
    if same_content and verdict == row.verdict and not judged_again(row, draft):
        return seen
    values = seen | {"verdict": verdict, "needs": draft.needs or None}
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
        }
    if undisturbed(row):
        return {k: v for k, v in values.items() if k != "needs"}
    return values | _standing(verdict, draft) | ({} if same_content else {"attempts": 0})


def _verdict(draft: Draft, *, linked: bool) -> str:
    """R10: filters and deletions guard the first delivery; later they are changes to deliver."""
    match draft.verdict:
        case "filtered":
            return "due" if linked else "filtered"
        case "gone":
            return "review" if linked else "filtered"
        case other:
            return other


def newer(row: Row[Any], draft: Draft) -> bool:
    """R13: is what *draft* read not older than what is staged?"""
    if draft.version is not None and row.source_version is not None:
        if draft.version != row.source_version:
            return draft.version > row.source_version
    return draft.read_at >= row.read_at


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
    linked = exists(select(link.c.id).where(own_link()))
    found: dict[tuple[str, str, str], Row[Any]] = {}
    by_flow: dict[tuple[str, str], list[str]] = {}
    for d in drafts:
        by_flow.setdefault((d.flow, d.entity), []).append(d.key)
    for (flow, entity), keys in by_flow.items():
        rows = db.execute(
            select(record, linked.label("linked"), open_intent().label("doubtful"))
            .where(record.c.flow == flow, record.c.entity == entity, record.c.key.in_(keys))
            .with_for_update(of=record)
        )
        found |= {(row.flow, row.entity, row.key): row for row in rows}
    return found


def _taken(db: Connection, drafts: Sequence[Draft]) -> set[tuple[str, str, str]]:
    """The (target, entity, reference) of *drafts* that other records have already."""
    by_target: dict[tuple[str, str], list[str]] = {}
    for d in drafts:
        if d.reference is not None:
            by_target.setdefault((d.target, d.entity), []).append(d.reference)
    return {
        (target, entity, used)
        for (target, entity), references in by_target.items()
        for used in db.scalars(
            select(record.c.reference).where(
                record.c.target == target,
                record.c.entity == entity,
                record.c.reference.in_(references),
            )
        )
    }


def unique(draft: Draft, taken: set[tuple[str, str, str]]) -> Draft:
    """R8, P5: a reference that is used already is nobody else's: its second bearer is held."""
    if draft.reference is None:
        return draft
    bearer = (draft.target, draft.entity, draft.reference)
    if bearer not in taken:
        taken.add(bearer)
        return draft
    needs = f"reference {draft.reference} is another record's: make the flow's `reference:` unique"
    return replace(draft, reference=None, verdict="conflict", needs=needs)


def _insert(db: Connection, draft: Draft, now: datetime) -> None:
    verdict = _verdict(draft, linked=False)
    standing = _standing(verdict, draft)
    new_id = db.execute(
        insert(record).values(
            flow=draft.flow,
            entity=draft.entity,
            key=draft.key,
            source=draft.source,
            target=draft.target,
            serial_key=draft.serial_key,
            birth=draft.birth,
            born_at=draft.born_at,
            reference=draft.reference,
            source_version=draft.version,
            read_at=draft.read_at,
            doc=draft.doc,
            doc_hash=draft.doc_hash,
            raw_hash=draft.raw_hash,
            read_digest=draft.read_digest,
            verdict=verdict,
            needs=draft.needs or None,
            total=draft.total,
            currency=draft.currency,
            subject=draft.subject,
            lane=draft.lane,
            created_at=now,
            changed_at=now,
            **standing,
        )
    ).inserted_primary_key[0]
    _note(db, new_id, "stage new", standing, 1, now, draft.needs)


def _change(db: Connection, row: Row[Any], values: dict[str, Any], now: datetime) -> None:
    """Write what changed; an event only where a person would call it a change."""
    db.execute(update(record).where(record.c.id == row.id).values(values | {"changed_at": now}))
    if "verdict" in values:
        standing = {"state": row.state, "reason": row.reason} | values
        seq = values.get("seq", row.seq)
        _note(db, row.id, "stage newer", standing, seq, now, values.get("needs"))


def _conflict(db: Connection, row: Row[Any], now: datetime) -> None:
    """R9: another document under a known key; delivery of the old one is not disturbed."""
    if undisturbed(row):
        return
    needs = "another document has this key: is the shop restored or cloned?"
    values = {
        "state": "held", "reason": "conflict", "needs": needs, "verdict": "conflict",
        "blocked_on": None, "changed_at": now,
    }  # fmt: skip
    db.execute(update(record).where(record.c.id == row.id).values(values))
    _note(db, row.id, "other birth", values, row.seq, now, needs)


def _note(
    db: Connection,
    id_: int,
    name: str,
    standing: dict[str, Any],
    seq: int,
    now: datetime,
    detail: str | None,
) -> None:
    db.execute(
        insert(event).values(
            record=id_, at=now, move=name, state=standing["state"], reason=standing["reason"],
            seq=seq, actor="engine", detail=detail or None,
        )
    )  # fmt: skip


def claim(
    db: Connection, flow: str, *, owner: str, now: datetime, lease: datetime, most: int
) -> list[Claimed]:
    """Take up to *most* due records whose pair nobody has in hand or in doubt, oldest first."""
    other = aliased(record)
    busy = or_(
        exists(
            select(attempt.c.id).where(
                attempt.c.serial_key == record.c.serial_key, attempt.c.outcome.is_(None)
            )
        ),
        exists(
            select(other.c.id).where(
                other.c.serial_key == record.c.serial_key, other.c.state == "running"
            )
        ),
    )
    due = (
        select(record.c.id)
        .where(
            record.c.flow == flow,
            record.c.state == "prepared",
            record.c.due_at <= now,
            record.c.doc.is_not(None),
            ~busy,
        )
        .order_by(case((record.c.lane == "live", 0), else_=1), record.c.due_at, record.c.id)
        .limit(most)
        .with_for_update(of=record, skip_locked=True)
    )
    ids = list(db.scalars(due))
    if not ids:
        return []
    db.execute(
        update(record)
        .where(record.c.id.in_(ids))
        .values(
            state="running",
            reason=None,
            owner=owner,
            fence=record.c.fence + 1,
            due_at=lease,
            changed_at=now,
        )
    )
    reach("claim.before_commit")
    return claimed(db, ids)


def claimed(db: Connection, ids: Sequence[int]) -> list[Claimed]:
    """Records as the engine takes them in hand, in the order of *ids*."""
    decision = case((record.c.decided_seq == record.c.seq, record.c.decision))
    columns = [
        c for c in record.c if c.name in Claimed.__dataclass_fields__ and c.name != "decision"
    ]
    rows = db.execute(
        select(
            *columns,
            decision.label("decision"),
            link.c.target_key,
            link.c.target_version,
            link.c.base_source,
            link.c.base_target,
            link.c.base_known,
            link.c.steps_left,
            link.c.reference.label("link_reference"),
        )
        .join_from(record, link, own_link(), isouter=True)
        .where(record.c.id.in_(ids))
    )
    by_id = {row.id: Claimed(**row._mapping) for row in rows}
    return [by_id[i] for i in ids]


def lapse(db: Connection, now: datetime, *, owner: str, dead: bool) -> int:
    """Take records back from owners whose lease is over, or (*dead*) from everyone but *owner*.

    Without an intent nothing was sent: prepared. With one, the call may have been: in doubt.
    """
    over = record.c.due_at <= now
    if dead:
        over = or_(over, record.c.owner != owner)
    rows = db.execute(
        select(record.c.id, record.c.seq, open_intent().label("intent")).where(
            record.c.state == "running", over
        )
    ).all()
    with_intent = [Moving(id=r.id, seq=r.seq, due_at=now) for r in rows if r.intent]
    without = [Moving(id=r.id, seq=r.seq, due_at=now) for r in rows if not r.intent]
    moved = move(db, "lapse", without, now=now) | move(db, "lapse_doubt", with_intent, now=now)
    return len(moved)


def sweep(db: Connection, flow: str, now: datetime) -> int:
    """D1: free every blocked record whose blockers are all linked by now; level-triggered."""
    rows = db.execute(
        select(
            record.c.id, record.c.seq, record.c.source, record.c.target, record.c.blocked_on
        ).where(record.c.flow == flow, record.c.state == "held", record.c.reason == "blocked")
    ).all()
    free = [r for r in rows if not missing(db, r.source, r.target, blockers(r.blocked_on))]
    return len(move(db, "sweep", [Moving(id=r.id, seq=r.seq, due_at=now) for r in free], now=now))


def missing(db: Connection, source: str, target: str, refs: Iterable[Ref]) -> set[Ref]:
    """Those of *refs* that have no link in this pair yet."""
    wanted = set(refs)
    found = db.execute(
        select(link.c.entity, link.c.source_key).where(
            link.c.source == source,
            link.c.target == target,
            link.c.role != "part",
            tuple_(link.c.entity, link.c.source_key).in_([(r.entity, r.key) for r in wanted]),
        )
    )
    return wanted - {Ref(entity=row.entity, key=row.source_key) for row in found}


def blockers(blocked_on: str) -> list[Ref]:
    """The references that a `blocked_on` names, one a line."""
    return [Ref(entity=e, key=k) for e, k in (b.split(":", 1) for b in blocked_on.split("\n"))]


def demands(db: Connection, source: str, target: str, entity: str) -> list[str]:
    """Keys of *entity* that blocked records of this pair wait for."""
    rows = db.scalars(
        select(record.c.blocked_on)
        .where(
            record.c.source == source,
            record.c.target == target,
            record.c.reason == "blocked",
        )
        .distinct()
    )
    return sorted({ref.key for row in rows for ref in blockers(row) if ref.entity == entity})


def dead(db: Connection, source: str, target: str, refs: Iterable[Ref]) -> set[Ref]:
    """Those of *refs* whose own records are held, so that nothing will link them by itself (D1)."""
    wanted = [(r.entity, r.key) for r in refs]
    rows = db.execute(
        select(record.c.entity, record.c.key).where(
            record.c.source == source,
            record.c.target == target,
            record.c.state == "held",
            record.c.reason != "blocked",
            tuple_(record.c.entity, record.c.key).in_(wanted),
        )
    )
    return {Ref(entity=row.entity, key=row.key) for row in rows}
