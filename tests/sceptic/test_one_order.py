"""One order, the whole way: REST in, SOAP out, and nothing that was not asked for."""

from __future__ import annotations

from decimal import Decimal

from company import Company


def test_an_order_goes_from_rest_to_soap_as_the_shop_has_it(company: Company) -> None:
    """It arrives once, under our reference, with its customer, lines, note and total."""
    number = company.order()
    company.sync()
    [there] = company.books()
    [sold] = company.rows("SELECT total FROM record WHERE entity = 'order'")
    assert (there["reference"], there["shop_number"]) == (f"DE-{number}", number)
    assert there["customer_no"] == company.customers()[0]["customer_no"]
    assert [line[:2] for line in there["lines"]] == [("SB-0001", 2)]
    assert (there["note"], there["released"]) == ("please ring", True)
    assert there["grand_total"] == Decimal(sold["total"])
    assert company.standing("order", number) == "done(sent)"


def test_a_new_order_costs_one_call_of_the_erp(company: Company) -> None:
    """Born after the ledger, customer and items known: nothing but its create is asked."""
    company.connection("erp", **{"with": {"release": "false"}})
    who = company.customer()
    company.order(customer_id=who)
    company.settle()
    company.sync()
    before = len(company.calls())
    for _ in range(3):
        company.order(customer_id=who)
    company.sync()
    assert [c["op"] for c in company.calls()[before:]] == [
        "GetSystemInfo",  # once a sync: is it still the same company?
        *["CreateSalesOrder"] * 3,
    ]
