"""Both sides' stock in a clerk's hand."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

from connector.sandbox import erp_books, erp_stock, shop_catalog
from connector.sandbox.edit import desk

ITEM = "I-0001"
SKU = "SB-0001"


class Shelves:
    """What lies in the ERP's warehouses, and what the shop says that it has."""

    def __init__(self, company):
        self.company = company

    def count(self, pieces, item=ITEM, **where):
        """A clerk counts a shelf of the ERP."""
        with self.company.clerk() as store:
            erp_stock.count(store, item, str(pieces), **where)

    def rule(self, word):
        """From which stage on the ERP's available stock counts an order."""
        with self.company.clerk() as store:
            store.remember("reserves_at", word)

    def erp_says(self, word):
        """The rule, and a profile that says so."""
        self.rule(word)
        profile = f"extends: sandbox_erp\ncapabilities: {{reserves_at: {word}}}\n"
        self.company.mapping("mine", {"profile.yaml": profile})
        self.company.connection("erp", profile="mine")

    def shop(self, sku=SKU):
        """What the shop offers, by its own books."""
        with closing(sqlite3.connect(self.company.shop_file, timeout=30)) as db:
            [(body,)] = db.execute("SELECT body FROM products WHERE sku = ?", (sku,)).fetchall()
        return json.loads(body)["stock_quantity"]

    def set_shop(self, pieces, sku=SKU):
        """Somebody writes another level into the shop."""
        with desk(self.company.shop_file) as shop:
            row = shop.store.row("SELECT id, parent FROM products WHERE sku = ?", (sku,))
            shop_catalog.change(
                shop, row["id"], {"manage_stock": True, "stock_quantity": pieces},
                parent=row["parent"],
            )  # fmt: skip

    def sync(self, *only):
        """One run of the stock flow, a second later."""
        self.company.pass_(1)
        return self.company.sync("stock", *only)

    def deliver(self):
        """One run of the orders flow."""
        self.company.pass_(15)
        return self.company.sync("orders")

    def release(self, number=0):
        """The ERP's clerk releases an order."""
        with self.company.clerk() as store:
            erp_books.release_order(store, self.company.books()[number]["order_no"])

    def ship(self, number=0):
        """The ERP's clerk ships an order."""
        with self.company.clerk() as store:
            no = self.company.books()[number]["order_no"]
            erp_books.update_order(store, no, None, {"Status": "shipped"})

    def writes(self):
        """The shop's journal of stock written."""
        made = self.company.shop.journal()
        return [c["op"] for c in made if c["op"].endswith("/batch")]
