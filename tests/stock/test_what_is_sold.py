"""Nothing is sold twice: what the ERP does not count yet is subtracted, and nothing longer (D5)."""

from __future__ import annotations

import pytest

from connector.ledger import rekeying
from connector.sandbox import edit, erp_books


@pytest.fixture
def sold(shelves):
    """Ten in the ERP; orders take two each."""
    shelves.count(10)
    return shelves


# ── until the ERP counts it ─────────────────────────────────────────────────────────────────────


def test_an_order_that_is_not_delivered_is_subtracted(sold):
    """The stock flow reads the orders itself, up to now."""
    sold.company.order()
    sold.sync()
    assert sold.shop() == 8


def test_an_order_that_the_erp_counts_is_subtracted_once(sold):
    """By the ERP, and not by us as well."""
    sold.company.order()
    sold.deliver()
    sold.sync()
    assert sold.shop() == 8
    sold.ship()
    sold.sync()
    assert sold.shop() == 8


def test_an_order_placed_while_the_stock_is_read_is_subtracted(sold):
    """Between the ERP's answer and ours to the shop people go on buying."""
    with sold.company.when("snapshot.before_seal", sold.company.order):
        sold.sync()
    assert sold.shop() == 8


@pytest.mark.parametrize("rule", ["create", "validate"])
def test_an_order_delivered_while_the_stock_is_read_is_still_subtracted(sold, rule):
    """The ERP has it by now, and its stock was read before."""
    sold.erp_says(rule)
    sold.company.order()
    with sold.company.when("snapshot.before_seal", sold.deliver):
        sold.sync()
    assert sold.company.books()[0]["released"]
    assert sold.shop() == 8


@pytest.mark.parametrize("rule", ["create", "validate", "ship"])
def test_a_delivered_order_is_subtracted_until_the_erp_counts_it(sold, rule):
    """Created, released, shipped: at each stage either the ERP subtracts or we do."""
    company = sold.company
    sold.erp_says(rule)
    company.connection("erp", **{"with": {"release": "false"}})
    company.order()
    sold.deliver()
    assert not company.books()[0]["released"]
    sold.sync()
    assert sold.shop() == 8

    sold.release()
    sold.sync()
    assert sold.shop() == 8

    sold.ship()
    sold.sync()
    assert sold.shop() == 8


def test_an_erp_that_does_not_say_when_it_counts_is_taken_to_count_late(sold):
    """Too little is offered then, never too much."""
    company = sold.company
    sold.rule("create")
    silent = "extends: sandbox_erp\ncapabilities: {$replace: true, identity: find_first}\n"
    company.mapping("mine", {"profile.yaml": silent})
    company.connection("erp", profile="mine")
    company.order()
    sold.deliver()
    sold.sync()
    assert sold.shop() == 6


def test_what_is_on_hand_counts_an_order_when_it_is_shipped(sold):
    """Another figure of the same ERP, and another moment."""
    company = sold.company
    company.flow("stock", amount={"measure": "on_hand"})
    company.order()
    sold.deliver()
    assert company.books()[0]["released"]
    sold.sync()
    assert sold.shop() == 8
    sold.ship()
    sold.sync()
    assert sold.shop() == 8


# ── whatever becomes of the order ───────────────────────────────────────────────────────────────


def test_a_raised_quantity_is_subtracted_until_it_is_acknowledged(sold):
    """The ERP counts two, the shop has sold five."""
    company = sold.company
    sold.erp_says("create")
    company.connection("erp", **{"with": {"release": "false"}})
    order = company.order()
    sold.deliver()
    company.pass_(2)
    edit.set_quantity(company.shop_file, int(order), 5)
    sold.sync()
    assert sold.shop() == 5

    sold.deliver()
    sold.sync()
    assert sold.shop() == 5


def test_a_raised_quantity_that_cannot_be_delivered_is_subtracted(sold):
    """The ERP has released the order: its lines are locked, and the goods are sold."""
    company = sold.company
    order = company.order()
    sold.deliver()
    company.pass_(2)
    edit.set_quantity(company.shop_file, int(order), 5)
    sold.deliver()
    assert company.record("order", order)["state"] != "done"
    sold.sync()
    assert sold.shop() == 5


def test_a_lowered_quantity_adds_nothing_before_it_is_acknowledged(sold):
    """The ERP still counts what it was told."""
    company = sold.company
    order = company.order()
    sold.deliver()
    company.pass_(2)
    edit.set_quantity(company.shop_file, int(order), 1)
    sold.sync()
    assert sold.shop() == 8


