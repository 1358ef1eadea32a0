"""The sandbox ERP counts its own orders against its stock by its own rule, and says when."""

from __future__ import annotations

from datetime import datetime

import pytest
from lxml import etree

from connector.sandbox import erp_books, erp_stock
from connector.sandbox.erp import open_erp
from connector.sandbox.seed import seed_erp

LINE = {"Kind": "item", "ItemNo": "I-0001", "Description": "d", "Quantity": "3"}
LINE |= {"NetAmount": "1.00", "TaxAmount": "0.19"}
ORDER = {"ExternalRef": "r-1", "ShopNumber": "7", "CustomerNo": "C-GUEST-DE", "Status": "paid"}
ORDER |= {"OrderDate": "2026-11-23", "Currency": "EUR", "BillTo": {"Name": "Ada"}}
ORDER |= {"Lines": {"Line": [LINE]}}


@pytest.fixture
def books(erp):
    """Its books in a clerk's hand: three items, 1000 of each in `main`."""
    seed_erp(erp.running.data, items=["A", "B", "C"])
    store = open_erp(erp.running.data)
    yield store
    store.close()


def levels(erp, *items):
    """What GetStock tells of items: (warehouse, on hand, reserved, available) of each level."""
    answer = erp.call("GetStock", "".join(f"<ItemNo>{item}</ItemNo>" for item in items))
    found = etree.fromstring(answer.body).iterfind(".//{*}Level")
    return [tuple(part.text for part in level) for level in found]


@pytest.mark.parametrize(
    ("rule", "open_", "released", "shipped"),
    [
        ("create", "997", "997", "997"),
        ("validate", "1000", "997", "997"),
        ("ship", "1000", "1000", "997"),
    ],
)
def test_an_order_takes_its_goods_at_the_stage_that_the_company_chose(
    erp, books, rule, open_, released, shipped
):
    """What is available falls when an order is created, released or shipped."""
    books.remember("reserves_at", rule)
    no = erp_books.create_order(books, ORDER)["No"]
    assert levels(erp, "I-0001")[0][3] == open_

    erp_books.release_order(books, no)
    assert levels(erp, "I-0001")[0][3] == released

    erp_books.update_order(books, no, None, {"Status": "shipped"})
    assert levels(erp, "I-0001") == [("main", "997", "0", shipped)]


def test_a_cancelled_order_gives_its_goods_back(erp, books):
    """And a changed quantity takes what it says now."""
    books.remember("reserves_at", "create")
    no = erp_books.create_order(books, ORDER)["No"]
    more = {"Lines": {"Line": [LINE | {"Quantity": "5"}]}}
    erp_books.update_order(books, no, None, more)
    assert levels(erp, "I-0001")[0][2:] == ("5", "995")

    erp_books.update_order(books, no, None, {"Status": "cancelled"})
    assert levels(erp, "I-0001")[0][2:] == ("0", "1000")


def test_a_page_of_stock_says_when_it_was_read_and_whether_more_follows(erp, books):
    """Every item is on exactly one page, with all its warehouses."""
    erp_stock.count(books, "I-0002", "4.5", warehouse="outlet", reserved="1")
    pages = [
        erp.call("ListStock", f"<PageNumber>{n}</PageNumber><PageSize>2</PageSize>") for n in (1, 2)
    ]

    assert [page.texts("ItemNo") for page in pages] == [["I-0001", "I-0002"], ["I-0003"]]
    assert [page.text("More") for page in pages] == ["true", "false"]
    assert all(datetime.fromisoformat(str(page.text("ReadAt"))).tzinfo for page in pages)
    assert levels(erp, "I-0002") == [("main", "1000", "0", "1000"), ("outlet", "4.5", "1", "3.5")]


def test_seeding_again_counts_nothing_anew(erp, books):
    """What a clerk counted stays."""
    erp_stock.count(books, "I-0001", "7")
    seed_erp(erp.running.data, items=["A", "B", "C"])

    assert levels(erp, "I-0001") == [("main", "7", "0", "7")]
