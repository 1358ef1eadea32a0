"""Carry decisions out in the ledger: moves for what needs no call, intents for what does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from connector.documents import load
from connector.flow.decide import Want
from connector.flow.flows import Flow
from connector.flow.match import match_values
from connector.ledger import attempts, links, records
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


def carry_out(
    db: Connection,
    work: Sequence[Claimed],
    wants: Mapping[int, Want],
    decisions: Mapping[int, Decision],
    known: Mapping[int, Known],
    flow: Flow,
    now: datetime,
) -> list[Change]:
    """Settle in the ledger what needs no call; write an intent for each call; return the calls."""
    calls: list[tuple[Claimed, Intent, Change]] = []
    for w in work:
        want = wants[w.id]
        match decisions[w.id]:
            case Nothing(reason=reason):
                _nothing(db, w, want, reason, now)
            case Hold() as hold:
                _hold(db, w, hold, now)
            case Wait(until=until, reason=reason):
                _wait(db, w, until, reason, now)
            case Look():
                _wait(db, w, now + AGAIN, "could not look", now)
            case Adopt(key=key):
                _adopt(db, w, known[w.id], key, flow, now)
            case Create() if holder := _claim_match(db, w, flow, now):
                hold = Hold(reason="blocked", needs=f"waits for {flow.entity} {holder}",
                            on=(Ref(entity=flow.entity, key=holder),))  # fmt: skip
                _hold(db, w, hold, now)
            case Create():
                calls.append(_call(w, "create", want.fields, flow, now))
            case Update(key=key, version=version, fields=fields):
                _accept_barred(db, w, want, fields)
                payload = {f: want.fields[f] for f in fields}
                calls.append(_call(w, "update", payload, flow, now, key=key, version=version))
            case Resume(key=key, steps=steps):
                calls.append(_call(w, "create", want.fields, flow, now, key=key, steps=steps))
    return _open(db, calls, now)


def _open(
    db: Connection, calls: Sequence[tuple[Claimed, Intent, Change]], now: datetime
) -> list[Change]:
    opened = attempts.open_all(db, [intent for _, intent, _ in calls], now)
    changes: list[Change] = []
    for w, _, change in calls:
        if w.id in opened:
            changes.append(_numbered(change, opened[w.id]))
        else:
            _wait(db, w, now + AGAIN, "its pair is in another hand", now)
    return changes


def _numbered(change: Change, id_: int) -> Change:
    return Change(
        id=id_, action=change.action, reference=change.reference, payload=change.payload,
        send_before=change.send_before, key=change.key, version=change.version,
        steps=change.steps,
    )  # fmt: skip


def _call(
    w: Claimed,
    action: str,
    payload: Payload,
    flow: Flow,
    now: datetime,
    *,
    key: str | None = None,
    version: str | None = None,
    steps: tuple[str, ...] = (),
) -> tuple[Claimed, Intent, Change]:
    sent = pack({} if steps else payload)
    default = "transition" if steps else {"create": "create"}.get(action, "absolute")
    word = steps[0] if steps else action
    intent = Intent(
        record=w.id,
        serial_key=w.serial_key,
        action=action,
        step=" ".join(steps) or None,
        op_class=flow.capabilities.op_class.get(word, default),
        seq=w.seq,
        fence=w.fence,
        payload=sent,
        payload_hash=digest(sent),
        write_digest=flow.writer.digest if flow.writer else "",
        send_before=now + flow.call_window,
        creates=action == "create" and not steps,
    )
    change = Change(
        id=0, action=action, reference=w.link_reference or w.reference, payload=payload,
        send_before=intent.send_before, key=key, version=version, steps=steps,
    )  # fmt: skip
    return w, intent, change


def _nothing(db: Connection, w: Claimed, want: Want, reason: str, now: datetime) -> None:
    values = {"acked_seq": w.seq} if reason in ("same", "adopted") else {}
    one = Moving(id=w.id, fence=w.fence, reason=reason, seq=w.seq, values=values)
    if not move(db, "nothing", [one], now=now):
        _wait(db, w, now, "something newer is wanted by now", now)
    elif w.target_key is not None and reason == "same" and want.fields:
        links.accept(db, w, pack(want.fields))


def _hold(db: Connection, w: Claimed, hold: Hold, now: datetime) -> None:
    if hold.reason == "blocked":
        # D1: re-checked in the transaction that holds, so that no link slips in between.
        still = records.missing(db, w.source, w.target, hold.on)
        reach("hold.between_check_and_commit")
        if not still:
            _wait(db, w, now, "its blocker is linked by now", now)
            return
    on = "\n".join(f"{r.entity}:{r.key}" for r in hold.on) or None
    values = {"blocked_on": on if hold.reason == "blocked" else None}
    one = Moving(
        id=w.id, fence=w.fence, reason=hold.reason, detail=hold.needs, seq=w.seq, values=values
    )
    if not move(db, "hold", [one], now=now):
        _wait(db, w, now, "something newer is wanted by now", now)


def _wait(db: Connection, w: Claimed, until: datetime, why: str, now: datetime) -> None:
    one = Moving(id=w.id, fence=w.fence, due_at=until, detail=why, seq=w.seq)
    move(db, "wait", [one], now=now)


def _adopt(db: Connection, w: Claimed, seen: Known, key: str, flow: Flow, now: datetime) -> None:
    """Link what is there. One target document for two of ours is an alias, where that is allowed."""
    assert isinstance(seen, Seen)  # noqa: S101 - decide adopts nothing else
    held = links.holder(db, w, key)
    if held is not None and flow.entity == "order":
        needs = f"{key} is {flow.entity} {held.source_key}'s already"
        _hold(db, w, Hold(reason="duplicate", needs=needs), now)
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
    one = Moving(id=w.id, fence=w.fence, due_at=now, seq=w.seq, detail=f"linked to {key}")
    move(db, "adopted", [one], now=now)


def _accept_barred(db: Connection, w: Claimed, want: Want, fields: tuple[str, ...]) -> None:
    """A released record: what cannot be updated there counts as done by hand."""
    if want.released and w.target_key is not None:
        base = unpack(w.base_source) if w.base_source else {}
        rest = {f: v for f, v in want.fields.items() if f not in fields}
        links.accept(db, w, pack({**base, **rest}))


def _claim_match(db: Connection, w: Claimed, flow: Flow, now: datetime) -> str | None:
    """D2: the key of another record that is creating the same natural key right now, if any."""
    doc = load(w.entity, w.doc)
    for by in flow.match:
        if value := match_values(doc, by):
            held = attempts.take(db, w.target, w.entity, f"{by}:{value}", w.id, now)
            reach("claimrow.taken")
            if held is not None:
                return str(held.key)
    return None
