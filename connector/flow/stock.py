"""Stock: read the ERP, judge, read the orders, and offer what is left, article by article (D5).

    orders that the ERP counts ─▶ ERP's stock, whole ─▶ brakes ─▶ SEAL ─▶ orders up to now
    each 100:  read the shop ─▶ ERP's measure, less what it does not count ─▶ send if different

A level is computed when it is sent, from what is known then; what was sent last is never asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connector.documents import Stock, load
from connector.flow.counting import read_all, read_some
from connector.flow.deliver import Delivered
from connector.flow.doubts import settle_doubts
from connector.flow.flows import Flow
from connector.flow.offering import Terms, offer_all, terms
from connector.flow.pull import Pulled
from connector.flow.stocking import Stocking, rules_of
from connector.flow.uncounted import Sold, reached, settled
from connector.ledger import goods, links, records, stocktakes
from connector.ledger.records import Claimed
from connector.ledger.store import Ledger
from connector.values import Ref, Seen

FRESH = timedelta(seconds=5)
LATE = timedelta(days=1)  # longer than any reading is offered from


@dataclass(kw_only=True, slots=True)
class Stocked:
    """What a run did. *unknown*: orders with goods that belong to no article, or to nobody knows

    which: they are subtracted nowhere.
    """

    pulled: Pulled
    delivered: Delivered
    unknown: list[tuple[str, str]] = field(default_factory=list)


def take_stock(at: Stocking, only: Sequence[str] = ()) -> Stocked:
    """Bring the shop's levels up to date, of all articles or of *only* these keys or SKUs.

    Raises Unavailable, Unauthorized, Truncated, Braked.
    """
    see_what_counts(at)
    began = at.clock.now()
    pulled = read_some(at, only) if only else read_all(at)
    counter = Counter(at)
    delivered = offer_all(at, counter.sold, began)
    counter.settle(began)
    return Stocked(pulled=pulled, delivered=delivered, unknown=counter.unknown())


def catch_up(at: Stocking) -> Stocked:
    """Offer anew what is due between readings: refused before, or in doubt until now."""
    now = at.clock.now()
    settle_doubts(at.shop, at.flow, at.ledger, at.clock)
    with at.ledger.begin() as db:
        records.lapse(db, now, owner=at.ledger.owner, dead=False)
    due = at.ledger.read(stocktakes.due, at.flow.name, now)
    if not due:
        return Stocked(pulled=Pulled(), delivered=Delivered())
    return take_stock(at, due)


def see_what_counts(at: Stocking) -> None:
    """Look which of our orders the ERP counts by now: before its stock is read."""
    if at.rules.counted_at == "create":
        return
    open_ = at.ledger.read(goods.open_orders, at.rules.orders)
    asked = at.clock.now()
    waiting = {o.target_key: o.id for o in open_ if o.target_key and o.reserved_at is None}
    if not waiting:
        return
    there = at.books.get("order", sorted(waiting))
    found = [
        waiting[key]
        for key, seen in there.items()
        if isinstance(seen, Seen) and reached(seen, at.rules)
    ]
    with at.ledger.begin() as db:
        goods.reserved(db, found, asked)


class Counter:
    """What is sold and not counted, read again whenever it is older than a few seconds."""

    def __init__(self, at: Stocking) -> None:
        self._at = at
        self._read_at: datetime | None = None
        self._sold = Sold([], lambda *_: (), at.rules.counted_at)
        self._orders: list[goods.OpenOrder] = []

    def sold(self) -> Sold:
        """All orders up to now, those of every flow that brings the ERP orders."""
        now = self._at.clock.now()
        if self._read_at is None or now - self._read_at > FRESH:
            for flow in self._at.orders.values():
                self._at.pull(flow)
            self._read_at = now
            self._orders = self._at.ledger.read(goods.open_orders, self._at.rules.orders)
            items_of = Articles(self._at.ledger, self._at.flow, self._orders).of
            self._sold = Sold(self._orders, items_of, self._at.rules.counted_at)
        return self._sold

    def settle(self, began: datetime) -> None:
        """What the ERP surely counted a day ago need not be looked at in any run to come."""
        stage = self._at.rules.counted_at
        before = began - LATE  # another flow may still offer what it read before we began
        counted = [(o.id, o.contents[-1].seq) for o in self._orders if settled(o, before, stage)]
        with self._at.ledger.begin() as db:
            goods.settle(db, counted)

    def unknown(self) -> list[tuple[str, str]]:
        """Orders that could be subtracted nowhere, or not wholly."""
        unread = self._at.ledger.read(goods.unknown, self._at.rules.orders)
        return sorted({*self._sold.unknown, *unread})


class Articles:
    """Which article of the ERP a line of an order is: by the product's link, else by its SKU."""

    def __init__(self, ledger: Ledger, flow: Flow, orders: Sequence[goods.OpenOrder]) -> None:
        lines = [(o.source, line) for o in orders for one in o.contents for line in one.lines]
        self._linked: dict[tuple[str, str], str] = {}
        for source in sorted({source for source, _ in lines}):
            refs = {Ref(entity="product", key=p) for s, (p, _, _) in lines if s == source and p}
            found = ledger.read(links.known, source, flow.source, refs)
            self._linked |= {(source, ref.key): there for ref, there in found.items()}
        skus = {sku.strip() for _, (_, sku, _) in lines if sku}
        self._by_sku = ledger.read(stocktakes.by_sku, flow.name, skus)

    def of(self, source: str, product: str | None, sku: str | None) -> Sequence[str]:
        """The articles that are taken; several of one SKU are all taken, to be on the safe side."""
        if product is not None and (linked := self._linked.get((source, product))):
            return (linked,)
        return self._by_sku.get(sku.strip(), ()) if sku else ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Explained:
    """One article: its record, its document as it was read last, and the terms of its level."""

    work: Claimed
    doc: Stock
    terms: Terms


def explained(ledger: Ledger, flow: Flow, named: str) -> list[Explained]:
    """How the level of each article of that key or SKU comes about, from what is known by now.

    Raises FieldErrors where the source does not say what is meant.
    """
    rules = rules_of(flow)
    keys = ledger.read(stocktakes.by_sku, flow.name, [named]).get(named, [named])
    orders = ledger.read(goods.open_orders, rules.orders)
    sold = Sold(orders, Articles(ledger, flow, orders).of, rules.counted_at)
    found = []
    for work in ledger.read(records.claimed, ledger.read(stocktakes.records_of, flow.name, keys)):
        doc = load(work.entity, work.doc)
        if isinstance(doc, Stock):
            made = terms(doc, sold.of(work.key, work.read_at), rules)
            found.append(Explained(work=work, doc=doc, terms=made))
    return found
