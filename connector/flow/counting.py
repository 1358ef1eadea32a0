"""Read the stock of all articles, or of some; use it only as a whole, and only if it is probable.

An article that a complete reading lacks is only nominated: it is asked for by itself, and one that
is gone is a question to a person, never a level of zero (P6).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice

from msgspec.structs import replace

from connector.documents import Stock, load
from connector.errors import Braked, Bug, FieldErrors, Truncated
from connector.flow.draft import drafts, tombstone, unreadable
from connector.flow.flows import Flow
from connector.flow.levels import StockRules, counting, measured, offer
from connector.flow.paging import careful
from connector.flow.pull import Pulled, read_each, stop_if_reborn
from connector.flow.stocking import Stocking
from connector.flow.stocktaking import Before, Judged, judge
from connector.ledger import confirmations, cursors, staging, stocktakes
from connector.ledger.staging import Draft
from connector.ledger.stocktakes import Counted
from connector.points import reach
from connector.ports import Care, Source
from connector.values import Broken, Item, Read, Tombstone

GROUP = 500


class Reading:
    """Articles as they were read, with what each would offer if nothing were sold."""

    def __init__(self, flow: Flow, rules: StockRules) -> None:
        self._flow, self._rules = flow, rules
        self.drafts: dict[str, Draft] = {}
        self.counted: dict[str, Counted] = {}
        self.gone: list[str] = []
        self.broken: list[Broken] = []
        self.warehouses: set[str] = set()

    def add(self, source: Source, reads: Iterable[Read], began: datetime) -> None:
        """Map what was read at *began*; nothing that is wrong with one touches another."""
        for read in reads:
            match read:
                case Item():
                    payload = source.decode(self._flow.entity, read.raw)
                    self._keep(drafts(read, payload, self._flow, began)[0])
                case Tombstone(key=key):
                    self.gone.append(key)
                    self.drafts[key] = tombstone(read, self._flow, began)
                case Broken(key=None):
                    self.broken.append(read)
                case Broken():
                    self._keep(unreadable(read, self._flow, began))

    def _keep(self, draft: Draft) -> None:
        if draft.doc is not None:
            try:
                self.counted[draft.key] = self._count(draft.key, draft.doc)
            except FieldErrors as error:
                draft = replace(draft, verdict="rule", needs=str(error))
        self.drafts[draft.key] = draft

    def _count(self, key: str, stored: bytes) -> Counted:
        doc = load("stock", stored)
        if not isinstance(doc, Stock):
            raise Bug(f"{key} is no stock")
        self.warehouses |= {level.warehouse for level in doc.levels if counting(level, self._rules)}
        pieces = measured(doc, self._rules)
        sku = (doc.sku or "").strip() or None
        return Counted(key=key, sku=sku, offered=offer(pieces, pieces * 0, self._rules))

    def offers(self, before: Mapping[str, Before]) -> dict[str, int]:
        """What each article that is there would offer; one that is unreadable, as before."""
        there = [key for key in self.drafts if key not in self.gone]
        return {
            key: self.counted[key].offered if key in self.counted else before[key].offered
            for key in there
            if key in self.counted or key in before
        }


def read_all(at: Stocking) -> Pulled:
    """Read every article, judge the whole, and seal it; if Braked is raised, nothing of it is used.

    Raises Unavailable, Unauthorized, Truncated.
    """
    with careful(at.flow, at.ledger, at.clock) as care:
        return _read_all(at, care)


def _read_all(at: Stocking, care: Care) -> Pulled:
    began, flow = at.clock.now(), at.flow
    reading, done, complete = Reading(flow, at.rules), Pulled(), False
    for page in at.source.pages(flow.entity, None, start=None, until=None, care=care):
        reach("page.fetched")
        reading.add(at.source, page.items, page.began)
        done.pages, complete = done.pages + 1, page.complete
    if not complete:
        raise Truncated(f"{flow.source}: the stock was not read to its end")
    before = known_before(at)
    approved = at.ledger.read(stocktakes.approved, flow.name, at.clock.now())
    judged = judge(before, reading.offers(before), at.rules, at.clock.now(), approved)
    stop_if_nowhere(at, reading)
    stop_if_improbable(at, judged, began)
    if judged.absent and not reading.broken:  # what has no key may be one of the absent
        asked = at.clock.now()
        reading.add(at.source, read_each(at.source, flow, sorted(judged.absent)), asked)
    reach("snapshot.before_seal")
    return seal(at, reading, done, began=began, approved=approved)


def known_before(at: Stocking) -> dict[str, Before]:
    """Every article by the readings so far."""
    return {
        row.key: Before(offered=row.offered, changed_at=row.changed_at, zeroed_at=row.zeroed_at)
        for row in at.ledger.read(stocktakes.last, at.flow.name)
    }


def read_some(at: Stocking, only: Sequence[str]) -> Pulled:
    """Read single articles, by key or SKU: a person, or what has become due, asks for them."""
    named = at.ledger.read(stocktakes.by_sku, at.flow.name, set(only))
    keys = sorted({key for one in only for key in named.get(one, [one])})
    reading, began = Reading(at.flow, at.rules), at.clock.now()
    reading.add(at.source, read_each(at.source, at.flow, keys), began)
    before = known_before(at)
    others = {key: one.offered for key, one in before.items()}  # as they were
    approved = at.ledger.read(stocktakes.approved, at.flow.name, began)
    judged = judge(before, others | reading.offers(before), at.rules, began, approved)
    stop_if_improbable(at, judged, began)
    return seal(at, reading, Pulled())


def stop_if_nowhere(at: Stocking, reading: Reading) -> None:
    """Raise Braked where a warehouse that is named has not one article: a typing error, surely."""
    flow = at.flow
    if reading.counted and (wrong := sorted({*at.rules.warehouses} - reading.warehouses)):
        raise Braked(
            f"{flow.name}: {flow.source} has no stock in warehouse {', '.join(wrong)}: "
            "is it the right name?",
            code="config",
            cure=f"correct flows.{flow.name}.warehouses",
        )


def stop_if_improbable(at: Stocking, judged: Judged, began: datetime) -> None:
    """P6: raise Braked; the reading waits for a person, who is told what it would do."""
    flow = at.flow
    if not judged.why:
        return
    counts = {"zeroed": len(judged.zeroed), "changed": len(judged.changed)}
    counts |= {"absent": len(judged.absent), "items": judged.items}
    with at.ledger.begin() as db:
        told = {**counts, "why": judged.why, "begun_at": began}
        number = stocktakes.brake(db, flow.name, told, judged.affected)
    raise Braked(
        f"{flow.name}: {judged.why}; nothing of this reading is used",
        code="braked",
        cure=f"is it meant? connector approve {flow.name}-{number}",
    )


def seal(
    at: Stocking,
    reading: Reading,
    done: Pulled,
    *,
    began: datetime | None = None,
    approved: Collection[str] = (),
) -> Pulled:
    """Make a reading the one that counts, in one transaction. *began*: that of a complete one."""
    now, reborn, name = at.clock.now(), staging.Staged(), at.flow.name
    ordered = iter(sorted(reading.drafts.values(), key=lambda draft: draft.key))
    with at.ledger.begin() as db:
        while some := list(islice(ordered, GROUP)):
            staged = staging.stage(db, some, now)
            done.new, done.changed = done.new + staged.new, done.changed + staged.changed
            done.same += staged.same
            reborn = staged if staged.reborn else reborn
        stocktakes.note(db, name, list(reading.counted.values()), now, approved)
        stocktakes.drop(db, name, reading.gone)
        for piece in reading.broken:
            cursors.set_aside(db, name, at.flow.entity, piece, now)
        if began is not None:
            stocktakes.spend(db, name)
            confirmations.confirm(db, name, began)
    done.set_aside = len(reading.broken)
    stop_if_reborn(reborn, at.flow)
    return done
