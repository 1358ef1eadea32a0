"""How much a shop may offer of an article: pure arithmetic, exact, in the shop's pieces (D5)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Literal

from connector.documents import Stock, StockLevel
from connector.errors import FieldErrors, FieldFault

Stage = Literal["create", "validate", "ship"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StockRules:
    """What a stock flow offers. *warehouses*: empty for all; *orders*: the flows that bring the

    source orders, of which it may not count all; *counted_at*: the stage from which it does.
    *zeroed*, *changed*: shares of all articles, per rolling day, that need a person.
    """

    warehouses: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    measure: Literal["available", "on_hand"] = "available"
    counted_at: Stage = "ship"
    buffer: int = 0
    percent: Decimal = Decimal(100)
    min: int = 0
    max: int | None = None
    zeroed: Decimal = Decimal("0.05")
    changed: Decimal = Decimal("0.40")


def counting(level: StockLevel, rules: StockRules) -> bool:
    """Is this warehouse one whose stock is offered?"""
    return not rules.warehouses or level.warehouse in rules.warehouses


def measured(doc: Stock, rules: StockRules) -> Decimal:
    """What the source has, in pieces; raises FieldErrors where it does not say."""
    levels = [_measure(level, rules) for level in doc.levels if counting(level, rules)]
    return sum(levels, Decimal(0)) * doc.pieces


def _measure(level: StockLevel, rules: StockRules) -> Decimal:
    """One warehouse, in the source's unit."""
    if rules.measure == "on_hand":
        found = level.on_hand
    elif level.available is None and level.on_hand is not None and level.reserved is not None:
        found = level.on_hand - level.reserved
    else:
        found = level.available
    if found is None:
        cure = f"read it in the profile, or choose another `amount.measure` than {rules.measure}"
        raise FieldErrors((FieldFault(f"levels.{rules.measure}", "missing", cure),))
    return found


def offer(pieces: Decimal, uncounted: Decimal, rules: StockRules) -> int:
    """Pieces to offer: what there is, less what was sold and is not counted, less the buffer.

    Of the rest *percent*, whole pieces only, never below *min* nor above *max*.
    """
    free = (pieces - uncounted - rules.buffer) * rules.percent / 100
    whole = int(free.to_integral_value(ROUND_FLOOR))
    whole = max(whole, rules.min)
    return whole if rules.max is None else min(whole, rules.max)
