"""Attempts: the intent is the row written before the call, its outcome is written after (§1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, and_, bindparam, exists, func, null, select, update
from sqlalchemy.exc import IntegrityError

from connector.ledger.claims import into
from connector.ledger.links import Facts, holder, own_link, put, put_new, renew, unread
from connector.ledger.many import add, many
from connector.ledger.moves import Moving, move, move_together
from connector.ledger.nested import nested
from connector.ledger.schema import attempt, event, link, record
from connector.points import reach


class Intent(Struct, frozen=True, kw_only=True, gc=False):
    """What is about to be sent for a record in hand; *creates*: refused where a link exists."""

    record: int
    serial_key: str
    action: str
    step: str | None
    op_class: str
    seq: int
    fence: int
    payload: bytes
    payload_hash: str
    write_digest: str
    send_before: datetime
    creates: bool


class Standing(Struct, frozen=True, gc=False):
    """A record as it stands now, with one of its attempts: what an outcome is judged against."""

    id: int
    source: str
    target: str
    entity: str
    key: str
    birth: str | None
    reference: str | None
    serial_key: str
    seq: int
    state: str
    reason: str | None
    fence: int
    attempts: int
    total: str | None
    currency: str | None
    decision: str | None
    attempt: int
    action: str
    op_class: str
    step: str | None
    attempt_seq: int
    attempt_fence: int
    attempt_outcome: str | None
    attempt_code: str | None
    attempt_key: str | None
    payload: bytes | None
    write_digest: str
    started_at: datetime | None
    send_before: datetime
    settle_until: datetime | None
    written_at: datetime
    link_key: str | None
    link_version: str | None
    base_source: bytes | None
    base_target: bytes | None
    link_total: str | None
    link_steps: str | None
    not_before: datetime | None
    read_at: datetime


class Settlement(Struct, frozen=True, kw_only=True, gc=False):
    """What an outcome means: how the intent closes (None: stays open), what is linked, the move."""

    outcome: str | None
    move: str
    code: str | None = None
    said: str | None = None
    target_key: str | None = None
    settle_until: datetime | None = None
    facts: Facts | None = None
    forget_base: bool = False
    reason: str | None = None
    detail: str | None = None
    due_at: datetime | None = None
    attempts: int | None = None
    acked_seq: int | None = None


Guard = Callable[[Mapping[str, Any]], Any]
_WRITTEN = (
    "record", "serial_key", "action", "step", "op_class", "seq", "fence", "payload",
    "payload_hash", "write_digest", "written_at", "send_before",
)  # fmt: skip


def open_all(db: Connection, intents: Sequence[Intent], now: datetime) -> dict[int, int]:
    """Write the intents; record → attempt for those that could be opened.

    R4 and S1 stand in the statement: no row where the fence is not ours, the pair has an open
    intent, or a create would meet a link.
    """
    if not intents:
        return {}
    before = db.scalar(select(func.max(attempt.c.id))) or 0
    for creates in (True, False):
        rows = [_row(i, now) for i in intents if i.creates is creates]
        if rows:
            many(db, _opening(db.dialect.name, creates, (ours, no_doubt)), rows)
    fences = {i.record: i.fence for i in intents}
    opened = db.execute(_opened(), {"before": before}).all()
    # R3: one that took the record over meanwhile has an intent of its own, under another fence.
    return {of: id_ for of, id_, fence in opened if fences.get(of) == fence}


def _row(intent: Intent, now: datetime) -> dict[str, Any]:
    return {
        "b_record": intent.record, "b_serial_key": intent.serial_key, "b_action": intent.action,
        "b_step": intent.step, "b_op_class": intent.op_class, "b_seq": intent.seq,
        "b_fence": intent.fence, "b_payload": intent.payload,
        "b_payload_hash": intent.payload_hash, "b_write_digest": intent.write_digest,
        "b_written_at": now, "b_send_before": intent.send_before,
    }  # fmt: skip


@cache
def _opened() -> Any:
    new = attempt.c.id > bindparam("before")
    return select(attempt.c.record, attempt.c.id, attempt.c.fence).where(new)


@cache
def _opening(dialect: str, creates: bool, guarding: tuple[Guard, ...]) -> Any:
    """The guarded insert; two workers that open one pair at once meet in its unique index, and

    the second writes nothing (R7).
    """
    values = {n: bindparam(f"b_{n}", type_=attempt.c[n].type) for n in _WRITTEN}
    guards = [record.c.id == values["record"], *(guard(values) for guard in guarding)]
    if creates:
        guards.append(~_linked())
    chosen = select(*values.values()).select_from(record).where(and_(*guards))
    return into(dialect, attempt).from_select(list(values), chosen).on_conflict_do_nothing()


def ours(intent: Mapping[str, Any]) -> Any:
    """R3: the record is still in the hand that holds this fence."""
    return and_(record.c.fence == intent["fence"], record.c.state == "running")


def no_doubt(intent: Mapping[str, Any]) -> Any:
    """R4, R7: the pair has no open intent."""
    rival = attempt.alias("rival")
    return ~exists(
        select(rival.c.id).where(
            rival.c.serial_key == intent["serial_key"], rival.c.outcome.is_(None)
        )
    )


def _linked() -> Any:
    return exists(select(link.c.id).where(own_link()))


def start(db: Connection, ids: Iterable[int], now: datetime) -> None:
    """S2: say, durably and before the first byte, that these calls are being made."""
    if begun := list(ids):
        db.execute(update(attempt).where(attempt.c.id.in_(begun)).values(started_at=now))


def standing(db: Connection, attempt_ids: Sequence[int]) -> dict[int, Standing]:
    """Attempt → its record as it stands now."""
    found = (Standing(*row) for row in db.execute(_standing_now(), {"ids": attempt_ids}).all())
    return {at.attempt: at for at in found}


@cache
def _standing_now() -> Any:
    asked = attempt.c.id.in_(bindparam("ids", expanding=True))
    return _standings().where(asked).with_for_update(of=record)


def doubts(db: Connection, flow: str, now: datetime, most: int) -> list[Standing]:
    """Records of *flow* in doubt that may be asked after now, oldest first."""
    rows = db.execute(_doubts(), {"flow": flow, "now": now, "most": most})
    return [Standing(*row) for row in rows]


@cache
def _doubts() -> Any:
    due = record.c.due_at <= bindparam("now", type_=record.c.due_at.type)
    return (
        _standings()
        .where(record.c.flow == bindparam("flow"), record.c.state == "in_doubt", due)
        .where(attempt.c.outcome.is_(None))
        .order_by(record.c.due_at, record.c.id)
        .limit(bindparam("most"))
    )


def suspects(db: Connection, ids: Sequence[int]) -> set[int]:
    """Those of these records whose last call was never answered: its worker died (R12)."""
    return set(db.scalars(_suspects(), {"ids": ids}))


@cache
def _suspects() -> Any:
    last = attempt.alias("last")
    newest = select(func.max(last.c.id)).where(last.c.record == attempt.c.record).scalar_subquery()
    unanswered = and_(
        attempt.c.outcome.in_(("absent", "found", "again")), attempt.c.settle_until.is_(None)
    )
    mine = and_(attempt.c.record.in_(bindparam("ids", expanding=True)), attempt.c.id == newest)
    return select(attempt.c.record).where(mine, unanswered)


def made_after_doubt(db: Connection, ids: Sequence[int]) -> set[int]:
    """Those of these attempts that create what an earlier attempt may have created, too (S12)."""
    return set(db.scalars(_made_after_doubt(), {"ids": ids}))


@cache
def _made_after_doubt() -> Any:
    earlier = attempt.alias("earlier")
    doubt = and_(
        earlier.c.record == attempt.c.record,
        earlier.c.id < attempt.c.id,
        earlier.c.action == "create",
        earlier.c.outcome.in_(("absent", "again")),
    )
    first = and_(attempt.c.action == "create", attempt.c.step.is_(None))
    asked = attempt.c.id.in_(bindparam("ids", expanding=True))
    return select(attempt.c.id).where(asked, first, exists().where(doubt))


def _standings() -> Any:
    """What makes a Standing, in the order of its fields."""
    others = {
        "attempt": attempt.c.id, "action": attempt.c.action, "op_class": attempt.c.op_class,
        "step": attempt.c.step, "attempt_seq": attempt.c.seq, "attempt_fence": attempt.c.fence,
        "attempt_outcome": attempt.c.outcome, "attempt_code": attempt.c.code,
        "attempt_key": attempt.c.target_key, "payload": attempt.c.payload,
        "write_digest": attempt.c.write_digest, "started_at": attempt.c.started_at,
        "send_before": attempt.c.send_before, "settle_until": attempt.c.settle_until,
        "written_at": attempt.c.written_at, "link_key": link.c.target_key,
        "link_version": link.c.target_version, "base_source": link.c.base_source,
        "base_target": link.c.base_target, "link_total": link.c.total,
        "link_steps": link.c.steps_left, "not_before": null(),
    }  # fmt: skip
    columns = [others[n] if n in others else record.c[n] for n in Standing.__struct_fields__]
    pairs = attempt.join(record, attempt.c.record == record.c.id).outerjoin(link, own_link())
    return select(*columns).select_from(pairs)


def close(
    db: Connection,
    settled: Sequence[tuple[Standing, Settlement]],
    now: datetime,
    *,
    by: str = "engine",
) -> int:
    """Write outcomes, links and moves; returns how many records moved.

    R3: where the fence has moved on, the facts still close their own intent and make the link,
    and nothing else.
    """
    plain = [(at, s) for at, s in settled if _is_plain(at, s)]
    together = _close_together(db, plain, now, by)
    reach("outcome.group_half")
    rest = [(at, s) for at, s in settled if not _is_plain(at, s)] if together else settled
    return len(plain) * together + sum(_settle_one(db, at, s, now, by) for at, s in rest)


def _settle_one(db: Connection, at: Standing, s: Settlement, now: datetime, by: str) -> bool:
    s = _unshared(db, at, s)
    if s.outcome is None:
        _keep_open(db, at, s)
    elif not _close_one(db, at, s, now, by):
        if s.facts is not None and at.link_key is None:
            put(db, at, s.facts, now, by)  # R3: an id is a fact, however late
        return False
    if s.facts is not None:
        put(db, at, s.facts, now, by)
    if s.forget_base:
        unread(db, at)
    return bool(move(db, s.move, [_moving(at, s)], now=now, actor=by))


def _unshared(db: Connection, at: Standing, s: Settlement) -> Settlement:
    """D3: an id that is another's, or another id than ours, is no link; it may be an alias."""
    if s.facts is None:
        return s
    key, held = s.facts.target_key, holder(db, at, s.facts.target_key)
    if at.link_key not in (None, key):
        needs = f"it is linked to {at.link_key}, and {key} answered: say which it is"
    elif held is None:
        return s
    elif at.entity != "order":
        return replace(s, facts=replace(s.facts, role="alias"))
    else:
        needs = f"{key} answered, which is {at.entity} {held.source_key}'s already"
    name = "sent_held" if s.move.startswith("sent") else "found_held"
    return replace(
        s, facts=None, move=name, reason="duplicate", detail=needs, acked_seq=None, attempts=None
    )


