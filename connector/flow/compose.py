"""Render what a record wants of its target, or say why it cannot be; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from msgspec import structs
from msgspec.structs import replace

from connector.documents import Customer, Document, Invoice, Order, load, refs
from connector.errors import FieldErrors, FieldFault
from connector.flow.decide import Want
from connector.flow.flows import Flow
from connector.ledger.records import Claimed
from connector.values import Hold, Ref, Tree

TERMINAL = frozenset({"cancelled", "failed"})
GUEST = "guest/"
ALIVE = {Order: ("awaiting_payment", "confirmed"), Invoice: ("open",)}
UNSAYABLE = Hold(
    reason="rule",
    needs="it is over at the source, and `write` cannot say so: close it there, then release",
)
LITERAL = "="  # a reference whose key begins so names the target's own number


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What composing needs to know of other documents: links there are, and dead blockers."""

    links: Mapping[Ref, str]
    dead: Set[Ref] = frozenset()
    whole: bool = False  # all that is referred to is linked: nobody needs to ask which


def compose(work: Claimed, flow: Flow, around: Surroundings) -> Want:
    """The `write` of a record as it stands, or a hold that names what is missing and its cure."""
    released, linked = work.decision == "release", work.target_key is not None
    want = Want(released=released, linked=linked, guest=work.key.startswith(GUEST))
    if (kept := _kept_back(work, flow, released)) is not None:
        return replace(want, hold=kept)
    if work.verdict == "filtered" and not (released or linked):
        return replace(want, filtered=True)  # R10: once linked it is a change to deliver
    try:
        doc = load(work.entity, work.doc)
    except FieldErrors as error:
        return replace(want, hold=Hold(reason="unreadable", needs=str(error)))
    want = replace(want, terminal=isinstance(doc, Order | Invoice) and doc.status in TERMINAL)
    if work.lane == "backfill" and not (released or linked):
        return replace(want, unaccepted=True)
    try:
        return _composed(work, with_rules(doc, flow, around.dead), want, flow, around)
    except FieldErrors as error:
        return replace(want, hold=Hold(reason="rule", needs=str(error)))


def _kept_back(work: Claimed, flow: Flow, released: bool) -> Hold | None:
    """Why a record is not delivered whatever it says: a verdict, or what its flow cannot send."""
    if work.entity != flow.entity:
        return Hold(reason="review", needs=f"the flow {flow.name} delivers no {work.entity}")
    if work.verdict in ("due", "filtered") or (released and work.reference is not None):
        return None
    return Hold(reason=work.verdict, needs=work.needs or work.verdict)


def _composed(work: Claimed, doc: Document, want: Want, flow: Flow, around: Surroundings) -> Want:
    if flow.writer is None:
        return want
    wants = () if around.whole else wanted(doc, flow)
    missing = [r for r in wants if not r.key.startswith(LITERAL) and r not in around.links]
    if missing:
        return replace(want, hold=blocked(missing, around.dead))
    names: dict[str, Any] = {"conn": flow.conn, "reference": work.reference}
    names["there"] = _there(around.links)
    payload = flow.writer.payload(doc, **names)
    told = not want.linked or want.released or flow.mode == "link_only"
    if not told and _over(doc) and payload in _alive(flow, doc, names):
        want = replace(want, hold=UNSAYABLE)  # R10: the end of it is no silence
    return replace(want, fields=payload)


def _over(doc: Document) -> bool:
    """Is nothing more to come of it? What was given back is told by its refunds, if there are."""
    if isinstance(doc, Order) and doc.status == "refunded":
        return not doc.refunds
    return isinstance(doc, Order | Invoice) and doc.status in TERMINAL


def _alive(flow: Flow, doc: Document, names: dict[str, Any]) -> Iterator[Mapping[str, Tree]]:
    """What *doc* would be written as if it went on."""
    for status in ALIVE[type(doc)]:
        if flow.writer is not None:
            with suppress(FieldErrors):  # a state that `write` does not know is no silence
                yield flow.writer.payload(structs.replace(doc, status=status), **names)


def demanded(work: Claimed, flow: Flow) -> list[Ref]:
    """What must be linked before *work* can be sent; nothing, if it cannot be sent anyway."""
    if work.entity != flow.entity:
        return []
    try:
        return wanted(with_rules(load(work.entity, work.doc), flow, frozenset()), flow)
    except FieldErrors:
        return []


def wanted(doc: Document, flow: Flow) -> list[Ref]:
    """The references of *doc* that its `write` looks up in the target."""
    entities = flow.writer.references if flow.writer else frozenset()
    return [r for r in refs(doc) if r.entity in entities]


def is_literal(ref: Ref) -> bool:
    """Does *ref* name the target's own number?"""
    return ref.key.startswith(LITERAL)


def blocked(missing: list[Ref], dead: Set[Ref]) -> Hold:
    """D1: it waits until all of *missing* are linked; a dead one is named with its cure."""
    never = [r for r in missing if r in dead]
    named = ", ".join(f"{r.entity} {r.key}" for r in never or missing)
    needs = (
        f"{named} cannot be linked: see `connector record show {never[0].entity} {never[0].key}`"
        if never
        else f"waits for {named}"
    )
    return Hold(reason="blocked", needs=needs, on=tuple(missing))


def _there(links: Mapping[Ref, str]) -> Callable[[Ref], str]:
    def there(ref: Ref) -> str:
        if is_literal(ref):
            return ref.key.removeprefix(LITERAL)
        if (found := links.get(ref)) is None:
            cure = "look up only what the document itself refers to"
            raise FieldErrors((FieldFault(f"{ref.entity} | there", "no_reference", cure),))
        return found

    return there


def with_rules(doc: Document, flow: Flow, dead: Set[Ref]) -> Document:
    """*doc* with the flow's rules for guests and unknown products applied."""
    if not isinstance(doc, Order | Invoice):
        return doc
    if isinstance(doc, Order) and doc.customer is None and flow.guests is not None:
        doc = structs.replace(doc, customer=guest_of(doc, flow))
    if flow.unknown_product not in ("hold", "create"):
        named = Ref(entity="product", key=LITERAL + flow.unknown_product)
        lines = tuple(
            structs.replace(line, product=named)
            if line.product is None or line.product in dead
            else line
            for line in doc.lines
        )
        doc = structs.replace(doc, lines=lines)
    return doc


def guest_of(doc: Order, flow: Flow) -> Ref:
    """Who the guest of an order is: a collective customer there, or a customer of his own."""
    if flow.guests == "each" or flow.guests is None:
        return Ref(entity="customer", key=guest_key(doc))
    number = flow.guests({"doc": doc, "conn": flow.conn})
    return Ref(entity="customer", key=f"{LITERAL}{number}")


def guest_key(doc: Order) -> str:
    """One key for one guest: same e-mail and same name; without an e-mail each order its own."""
    email = (doc.billing.email or "").strip().casefold() if doc.billing else ""
    if not email or doc.billing is None:
        return f"{GUEST}{doc.number}"
    name = " ".join(f"{doc.billing.first_name or ''} {doc.billing.last_name or ''}".split())
    identity = f"{email}\n{name.casefold()}"
    return f"{GUEST}{hashlib.sha256(identity.encode()).hexdigest()[:20]}"


def guest_customer(doc: Order) -> Customer:
    """The customer document that an order tells of its guest."""
    b = doc.billing
    return Customer(
        email=b.email if b else None,
        first_name=b.first_name if b else None,
        last_name=b.last_name if b else None,
        company=b.company if b else None,
        phone=b.phone if b else None,
        billing=b,
        shipping=doc.shipping,
    )
