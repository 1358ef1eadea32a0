"""Read back what was sent: totals that no reply told, and twins of what was in doubt (S12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from decimal import Decimal

from connector import errors
from connector.flow.flows import Flow
from connector.flow.money import is_verified
from connector.flow.settle import difference_text, money_off, twice
from connector.ledger import attempts, links
from connector.ledger.attempts import Standing
from connector.ledger.moves import Moving, move
from connector.ledger.store import Ledger
from connector.ports import Clock, Target
from connector.values import Ambiguous, Done, Seen


def verify(
    target: Target,
    flow: Flow,
    ledger: Ledger,
    clock: Clock,
    done: Mapping[int, Done],
    doubted: Set[int],
) -> None:
    """Look at what these attempts made, and hold what is there twice or with another total.

    *doubted*: attempts that create what an earlier one may have created, too.
    """
    doubtful = doubted & done.keys()
    untold = {id_ for id_, one in done.items() if one.total is None} if flow.gets else set()
    if not doubtful | untold:
        return
    at = list(ledger.read(attempts.standing, list(doubtful | untold)).values())
    verify_totals(target, flow, ledger, clock, [a for a in at if a.attempt in untold])
    find_twins(target, flow, ledger, clock, [a for a in at if a.attempt in doubtful])


def find_twins(
    target: Target, flow: Flow, ledger: Ledger, clock: Clock, made: Sequence[Standing]
) -> None:
    """S12: what was created after a doubt may be there twice after all; then a person is told."""
    if not made:
        return
    try:
        found = target.find(flow.entity, [str(a.reference) for a in made])
    except (errors.Unavailable, errors.Unauthorized):
        return  # `flow audit` finds twins, when a person runs it
    twins = [
        Moving(id=a.id, reason="duplicate", detail=twice(seen), seq=a.attempt_seq)
        for a in made
        if isinstance(seen := found[str(a.reference)], Ambiguous)
    ]
    with ledger.begin() as db:
        move(db, "differs", twins, now=clock.now())


def verify_totals(
    target: Target, flow: Flow, ledger: Ledger, clock: Clock, at: Sequence[Standing]
) -> None:
    """Compare the totals of finished creates with a fresh reading; hold what differs too much."""
    made = ledger.read(links.count, flow.source, flow.target, flow.entity)
    open_ = [a for a in at if a.total and a.link_total is None and not a.step]
    due = [a for a in open_ if is_verified(flow.money, nth=made, key=a.key)]
    if not due:
        return
    try:
        seen = target.get(flow.entity, [str(a.link_key) for a in due])
    except (errors.Unavailable, errors.Unauthorized):
        return  # `flow audit` compares every total, when a person runs it
    with ledger.begin() as db:
        for a in due:
            there = seen.get(str(a.link_key))
            if isinstance(there, Seen) and there.there.get("total") is not None:
                theirs = Decimal(str(there.there["total"]))
                links.note_total(db, a, str(theirs))
                off = money_off(a, theirs, flow)
                if off is not None:
                    why = difference_text(a, off)
                    one = Moving(id=a.id, reason="money", detail=why, seq=a.attempt_seq)
                    move(db, "differs", [one], now=clock.now())
