"""What orders have taken that the ERP did not count when its stock was read; pure (D5).

An order counts, as far as one content of it goes, if that content was acknowledged before the
reading began, and its document was seen before at the stage from which the ERP counts it.  Of
contents that came later nobody knows which were executed: the lowest quantity of them counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from connector.flow.levels import Stage, StockRules
from connector.ledger.goods import Content, Line, OpenOrder
from connector.values import Seen

ZERO = Decimal(0)
Items = Mapping[str, Decimal]
ItemsOf = Callable[[str, str | None, str | None], Collection[str]]  # source, product, sku


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """Pieces of one article that an order takes and the ERP does not count, and why."""

    flow: str
    key: str
    pieces: Decimal
    why: str


class Sold:
    """All that may be uncounted, by the source's article."""

    def __init__(self, orders: Sequence[OpenOrder], items_of: ItemsOf, counted_at: Stage) -> None:
        self._counted_at = counted_at
        self._by_item: dict[str, list[tuple[OpenOrder, list[Items]]]] = {}
        self.unknown: list[tuple[str, str]] = []  # (flow, order) with goods that are nobody's
        for order in orders:
            self._add(order, items_of)

    def _add(self, order: OpenOrder, items_of: ItemsOf) -> None:
        resolved = [_items(one, order.source, items_of) for one in order.contents]
        if resolved[-1][1]:
            self.unknown.append((order.flow, order.key))
        contents: list[Items] = [items for items, _ in resolved]
        for item in contents[-1]:
            self._by_item.setdefault(item, []).append((order, contents))

    def of(self, item: str, read_at: datetime) -> list[Taken]:
        """What is to be subtracted from the stock of *item* as it was read at *read_at*."""
        found = [
            self._taken(order, [items.get(item, ZERO) for items in contents], read_at)
            for order, contents in self._by_item.get(item, ())
        ]
        return [taken for taken in found if taken.pieces > 0]

    def _taken(self, order: OpenOrder, pieces: Sequence[Decimal], read_at: datetime) -> Taken:
        wanted, counted = pieces[-1], ZERO
        last = counted_content(order, read_at, self._counted_at)
        if last is not None:
            counted = min(pieces[last:])
        why = _why(order, last, self._counted_at)
        return Taken(flow=order.flow, key=order.key, pieces=wanted - counted, why=why)


def counted_content(order: OpenOrder, read_at: datetime, counted_at: Stage) -> int | None:
    """The place of the newest content that the ERP counted at *read_at*; None for none."""
    if order.target_key is None or not _reached(order, read_at, counted_at):
        return None
    counts = [n for n, one in enumerate(order.contents) if _before(one.acked_at, read_at)]
    return counts[-1] if counts else None


def reached(seen: Seen, rules: StockRules) -> bool:
    """Is the ERP's document of an order at the stage from which its stock counts it?

    Validated: the profile says (`reserved_when`), else its status does. Cancelled it never is.
    """
    status = seen.there.get("status")
    if status == "fulfilled" or rules.counted_at != "validate":
        return status == "fulfilled" or rules.counted_at == "create"
    return status == "confirmed" if seen.reserved is None else seen.reserved


def settled(order: OpenOrder, read_at: datetime, counted_at: Stage) -> bool:
    """Did the ERP, at *read_at*, count all that the order takes?"""
    return counted_content(order, read_at, counted_at) == len(order.contents) - 1


def _reached(order: OpenOrder, read_at: datetime, counted_at: Stage) -> bool:
    return counted_at == "create" or _before(order.reserved_at, read_at)


def _before(at: datetime | None, read_at: datetime) -> bool:
    return at is not None and at < read_at


def _why(order: OpenOrder, last: int | None, counted_at: Stage) -> str:
    standing = f"{order.state}({order.reason})" if order.reason else order.state
    if order.target_key is None:
        return f"not in the ERP: {standing}"
    if last is not None:
        return f"raised, and not acknowledged: {standing}"
    if any(one.acked_at for one in order.contents):
        stage = {"create": "there", "validate": "validated", "ship": "shipped"}[counted_at]
        return f"{order.target_key} was not {stage} when the stock was read"
    return f"{order.target_key} is not acknowledged: {standing}"


def _items(
    content: Content, source: str, items_of: ItemsOf
) -> tuple[dict[str, Decimal], list[Line]]:
    """Pieces by article, and the lines that name no article of the source."""
    items: dict[str, Decimal] = {}
    unknown: list[Line] = []
    for line in content.lines:
        product, sku, quantity = line
        named = items_of(source, product, sku)
        if not named and quantity > 0:
            unknown.append(line)
        for item in named:
            items[item] = items.get(item, ZERO) + max(quantity, ZERO)
    return items, unknown
