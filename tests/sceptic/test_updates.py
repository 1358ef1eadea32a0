"""Updates to systems that want more in them than what changed: a version, and what they demand."""

from __future__ import annotations

from company import Company

SILENT = """\
extends: sandbox_erp
entity: order
actions:
  create:
    steps: [{name: draft, op: CreateSalesOrder, args: {Order: = payload}, key: = reply.Result.No}]
"""
ALONG = SILENT + "  update: {along: ALONG}\n"


def mine(company: Company, order: str) -> str:
    """An order in an ERP whose profile says *order*; its number."""
    company.mapping("mine", {"profile.yaml": "extends: sandbox_erp\n", "order.yaml": order})
    company.connection("erp", profile="mine")
    number = company.order()
    company.settle()
    return number


def sent(company: Company) -> list[bytes]:
    """What updates carried."""
    rows = company.rows("SELECT payload FROM attempt WHERE action = 'update' ORDER BY id")
    return [row["payload"] for row in rows]


def test_a_version_that_no_reply_told_is_read_before_the_update(company: Company) -> None:
    """An update without it would be refused, or would overwrite what a clerk has done."""
    number = mine(company, SILENT)
    company.change(number, customer_note="come by noon")
    before = len(company.calls("GetSalesOrders"))
    company.settle()
    assert company.books()[0]["note"] == "come by noon"
    [row] = company.rows("SELECT outcome FROM attempt WHERE action = 'update'")
    assert row["outcome"] == "done"
    assert len(company.calls("GetSalesOrders")) > before


def test_what_the_contract_demands_goes_along_unchanged(company: Company) -> None:
    """`along` names it; what else did not change stays out of the message."""
    number = mine(company, ALONG.replace("ALONG", "[PaymentMethod]"))
    company.change(number, customer_note="come by noon")
    company.settle()
    [payload] = sent(company)
    assert b"PaymentMethod" in payload
    assert b"come by noon" in payload
    assert b"Lines" not in payload
    assert company.standing("order", number) == "done(sent)"


def test_all_goes_along_where_an_update_replaces_the_document(company: Company) -> None:
    """And an order that nobody changed is still not written."""
    unknown = ["ExternalRef", "ShopNumber", "CustomerNo", "OrderDate", "Currency"]  # to its updates
    less = ", ".join(f"{name}: $drop" for name in unknown)
    number = mine(
        company, ALONG.replace("ALONG", f"all, args: {{Order: {{$over: = payload, {less}}}}}")
    )
    company.settle()
    assert sent(company) == []
    company.change(number, customer_note="come by noon")
    company.settle()
    [payload] = sent(company)
    assert b"Lines" in payload
    assert b"CustomerNo" in payload  # what is kept; the message is made of it
    assert company.standing("order", number) == "done(sent)"
