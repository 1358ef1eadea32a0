"""What an order takes of the stock, whatever becomes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from connector.flow.pull import read_page
from connector.ledger import goods, staging
from connector.ledger.schema import goods as table
from connector.sandbox import edit, shop_orders
from connector.values import Page


def taken(company, order):
    """What the ledger says that an order takes now: (sku, quantity) of each line."""
    id_ = company.record("order", order)["id"]
    rows = company.app.ledger.read(
        lambda db: list(
            db.scalars(select(table.c.lines).where(table.c.record == id_).order_by(table.c.seq))
        )
    )
    return [(sku, int(quantity)) for _, sku, quantity in goods.unpacked(rows[-1])] if rows else None


def test_an_order_takes_what_its_lines_say(company):
    """Each line by its product and its SKU."""
    order = company.order(line_items=[{"sku": "SB-0001", "quantity": 2}])
    company.pull()
    assert taken(company, order) == [("SB-0001", 2)]


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_an_order_that_is_over_takes_nothing(company, status):
    """Its goods are back in the shop."""
    order = company.order()
    company.pull()
    company.change(order, status=status)
    company.pull()
    assert taken(company, order) == []


@pytest.mark.parametrize("status", ["pending", "on-hold", "completed", "refunded"])
def test_an_order_that_the_flow_leaves_out_takes_its_goods_all_the_same(company, status):
    """`only` guards what is delivered, not what is sold."""
    company.flow("orders", only={"status": ["confirmed"]})
    order = company.order(status=status)
    company.pull()
    assert company.standing("order", order) == "done(filtered)"
    assert taken(company, order) == [("SB-0001", 2)]


def test_an_order_older_than_the_start_takes_nothing(company):
    """It never reaches the ERP through us: whoever brought it there before us did."""
    order = company.order()
    company.pass_(60)
    company.flow("orders", start=company.clock.now().isoformat())
    company.change(order, customer_note="changed since")
    company.pull()
    assert taken(company, order) == []


@pytest.mark.parametrize(
    ("status", "left"), [("completed", []), ("refunded", []), ("processing", [("SB-0001", 2)])]
)
def test_a_backfilled_order_takes_its_goods_only_while_it_is_open(company, status, left):
    """A year of history is not sold a second time; what is still to be shipped is."""
    order = company.order(status=status)
    company.pull()
    with company.app.ledger.begin() as db:
        db.exec_driver_sql("DELETE FROM goods")
        db.exec_driver_sql("DELETE FROM event")
        db.exec_driver_sql("DELETE FROM record")
    source, flow = company.app.system("shop"), company.app.flows["orders"]
    page = Page(
        items=tuple(source.read("order", [order])), cursor="", complete=True,
        began=company.clock.now(),
    )  # fmt: skip
    found, _ = read_page(source, page, replace(flow, lane="backfill"), company.app.ledger)
    with company.app.ledger.begin() as db:
        staging.stage(db, found, company.clock.now())
    assert taken(company, order) == left


def test_an_order_whose_status_nobody_knows_takes_its_goods(company):
    """A plugin's status makes the document unreadable, and its lines are there to be read."""
    order = company.order()
    company.shop_sql("UPDATE orders SET status = 'wc-packed'")
    company.pull()
    assert company.standing("order", order) == "held(unreadable)"
    assert taken(company, order) == [("SB-0001", 2)]


def test_of_an_order_whose_lines_are_unreadable_nothing_is_said(company):
    """Unknown is not nothing: the stock flow names it."""
    order = company.order()
    company.shop_sql(
        "UPDATE orders SET body = json_set(body, '$.line_items[0].quantity', 'two'),"
        " status = 'wc-packed'"
    )
    company.pull()
    assert taken(company, order) is None
    known = company.app.ledger.read(goods.unknown, ["orders"])
    assert known == [("orders", order)]


def test_an_order_in_the_shops_bin_takes_nothing(company):
    """It is gone."""
    order = company.order()
    company.pull()
    with edit.desk(company.shop_file) as shop:
        shop_orders.delete(shop, int(order), force=False)
    company.sync("orders", order)
    assert taken(company, order) == []
