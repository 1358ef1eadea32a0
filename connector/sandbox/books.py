"""Direct reading of both databases, for audits that trust no interface: plain values only."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def _rows(path: Path, sql: str) -> Iterator[sqlite3.Row]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as db:
        db.row_factory = sqlite3.Row
        yield from db.execute(sql).fetchall()


def shop_orders(path: Path) -> list[Row]:
    """Every order of the shop, trash included; its lines with shipping and fees under no SKU.

    lines: (sku, quantity, net, tax); Σ(net + tax) = total. refunded: what was paid back of it.
    bill_to, ship_to: (name, street, city, postcode, country).
    """
    refunded: dict[int, Decimal] = {}
    for row in _rows(path, "SELECT parent, body FROM refunds"):
        amount = Decimal(json.loads(row["body"])["amount"])
        refunded[row["parent"]] = refunded.get(row["parent"], Decimal(0)) + amount
    return [
        _shop_order(row, refunded.get(row["id"], Decimal(0)))
        for row in _rows(path, "SELECT * FROM orders ORDER BY id")
    ]


def _shop_order(row: sqlite3.Row, refunded: Decimal) -> Row:
    body = json.loads(row["body"])
    lines = [
        (line.get("sku") or "", Decimal(line.get("quantity", 1)), *_amounts(line))
        for name in ("line_items", "shipping_lines", "fee_lines")
        for line in body[name]
    ]
    bill_to, ship = _home(body["billing"]), body["shipping"]
    return {
        "id": str(row["id"]),
        "number": str(row["id"]),
        "status": row["status"],
        "currency": body["currency"],
        "total": Decimal(body["total"]),
        "refunded": refunded,
        "note": body["customer_note"],
        "lines": lines,
        "bill_to": bill_to,
        "ship_to": _home(ship) if ship["address_1"] or ship["city"] else bill_to,
        "email": body["billing"]["email"],
        "created": datetime.fromtimestamp(row["created"], UTC),
        "modified": datetime.fromtimestamp(row["modified"], UTC),
    }


def _home(told: Row) -> tuple[str, ...]:
    """Name, street, city, postcode and country as an ERP writes them."""
    name = f"{told['first_name']} {told['last_name']}".strip() or told["company"]
    street = "\n".join(part for part in (told["address_1"], told["address_2"]) if part)
    return (name, street, told["city"], told["postcode"], told["country"])


def _amounts(line: Row) -> tuple[Decimal, Decimal]:
    return Decimal(line["total"]), Decimal(line["total_tax"])


def erp_orders(path: Path) -> list[Row]:
    """Every order of the ERP in whatever status; lines as (sku, quantity, net, tax).

    email: of the customer that it stands with.
    """
    emails = {row["customer_no"]: row["email"] for row in erp_customers(path)}
    skus = {row["no"]: row["sku"] for row in _rows(path, "SELECT no, sku FROM items")}
    return [
        _erp_order(row, skus, emails)
        for row in _rows(path, "SELECT * FROM orders ORDER BY created, no")
    ]


def erp_order_count(path: Path) -> int:
    """How many orders the ERP has: cheap enough to be asked all the time."""
    return sum(row["n"] for row in _rows(path, "SELECT count(*) AS n FROM orders"))


def _erp_order(row: sqlite3.Row, skus: dict[str, str], emails: dict[str, str]) -> Row:
    data = json.loads(row["data"])
    lines = [
        (
            skus.get(line.get("ItemNo", ""), ""),
            *(Decimal(line[name]) for name in ("Quantity", "NetAmount", "TaxAmount")),
        )
        for line in data["Lines"].get("Line", ())
    ]
    return {
        "order_no": row["no"],
        "reference": row["reference"],
        "shop_number": data["ShopNumber"],
        "customer_no": data["CustomerNo"],
        "email": emails.get(data["CustomerNo"], ""),
        "bill_to": _place(data.get("BillTo") or {}),
        "ship_to": _place(data.get("ShipTo") or {}),
        "status": data["Status"],
        "currency": data["Currency"],
        "grand_total": Decimal(row["grand_total"]),
        "lines": lines,
        "note": data.get("Note", ""),
        "released": bool(row["released"]),
        "created": datetime.fromisoformat(row["created"]),
        "changed": datetime.fromisoformat(row["changed"]),
    }


def _place(told: Row) -> tuple[str, ...]:
    return tuple(told.get(name, "") for name in ("Name", "Street", "City", "Postcode", "Country"))


def erp_credits(path: Path) -> list[Row]:
    """Every credit note of the ERP; lines as (item, quantity, net, tax)."""
    found = []
    for row in _rows(path, "SELECT * FROM credits ORDER BY created, no"):
        data = json.loads(row["data"])
        told = {"amount": Decimal(data["Amount"]), "reason": data.get("Reason", "")}
        told["lines"] = [
            (one["ItemNo"], *(Decimal(one[n]) for n in ("Quantity", "NetAmount", "TaxAmount")))
            for one in (data.get("Lines") or {}).get("Line", ())
        ]
        found.append(
            {"no": row["no"], "reference": row["reference"], "order_no": row["order_no"]} | told
        )
    return found


def erp_available(path: Path) -> dict[str, Decimal]:
    """SKU → what the ERP has of it: on its shelves, less put aside, released or shipped."""
    left: dict[str, Decimal] = {}
    for row in _rows(path, "SELECT item, on_hand, reserved FROM stock"):
        free = Decimal(row["on_hand"]) - Decimal(row["reserved"])
        left[row["item"]] = left.get(row["item"], Decimal(0)) + free
    taken = "SELECT item, quantity FROM booked WHERE stage IN ('released', 'shipped')"
    for row in _rows(path, taken):
        left[row["item"]] = left.get(row["item"], Decimal(0)) - Decimal(row["quantity"])
    skus = {row["no"]: row["sku"] for row in _rows(path, "SELECT no, sku FROM items")}
    return {skus[item]: free for item, free in left.items()}


def shop_offered(path: Path) -> dict[str, int]:
    """SKU → the quantity that the shop offers, for goods whose stock it manages."""
    found = {}
    for row in _rows(path, "SELECT sku, body FROM products WHERE sku <> ''"):
        body = json.loads(row["body"])
        if body.get("manage_stock") is True and body.get("stock_quantity") is not None:
            found[row["sku"]] = int(body["stock_quantity"])
    return found


def erp_customers(path: Path) -> list[Row]:
    """Every customer of the ERP."""
    found = []
    for row in _rows(path, "SELECT * FROM customers ORDER BY created, no"):
        data = json.loads(row["data"])
        names = ("Name", "Company", "Email", "VatNumber")
        plain = {name.lower(): data.get(name, "") for name in names}
        found.append({"customer_no": row["no"], "reference": row["reference"] or ""} | plain)
    return found


def calls(path: Path, ops: Sequence[str] = (), until: int | None = None) -> Iterator[str]:
    """The fault that each call of *ops* (none: of all) met, '' for none, as the journal goes.

    until: the number of the last call that is looked at.
    """
    for row in _rows(path, "SELECT n, op, fault FROM journal ORDER BY n"):
        if (not ops or row["op"] in ops) and (until is None or row["n"] <= until):
            yield row["fault"]


def last_call(path: Path) -> int:
    """The number of the newest call in the journal."""
    return sum(row["n"] for row in _rows(path, "SELECT coalesce(max(n), 0) AS n FROM journal"))


def hooks_taken(path: Path) -> int:
    """How many deliveries of the shop's webhooks were answered with success."""
    return sum(
        row["value"] for row in _rows(path, "SELECT value FROM counter WHERE name = 'taken'")
    )
