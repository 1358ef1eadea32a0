"""Turn what was read into drafts of records: map, validate, rules; pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from connector.documents import (
    Customer,
    Document,
    Invoice,
    Order,
    OrderPayment,
    Refund,
    dump,
    invoice_of,
    payment_of,
    refund_of,
    unexplained,
    vouch,
)
from connector.errors import FieldErrors
from connector.flow.compose import guest_customer, guest_key, with_rules
from connector.flow.flows import Flow
from connector.flow.taking import salvaged, taken_by
from connector.ledger.content import digest
from connector.ledger.goods import NOTHING
from connector.ledger.staging import Draft
from connector.values import Broken, Item, Payload, Tombstone


def drafts(item: Item, payload: Payload | Broken, flow: Flow, began: datetime) -> list[Draft]:
    """The records that one item asks for: its own, its children's, its guest's."""
    bare = _bare(item.key, flow, began)
    bare |= {"version": item.version, "raw_hash": digest(item.raw)}
    if isinstance(payload, Broken):
        return [Draft(**bare, verdict="unreadable", needs=payload.code)]
    try:
        if flow.reader.gone(payload):
            needs = "it is gone at the source: see to it in the target, then release"
            return [Draft(**bare, verdict="gone", needs=needs, goods=_nothing(flow))]
        doc = flow.reader.document(payload)
        birth = flow.reader.birth(payload)
    except FieldErrors as error:
        goods = salvaged(flow.reader.partial(payload)) if flow.entity == "order" else None
        return [Draft(**bare, verdict="unreadable", needs=str(error), goods=goods)]
    own = _of(doc, birth, bare, flow)
    return [own, *_children(doc, own, flow), *_guest(doc, own, flow)]


def unreadable(broken: Broken, flow: Flow, began: datetime) -> Draft:
    """R15: it has a key and cannot be read: held, the last good document stays."""
    bare = _bare(str(broken.key), flow, began)
    return Draft(**bare, raw_hash=digest(broken.raw), verdict="unreadable", needs=broken.code)


def tombstone(gone: Tombstone, flow: Flow, began: datetime) -> Draft:
    """A document that the source no longer has: absence is told, never acted on by itself."""
    bare = _bare(gone.key, flow, began)
    needs = "the source no longer has it"
    return Draft(**bare, verdict="review", needs=needs, goods=_nothing(flow))


def _nothing(flow: Flow) -> str | None:
    """D5: what the shop no longer has takes nothing of its stock."""
    return NOTHING if flow.entity == "order" else None


def _bare(key: str, flow: Flow, began: datetime) -> dict[str, Any]:
    """What a draft knows by its key alone, and nothing of its document."""
    return {
        "flow": flow.name,
        "entity": flow.entity,
        "key": key,
        "source": flow.source,
        "target": flow.target,
        "serial_key": serial_key(flow, flow.entity, key),
        "read_at": began,
        "due_at": began,
        "read_digest": flow.reader.digest,
        "lane": flow.lane,
    }


def serial_key(flow: Flow, entity: str, key: str) -> str:
    """R7: what is worked on one at a time: the pair, or the root order of its children."""
    return f"{flow.source}>{flow.target}:{entity}:{key}"


def _of(doc: Document, birth: str, bare: dict[str, Any], flow: Flow) -> Draft:
    vouch(data := dump(doc))
    born = getattr(doc, "placed_at", None) or getattr(doc, "created_at", None)
    old = is_older(born, flow)
    try:
        verdict, needs = _judge(doc, flow)
        minted: str | None = reference(doc, bare["key"], flow)
    except FieldErrors as error:
        verdict, needs, minted = "rule", str(error), None
    changed = getattr(doc, "modified_at", None)
    rested = bare | {"due_at": due(bare["read_at"], changed, flow)}
    return Draft(
        **rested,
        verdict=verdict,
        needs=f"older than the flow's start {flow.start}" if old and not needs else needs,
        old=old,
        birth=birth,
        born_at=born,
        reference=minted,
        doc=data,
        doc_hash=digest(data),
        total=str(doc.total) if isinstance(doc, Order) else None,
        currency=doc.currency if isinstance(doc, Order) else None,
        subject=_subject(doc, flow),
        goods=taken_by(doc, older=old, lane=flow.lane) if isinstance(doc, Order) else None,
    )


def due(read_at: datetime, changed: datetime | None, flow: Flow) -> datetime:
    """When the document has rested for `wait`; one dated ahead rests from its reading on."""
    return max(read_at, min(changed, read_at) + flow.wait) if changed else read_at


def is_older(born: datetime | None, flow: Flow) -> bool:
    """P8: was it born before the flow's start?"""
    return flow.start is not None and born is not None and born < flow.start


def _judge(doc: Document, flow: Flow) -> tuple[str, str]:
    """`only` and the money guard: what is not ours, and what does not add up."""
    if flow.only is not None and not flow.only(doc):
        return "filtered", "outside the flow's `only`"
    if isinstance(doc, Order) and flow.money.outside == "hold":
        rest = unexplained(doc)
        if abs(rest) > flow.money.tolerance:
            return "money", f"lines, shipping and fees differ from the total by {rest}"
    return "due", ""


