"""A shop clerk's hand: changes that go through the shop's own rules, also while it is served."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from connector.sandbox import shop_orders as orders
from connector.sandbox.shop import open_shop
from connector.sandbox.shop_money import CENT, dec
from connector.sandbox.shop_terms import Json, Shop


@contextmanager
def desk(path: Path) -> Iterator[Shop]:
    """The shop of the file *path*, for a few changes."""
    shop = open_shop(path)
    try:
        yield shop
    finally:
        shop.store.close()


def add_order(path: Path, given: Json) -> int:
    """A new order as POST /orders would make it; its id."""
    with desk(path) as shop:
        return int(orders.create(shop, given)["id"])


def change_order(path: Path, order: int, **fields: Any) -> None:
    """Change fields of an order as PUT /orders would: customer_note, billing, status, …"""
    with desk(path) as shop:
        change_at(shop, order, **fields)


def change_at(shop: Shop, order: int, **fields: Any) -> None:
    """The same at an open desk, for many in a moment."""
    orders.change(shop, order, fields)


def cancel_order(path: Path, order: int) -> None:
    """Cancel an order; its goods return to stock."""
    change_order(path, order, status="cancelled")


def refund_order(path: Path, order: int, amount: str, reason: str = "", pieces: int = 0) -> None:
    """Refund an amount without asking a gateway; with *pieces*, of the order's first line."""
    given: Json = {"amount": amount, "reason": reason, "api_refund": False}
    with desk(path) as shop:
        if pieces:
            given["line_items"] = [_given_back(orders.read(shop, order)["line_items"][0], pieces)]
        orders.refund(shop, order, given)


def _given_back(line: Json, pieces: int) -> Json:
    """So many pieces of a line, negative as the shop tells them."""
    part = dec(pieces) / line["quantity"]
    taxes = [{**t, "total": _minus(t["total"], part)} for t in line["taxes"] if t["total"]]
    amounts = {name: _minus(line[name], part) for name in ("subtotal", "total", "total_tax")}
    return {**line, **amounts, "taxes": taxes, "quantity": -pieces}


def _minus(amount: str, part: Decimal) -> str:
    return str((-dec(amount) * part).quantize(CENT))


def set_quantity(path: Path, order: int, quantity: int, line: int = 0) -> None:
    """Change how many of the n-th line are sold, its amounts with it, as the shop's page does."""
    with desk(path) as shop:
        item = orders.read(shop, order)["line_items"][line]
        part = dec(quantity) / item["quantity"]
        amounts = {n: str((dec(item[n]) * part).quantize(CENT)) for n in ("subtotal", "total")}
        wanted = {"id": item["id"], "quantity": quantity} | amounts
        orders.change(shop, order, {"line_items": [wanted]})
