"""What an outcome means for its record, intent and link; pure (protocol §7, lower half)."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from connector.flow.flows import Flow
from connector.flow.merge import holds, read_back
from connector.flow.money import differs
from connector.ledger.attempts import Settlement, Standing
from connector.ledger.content import pack, unpack
from connector.ledger.links import Facts
from connector.ledger.records import Claimed
from connector.values import (
    Absent,
    Ambiguous,
    Done,
    Exists,
    Gone,
    InDoubt,
    NotSent,
    Outcome,
    Payload,
    Refused,
    Seen,
    Stale,
    Tree,
    Unauthorized,
    Unavailable,
)

STALE_MOST = 5
CODE = 200  # characters of a code
SOON = timedelta(seconds=1)


def settle(  # noqa: C901, PLR0911 - one case for each of a closed union
    at: Standing, outcome: Outcome, flow: Flow, now: datetime
) -> Settlement:
    """Say what *outcome* means for the record that stands as *at*."""
    match outcome:
        case Done():
            return _done(at, outcome, flow, now)
        case NotSent(why=why):
            name = "not_sent" if in_hand(at) else "late"
            due = now + SOON
            return Settlement(outcome="not_sent", move=name, code=why, due_at=due, detail=why)
        case Unavailable(wait=wait, why=why, busy=busy):
            due = now + (SOON if busy else wait or flow.attempts.wait(1))
            return _negative(at, "unavailable", why or "unavailable", due)
        case Unauthorized(why=why):
            due = now + flow.attempts.wait(2)
            return _negative(at, "unauthorized", why or "unauthorized", due)
        case Refused(code=code, at=place, said=words):
            closing = _refused(at, f"{code} at {place}" if place else code, flow, now)
            return replace(closing, said=words or None)
        case Stale():
            return _stale(at, flow, now)
        case Gone():
            return Settlement(
                outcome="gone",
                move="gone" if in_hand(at) else "found_held",
                reason="gone_at_target",
                detail="it is gone there: relink it or let it rest",
            )
        case Exists(key=key):
            return Settlement(
                outcome=None, move="doubt", code="exists", target_key=key, settle_until=now,
                due_at=now, detail="the target says that it has it",
            )  # fmt: skip
        case InDoubt(why=why, key=key, said=words):
            until = now + flow.settle
            return Settlement(
                outcome=None, move="doubt", code=why, said=words or None, target_key=key,
                settle_until=until, due_at=now + flow.settle / 8,
                detail=f"may have happened: {why}",
            )  # fmt: skip


def in_hand(at: Standing) -> bool:
    """R3: is the record still in the hand that made this attempt?"""
    return at.state == "running" and at.fence == at.attempt_fence


def acknowledged(at: Standing) -> int:
    """R2: what was sent is acknowledged, not what is wanted by now."""
    return at.attempt_seq


def resumed(at: Standing) -> bool:
    """Did this attempt only finish the steps of an earlier create?

    Then it carried no content, and acknowledges none.
    """
    return at.step is not None


def _done(at: Standing, done: Done, flow: Flow, now: datetime) -> Settlement:
    left = steps_after(at, done)
    facts = Facts(
        target_key=done.key,
        version=done.version,
        base_source=base_after(at),
        base_target=at.base_target,
        steps_left=" ".join(left),
        total=None if done.total is None else str(done.total),
    )
    acked = acknowledged(at)
    whole = acked == at.seq and not left and not resumed(at)
    name = ("sent" if whole else "sent_more") if in_hand(at) else ("late_done" if whole else "late")
    if resumed(at) and left:
        # The call was answered and the step is still undone: not at once again, not for ever.
        code = ",".join(done.warnings) or f"{left[0]} undone"
        return replace(_refused(at, code[:CODE], flow, now), outcome="done", facts=facts)
    settled = Settlement(
        outcome="done",
        move=name,
        code=",".join(done.warnings)[:CODE] or None,
        target_key=done.key,
        facts=facts,
        acked_seq=None if resumed(at) else acked,
        reason="sent" if whole else None,
        due_at=now,
        attempts=0,
    )
    difference = money_off(at, done.total, flow)
    if difference is None or not in_hand(at):
        return settled
    needs = difference_text(at, difference)
    return replace(settled, move="sent_held", reason="money", detail=needs)


def money_off(at: Standing, theirs: Decimal | None, flow: Flow) -> Decimal | None:
    """D6: by how much the target's total of a create differs; a newer total was not sent yet."""
    if at.op_class != "create" or at.seq != at.attempt_seq:
        return None
    return differs(at.total, theirs, flow.money)


