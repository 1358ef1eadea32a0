"""Unknown products, filters, cancellations, refunds: what is held says why and how to go on."""

from __future__ import annotations

import pytest
from company import Company

from connector.sandbox import edit
from connector.sandbox.seed import seed_erp, skus


@pytest.fixture
def poorer(company: Company) -> Company:
    """A company whose ERP has never heard of SB-0001."""
    with company.clerk() as store, store.begin() as db:
        db.execute("DELETE FROM items WHERE sku = 'SB-0001'")
    return company


def test_an_unknown_product_holds_its_order_and_a_retry_delivers_it(poorer: Company) -> None:
    """Product and cure are named on both records; once the item exists, a retry is enough."""
    number, other = poorer.order(), poorer.order("SB-0002")
    poorer.settle()
    assert poorer.references() == [f"DE-{other}"]
    [product] = [r for r in poorer.rows("SELECT * FROM record") if r["state"] == "held"
                 and r["entity"] == "product"]  # fmt: skip
    assert poorer.standing("product", product["key"]) == "held(rule)"
    assert poorer.standing("order", number) == "held(blocked)"
    needs = poorer.record("order", number)["needs"]
    assert f"product {product['key']}" in needs
    assert f"connector record show product {product['key']}" in needs
    seed_erp(poorer.erp_file, items=skus(5))
    poorer.retry("product", product["key"])
    poorer.settle()
    assert poorer.references() == [f"DE-{number}", f"DE-{other}"]


def test_an_item_for_unknown_products_takes_their_place(poorer: Company) -> None:
    """`unknown_product: ITEM`: the order goes at once, its line names that item."""
    poorer.flow("orders", unknown_product="I-0002")
    number = poorer.order()
    poorer.settle()
    assert poorer.references() == [f"DE-{number}"]
    assert [line[0] for line in poorer.books()[0]["lines"]] == ["SB-0002"]


def test_orders_before_start_are_left_alone(company: Company) -> None:
    """P8: older than `start` is filtered, and stays so when it changes."""
    old = company.order()
    company.pass_(10)
    company.flow("orders", start=company.clock.now().isoformat())
    company.pass_(10)
    new = company.order()
    company.change(old, customer_note="changed")
    company.settle()
    assert company.references() == [f"DE-{new}"]
    assert company.standing("order", old) == "done(filtered)"


def test_a_filtered_order_is_delivered_once_it_passes_the_filter(company: Company) -> None:
    """`only`: unpaid waits outside; paid, it is a new order like any."""
    company.flow("orders", only={"status": ["confirmed", "fulfilled"]})
    number = company.order(status="pending")
    company.settle()
    assert company.standing("order", number) == "done(filtered)"
    company.change(number, status="processing")
    company.settle()
    assert company.references() == [f"DE-{number}"]


def test_a_delivered_order_that_leaves_the_filter_is_a_change(company: Company) -> None:
    """R10: filters guard the first delivery only; a cancellation is delivered."""
    company.flow("orders", only={"status": ["confirmed", "fulfilled"]})
    number = company.order()
    company.settle()
    company.change(number, status="cancelled")
    company.settle()
    assert [b["status"] for b in company.books()] == ["cancelled"]
    assert company.standing("order", number) == "done(sent)"


def test_an_order_cancelled_before_its_delivery_is_never_delivered(company: Company) -> None:
    """R10: terminal before it was ever sent: done(never_delivered)."""
    number = company.order()
    company.change(number, status="cancelled")
    company.settle()
    assert company.standing("order", number) == "done(never_delivered)"
    assert company.books() == []


def test_an_order_cancelled_while_its_create_is_in_doubt_is_cancelled_there(
    company: Company,
) -> None:
    """Not never_delivered: the ERP has it, so it must be cancelled in the ERP."""
    company.order()
    company.settle()
    company.erp.faults([{"fault": "commit_then_cut", "ops": ["CreateSalesOrder"], "count": 1}])
    number = company.order()
    company.sync()
    company.change(number, status="cancelled")
    company.settle()
    assert [b["status"] for b in company.books()] == ["paid", "cancelled"]
    assert company.standing("order", number).startswith("done")


def test_a_refund_waits_for_a_person_beside_its_delivered_order(company: Company) -> None:
    """R11: a record of its own, held(review) with the reason; the order is done as before."""
    number = company.order()
    company.settle()
    company.pass_(1)
    edit.refund_order(company.shop_file, int(number), "1.00", "Kulanz")
    company.settle()
    [refund] = [r for r in company.rows("SELECT * FROM record") if r["entity"] == "refund"]
    assert refund["key"].startswith(f"{number}/")
    assert (refund["state"], refund["reason"], refund["total"]) == ("held", "review", "1.00")
    assert "no flow delivers this refund" in refund["needs"]
    assert company.standing("order", number).startswith("done")


def test_a_fully_refunded_order_stays_the_order_it_was(company: Company) -> None:
    """The money goes back by a refund, not by a change of what was sold."""
    number = company.order()
    company.settle()
    [there] = company.books()
    company.pass_(1)
    edit.refund_order(company.shop_file, int(number), str(there["grand_total"]))
    company.settle()
    [after] = company.books()
    assert (after["grand_total"], after["lines"]) == (there["grand_total"], there["lines"])
    assert company.standing("order", number).startswith("done")
