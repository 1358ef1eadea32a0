"""What an order takes of the stock; pure (D5).

Every order takes its goods from the moment we know of it, whatever becomes of its delivery: also
one that is held, filtered or in doubt, and one that we cannot read whole.  Three take nothing:
cancelled and failed orders, those that the shop no longer has, and those older than the flow's
`start:` (docs/decisions/stock.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from connector.documents import Order
from connector.flow.compose import TERMINAL
from connector.ledger.goods import NOTHING, Line, packed
from connector.values import Ref

LEFT = frozenset({"fulfilled", "refunded"})


def taken_by(order: Order, *, older: bool, lane: str = "live") -> str:
    """The goods of an order; *older* than the start: whoever brought it there before us did.

    A backfilled one that is fulfilled took them before we came: its goods have left long ago.
    """
    left = lane == "backfill" and order.status in LEFT
    if older or left or order.status in TERMINAL:
        return NOTHING
    return packed([(ref_key(line.product), line.sku, line.quantity) for line in order.lines])


def salvaged(found: Mapping[str, object]) -> str | None:
    """The goods in what could be read of an order; None: not even they."""
    lines = found.get("lines")
    if not isinstance(lines, list | tuple):
        return None
    taken = [_line(line) for line in lines]
    return packed([line for line in taken if line is not None]) if all(taken) else None


def _line(line: object) -> Line | None:
    if not isinstance(line, Mapping):
        return None
    product, sku = line.get("product"), line.get("sku")
    try:
        quantity = Decimal(str(line.get("quantity")))
    except InvalidOperation:
        return None
    if not quantity.is_finite():
        return None
    return ref_key(product), str(sku) if sku else None, quantity


def ref_key(ref: object) -> str | None:
    """The key of a reference; None for none."""
    return ref.key if isinstance(ref, Ref) else None