def difference_text(at: Standing, difference: Decimal) -> str:
    """The words for a total that differs: figures only."""
    return f"the target's total differs by {difference} {at.currency or ''}".rstrip()


def steps_after(at: Standing, done: Done) -> tuple[str, ...]:
    """The steps of create that are still undone: an update leaves them as they were."""
    return done.steps_left if at.action == "create" else tuple((at.link_steps or "").split())


def base_after(at: Standing) -> bytes:
    """The base once *at*'s attempt has happened: what was sent, over what was there."""
    sent = at.payload or b"{}"
    return pack({**unpack(at.base_source), **unpack(sent)}) if at.base_source else sent


def _negative(at: Standing, outcome: str, code: str, due: datetime) -> Settlement:
    """Surely not executed, and no attempt burnt (R12)."""
    name = "later" if in_hand(at) else "late"
    return Settlement(outcome=outcome, move=name, code=code, due_at=due, detail=code)


def _refused(at: Standing, code: str, flow: Flow, now: datetime) -> Settlement:
    tried = at.attempts + 1
    if tried >= flow.attempts.most:
        return Settlement(
            outcome="refused", move="refused" if in_hand(at) else "found_held", code=code,
            reason="refused", detail=code, attempts=tried,
        )  # fmt: skip
    due = now + flow.attempts.wait(tried)
    name = "later" if in_hand(at) else "late"
    return Settlement(
        outcome="refused", move=name, code=code, due_at=due, detail=code, attempts=tried
    )


def _stale(at: Standing, flow: Flow, now: datetime) -> Settlement:
    """S8: read again and decide again, a few times."""
    if at.attempts + 1 >= STALE_MOST:
        return _refused(at, "stale", flow, now)
    name = "later" if in_hand(at) else "late"
    return Settlement(
        outcome="stale", move=name, code="stale", forget_base=True, due_at=now,
        attempts=at.attempts + 1,
    )  # fmt: skip


# ── doubt ───────────────────────────────────────────────────────────────────────────────────────


def settled_from(at: Standing, flow: Flow) -> datetime:
    """S4: from when on "not there" counts: the end of the call, at the latest, plus settle."""
    until = at.settle_until or at.send_before + flow.timeout + flow.settle
    return until if at.not_before is None else max(until, at.not_before)


def known_key(at: Standing) -> str | None:
    """The target's key of a document in doubt, if an earlier step or the link told it."""
    return at.link_key or (None if at.attempt_code == "exists" else at.attempt_key)


def answer(
    at: Standing,
    seen: Seen | Absent | Ambiguous | None,
    flow: Flow,
    *,
    asked: datetime,
    control: bool,
) -> Settlement:
    """Say what a look at the target, asked at *asked*, means for an intent in doubt.

    None: it could not be asked.  *control*: a known document was found in the same session (S7).
    """
    ripe = asked >= settled_from(at, flow)
    match seen:
        case None:
            return _ask_again(asked + _patience(flow), "it cannot be asked now")
        case Ambiguous():
            return Settlement(
                outcome="found", move="found_held", reason="duplicate", detail=twice(seen),
                code="many",
            )  # fmt: skip
        case Seen():
            if ripe or (at.op_class == "create" and not flow.steps):
                return _found(at, seen, flow, asked)
            return _ask_again(settled_from(at, flow), "there, and may still change")
        case Absent():
            return _absent(at, flow, asked=asked, ripe=ripe, control=control)


def twice(seen: Ambiguous) -> str:
    """The words for several documents with one reference."""
    return seen.told("carry our reference")


