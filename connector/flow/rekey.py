"""Find out which id each linked document has in the system that replaced another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from connector.flow.flows import Flow
from connector.flow.known import by_match
from connector.ledger import records, rekeying
from connector.ledger.rekeying import Held
from connector.ledger.store import Ledger
from connector.ports import Clock, Target
from connector.values import Ambiguous, Known, Seen

Verdict = Literal["found", "missing", "ambiguous"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rekeyed:
    """A link, and the id that its document has now. *how*: what told it, or why nothing did."""

    link: Held
    verdict: Verdict
    new: str = ""
    how: str = ""


def found(target: Target, flows: Sequence[Flow], ledger: Ledger, clock: Clock) -> Iterator[Rekeyed]:
    """Each link into the target of *flows*, looked for by our reference, then by natural keys.

    Raises Unavailable, Unauthorized.
    """
    name = flows[0].target
    by_kind = {(f.source, f.entity): f for f in flows}
    last = 0
    while page := ledger.read(rekeying.page, name, last):
        last = page[-1].id
        for kind in dict.fromkeys((h.source, h.entity) for h in page):
            held = [h for h in page if (h.source, h.entity) == kind]
            flow = by_kind.get(kind)
            if flow is None:
                yield from (
                    Rekeyed(link=h, verdict="missing", how="no flow goes there") for h in held
                )
            else:
                yield from _looked(target, flow, held, ledger, clock)


def _looked(
    target: Target, flow: Flow, held: Sequence[Held], ledger: Ledger, clock: Clock
) -> Iterator[Rekeyed]:
    seen = _by_reference(target, flow, held)
    left = {h.record: h.id for h in held if h.id not in seen and h.record is not None}
    if left and flow.match:
        work = [w for w in ledger.read(records.claimed, list(left)) if w.doc]
        hits = by_match(target, flow, work, clock.now())
        seen |= {left[id_]: (one, ", ".join(flow.match)) for id_, one in hits.items()}
    for h in held:
        one, how = seen.get(h.id, (None, ""))
        yield _judged(h, one, how)


def _by_reference(target: Target, flow: Flow, held: Sequence[Held]) -> dict[int, tuple[Known, str]]:
    ours = {h.reference: h.id for h in held if h.reference}
    if not flow.finds or not ours:
        return {}
    answers = target.find(flow.entity, sorted(ours))
    there = {ours[r]: one for r, one in answers.items() if isinstance(one, Seen | Ambiguous)}
    return {id_: (one, "our reference") for id_, one in there.items()}


def _judged(held: Held, one: Known | None, how: str) -> Rekeyed:
    match one:
        case Seen(key=key):
            return Rekeyed(link=held, verdict="found", new=key, how=how)
        case Ambiguous(keys=keys):
            return Rekeyed(link=held, verdict="ambiguous", how=f"{how}: {', '.join(keys)}")
        case _:
            return Rekeyed(link=held, verdict="missing", how="nothing there answers to it")


def contested(found: Sequence[Rekeyed]) -> list[Rekeyed]:
    """*found*, where two would take one document for themselves neither has it; aliases share."""
    takers: dict[tuple[str, str, str], int] = {}
    for one in found:
        if one.verdict == "found" and one.link.role == "identity":
            place = (one.link.source, one.link.entity, one.new)
            takers[place] = takers.get(place, 0) + 1
    return [
        Rekeyed(link=one.link, verdict="ambiguous", how=f"{one.new} answers to {count} of ours")
        if one.link.role == "identity"
        and (count := takers.get((one.link.source, one.link.entity, one.new), 0)) > 1
        else one
        for one in found
    ]
