"""Doubt: intents without outcome are looked up; nothing else settles them (R4, S4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from connector import errors
from connector.flow.flows import Flow
from connector.flow.settle import answer, gave_up, given_up, known_key, settled_from
from connector.ledger import attempts, links
from connector.ledger.attempts import Settlement, Standing
from connector.ledger.store import Ledger
from connector.points import reach
from connector.ports import Clock, Target
from connector.values import Absent, Ambiguous, Seen

Answer = Seen | Absent | Ambiguous | None
MOST = 100


def settle_doubts(target: Target, flow: Flow, ledger: Ledger, clock: Clock) -> int:
    """Ask the target after every doubt that is due; returns how many were asked after."""
    found = ledger.read(attempts.doubts, flow.name, clock.now(), MOST)
    if not found:
        return 0
    # O3: nor does any settle time end before a jump of the clock has settled: seen by now, and by
    # the time that is told as the one of asking.
    asked = clock.now()
    ledger.beat(asked, clock.boottime())
    due = [replace(d, not_before=ledger.life.unsettled_since + flow.settle) for d in found]
    controls = ledger.read(links.controls, flow.source, flow.target, flow.entity)
    askable = [d for d in due if can_ask(d, flow)]
    answers, control = ask(target, flow, askable, controls)
    settlements = [
        (d, answer(d, answers.get(d.attempt), flow, asked=asked, control=control)) for d in askable
    ] + [(d, unanswerable(d, flow, asked)) for d in due if not can_ask(d, flow)]
    reach("find.absent_before_commit")
    with ledger.begin() as db:
        attempts.close(db, settlements, clock.now())
        reach("find.found_before_link")
    if any(s.outcome == "absent" for _, s in settlements):
        reach("resend.after_absent")
    return len(due)


def can_ask(d: Standing, flow: Flow) -> bool:
    """Can the target be asked after this intent at all?"""
    return flow.finds or (flow.gets and known_key(d) is not None)


def ask(
    target: Target, flow: Flow, due: Sequence[Standing], controls: dict[str, str]
) -> tuple[dict[int, Answer], bool]:
    """Answers by attempt, and whether a document we know was found in the same session (S7)."""
    reach("find.before")
    by_key = {d.attempt: k for d in due if flow.gets and (k := known_key(d)) is not None}
    rest = [d for d in due if d.attempt not in by_key]
    answers: dict[int, Answer] = {}
    try:
        if by_key:
            read = target.get(flow.entity, sorted(set(by_key.values())))
            answers |= {a: read[key] for a, key in by_key.items()}
        if not rest:
            return answers, True
        found = target.find(flow.entity, [str(d.reference) for d in rest] + sorted(controls))
    except (errors.Unavailable, errors.Unauthorized):
        return answers, False
    answers |= {d.attempt: found[str(d.reference)] for d in rest}
    control = any(_is(found.get(ref), key) for ref, key in controls.items())
    return answers, control


def _is(seen: Answer, key: str) -> bool:
    return isinstance(seen, Seen) and seen.key == key


def upserts(d: Standing, flow: Flow) -> bool:
    """Does the target take a second create with our reference for the same document?"""
    return d.action == "create" and not flow.steps and flow.capabilities.identity == "upsert"


def unanswerable(d: Standing, flow: Flow, now: datetime) -> Settlement:
    """Without find: what may happen twice is sent again after settle, all else asks a person."""
    until = settled_from(d, flow)
    if d.op_class != "absolute" and not upserts(d, flow):
        how = f"connector record resolve {d.entity} {d.key} --exists ID (or --absent)"
        return Settlement(
            outcome=None, move="unanswerable", reason="doubt",
            detail=f"did it happen? Look there, then: {how}",
        )  # fmt: skip
    if now < until:
        return Settlement(outcome=None, move="ask_later", due_at=until, detail="settling")
    again = Settlement(outcome="again", move="absent", due_at=until, forget_base=True)
    return given_up(again, d) if gave_up(d, flow) else again
