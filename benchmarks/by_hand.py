"""A shop's orders read and written as the ERP wants them, by hand, as the naive loop and peers do.

Needs `requests` only: peers have an environment of their own, without the product.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

import requests

NS = "urn:sandbox:erp:v1"
SIZE = 100


def listed(url: str) -> Iterator[dict[str, Any]]:
    """Yield every order of the shop, page by page."""
    with requests.Session() as session:
        page = 1
        while True:
            query = f"per_page={SIZE}&page={page}&orderby=modified&order=asc"
            found = session.get(f"{url}/wp-json/wc/v3/orders?{query}", timeout=60).json()
            yield from found
            if len(found) < SIZE:
                return
            page += 1


def mapped(order: dict[str, Any]) -> dict[str, Any]:
    """Write an order as the ERP wants it: what our mapping makes of it, by hand."""
    return {
        "ExternalRef": f"HAND-{order['number']}",
        "ShopNumber": order["number"],
        "CustomerNo": f"C{order['customer_id']}",
        "OrderDate": str(order["date_created"])[:10],
        "Currency": order["currency"],
        "Status": "paid" if order["status"] in ("processing", "completed") else "open",
        "PaymentMethod": order["payment_method"],
        "PaymentReference": order["transaction_id"],
        "BillTo": _address(order["billing"]),
        "ShipTo": _address(order["shipping"]),
        "Lines": {"Line": [_line(line) for line in order["line_items"]]
                  + [_delivery(line) for line in order["shipping_lines"]]},
    }  # fmt: skip


def _address(a: dict[str, Any]) -> dict[str, Any]:
    return {
        "Name": f"{a['first_name']} {a['last_name']}", "Street": a["address_1"],
        "City": a["city"], "Postcode": a["postcode"], "Country": a["country"],
        "Email": a["email"], "Phone": a["phone"],
    }  # fmt: skip


def _line(line: dict[str, Any]) -> dict[str, Any]:
    return {
        "Kind": "item", "ItemNo": f"I-{line['sku']}", "Description": html.unescape(line["name"]),
        "Quantity": line["quantity"], "NetAmount": line["total"], "TaxAmount": line["total_tax"],
        "Tax": [{"Rate": 19, "Amount": t["total"]} for t in line["taxes"]],
    }  # fmt: skip


def _delivery(line: dict[str, Any]) -> dict[str, Any]:
    return {
        "Kind": "shipping", "Description": line["method_title"], "Quantity": 1,
        "NetAmount": line["total"], "TaxAmount": line["total_tax"],
        "Tax": [{"Rate": 19, "Amount": t["total"]} for t in line["taxes"]],
    }  # fmt: skip