def _moving(at: Standing, s: Settlement) -> Moving:
    values = {"attempts": s.attempts, "acked_seq": s.acked_seq}
    return Moving(
        id=at.id, fence=at.attempt_fence, due_at=s.due_at, reason=s.reason, detail=s.detail,
        seq=at.attempt_seq, values={n: v for n, v in values.items() if v is not None},
    )  # fmt: skip


def _is_plain(at: Standing, s: Settlement) -> bool:
    """A call that simply went well, under the id that we know: nearly all that ever happens."""
    went_well = s.outcome == "done" and s.move == "sent" and not s.forget_base
    return went_well and s.facts is not None and at.link_key in (None, s.facts.target_key)


def _close_together(
    db: Connection, plain: Sequence[tuple[Standing, Settlement]], now: datetime, by: str
) -> bool:
    """Write plain outcomes in a few statements; False, and nothing done, unless all guards held."""
    if not plain:
        return True
    try:
        with nested(db) as together:
            closed = many(db, _closing(), [_closed(at, s, now, by) for at, s in plain])
            facts = [(at, s.facts) for at, s in plain if s.facts is not None]
            put_new(db, [(at, told) for at, told in facts if at.link_key is None], now, by)
            known = renew(db, [(at, told) for at, told in facts if at.link_key is not None])
            moving = [_moving(at, s) for at, s in plain]
            if (
                closed == len(plain)
                and known
                and move_together(db, "sent", moving, now=now, actor=by)
            ):
                return True
            together.undo()
    except IntegrityError:
        return False  # one of them has an id that is linked already: written one by one (P5)
    return False


