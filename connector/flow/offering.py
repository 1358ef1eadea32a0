"""Offer in the shop what is left: read its levels, compute, send what differs; 100 at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from msgspec import structs

from connector.documents import Stock, load
from connector.errors import Bug, FieldErrors
from connector.flow.decide import Rules, Want, decide
from connector.flow.deliver import Delivered, write_outcomes
from connector.flow.flows import Flow
from connector.flow.levels import StockRules, measured, offer
from connector.flow.match import candidates, match_values
from connector.flow.opening import Decided, carry_out
from connector.flow.stocking import Stocking
from connector.flow.uncounted import Sold, Taken
from connector.ledger import records, stocktakes
from connector.ledger.content import pack, unpack
from connector.ledger.moves import Moving, move
from connector.ledger.records import Claimed
from connector.points import reach
from connector.ports import Target
from connector.values import (
    Absent,
    Adopt,
    Ambiguous,
    Change,
    Hold,
    Known,
    Nothing,
    Ref,
    Seen,
    Wait,
)

BATCH = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """How a level comes about: what the ERP has, what of it is sold and not counted, the rest."""

    pieces: Decimal
    taken: tuple[Taken, ...]
    level: int


def terms(doc: Stock, taken: Sequence[Taken], rules: StockRules) -> Terms:
    """The level of one article and all that made it; raises FieldErrors."""
    pieces = measured(doc, rules)
    sold = sum((one.pieces for one in taken), Decimal(0))
    return Terms(pieces=pieces, taken=tuple(taken), level=offer(pieces, sold, rules))


def offer_all(at: Stocking, sold: Callable[[], Sold], since: datetime) -> Delivered:
    """Offer every article that was read *since* then; raises Unavailable, Unauthorized."""
    done, after = Delivered(), ""
    while not done.stopped:
        rows = at.ledger.read(
            stocktakes.offerable, at.flow.name, since, at.clock.now(), after, BATCH
        )
        if not rows:
            break
        after = rows[-1].key
        left = {row.id: row.state for row in rows}
        while left and not done.stopped:  # a second time only for those that were just linked
            left = dict.fromkeys(offer_some(at, left, sold, done), "prepared")
    return done


def offer_some(
    at: Stocking, states: Mapping[int, str], sold: Callable[[], Sold], done: Delivered
) -> list[int]:
    """Offer these records, which stand so; the ones that were linked on the way."""
    work = at.ledger.read(records.claimed, list(states))
    known = look(at.shop, work, at.clock.now())
    counted = sold()  # as late as can be: after the shop's levels, before what is sent
    decided = [decide_level(w, known[w.id], counted, at.flow, at.clock.now()) for w in work]
    moving = {d.work.id: d for d in decided if not stands(d, states[d.work.id])}
    if not moving:
        return []
    taken, changes = in_hand(at, moving)
    done.claimed += len(taken)
    at.ledger.note(max((c.id for c in changes), default=0))
    reach("intent.none_sent")
    for group in at.gate.send(at.shop, at.flow.entity, changes):
        reach("reply.before_outcome")
        write_outcomes(at.ledger, group, at.flow, at.clock)
        reach("outcome.committed")
        for _, outcome in group:
            done.count(outcome)
    return [d.work.id for d in taken if isinstance(d.decision, Adopt)]


def in_hand(at: Stocking, moving: Mapping[int, Decided]) -> tuple[list[Decided], list[Change]]:
    """Take the records in hand and carry out what was decided, in one transaction; the calls."""
    flow, now = at.flow, at.clock.now()
    with at.ledger.begin() as db:
        again = [Moving(id=i, seq=d.work.seq, due_at=now) for i, d in moving.items()]
        move(db, "again", again, now=now)
        mine = records.claim(
            db, flow.name, owner=at.ledger.owner, now=now, lease=now + flow.lease,
            most=len(moving), only=list(moving),
        )  # fmt: skip
        taken = [_as_taken(moving[w.id], w, now) for w in mine]
        changes = carry_out(db, taken, flow, now, begun={d.work.id for d in taken})
    return taken, changes


def _as_taken(decided: Decided, work: Claimed, now: datetime) -> Decided:
    """What was decided, unless something newer is wanted by now."""
    if work.seq == decided.work.seq:
        return replace(decided, work=work)
    return replace(decided, work=work, decision=Wait(until=now, reason="read again meanwhile"))


def look(shop: Target, work: Sequence[Claimed], asked: datetime) -> dict[int, Known | Hold]:
    """What the shop shows for each, by SKU; one that is linked stays with the product it is.

    Raises Unavailable, Unauthorized.
    """
    docs = {w.id: load(w.entity, w.doc) for w in work}
    skus = {w.id: match_values(docs[w.id], "sku") for w in work}
    asked_for = sorted({sku for sku in skus.values() if sku})
    answers = shop.match("stock", "sku", asked_for) if asked_for else {}
    known: dict[int, Known | Hold] = {}
    strays: dict[int, Claimed] = {}
    for w in work:
        equal = {s.key: s for s in candidates(docs[w.id], "sku", answers.get(skus[w.id], ()))}
        own = equal.get(w.target_key or "")
        if own is not None:
            known[w.id] = replace(own, base={})
        elif w.target_key is not None:
            strays[w.id] = w
        elif len(equal) > 1:
            known[w.id] = Ambiguous(keys=tuple(sorted(equal)), reason="ambiguous")
        else:
            known[w.id] = next(iter(equal.values()), Absent(at=asked))
    if strays:
        there = shop.get("stock", sorted({str(w.target_key) for w in strays.values()}))
        known |= {i: _strayed(there[str(w.target_key)], w, skus[i]) for i, w in strays.items()}
    return known


def _strayed(seen: Seen | Absent, w: Claimed, sku: str) -> Known | Hold:
    """The product that we are linked to does not carry our SKU any more: gone, or another's now."""
    if isinstance(seen, Absent):
        return seen
    if w.decision == "release":  # a person said that it is the one all the same
        return replace(seen, base={})
    needs = (
        f"{w.target_key} there does not carry SKU {sku} any more: correct it, or release this one"
    )
    return Hold(reason="review", needs=needs)


