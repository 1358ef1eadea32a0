"""The customer before the order: one person is one customer, and a doubt about it is a question."""

from __future__ import annotations

import pytest
from company import ADA, Company

from connector.sandbox import edit, erp_books, shop_people


def in_erp(company: Company, **fields: str) -> str:
    """A customer that the ERP has had for long; the number."""
    given = {"Name": "Ada Okonkwo", "Email": "ada@example.test"} | fields
    with company.clerk() as store:
        return str(erp_books.create_customer(store, given)["No"])


def test_a_registered_customer_is_created_before_his_order_and_only_once(company: Company) -> None:
    """Two orders of one customer: one customer in the ERP, whom both name."""
    who = company.customer()
    company.order(customer_id=who)
    company.order(customer_id=who)
    company.settle()
    [customer] = company.customers()
    assert {b["customer_no"] for b in company.books()} == {customer["customer_no"]}
    assert len(company.books()) == 2
    assert len(company.calls("CreateCustomer")) == 1


def test_nobody_is_created_without_an_order(company: Company) -> None:
    """`on_demand`: a registered customer who buys nothing stays the shop's."""
    company.customer()
    company.sync()
    company.sync("customers")
    assert company.customers() == []


def test_two_orders_of_one_new_guest_at_once_make_one_customer(company: Company) -> None:
    """The same e-mail and name in two guest orders: one customer record, one customer there."""
    company.order()
    company.order()
    company.settle()
    assert len(company.customers()) == 1
    assert len(company.books()) == 2
    assert len(company.calls("CreateCustomer")) == 1


def test_guests_of_a_country_share_its_collective_customer(company: Company) -> None:
    """`guests: {by: …}`: the row of the country, or `else`; nobody is created."""
    rows = {"by": "= doc.billing.country", "DE": "C-GUEST-DE", "else": "C-GUEST-EU"}
    company.flow("customers", guests=None)
    company.flow("customers", guests=rows)
    company.order()
    company.order(billing=ADA | {"country": "FR"})
    company.settle()
    assert [b["customer_no"] for b in company.books()] == ["C-GUEST-DE", "C-GUEST-EU"]
    assert company.customers() == []


@pytest.mark.parametrize(
    ("there", "linked"),
    [
        ({"Name": "ada  OKONKWO", "Email": "ADA@example.test"}, True),
        ({"Name": "A. O.", "Address": {"Name": "x", "Postcode": "10115"}}, True),
        ({"Name": "Somebody Else"}, False),
    ],
    ids=["same name", "same postcode", "e-mail alone"],
)
def test_an_email_links_only_with_the_same_name_or_postcode(
    company: Company, there: dict[str, str], linked: bool
) -> None:
    """D2: equality after normalising, and e-mail alone is not enough."""
    number = in_erp(company, **there)
    company.order(customer_id=company.customer())
    company.settle()
    [order] = company.books()
    assert (order["customer_no"] == number) is linked
    assert len(company.customers()) == (1 if linked else 2)


def test_two_customers_who_may_be_meant_are_a_question_for_a_person(company: Company) -> None:
    """Two hits: held(ambiguous), its order waits and names it; an answer delivers both."""
    first, _ = in_erp(company), in_erp(company)
    who = company.customer()
    number = company.order(customer_id=who)
    company.settle()
    assert company.standing("customer", who) == "held(ambiguous)"
    assert company.standing("order", number) == "held(blocked)"
    assert company.books() == []
    company.resolve("customer", who, first)
    company.settle()
    assert [b["customer_no"] for b in company.books()] == [first]


def test_one_person_as_customer_and_as_guest_becomes_one_customer(company: Company) -> None:
    """Two records of one e-mail, at once: the claim row lets one create, the other is an alias."""
    who = company.customer()
    company.order(customer_id=who)
    company.order()
    company.settle()
    assert len(company.customers()) == 1
    assert len(company.calls("CreateCustomer")) == 1
    roles = company.rows("SELECT role FROM link WHERE entity = 'customer' ORDER BY role")
    assert [r["role"] for r in roles] == ["alias", "identity"]
    assert len(company.books()) == 2


def test_a_deleted_customer_blocks_his_order_and_names_the_cure(company: Company) -> None:
    """Gone from the shop: the order waits, and says at whom to look and how."""
    who = company.customer()
    number = company.order(customer_id=who)
    with edit.desk(company.shop_file) as shop:
        shop_people.delete(shop, who, force=True)
    company.settle()
    assert company.standing("order", number) == "held(blocked)"
    assert f"connector record show customer {who}" in company.record("order", number)["needs"]
    assert company.books() == []


def test_a_lost_reply_to_the_customer_makes_no_second_one(company: Company) -> None:
    """CreateCustomer in doubt: found, linked, and the order follows."""
    company.erp.faults([{"fault": "commit_then_cut", "ops": ["CreateCustomer"], "count": 1}])
    company.order()
    company.sync()
    assert company.books() == []
    company.settle()
    assert len(company.customers()) == len(company.books()) == 1
    assert len(company.calls("CreateCustomer")) == 1


def test_a_guests_second_order_changes_nothing_of_his_customer(company: Company) -> None:
    """D2: guests never update master data."""
    company.order()
    company.settle()
    company.order(billing=ADA | {"city": "Hamburg", "phone": "1"})
    company.settle()
    assert len(company.books()) == 2
    assert company.calls("UpdateCustomer") == []
