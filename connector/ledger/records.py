"""Records in the queue: claiming what is due, taking back from the dead, freeing the blocked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    update,
)

from connector.ledger.links import known, of_one_entity, own_link
from connector.ledger.moves import Moving, move, open_intent
from connector.ledger.schema import attempt, event, link, record
from connector.points import reach
from connector.values import Ref

FLOOR = 10


class Claimed(Struct, frozen=True, gc=False):
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
    created_at: datetime
    read_at: datetime
    steps_left: str | None
    link_reference: str | None


def claim(  # noqa: PLR0913 - whose, until when, and which
    db: Connection,
    flow: str,
    *,
    owner: str,
    now: datetime,
    lease: datetime,
    most: int,
    only: Sequence[int] | None = None,
) -> list[Claimed]:
    """Take up to *most* due records whose pair nobody has in hand or in doubt, oldest first.

    *only*: none but these.
    """
    due, given = _due(narrowed=only is not None), {"flow": flow, "now": now, "only": only}

    def oldest(lane: str, some: int) -> list[int]:
        return list(db.scalars(due, {**given, "lane": lane, "most": some})) if some else []

    live = oldest("live", most)
    # O3: live goes first, but a tenth of a full hand is the backfill's, so that it moves on.
    old = oldest("backfill", max(most - len(live), most // FLOOR))
    ids = [*live[: most - len(old)], *old]
    if not ids:
        return []
    db.execute(_taking(), {"ids": ids, "b_owner": owner, "b_lease": lease, "b_now": now})
    reach("claim.before_commit")
    return claimed(db, ids)


@cache
def _due(*, narrowed: bool) -> Any:
    """The records of a lane that may be taken in hand, oldest first; *narrowed*: none but some.

    They are walked as `ix_record_due` has them, so that what waits behind them costs nothing.
    """
    some = (record.c.id.in_(bindparam("only", expanding=True)),) if narrowed else ()
    return (
        select(record.c.id)
        .where(
            record.c.flow == bindparam("flow"),
            record.c.state == "prepared",
            record.c.lane == bindparam("lane"),
            record.c.due_at <= bindparam("now", type_=record.c.due_at.type),
            record.c.doc.is_not(None),
            ~_busy(),
            *some,
        )
        .order_by(record.c.due_at, record.c.reason, record.c.id)
        .limit(bindparam("most"))
        .with_for_update(of=record, skip_locked=True)
    )


@cache
def _taking() -> Any:
    return (
        update(record)
        .where(record.c.id.in_(bindparam("ids", expanding=True)))
        .values(
            state="running",
            reason=None,
            owner=bindparam("b_owner"),
            fence=record.c.fence + 1,
            due_at=bindparam("b_lease", type_=record.c.due_at.type),
            changed_at=bindparam("b_now", type_=record.c.changed_at.type),
        )
    )


def _busy() -> ColumnElement[bool]:
    """The condition "somebody has this record's pair in hand, or it is in doubt" (R7)."""
    other = record.alias("other")
    same = attempt.c.serial_key == record.c.serial_key
    running = (other.c.serial_key == record.c.serial_key) & (other.c.state == "running")
    return or_(
        exists(select(attempt.c.id).where(same, attempt.c.outcome.is_(None))),
        exists(select(other.c.id).where(running)),
    )


def other_way(db: Connection, flow: str, source: str, target: str) -> tuple[str, str] | None:
    """From where to where documents of *flow* go that do not go from *source* to *target*."""
    else_ = or_(record.c.source != source, record.c.target != target)
    chosen = select(record.c.source, record.c.target).where(record.c.flow == flow, else_).limit(1)
    row = db.execute(chosen).first()
    return None if row is None else (row.source, row.target)


def due_flows(db: Connection, flows: Iterable[str], now: datetime) -> set[str]:
    """Those of *flows* of which something waits for its next step."""
    # One question each, in the words of its index: what is done is never gone through.
    waits = record.c.state.in_(("prepared", "in_doubt")) & record.c.lane.in_(("live", "backfill"))
    mine = (record.c.flow == bindparam("one"), waits, record.c.due_at <= now)
    due = select(record.c.id).where(*mine).limit(1)
    return {name for name in flows if db.execute(due, {"one": name}).first() is not None}


def unblocked_flows(db: Connection) -> set[str]:
    """The flows of which a blocked record waits for nothing any more: its blockers are linked."""
    names = ("flow", "source", "target", "blocked_on")
    # Neither DISTINCT nor a state, so that the database uses the index of the blocked alone.
    blocked = select(*(record.c[name] for name in names)).where(record.c.blocked_on.is_not(None))
    pairs: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for r in db.execute(blocked):
        pairs.setdefault((r.source, r.target), set()).add((r.flow, r.blocked_on))
    found: set[str] = set()
    for pair, some in pairs.items():
        left = missing(db, *pair, {ref for _, on in some for ref in blockers(on)})
        found |= {flow for flow, on in some if left.isdisjoint(blockers(on))}
    return found


def claimed(db: Connection, ids: Sequence[int]) -> list[Claimed]:
    """Records as the engine takes them in hand, in the order of *ids*."""
    found = (Claimed(*row) for row in db.execute(_claimed(), {"ids": ids}).all())
    by_id = {one.id: one for one in found}
    return [by_id[i] for i in ids]


@cache
def _claimed() -> Any:
    """What makes a Claimed, in the order of its fields."""
    others = {
        "decision": case((record.c.decided_seq == record.c.seq, record.c.decision)),
        "link_reference": link.c.reference,
        **{n: link.c[n] for n in ("target_key", "target_version", "base_source", "base_target")},
        **{n: link.c[n] for n in ("base_known", "steps_left")},
    }
    columns = [others[n] if n in others else record.c[n] for n in Claimed.__struct_fields__]
    mine = record.c.id.in_(bindparam("ids", expanding=True))
    return select(*columns).join_from(record, link, own_link(), isouter=True).where(mine)


def lapse(db: Connection, now: datetime, *, owner: str, dead: bool) -> int:
    """Take records back from owners whose lease is over, or (*dead*) from everyone but *owner*.

    Without an intent nothing was sent: prepared. With one, the call may have been: in doubt; it
    counts as a crash only if it surely had begun (R12).
    """
    rows = db.execute(_lapsed(dead=dead), {"now": now, "owner": owner}).all()
    with_intent = [
        Moving(id=r.id, seq=r.seq, due_at=now, values={"attempts": r.attempts + r.begun})
        for r in rows
        if r.intent
    ]
    # They keep their place: what was read later and waits does not go before them.
    without = [Moving(id=r.id, seq=r.seq, due_at=min(now, r.read_at)) for r in rows if not r.intent]
    moved = move(db, "lapse", without, now=now) | move(db, "lapse_doubt", with_intent, now=now)
    return len(moved)


@cache
def _lapsed(*, dead: bool) -> Any:
    over = record.c.due_at <= bindparam("now", type_=record.c.due_at.type)
    if dead:
        over = or_(over, record.c.owner != bindparam("owner"))
    return select(
        record.c.id, record.c.seq, record.c.attempts, record.c.read_at,
        open_intent().label("intent"),
        open_intent(attempt.c.started_at.is_not(None)).label("begun"),
    ).where(record.c.owner.is_not(None), over)  # its index holds only the running  # fmt: skip


def sweep(db: Connection, flow: str, now: datetime) -> int:
    """D1: free every blocked record whose blockers are all linked by now, or of which one died

    after the record was held, so that it is judged again; level-triggered.
    """
    free: list[Moving] = []
    blocked = db.execute(_blocked(), {"flow": flow}).all()
    for source, target in {(r.source, r.target) for r in blocked}:
        waiting = {
            r: blockers(r.blocked_on) for r in blocked if (r.source, r.target) == (source, target)
        }
        left = missing(db, source, target, {ref for on in waiting.values() for ref in on})
        died = _died(db, source, target, left)
        free += [
            Moving(id=r.id, seq=r.seq, due_at=now)
            for r, on in waiting.items()
            if left.isdisjoint(on) or any(died.get(ref, 0) > r.last for ref in on)
        ]
    return len(move(db, "sweep", free, now=now))


@cache
def _blocked() -> Any:
    last = select(func.max(event.c.id)).where(event.c.record == record.c.id).scalar_subquery()
    return select(
        record.c.id, record.c.seq, record.c.source, record.c.target, record.c.blocked_on,
        func.coalesce(last, 0).label("last"),
    ).where(
        record.c.flow == bindparam("flow"), record.c.state == "held", record.c.reason == "blocked"
    )  # fmt: skip


def missing(db: Connection, source: str, target: str, refs: Iterable[Ref]) -> set[Ref]:
    """Those of *refs* that have no link in this pair yet."""
    wanted = set(refs)
    return wanted - known(db, source, target, wanted).keys()


def blockers(blocked_on: str) -> list[Ref]:
    """The references that a `blocked_on` names, one a line."""
    return [Ref(entity=e, key=k) for e, k in (b.split(":", 1) for b in blocked_on.split("\n"))]


def demands(db: Connection, source: str, target: str, entity: str) -> list[str]:
    """Keys of *entity* that blocked records of this pair wait for."""
    blocked = select(record.c.source, record.c.target, record.c.blocked_on).distinct()
    # The pair is compared here, so that the database uses the index of the blocked alone.
    rows = db.execute(blocked.where(record.c.blocked_on.is_not(None)))
    ours = [row.blocked_on for row in rows if (row.source, row.target) == (source, target)]
    return sorted({ref.key for on in ours for ref in blockers(on) if ref.entity == entity})


def dead(db: Connection, source: str, target: str, refs: Iterable[Ref]) -> set[Ref]:
    """Those of the unlinked *refs* whose records are held or done: nothing will link them (D1)."""
    return set(_died(db, source, target, refs))


def _died(db: Connection, source: str, target: str, refs: Iterable[Ref]) -> dict[Ref, int]:
    """Of the unlinked *refs* the dead, each with the event that came to it last."""
    found: dict[Ref, int] = {}
    for entity, asked in of_one_entity(refs):
        given = {"source": source, "target": target, "entity": entity, "keys": list(asked)}
        found |= {asked[key]: last for key, last in db.execute(_dead_of_entity(), given)}
    return found


@cache
def _dead_of_entity() -> Any:
    return (
        select(record.c.key, func.max(event.c.id))
        .join_from(record, event, event.c.record == record.c.id)
        .where(
            *(record.c[name] == bindparam(name) for name in ("source", "target", "entity")),
            record.c.key.in_(bindparam("keys", expanding=True)),
            record.c.state.in_(("held", "done")),
            record.c.reason != "blocked",
        )
        .group_by(record.c.key)
    )
