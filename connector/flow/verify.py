"""Read totals back from the target where its reply did not tell them (design §4, money guard)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from connector import errors
from connector.flow.flows import Flow
from connector.flow.money import differs, is_verified
from connector.flow.settle import difference_text
from connector.ledger import attempts, links
from connector.ledger.attempts import Standing
from connector.ledger.moves import Moving, move
from connector.ledger.store import Ledger
from connector.ports import Clock, Target
from connector.values import Seen


def verify_totals(
    target: Target, flow: Flow, ledger: Ledger, clock: Clock, done: Sequence[int]
) -> None:
    """Compare the totals of finished creates with a fresh reading; hold what differs too much."""
    if not flow.gets or not done:
        return
    at = ledger.read(attempts.standing, list(done)).values()
    made = ledger.read(links.count, flow.source, flow.target, flow.entity)
    open_ = [a for a in at if a.total and a.op_class == "create" and a.link_total is None]
    due = [a for a in open_ if is_verified(flow.money, nth=made, key=a.key)]
    if not due:
        return
    try:
        seen = target.get(flow.entity, [str(a.link_key) for a in due])
    except (errors.Unavailable, errors.Unauthorized):
        return  # the nightly audit compares every total again
    with ledger.begin() as db:
        for a in due:
            there = seen.get(str(a.link_key))
            if isinstance(there, Seen) and there.there.get("total") is not None:
                theirs = Decimal(str(there.there["total"]))
                links.note_total(db, a, str(theirs))
                _hold_if_different(db, a, theirs, flow, clock)


def _hold_if_different(db: object, at: Standing, theirs: Decimal, flow: Flow, clock: Clock) -> None:
    difference = differs(at.total, theirs, flow.money)
    if difference is not None:
        one = Moving(
            id=at.id, reason="money", detail=difference_text(at, difference), seq=at.attempt_seq
        )
        move(db, "differs", [one], now=clock.now())  # type: ignore[arg-type]
