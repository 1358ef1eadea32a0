"""Linking: walk the lists of both sides, and say who is whom; it creates nothing anywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from connector.documents import Document
from connector.errors import FieldErrors
from connector.flow.flows import Flow
from connector.flow.match import match_values, normal, traits, traits_there
from connector.ledger import linking
from connector.ledger.linking import Candidate, Kind, Meeting, Side, Sight
from connector.ledger.store import Ledger
from connector.ports import Clock, Source
from connector.profile import Entity
from connector.values import Broken, Item, Page, Payload

Glance = Callable[[str, Payload], Sight | None]
Told = Callable[[Side, int], None]
PROOF = {"sku": "the same SKU", "email": "the same e-mail", "vat_number": "the same VAT number"}


def kind_of(flow: Flow) -> Kind:
    """The links that *flow* makes."""
    return Kind(flow=flow.name, source=flow.source, target=flow.target, entity=flow.entity)


def judge(met: Sequence[Meeting]) -> Iterator[Candidate]:
    """Say of each source who it is there; pure. *met*: all meetings of some sources, in order.

    An e-mail that nothing else supports is weak (D2); two sure ones are a collision.
    """
    for source_key, mine in groupby(met, key=lambda m: m.source_key):
        sure: dict[str, list[str]] = {}
        weak: set[str] = set()
        for one in mine:
            if one.by == "email" and not one.alike:
                weak.add(one.target_key)
                continue
            sure.setdefault(one.target_key, []).append(_proof(one))
        for there, proofs in sorted(sure.items()):
            yield Candidate(
                source_key=source_key,
                target_key=there,
                verdict="sure" if len(sure) == 1 else "collision",
                reason=" and ".join(proofs)
                if len(sure) == 1
                else f"this one of the source may be any of {len(sure)} of the target",
            )
        for there in sorted(weak - sure.keys()) if not sure else ():
            yield Candidate(
                source_key=source_key,
                target_key=there,
                verdict="weak",
                reason="the same e-mail, but neither name nor postcode",
            )


def _proof(one: Meeting) -> str:
    also = " with the same name or postcode" if one.by == "email" else ""
    return PROOF.get(one.by, f"the same {one.by}") + also


def glance_here(flow: Flow) -> Glance:
    """How a document of the source is seen; None: it is gone. The glance raises FieldErrors."""

    def glance(key: str, payload: Payload) -> Sight | None:
        if flow.reader.gone(payload):
            return None
        doc: Document = flow.reader.document(payload)
        values = ((by, match_values(doc, by)) for by in flow.match)
        return Sight(
            key=key,
            values=tuple((by, _digest(flow, by, value)) for by, value in values),
            traits=tuple(sorted(_digest(flow, "trait", t) for t in traits(doc))),
            birth=flow.reader.birth(payload),
        )

    return glance


def glance_there(flow: Flow, entity: Entity, there: Callable[[Payload], Payload]) -> Glance:
    """How a document of the target is seen, by its own `read`. The glance raises FieldErrors.

    Its key is the one that `match` gives: as a target it may be reached by another than it is read.
    """
    match = entity.actions.get(f"match.{flow.match[0]}") if flow.match else None
    found = match.found if match is not None else None

    def glance(key: str, payload: Payload) -> Sight:
        read = there(payload)
        reached = found({"conn": flow.conn, "item": payload}) if found is not None else None
        values = ((by, normal(by, read.get(by))) for by in flow.match)
        return Sight(
            key=str(reached or key),
            values=tuple((by, _digest(flow, by, value)) for by, value in values),
            traits=tuple(sorted(_digest(flow, "trait", t) for t in traits_there(read))),
        )

    return glance


def _digest(flow: Flow, by: str, value: str) -> str:
    """A natural key says nothing of itself, and blank ones never match."""
    salted = f"{flow.installation}\n{by}\n{value}".encode()
    return hashlib.sha256(salted).hexdigest()[:24] if value else ""


def walk(system: Source, flow: Flow, side: Side, ledger: Ledger, glance: Glance, told: Told) -> int:
    """Walk one side's list, on from where it was; returns how many could not be read.

    Raises Unavailable, Unauthorized, Truncated; what was seen until then is kept.
    """
    scan = ledger.read(linking.scan_of, flow.name)
    if scan is None or getattr(scan, f"{side}_done"):
        return 0
    unreadable = 0
    position = scan.source_at if side == "source" else scan.target_at
    for page in system.pages(flow.entity, position, start=None, until=None):
        sights, broken = _seen(system, flow, page, glance)
        with ledger.begin() as db:
            linking.see(db, flow.name, side, sights, page.cursor, complete=page.complete)
        unreadable += broken
        told(side, len(sights))
    return unreadable


def _seen(system: Source, flow: Flow, page: Page, glance: Glance) -> tuple[list[Sight], int]:
    sights: list[Sight] = []
    broken = 0
    for read in page.items:
        if not isinstance(read, Item):
            broken += isinstance(read, Broken)
            continue
        payload = system.decode(flow.entity, read.raw)
        try:
            if isinstance(payload, Broken):
                broken += 1
            elif (sight := glance(read.key, payload)) is not None:
                sights.append(sight)
        except FieldErrors:
            broken += 1
    return sights, broken


def conclude(ledger: Ledger, flow: Flow) -> None:
    """Say who is whom, once both lists were walked to their end; all or nothing."""
    kind = kind_of(flow)
    with ledger.begin() as db:
        for met in linking.meetings(db, kind):
            linking.propose(db, flow.name, list(judge(met)))
        linking.judged(db, flow.name)


def begin_or_resume(ledger: Ledger, flow: Flow, clock: Clock, *, again: bool) -> bool:
    """Begin a scan, or say True if one that was cut short goes on."""
    scan = ledger.read(linking.scan_of, flow.name)
    if scan is not None and scan.source_at is not None and not scan.judged and not again:
        return True
    with ledger.begin() as db:
        linking.begin(db, flow.name, clock.now())
    return False
