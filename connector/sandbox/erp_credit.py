"""What the ERP gives back: credit notes against its orders."""

from __future__ import annotations

import json
import sqlite3
from decimal import Decimal

from connector.sandbox import erp_books as books
from connector.sandbox.erp_books import Refused
from connector.sandbox.erp_xml import Fields
from connector.sandbox.store import Store


def create(store: Store, data: Fields) -> Fields:
    """Store a new credit note; a reference that is already there is no obstacle.

    Refuses one for an order that it does not know, of nothing, or of more than is left to give.
    """
    with store.begin() as db:
        order = books.known(db, "orders", str(data["OrderNo"]))
        amount = books.amount(data["Amount"])
        left = Decimal(order["grand_total"]) - given(db, order["no"])
        if not 0 < amount <= left:
            raise Refused("invalid", "Amount", "more than is left of the order, or nothing")
        no, now = f"CN-{store.take('credit', 5001)}", books.stamp(store.now())
        db.execute(
            "INSERT INTO credits (no, reference, order_no, created, changed, data)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (no, data["ExternalRef"], order["no"], now, now, books.dumps(data)),
        )
        return {"No": no, "Version": "1", "GrandTotal": f"{amount:f}"}


def given(db: sqlite3.Connection, order: str) -> Decimal:
    """What was given back of an order already."""
    rows = db.execute("SELECT data FROM credits WHERE order_no = ?", (order,))
    return sum((books.amount(json.loads(row["data"])["Amount"]) for row in rows), Decimal(0))