def decide_level(w: Claimed, known: Known | Hold, sold: Sold, flow: Flow, now: datetime) -> Decided:
    """The step for one article: pure."""
    doc = load(w.entity, w.doc)
    if not isinstance(doc, Stock) or flow.stock is None or flow.writer is None:
        raise Bug(f"{flow.name} is no stock flow")
    linked = w.target_key is not None
    nothing = Decided(
        work=w, want=Want(linked=linked), known=Absent(at=now), decision=Nothing(reason="filtered")
    )
    if flow.only is not None and not flow.only(doc):
        return nothing
    if isinstance(known, Hold):
        return replace(nothing, decision=known)
    if isinstance(known, Absent) and not linked:
        return nothing  # not sold in this shop
    try:
        level = terms(doc, sold.of(w.key, w.read_at), flow.stock).level
        offered = structs.replace(doc, offered=Decimal(level))
        payload = flow.writer.payload(
            offered, conn=flow.conn, reference=w.reference, there=_nowhere
        )
    except FieldErrors as error:
        return replace(nothing, decision=Hold(reason="rule", needs=str(error)))
    want = Want(linked=linked, fields=unpack(pack(payload)), released=w.decision == "release")
    rules = Rules(now=now, settle=flow.settle, creates=False, can=flow.can)
    return Decided(work=w, want=want, known=known, decision=decide(want, known, rules))


def _nowhere(ref: Ref) -> str:
    raise Bug(f"a level refers to {ref.entity}")


def stands(decided: Decided, state: str) -> bool:
    """Is there nothing to do, and nothing to write down?"""
    return isinstance(decided.decision, Nothing) and state == "done"