def _closed(at: Standing, s: Settlement, now: datetime, by: str) -> dict[str, Any]:
    told = {"b_outcome": s.outcome, "b_code": s.code, "b_target_key": s.target_key}
    told["b_said"] = s.said
    return {"b_id": at.attempt, "b_finished_at": now, "b_closed_by": by, **told}


@cache
def _closing() -> Any:
    """Close an intent that is open still; what the outcome does not tell stays as it was."""
    names = ("outcome", "code", "said", "target_key", "finished_at", "closed_by")
    told = {n: bindparam(f"b_{n}", type_=attempt.c[n].type) for n in names}
    kept = {n: func.coalesce(told[n], attempt.c[n]) for n in ("code", "said", "target_key")}
    mine = and_(attempt.c.id == bindparam("b_id"), attempt.c.outcome.is_(None))
    return update(attempt).where(mine).values(told | kept)


def _keep_open(db: Connection, at: Standing, s: Settlement) -> None:
    learnt = {
        "code": s.code,
        "said": s.said,
        "settle_until": s.settle_until,
        "target_key": s.target_key,
    }
    values = {name: value for name, value in learnt.items() if value is not None}
    if values:
        still_open = and_(attempt.c.id == at.attempt, attempt.c.outcome.is_(None))
        db.execute(update(attempt).where(still_open).values(values))


def _close_one(db: Connection, at: Standing, s: Settlement, now: datetime, by: str) -> bool:
    if many(db, _closing(), [_closed(at, s, now, by)]) == 1:
        return True
    late = {
        "record": at.id, "at": now, "move": "late reply", "state": at.state, "reason": at.reason,
        "seq": at.attempt_seq, "actor": by, "detail": f"{s.outcome} {s.target_key or ''}".strip(),
    }  # fmt: skip
    add(db, event, [late])
    return False