def test_up_and_down_again_subtracts_what_may_be_missing_there(sold):
    """Five, one in doubt, five again: the ERP may count one."""
    company = sold.company
    sold.erp_says("create")
    company.connection("erp", **{"with": {"release": "false"}})
    order = company.order(line_items=[{"sku": "SB-0001", "quantity": 5}])
    sold.deliver()
    company.erp.faults([{"fault": "commit_then_cut", "ops": ["UpdateSalesOrder"]}])
    company.pass_(2)
    edit.set_quantity(company.shop_file, int(order), 1)
    company.sync()
    assert company.record("order", order)["state"] == "in_doubt"
    company.pass_(2)
    edit.set_quantity(company.shop_file, int(order), 5)
    sold.sync()
    assert sold.shop() <= 5


@pytest.mark.parametrize("status", ["pending", "on-hold", "completed"])
def test_an_order_that_the_flow_filters_is_subtracted(sold, status):
    """The ERP will not hear of it; its goods are sold all the same."""
    sold.company.flow("orders", only={"status": ["confirmed"]})
    sold.company.order(status=status)
    sold.deliver()
    sold.sync()
    assert sold.shop() == 8
    assert sold.company.books() == []


def test_an_order_that_is_held_is_subtracted(sold):
    """Until a person has seen to it, and the ERP counts it."""
    company = sold.company
    order = company.order(payment_method="cheque")
    company.flow("orders", tables={"payment_method": {"bacs": "B", "else": "error"}})
    sold.deliver()
    assert company.standing("order", order) == "held(rule)"
    sold.sync()
    assert sold.shop() == 8


def test_an_order_in_doubt_is_subtracted_until_it_is_found(sold):
    """It may be there, and nobody knows."""
    company = sold.company
    company.erp.faults([{"fault": "commit_then_cut", "ops": ["CreateSalesOrder"], "count": 1}])
    order = company.order()
    company.sync()
    assert company.record("order", order)["state"] == "in_doubt"
    sold.sync()
    assert sold.shop() == 8

    company.settle()
    sold.sync()
    assert company.record("order", order)["state"] == "done"
    assert sold.shop() == 8


def test_an_order_that_cannot_be_read_is_subtracted_by_its_lines(sold):
    """A plugin's status makes it unreadable; what it takes is there to be read."""
    company = sold.company
    order = company.order()
    company.shop_sql("UPDATE orders SET status = 'wc-packed'")
    sold.sync()
    assert company.standing("order", order) == "held(unreadable)"
    assert sold.shop() == 8


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_an_order_that_is_over_is_subtracted_no_more(sold, status):
    """Its goods are back."""
    company = sold.company
    order = company.order()
    sold.sync()
    company.change(order, status=status)
    sold.sync()
    assert sold.shop() == 10


def test_an_order_cancelled_in_the_erp_alone_is_subtracted_by_us(sold):
    """The clerk's cancellation gives the goods back there; the shop has still sold them."""
    company = sold.company
    company.connection("erp", **{"with": {"release": "false"}})
    company.order()
    sold.deliver()
    with company.clerk() as store:
        no = company.books()[0]["order_no"]
        erp_books.update_order(store, no, None, {"Status": "cancelled"})
    sold.sync()
    assert sold.shop() == 8


def test_an_order_older_than_the_start_is_not_subtracted(sold):
    """Whoever brought it to the ERP before us did: there it is counted, or was never to be."""
    company = sold.company
    order = company.order()
    company.pass_(60)
    company.flow("orders", start=company.clock.now().isoformat())
    company.change(order, customer_note="changed since")
    sold.sync()
    assert company.record("order", order)["reason"] == "filtered"
    assert sold.shop() == 10


# ── whose goods ─────────────────────────────────────────────────────────────────────────────────


def test_a_line_without_sku_is_resolved_by_the_link_of_its_product(sold):
    """The ERP will book it by that link."""
    company = sold.company
    company.order()
    company.shop_sql("UPDATE orders SET body = json_set(body, '$.line_items[0].sku', '')")
    sold.sync()
    assert sold.shop() == 8


