"""What Dolibarr has is offered in the shop: one call an article, and no order counted twice."""

from __future__ import annotations

import pytest

from connector.errors import Unavailable
from connector.sandbox import shop_catalog
from connector.sandbox.edit import desk

STOCK = {"entity": "stock", "from": "erp", "to": "shop"}


@pytest.fixture
def shelves(firm):
    """The company with a flow of stock, and products of Dolibarr's own beside the shop's."""
    firm.books.add("product", ref="SHIP", label="Shipping", type="1")
    firm.company.config(flows={"stock": STOCK})
    firm.company.pass_(1)
    return firm


def offered(firm, sku):
    """What the shop offers."""
    with desk(firm.company.shop_file) as shop:
        row = shop.store.row("SELECT id FROM products WHERE sku = ?", (sku,))
        return shop_catalog.read(shop, row["id"])["stock_quantity"]


def sync(firm):
    """One reading, and what comes of it."""
    firm.company.pass_(1)
    return firm.company.sync("stock")


def test_the_shop_offers_what_dolibarr_has(shelves):
    """Each article is read by itself, as the list tells no levels; services are none."""
    shelves.books.rows["product"]["2"]["stock_real"] = "7"
    sync(shelves)
    assert (offered(shelves, "SB-0001"), offered(shelves, "SB-0002")) == (100, 7)
    assert shelves.books.calls.count("getListOfProductsOrServices") == 1
    assert shelves.books.calls.count("getProductOrService") == 5


def test_an_order_that_took_its_goods_there_is_not_subtracted_again(shelves):
    """Confirmed with a warehouse it is in the level; until then it is subtracted."""
    shelves.company.order()
    shelves.company.pull()
    sync(shelves)
    assert offered(shelves, "SB-0001") == 98  # known to us, unknown there

    shelves.company.settle()
    assert shelves.books.rows["product"]["1"]["stock_real"] == "98"
    sync(shelves)
    sync(shelves)
    assert offered(shelves, "SB-0001") == 98


def test_an_order_confirmed_without_a_warehouse_is_subtracted(shelves):
    """Nothing was taken from the shelves there: what is sold stays subtracted."""
    shelves.company.connection("erp", **{"with": {"warehouse": "0"}})
    shelves.company.order()
    shelves.company.settle()
    assert shelves.books.rows["product"]["1"]["stock_real"] == "100"
    sync(shelves)
    sync(shelves)
    assert offered(shelves, "SB-0001") == 98


def test_a_reading_that_is_cut_short_offers_nothing(shelves):
    """One article that cannot be read, and the whole reading counts for nothing."""
    sync(shelves)
    shelves.books.rows["product"]["1"]["stock_real"] = "3"
    shelves.books.rules = [("getProductOrService", "502")]
    with pytest.raises(Unavailable):
        sync(shelves)
    assert offered(shelves, "SB-0001") == 100
    sync(shelves)
    assert offered(shelves, "SB-0001") == 3
