"""Turn what was read into drafts of records: map, validate, rules; pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime

from connector.documents import Customer, Document, Order, Refund, dump
from connector.errors import FieldErrors
from connector.flow.compose import guest_customer, guest_key
from connector.flow.flows import Flow
from connector.ledger.content import digest
from connector.ledger.records import Draft
from connector.values import Broken, Item, Payload, Tombstone


def drafts(item: Item, payload: Payload | Broken, flow: Flow, began: datetime) -> list[Draft]:
    """The records that one item asks for: its own, its children's, its guest's."""
    seen = {
        "version": item.version,
        "raw_hash": digest(item.raw),
        "read_digest": flow.reader.digest,
    }
    if isinstance(payload, Broken):
        return [unreadable(item.key, payload.code, flow, began, **seen)]
    if flow.reader.gone(payload):
        needs = "it is gone at the source: see to it in the target, then release"
        return [_draft(flow, item.key, began, verdict="gone", needs=needs, **seen)]
    try:
        doc = flow.reader.document(payload)
        birth = flow.reader.birth(payload)
    except FieldErrors as error:
        return [unreadable(item.key, str(error), flow, began, **seen)]
    own = _of(doc, item.key, birth, flow, began, seen)
    return [own, *_children(doc, own, flow), *_guest(doc, own, flow)]


def unreadable(key: str, why: str, flow: Flow, began: datetime, **seen: str | None) -> Draft:
    """R15: it has a key and cannot be read: held, the last good document stays."""
    return _draft(flow, key, began, verdict="unreadable", needs=why, **seen)


def tombstone(gone: Tombstone, flow: Flow, began: datetime) -> Draft:
    """A document that the source no longer has: absence is told, never acted on by itself."""
    return _draft(flow, gone.key, began, verdict="review", needs="the source no longer has it")


def _draft(flow: Flow, key: str, began: datetime, **more: object) -> Draft:
    entity = str(more.pop("entity", flow.entity))
    return Draft(
        flow=flow.name,
        entity=entity,
        key=key,
        source=flow.source,
        target=flow.target,
        serial_key=more.pop("serial_key", f"{flow.source}>{flow.target}:{entity}:{key}"),
        read_at=began,
        due_at=more.pop("due_at", began),
        lane=flow.lane,
        **more,
    )  # type: ignore[arg-type]


def _of(
    doc: Document, key: str, birth: str, flow: Flow, began: datetime, seen: dict[str, str | None]
) -> Draft:
    data = dump(doc)
    born = getattr(doc, "placed_at", None) or getattr(doc, "created_at", None)
    verdict, needs = _judge(doc, born, flow)
    changed = getattr(doc, "modified_at", None)
    due = max(began, changed + flow.wait) if changed and flow.wait else began
    return _draft(
        flow,
        key,
        began,
        verdict=verdict,
        needs=needs,
        birth=birth,
        born_at=born,
        reference=reference(doc, key, flow),
        doc=data,
        doc_hash=digest(data),
        due_at=due,
        total=str(doc.total) if isinstance(doc, Order) else None,
        currency=doc.currency if isinstance(doc, Order) else None,
        subject=_subject(doc, flow),
        **seen,
    )


def _judge(doc: Document, born: datetime | None, flow: Flow) -> tuple[str, str]:
    """P8 and the flow's `only`: what lies before the start or outside the filter is not ours."""
    if flow.start and born and born < flow.start:
        return "filtered", f"older than the flow's start {flow.start.isoformat()}"
    if flow.only is not None and not flow.only(doc):
        return "filtered", "outside the flow's `only`"
    return "due", ""


def reference(doc: Document, key: str, flow: Flow) -> str:
    """R8: our id for a document in the target, within the length and characters it takes.

    Minted of installation, connection, entity and source id, or by the flow's `reference:`.
    """
    if flow.reference is not None:
        minted = str(flow.reference({"doc": doc, "conn": flow.conn, "key": key}))
    else:
        minted = f"{flow.installation}-{flow.source}-{flow.entity}-{key}"
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
    return hashlib.sha256(f"{flow.installation}\n{who}".encode()).hexdigest()[:24]


def _children(doc: Document, parent: Draft, flow: Flow) -> Iterator[Draft]:
    """R11: refunds are records of their own, staged with their parent."""
    if not isinstance(doc, Order) or parent.verdict == "filtered":
        return
    for refund in doc.refunds:
        yield _child(refund, parent, flow)


def _child(refund: Refund, parent: Draft, flow: Flow) -> Draft:
    data = dump(refund)
    key = f"{parent.key}/{refund.key}"
    return _draft(
        flow,
        key,
        parent.read_at,
        entity="refund",
        serial_key=parent.serial_key,
        verdict="review",
        needs="refunds are not delivered yet: book it by hand, it waits here for the day they are",
        birth=parent.birth,
        born_at=parent.born_at,
        reference=f"{parent.reference}/{refund.key}",
        doc=data,
        doc_hash=digest(data),
        read_digest=parent.read_digest,
        version=parent.version,
        total=str(refund.amount),
        currency=parent.currency,
        subject=parent.subject,
    )


def _guest(doc: Document, parent: Draft, flow: Flow) -> Iterator[Draft]:
    """`guests: each`: the order's guest becomes a customer record, once, never updated (D2)."""
    if not isinstance(doc, Order) or flow.guests != "each" or doc.customer is not None:
        return
    if flow.customers is None or parent.verdict == "filtered":
        return
    customer = guest_customer(doc)
    data = dump(customer)
    key = guest_key(doc)
    minted = hashlib.sha256(key.encode()).hexdigest()[:10]
    yield Draft(
        flow=flow.customers,
        entity="customer",
        key=key,
        source=flow.source,
        target=flow.target,
        serial_key=f"{flow.source}>{flow.target}:customer:{key}",
        read_at=parent.read_at,
        due_at=parent.read_at,
        born_at=parent.born_at,
        reference=f"{flow.installation}-{flow.source}-g-{minted}",
        doc=data,
        doc_hash=digest(data),
        read_digest=parent.read_digest,
        subject=parent.subject,
        lane=flow.lane,
        only_new=True,
    )
