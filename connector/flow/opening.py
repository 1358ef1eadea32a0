"""Carry decisions out in the ledger: moves for what needs no call, intents for what does."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from connector.documents import load
from connector.errors import Bug
from connector.flow.decide import Want
from connector.flow.flows import Flow
from connector.flow.match import match_values
from connector.ledger import attempts, claims, links, records
from connector.ledger.attempts import Intent
from connector.ledger.content import digest, pack, unpack
from connector.ledger.links import Facts
from connector.ledger.moves import Moving, move
from connector.ledger.records import Claimed
from connector.points import reach
from connector.values import (
    Adopt,
    Change,
    Create,
    Decision,
    Hold,
    Known,
    Look,
    Nothing,
    Payload,
    Ref,
    Resume,
    Seen,
    Update,
    Wait,
)

AGAIN = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """A record in hand, what it wants, what is known of it, and what was decided."""

    work: Claimed
    want: Want
    known: Known
    decision: Decision


Call = tuple[Claimed, Intent, Callable[..., Change]]


def carry_out(
    db: Connection,
    decided: Sequence[Decided],
    flow: Flow,
    now: datetime,
    *,
    begun: Set[int] = frozenset(),
) -> list[Change]:
    """Settle in the ledger what needs no call; write an intent for each call; return the calls.

    *begun*: records whose calls all begin at once, so that a crash is theirs (R12, S2).
    """
    _hold(db, [(d.work, d.decision) for d in decided if isinstance(d.decision, Hold)], flow, now)
    move(db, "wait", [w for one in decided if (w := _waiting(one, flow, now)) is not None], now=now)
    calls = [call for one in decided if (call := _carry_out_one(db, one, flow, now)) is not None]
    opened = attempts.open_all(db, [intent for _, intent, _ in calls], now)
    attempts.start(db, [opened[w.id] for w, _, _ in calls if w.id in opened.keys() & begun], now)
    elsewhere = [w for w, _, _ in calls if w.id not in opened]
    _wait(db, elsewhere, now + AGAIN, "its pair is in another hand", now)
    return [change(id=opened[w.id]) for w, _, change in calls if w.id in opened]


def _carry_out_one(db: Connection, one: Decided, flow: Flow, now: datetime) -> Call | None:
    w, want = one.work, one.want
    match one.decision:
        case Nothing(reason=reason):
            _nothing(db, w, want, reason, now)
        case Hold() | Wait() | Look():
            pass  # of all that were decided so, at once
        case Adopt(key=key):
            _adopt(db, one, key, flow, now)
        case Create() if holder := _claim_match(db, w, flow, now):
            on = (Ref(entity=flow.entity, key=holder),)
            waits = Hold(reason="blocked", needs=f"waits for {holder}", on=on)
            _hold(db, [(w, waits)], flow, now)
        case Create():
            return _call(w, flow, now, action="create", payload=want.fields)
        case Update(key=key, version=version, fields=fields):
            _accept_rest(db, one, fields)
            payload = {f: v for f, v in want.fields.items() if f in fields or f in flow.along}
            return _call(w, flow, now, action="update", payload=payload, key=key, version=version)
        case Resume(key=key, steps=steps):
            links.accept(db, w, pack(want.fields))  # compared, and nothing differs
            return _call(w, flow, now, action="create", payload=want.fields, key=key, steps=steps)
    return None


def _call(  # noqa: PLR0913 - what a Change has
    w: Claimed,
    flow: Flow,
    now: datetime,
    *,
    action: str,
    payload: Payload,
    key: str | None = None,
    version: str | None = None,
    steps: tuple[str, ...] = (),
) -> Call:
    """The intent of a change: what is sent, as it is sent; and the change, but for its id."""
    sent = pack({} if steps else payload)
    default = "transition" if steps else "create" if action == "create" else "absolute"
    send_before = now + flow.call_window
    intent = Intent(
        record=w.id,
        serial_key=w.serial_key,
        action=action,
        step=" ".join(steps) or None,
        op_class=flow.capabilities.op_class.get(steps[0] if steps else action, default),
        seq=w.seq,
        fence=w.fence,
        payload=sent,
        payload_hash=digest(sent),
        write_digest=flow.writer.digest if flow.writer else "",
        send_before=send_before,
        creates=action == "create" and not steps,
    )
    change = partial(
        Change, reference=w.link_reference or w.reference, send_before=send_before, action=action,
        payload=payload, key=key, version=version, steps=steps,
    )  # fmt: skip
    return w, intent, change


def _nothing(db: Connection, w: Claimed, want: Want, reason: str, now: datetime) -> None:
    values = {"acked_seq": w.seq} if reason in ("same", "adopted") else {}
    one = Moving(id=w.id, fence=w.fence, reason=reason, seq=w.seq, values=values)
    if not move(db, "nothing", [one], now=now):
        _wait(db, [w], now, "something newer is wanted by now", now)
    elif w.target_key is not None and reason == "same" and want.fields:
        links.accept(db, w, pack(want.fields))


def _hold(db: Connection, holds: Sequence[tuple[Claimed, Hold]], flow: Flow, now: datetime) -> None:
    """Hold them; what is blocked only if what it waits for is not linked by now (D1)."""
    blocked = [hold for _, hold in holds if hold.reason == "blocked"]
    still: set[Ref] = set()
    if blocked:
        # In the transaction that holds, so that no link slips in between.
        on = {ref for hold in blocked for ref in hold.on}
        still = records.missing(db, flow.source, flow.target, on)
        reach("hold.between_check_and_commit")
    free = [w for w, hold in holds if hold.reason == "blocked" and still.isdisjoint(hold.on)]
    _wait(db, free, now, "its blocker is linked by now", now)
    freed = {w.id for w in free}
    held = [(w, hold) for w, hold in holds if w.id not in freed]
    moved = move(db, "hold", [_holding(w, hold) for w, hold in held], now=now)
    newer = [w for w, _ in held if w.id not in moved]
    _wait(db, newer, now, "something newer is wanted by now", now)


def _holding(w: Claimed, hold: Hold) -> Moving:
    on = "\n".join(f"{r.entity}:{r.key}" for r in hold.on) or None
    values = {"blocked_on": on if hold.reason == "blocked" else None}
    return Moving(
        id=w.id, fence=w.fence, reason=hold.reason, detail=hold.needs, seq=w.seq, values=values
    )


def _waiting(one: Decided, flow: Flow, now: datetime) -> Moving | None:
    """How a record that must wait goes back to the queue; None: it need not."""
    w = one.work
    match one.decision:
        case Wait(until=until, reason=reason):
            pass
        case Look():
            until, reason = now + flow.attempts.wait(1), "the target cannot be asked now"
        case _:
            return None
    return Moving(id=w.id, fence=w.fence, due_at=until, detail=reason, seq=w.seq)


def _wait(
    db: Connection, work: Sequence[Claimed], until: datetime, why: str, now: datetime
) -> None:
    back = [Moving(id=w.id, fence=w.fence, due_at=until, detail=why, seq=w.seq) for w in work]
    move(db, "wait", back, now=now)


def _writes_alone(flow: Flow) -> bool:
    """Would a second document of ours overwrite what the first one wrote there?"""
    return flow.entity in ("order", "stock") or (flow.entity == "product" and flow.mode == "sync")


def _adopt(db: Connection, one: Decided, key: str, flow: Flow, now: datetime) -> None:
    """Link what is there; a second of ours to one of theirs is an alias, where that is allowed."""
    w, seen = one.work, one.known
    if not isinstance(seen, Seen):
        raise Bug(f"decided to adopt {key} without having seen it")
    held = links.holder(db, w, key)
    if held is not None and _writes_alone(flow):
        needs = f"{key} is {flow.entity} {held.source_key}'s already"
        _hold(db, [(w, Hold(reason="duplicate", needs=needs))], flow, now)
        return
    facts = Facts(
        target_key=key,
        version=seen.version,
        base_source=pack({}),
        base_target=pack(seen.there),
        steps_left=" ".join(seen.steps_left),
        role="identity" if held is None else "alias",
        made_by="match" if seen.reference != w.reference else "found",
    )
    links.put(db, w, facts, now, facts.made_by)
    reach("find.found_before_link")
    if flow.mode == "link_only":
        _nothing(db, w, Want(), "adopted", now)
        return
    # The base is what the target itself shows: decide compares with a fresh reading next.
    links.unread(db, w)
    if one.want.unaccepted:
        _nothing(db, w, Want(), "adopted", now)
        return
    linked = Moving(id=w.id, fence=w.fence, due_at=now, seq=w.seq, detail=f"linked to {key}")
    move(db, "adopted", [linked], now=now)


def _accept_rest(db: Connection, one: Decided, fields: tuple[str, ...]) -> None:
    """What an update does not carry counts as agreed: it was just compared there, or a person

    who released the record made it so by hand.
    """
    w, want = one.work, one.want
    if w.target_key is not None and (want.released or isinstance(one.known, Seen)):
        base = unpack(w.base_source) if w.base_source else {}
        rest = {f: v for f, v in want.fields.items() if f not in fields}
        links.accept(db, w, pack({**base, **rest}))


def _claim_match(db: Connection, w: Claimed, flow: Flow, now: datetime) -> str | None:
    """D2: the key of another record that is creating the same natural key right now, if any."""
    for by in flow.match:
        if value := match_values(load(w.entity, w.doc), by):
            held = claims.take(db, w.target, w.entity, f"{by}:{value}", w.id, now)
            reach("claimrow.taken")
            if held is not None:
                return str(held.key)
    return None
