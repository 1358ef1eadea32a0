"""Changes on both sides: the shop's arrive, the clerk's survive, and what clashes is shown."""

from __future__ import annotations

from typing import Any

import pytest
from company import ADA, Company

from connector.sandbox import edit, erp_books


@pytest.fixture
def sold(company: Company) -> tuple[Company, str]:
    """A company and its one delivered order."""
    number = company.order()
    company.settle()
    return company, number


def by_clerk(company: Company, **change: Any) -> None:
    """A clerk changes the one order in the ERP."""
    [order] = company.books()
    with company.clerk() as store:
        erp_books.update_order(store, order["order_no"], None, change)


def test_a_change_in_the_shop_sends_only_what_changed(sold: tuple[Company, str]) -> None:
    """The note changes: the note is sent, and the ERP's other fields stand."""
    company, number = sold
    [before] = company.books()
    company.change(number, customer_note="come by noon")
    company.settle()
    [after] = company.books()
    same = {k: v for k, v in before.items() if k not in ("note", "changed")}
    assert after["note"] == "come by noon"
    assert {k: after[k] for k in same} == same
    [sent] = company.rows("SELECT payload FROM attempt WHERE action = 'update'")
    assert b"come by noon" in sent["payload"]
    assert b"Lines" not in sent["payload"]


def test_a_stale_version_is_merged_and_the_clerks_other_fields_survive(
    sold: tuple[Company, str],
) -> None:
    """S8: the clerk set a payment reference, the shop a note: both stand afterwards."""
    company, number = sold
    by_clerk(company, PaymentReference="cheque 17")
    company.change(number, customer_note="come by noon")
    company.settle()
    [order] = company.books()
    [row] = clerk_row(company)
    assert (order["note"], row["PaymentReference"]) == ("come by noon", "cheque 17")
    assert company.standing("order", number) == "done(sent)"
    assert {r["outcome"] for r in company.rows("SELECT outcome FROM attempt")} >= {"stale"}


def clerk_row(company: Company) -> list[dict[str, Any]]:
    """The orders as the ERP's own screen shows them."""
    with company.clerk() as store:
        no = company.books()[0]["order_no"]
        return [dict(o) for o in erp_books.found(store, "Order", {"OrderNo": [no]})]


def test_a_shipped_order_that_changes_in_the_shop_is_held_with_the_cure(
    sold: tuple[Company, str],
) -> None:
    """R6: closed there: nothing is overwritten, the record says what to do, a release ends it."""
    company, number = sold
    by_clerk(company, Status="shipped")
    company.pass_(1)
    edit.set_quantity(company.shop_file, int(number), 5)
    company.settle(rounds=12)
    assert company.standing("order", number) == "held(locked)"
    assert "release" in company.record("order", number)["needs"]
    assert company.books()[0]["lines"][0][1] == 2
    company.release("order", number)
    company.settle()
    assert company.standing("order", number).startswith("done")
    assert company.books()[0]["lines"][0][1] == 2


def test_new_lines_of_a_released_order_are_refused_and_a_person_is_told(
    sold: tuple[Company, str],
) -> None:
    """The ERP refuses lines of a released order: tried as often as `most` says, then held."""
    company, number = sold
    company.pass_(1)
    edit.set_quantity(company.shop_file, int(number), 5)
    company.settle(rounds=12)
    assert company.standing("order", number) == "held(refused)"
    assert "locked" in company.record("order", number)["needs"]
    assert len(company.calls("UpdateSalesOrder")) == 5


def test_a_change_that_the_target_cannot_take_is_held_and_named(
    sold: tuple[Company, str],
) -> None:
    """The ERP takes no other currency for an order: held(rule) names the field."""
    company, number = sold
    company.change(number, currency="CHF", customer_note="B")
    company.settle()
    assert company.standing("order", number) == "held(rule)"
    assert "Currency" in company.record("order", number)["needs"]
    company.release("order", number)
    company.settle()
    assert company.books()[0]["note"] == "B"
    assert company.standing("order", number).startswith("done")


def test_a_cleared_field_is_cleared_there(sold: tuple[Company, str]) -> None:
    """A note taken away in the shop is taken away in the ERP."""
    company, number = sold
    company.change(number, customer_note="")
    company.settle()
    assert company.books()[0]["note"] == ""


def test_an_order_deleted_in_the_erp_is_told_and_never_made_again(
    sold: tuple[Company, str],
) -> None:
    """held(gone_at_target): a person decides; a second order would be the worse mistake."""
    company, number = sold
    with company.clerk() as store, store.begin() as db:
        db.execute("DELETE FROM orders")
    company.change(number, customer_note="changed")
    company.settle()
    assert company.standing("order", number) == "held(gone_at_target)"
    assert company.books() == []


def test_an_order_trashed_in_the_shop_waits_for_a_person(sold: tuple[Company, str]) -> None:
    """Absence is no instruction: the delivered order stays as it is until somebody says so."""
    company, number = sold
    with edit.desk(company.shop_file) as shop:
        edit.orders.delete(shop, int(number), force=False)
    company.sync("orders", number)
    assert company.standing("order", number) == "held(review)"
    assert [b["status"] for b in company.books()] == ["paid"]


def test_a_changed_address_reaches_order_and_only_the_order(sold: tuple[Company, str]) -> None:
    """The billing address of an order is the order's; its guest's master data stand."""
    company, number = sold
    company.change(number, billing=ADA | {"city": "Hamburg"})
    company.settle()
    [row] = clerk_row(company)
    assert row["BillTo"]["City"] == "Hamburg"
    assert company.calls("UpdateCustomer") == []