def test_a_line_whose_product_is_not_linked_is_resolved_by_its_sku(sold):
    """Before anything is linked."""
    company = sold.company
    with company.app.ledger.begin() as db:
        db.exec_driver_sql("DELETE FROM link WHERE entity = 'product'")
    company.order()
    sold.sync()
    assert sold.shop() == 8


def test_a_line_that_is_no_article_is_told(sold):
    """It can be subtracted nowhere; a person should know."""
    company = sold.company
    with company.app.ledger.begin() as db:
        db.exec_driver_sql("DELETE FROM link WHERE entity = 'product'")
    order = company.order()
    company.shop_sql("UPDATE orders SET body = json_set(body, '$.line_items[0].sku', '')")
    report = sold.sync()
    assert report.unknown == [("orders", order)]
    assert sold.shop() == 10


def test_an_order_of_which_nothing_can_be_read_is_told(sold):
    """Unknown is not nothing."""
    company = sold.company
    order = company.order()
    company.shop_sql(
        "UPDATE orders SET body = json_set(body, '$.line_items[0].quantity', 'two'),"
        " status = 'wc-packed'"
    )
    report = sold.sync()
    assert report.unknown == [("orders", order)]


def test_the_orders_of_another_shop_are_subtracted_too(sold):
    """They will take the goods of the same ERP."""
    company = sold.company
    other = company.other_shop()
    company.connection("shop2", like="shop", url=other.url)
    company.flow("products2", like="products", **{"from": "shop2"})
    company.flow("orders2", like="orders", **{"from": "shop2"}, reference="S2-{{ doc.number }}")
    company.order()
    company.order(file=company.folder / "shop2.db")
    sold.sync()
    assert sold.shop() == 6


def test_an_order_that_the_new_erp_does_not_have_is_subtracted(sold):
    """Its number there is that of a system that is no longer there (`link rekey`)."""
    company = sold.company
    sold.erp_says("create")
    company.order()
    sold.deliver()
    with company.app.ledger.begin() as db:
        held = [one for one in rekeying.page(db, "erp", 0) if one.entity == "order"]
        rekeying.lay_aside(db, held, "test", company.clock.now())
    with company.clerk() as erp, erp.begin() as db:
        db.execute("DELETE FROM orders")
        db.execute("DELETE FROM booked")
    sold.sync()
    assert sold.shop() == 8


def test_an_order_is_looked_at_anew_in_the_new_erp(sold):
    """What the old one counted, the new one may not have released yet (`link rekey`)."""
    company = sold.company
    sold.erp_says("validate")
    company.order()
    sold.deliver()
    sold.sync()
    sold.sync()
    with company.app.ledger.begin() as db:
        held = [one for one in rekeying.page(db, "erp", 0) if one.entity == "order"]
        rekeying.rekey(db, {one.id: one.target_key for one in held}, "test", company.clock.now())
    with company.clerk() as erp, erp.begin() as db:
        db.execute("UPDATE orders SET released = 0")
        db.execute("UPDATE booked SET stage = 'open'")
    sold.sync()
    assert sold.shop() == 8


def test_history_is_not_looked_at_again(sold):
    """What the ERP has surely counted for a day is settled: cost is a day's orders, not all."""
    company = sold.company
    for _ in range(3):
        company.order()
    sold.deliver()
    sold.sync()
    assert sold.shop() == 4
    company.pass_(25 * 3600)
    sold.sync()
    open_ = company.rows("SELECT * FROM goods WHERE NOT settled")
    assert open_ == []
    sold.sync()
    assert sold.shop() == 4


def test_what_one_stock_flow_sees_counted_another_goes_on_subtracting(sold):
    """It still offers what it read before the ERP had the order."""
    company = sold.company
    sold.erp_says("create")
    other = company.other_shop()
    company.connection("shop2", like="shop", url=other.url)
    company.flow("stock2", like="stock", to="shop2")
    company.order()

    def meanwhile():
        sold.deliver()
        company.pass_(1)
        company.sync("stock2")

    with company.when("snapshot.before_seal", meanwhile):
        sold.sync()
    assert len(company.books()) == 1
    assert sold.shop() == 8


def test_orders_that_another_process_reads_meanwhile_are_subtracted(sold):
    """P3: it moved the cursor between our page and our commit; we read on from there."""
    company = sold.company
    company.order()
    read = []
    with company.when("page.fetched", lambda: read.append(company.pull()), nth=2):
        sold.sync()  # the first page is the ERP's, the second the shop's orders
    assert read
    assert sold.shop() == 8