def _absent(at: Standing, flow: Flow, *, asked: datetime, ripe: bool, control: bool) -> Settlement:
    if not ripe:
        return _ask_again(settled_from(at, flow), "not there yet, and may still come")
    if at.op_class != "create" or known_key(at) is not None:
        return Settlement(
            outcome="absent", move="found_held", reason="gone_at_target",
            detail="it is gone there: relink it or let it rest",
        )  # fmt: skip
    if not control:
        needs = "nothing that we made is found there either: find may be broken"
        return _ask_again(asked + _patience(flow), needs)
    if at.attempt_code == "exists":
        needs = f"the target has it as {at.attempt_key or 'another'}: say which, then resolve"
        return Settlement(outcome="absent", move="found_held", reason="ambiguous", detail=needs)
    if gave_up(at, flow):
        return given_up(Settlement(outcome="absent", move="absent"), at)
    return Settlement(outcome="absent", move="absent", due_at=place(at, asked), attempts=_anew(at))


def gave_up(at: Standing, flow: Flow) -> bool:
    """R12: did its calls kill their worker as often as they may? An answered call kills nobody,

    and what is wanted by now may be harmless.
    """
    died = at.started_at is not None and at.settle_until is None
    return died and at.attempts >= flow.attempts.most and at.seq == at.attempt_seq


def given_up(s: Settlement, at: Standing) -> Settlement:
    """R12: it waits for a person instead."""
    needs = f"the process died {at.attempts} times while it was sent: look why, then retry"
    return replace(s, move="found_held", reason="gave_up", detail=needs, due_at=None)


def place(one: Standing | Claimed, now: datetime) -> datetime:
    """From when on it is due again: before what was read later, unless a death is its own."""
    return now if one.attempts else min(now, one.read_at)


def _anew(at: Standing) -> int | None:
    """R12: attempts count per payload: none yet for one that came meanwhile."""
    return None if at.seq == at.attempt_seq else 0


def _ask_again(due: datetime, why: str) -> Settlement:
    return Settlement(outcome=None, move="ask_later", due_at=due, detail=why)


def _patience(flow: Flow) -> timedelta:
    return min(flow.settle, timedelta(seconds=30))


def _found(at: Standing, seen: Seen, flow: Flow, asked: datetime) -> Settlement:
    base, total = base_as_read(at, seen), _total(seen.there)
    facts = Facts(
        target_key=seen.key,
        version=seen.version,
        base_source=pack(base),
        base_target=pack(seen.there),
        steps_left=" ".join(seen.steps_left),
        total=total,
    )
    found = Settlement(
        outcome="found", move="found", facts=facts, target_key=seen.key, due_at=asked,
        attempts=_anew(at),
    )  # fmt: skip
    if seen.locked and not (at.seq == at.attempt_seq and _holds_all(at, seen)):
        needs = f"{seen.key} is closed there: change it there, then release"
        return replace(found, move="found_held", reason="locked", detail=needs)
    if (difference := money_off(at, None if total is None else Decimal(total), flow)) is not None:
        needs = difference_text(at, difference)
        return replace(found, move="found_held", reason="money", detail=needs)
    # A change, or a further step, that did not come to pass would be made again.
    if gave_up(at, flow) and not _came_to_pass(at, seen):
        return given_up(found, at)
    return found


def _came_to_pass(at: Standing, seen: Seen) -> bool:
    sent = unpack(at.payload or b"{}")
    there = at.op_class == "create" or all(holds(seen.item, f, v) for f, v in sent.items())
    return there and not seen.steps_left


def base_as_read(at: Standing, seen: Seen) -> dict[str, Tree]:
    """R6: after a find the base is what was read: fields that it contradicts are unknown."""
    sent = unpack(at.payload or b"{}")
    if at.op_class == "create":
        return read_back(sent, seen.item)
    held = {f: v for f, v in sent.items() if holds(seen.item, f, v) is True}
    kept = {f: v for f, v in unpack(at.base_source or b"{}").items() if f not in sent}
    return {**kept, **held}


def _holds_all(at: Standing, seen: Seen) -> bool:
    sent = unpack(at.payload or b"{}")
    return all(holds(seen.item, f, v) is not False for f, v in sent.items())


def _total(there: Payload) -> str | None:
    total = there.get("total")
    return None if total is None else str(total)
