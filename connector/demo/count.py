"""Count what both sandboxes hold, from their own databases: no adapter, no ledger is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

from connector.flow.audit import Audit, Entry, audit
from connector.sandbox import books

# What an order of the shop must be in the ERP.
STATUS = {
    "pending": "open",
    "on-hold": "open",
    "processing": "paid",
    "completed": "paid",
    "refunded": "paid",
    "cancelled": "cancelled",
    "failed": "cancelled",
}


def count(shop: Path, erp: Path) -> Audit:
    """Hold every order of the shop against every order of the ERP, content included."""
    there = books.erp_orders(erp)
    delivered = {row["reference"] for row in there}
    sold = {f"DEMO-{row['number']}": row for row in books.shop_orders(shop)}
    ours = list(_ours(sold))
    # Cancelled before it was ever sent: rightly not there.
    excuses = {
        e.reference: "cancelled before delivery"
        for e in ours
        if e.status == "cancelled" and e.reference not in delivered
    }
    theirs = [
        Entry(
            reference=row["reference"],
            number=row["order_no"],
            total=row["grand_total"],
            currency=row["currency"],
            status=row["status"],
            differing=tuple(_differing(row, sold.get(row["reference"]))),
        )
        for row in there
    ]
    return audit(ours, theirs, excuses=excuses)


def _ours(sold: Mapping[str, books.Row]) -> Iterator[Entry]:
    for reference, row in sold.items():
        yield Entry(
            reference=reference,
            number=row["number"],
            total=row["total"],
            currency=row["currency"],
            status=STATUS[row["status"]],
        )


def _differing(row: books.Row, sold: books.Row | None) -> Iterator[str]:
    """What of a document is not as it was sold, and its second step if that was never made."""
    if sold is None:
        return
    for name in ("note", "email", "bill_to", "ship_to"):
        if row[name] != sold[name]:
            yield name
    if sorted(row["lines"]) != sorted(sold["lines"]):
        yield "lines"
    if not row["released"] and row["status"] != "cancelled":
        yield "released"


def stock_wrong(shop: Path, erp: Path, buffer: int) -> list[str]:
    """SKUs of which the shop offers another number than the ERP has, less what is on its way."""
    delivered = {row["reference"] for row in books.erp_orders(erp)}
    away: dict[str, Decimal] = {}
    for row in books.shop_orders(shop):
        if f"DEMO-{row['number']}" in delivered or STATUS[row["status"]] == "cancelled":
            continue
        for sku, quantity, *_ in row["lines"]:
            away[sku] = away.get(sku, Decimal(0)) + quantity
    offered = books.shop_offered(shop)
    return [
        f"{sku}: {offered.get(sku)} offered, {max(Decimal(0), free - away.get(sku, 0) - buffer)}"
        " expected"
        for sku, free in sorted(books.erp_available(erp).items())
        if offered.get(sku) != max(Decimal(0), free - away.get(sku, 0) - buffer)
    ]
