"""Customers go to the ERP with all their addresses; what the ERP owns stays its own (D4)."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from connector.errors import ConfigError
from connector.sandbox import erp_books, shop_people
from connector.sandbox.edit import desk

OWNER = {"default": "shop", "payment_terms": "erp", "credit_limit": "erp"}
TERMS = [{"key": "payment_terms", "value": "N30"}, {"key": "credit_limit", "value": "500.50"}]


@pytest.fixture
def clients(company):
    """Customers flow of themselves, owners by field."""
    company.flow("customers", mode=None, start=company.born.isoformat(), owner=OWNER)
    return company


def kept(company):
    """The one customer of the ERP, as its books have him."""
    with company.clerk() as store:
        [row] = store.rows("SELECT data FROM customers WHERE no NOT LIKE 'C-GUEST%'")
    return json.loads(row["data"])


def change(company, who, **fields):
    """The customer changes something in the shop."""
    with desk(company.shop_file) as shop:
        shop_people.change(shop, who, fields)


def run(company, times=3):
    """A few runs."""
    for _ in range(times):
        company.pass_(15)
        company.sync("customers")


def test_a_customer_goes_with_invoice_and_delivery_address(clients):
    """Both, each in its place; a later change of one is written."""
    who = clients.customer()
    change(clients, who, shipping={"first_name": "Ada", "address_1": "Lager 7", "city": "Ulm"})
    run(clients)
    data = kept(clients)
    assert data["Address"]["Street"] == "Weg 1"
    assert (data["DeliveryAddress"]["Street"], data["DeliveryAddress"]["City"]) == (
        "Lager 7",
        "Ulm",
    )

    change(clients, who, shipping={"address_1": "Lager 8"})
    run(clients)
    assert kept(clients)["DeliveryAddress"]["Street"] == "Lager 8"


def test_what_the_erp_owns_is_never_written(clients):
    """Neither with the customer nor with any change of his."""
    who = clients.customer()
    change(clients, who, meta_data=TERMS)
    run(clients)
    assert "PaymentTerms" not in kept(clients)
    with clients.clerk() as store:
        no = clients.customers()[0]["customer_no"]
        erp_books.update_customer(store, no, None, {"PaymentTerms": "N14", "CreditLimit": "9.00"})

    change(clients, who, first_name="Eda", meta_data=TERMS)
    run(clients)
    data = kept(clients)
    assert data["Name"].startswith("Eda")
    assert (data["PaymentTerms"], data["CreditLimit"]) == ("N14", "9.00")


def test_without_owners_the_source_owns_all(clients):
    """To the cent."""
    clients.flow("customers", owner=None)
    who = clients.customer()
    change(clients, who, meta_data=TERMS)
    run(clients)
    data = kept(clients)
    assert (data["PaymentTerms"], Decimal(data["CreditLimit"])) == ("N30", Decimal("500.50"))


@pytest.mark.parametrize(
    ("owner", "says"),
    [
        ({"payment_term": "erp"}, "did you mean `payment_terms`"),
        ({"payment_terms": "warehouse"}, "write shop or erp"),
        ({"first_name": "erp"}, "not one side's"),
    ],
)
def test_a_wrong_owner_is_told_with_the_configuration(clients, owner, says):
    """A field that is made of both sides' could only be written whole."""
    clients.flow("customers", owner=None)
    clients.flow("customers", owner=owner)
    with pytest.raises(ConfigError, match=says):
        _ = clients.app