def reference(doc: Document, key: str, flow: Flow) -> str:
    """R8: our id for a document in the target, within the length and characters it takes.

    Minted of installation, connection, entity and source id, or by the flow's `reference:`.
    """
    if flow.reference is not None:
        minted = str(flow.reference({"doc": doc, "conn": flow.conn, "key": key}))
    else:
        minted = f"{flow.installation}-{flow.source}-{flow.entity}-{key}"
    return fitted(minted, flow)


def fitted(minted: str, flow: Flow) -> str:
    """*minted*, as the target takes it: the same text always makes the same reference."""
    kept = "".join(re.findall(flow.capabilities.reference_charset, minted))
    if kept == minted and len(minted) <= flow.capabilities.reference_length:
        return minted
    # Too long, or with characters that the target does not take: a digest keeps it unique.
    tail = hashlib.sha256(minted.encode()).hexdigest()[:16]
    room = flow.capabilities.reference_length - len(tail) - 1
    return f"{kept[:room]}-{tail}" if room > 0 else tail


def _subject(doc: Document, flow: Flow) -> str | None:
    """Whose personal data a record holds, as a key that says nothing of itself."""
    match doc:
        case Order(customer=ref) if ref is not None:
            who = f"{flow.source}/{ref.key}"
        case Order(billing=b) if b is not None and b.email:
            who = b.email.strip().casefold()
        case Customer(email=email) if email:
            who = email.strip().casefold()
        case _:
            return None
    return subject_key(flow.installation, who)


def subject_key(installation: str, who: str) -> str:
    """What stands in the ledger for a person: by his key at the source, or his e-mail."""
    return hashlib.sha256(f"{installation}\n{who}".encode()).hexdigest()[:24]


def _children(doc: Document, parent: Draft, flow: Flow) -> Iterator[Draft]:
    """R11: what an order brings along are records of their own, staged with it and after it.

    A refund without a flow is a person's affair. So are those of a backfill, and of what it
    brought: what was given back long ago may be booked already; of what was invoiced or paid then
    nothing is told at all. What an order brought along before and brings no more is taken back, or
    a person's affair, too.
    """
    if not isinstance(doc, Order) or parent.reference is None:
        return
    live = flow.lane == "live"
    refunds = flow.children.get("refund") if live and not parent.old else None
    for given in doc.refunds:
        back = refund_of(doc, given, parent.key)
        yield _child(back, _beside(parent, "refund", given.key, flow), to=refunds)
    for entity, of in _BOOKED.items() if live else ():
        to = flow.children.get(entity)
        if to is None or is_older(doc.placed_at, to):
            continue
        sold = with_rules(doc, flow, frozenset())
        booked = of(sold, parent.key) if isinstance(sold, Order) else None
        beside = _beside(parent, entity, entity, flow)
        yield _no_more(beside, to) if booked is None else _child(booked, beside, to=to)


_BOOKED: Mapping[str, Callable[[Order, str], Invoice | OrderPayment | None]] = {
    "invoice": invoice_of,
    "payment": payment_of,
}


def _beside(parent: Draft, entity: str, key: str, flow: Flow) -> Draft:
    """A record beside its order, whatever it says."""
    return replace(
        parent,
        entity=entity,
        key=f"{parent.key}/{key}",
        due_at=parent.read_at,
        reference=fitted(f"{parent.reference}/{key}", flow),
        version=None,
        raw_hash=None,
        goods=None,
        old=False,
        beside=parent.flow,
        kept_back=parent.old or parent.verdict == "filtered",
    )


def _child(doc: Refund | Invoice | OrderPayment, beside: Draft, *, to: Flow | None) -> Draft:
    """What an order brings along; delivered by flow *to*."""
    data = dump(doc)
    return replace(
        beside,
        flow=beside.flow if to is None else to.name,
        verdict="review" if to is None else "due",
        needs=f"no flow delivers this {beside.entity}: book it by hand" if to is None else "",
        doc=data,
        doc_hash=digest(data),
        total=str(doc.total if isinstance(doc, Invoice) else doc.amount),
    )


def _no_more(beside: Draft, to: Flow) -> Draft:
    """It is not told of any more: never booked, it is not; booked, a person sees to it."""
    needs = f"its order tells of no {beside.entity} any more: undo it there, then release"
    gone = {"verdict": "gone", "needs": needs, "only_known": True}
    return replace(beside, flow=to.name, doc=None, doc_hash=None, total=None, **gone)


def _guest(doc: Document, parent: Draft, flow: Flow) -> Iterator[Draft]:
    """`guests: each`: the order's guest becomes a customer record, once, never updated (D2)."""
    if not isinstance(doc, Order) or flow.guests != "each" or doc.customer is not None:
        return
    if flow.customers is None or parent.old or parent.verdict == "filtered":
        return
    data = dump(guest_customer(doc))
    key = guest_key(doc)
    minted = hashlib.sha256(key.encode()).hexdigest()[:10]
    yield replace(
        parent,
        flow=flow.customers,
        entity="customer",
        key=key,
        serial_key=serial_key(flow, "customer", key),
        due_at=parent.read_at,
        verdict="due",
        needs="",
        birth=None,
        reference=f"{flow.installation}-{flow.source}-g-{minted}",
        version=None,
        doc=data,
        doc_hash=digest(data),
        raw_hash=None,
        total=None,
        currency=None,
        only_new=True,
        goods=None,
    )
