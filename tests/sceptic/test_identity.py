"""Restored, swapped and shared systems: nothing is written twice or to the wrong books."""

from __future__ import annotations

import pytest
from company import Company

from connector.errors import Braked, WrongSystem
from connector.sandbox import books
from connector.sandbox.erp import start_erp
from connector.sandbox.seed import seed_erp, skus


def test_a_restored_ledger_of_an_hour_ago_doubles_nothing_and_converges(company: Company) -> None:
    """What was delivered since is found, not created; what was changed since is as in the shop."""
    first, second = company.order(), company.order()
    company.settle()
    company.save_ledger()
    company.pass_(1800)
    third = company.order()
    company.change(first, customer_note="changed after the backup")
    company.erp.faults([{"fault": "commit_then_cut", "ops": ["CreateSalesOrder"], "count": 1}])
    company.sync()
    company.pass_(1800)
    company.restore_ledger()
    fourth = company.order()
    company.settle()
    assert company.references() == [f"DE-{o}" for o in (first, second, third, fourth)]
    assert company.books()[0]["note"] == "changed after the backup"
    assert {s for s, _ in company.states().values()} == {"done"}
    assert len(company.calls("CreateSalesOrder")) == 4


def test_the_ledger_lost_altogether_doubles_nothing_either(company: Company) -> None:
    """A new ledger over old books finds by reference what an `init` forgot."""
    company.flow("orders", start="2020-01-01T00:00:00+00:00")
    numbers = [company.order(), company.order()]
    company.settle()
    company.stop()
    for file in company.folder.glob("ledger.db*"):
        file.unlink()
    company.new_ledger()
    company.pass_(60)
    company.settle()
    assert company.references() == [f"DE-{o}" for o in numbers]
    assert len(company.customers()) == 1


def test_the_test_company_swapped_for_production_is_refused_before_anything_is_written(
    company: Company,
) -> None:
    """R9: another company behind the same address: nothing is read for it, nothing written."""
    company.order()
    company.settle()
    port = company.erp.port
    company.stop()
    company.erp.close()
    production = company.folder / "production.db"
    seed_erp(production, items=skus(5), company=("Production AG", "PROD"))
    company.erp = start_erp(production, port=port)
    company.order()
    with pytest.raises(WrongSystem, match="company") as refused:
        company.sync()
    assert refused.value.cure
    assert books.erp_orders(production) == []
    assert {c["op"] for c in company.calls()} == {"GetSystemInfo"}


def test_an_expected_company_is_held_to_even_at_the_first_meeting(company: Company) -> None:
    """`identity: {expect}`: a fresh ledger refuses the wrong company too."""
    company.connection("erp", identity={"expect": "Production AG"})
    company.order()
    with pytest.raises(WrongSystem, match="expects"):
        company.sync()
    assert company.books() == []
    company.connection("erp", identity={"expect": "Sandbox GmbH"})
    company.sync()
    assert len(company.books()) == 1


def test_a_restored_shop_that_reuses_a_number_stops_the_flow(company: Company) -> None:
    """R9: another order under a known id is a conflict, never an update of the old one."""
    number = company.order(customer_note="the first life")
    company.settle()
    before = company.books()
    company.shop_sql(
        "UPDATE orders SET created = created + 4, modified = ?,"
        " body = json_set(body, '$.order_key', 'wc_order_other', '$.customer_note', 'another')",
        int(company.clock.now().timestamp()),
    )
    with pytest.raises(Braked, match="another document"):
        company.sync()
    assert company.standing("order", number) == "held(conflict)"
    assert company.books() == before


def two_shops(company: Company, **orders: object) -> str:
    """A second shop on the same ERP, its flows like the first one's; its first order's number."""
    other = company.other_shop()
    ends = {"from": "shop2", "to": "erp"}
    company.config(
        connections={"shop2": {"like": "shop", "url": other.url}},
        flows={
            "products2": {"like": "products", **ends},
            "customers2": {"like": "customers", **ends},
            "orders2": {"like": "orders", **ends, **orders},
        },
    )
    return company.order(file=company.folder / "shop2.db", customer_note="of the second shop")


def test_two_shops_with_the_same_numbers_have_two_orders_in_one_erp(company: Company) -> None:
    """References of our own minting name the connection: none finds the other's."""
    company.flow("orders", reference=None)
    number = company.order(customer_note="of the first shop")
    assert two_shops(company) == number
    for _ in range(3):
        company.sync("orders")
        company.sync("orders2")
        company.pass_(15)
    assert len(set(company.references())) == 2
    notes = {b["reference"].split("-")[1]: b["note"] for b in company.books()}
    assert notes == {"shop": "of the first shop", "shop2": "of the second shop"}


def test_two_shops_that_mint_the_same_reference_are_kept_apart(company: Company) -> None:
    """R8: the second is held(conflict), never linked to the first one's order."""
    number = company.order(customer_note="of the first shop")
    assert two_shops(company) == number
    for _ in range(3):
        company.sync("orders")
        company.sync("orders2")
        company.pass_(15)
    assert company.standing("order", number, "orders") == "done(sent)"
    assert company.standing("order", number, "orders2") == "held(conflict)"
    assert "reference" in company.record("order", number, "orders2")["needs"]
    assert [b["note"] for b in company.books()] == ["of the first shop"]


def test_a_conflict_of_references_is_not_delivered_nameless_when_its_order_changes(
    company: Company,
) -> None:
    """A change in the shop leaves it held; a unique `reference:` and a retry deliver it."""
    number = company.order()
    two_shops(company)
    company.settle()
    company.sync("orders2")
    file, company.shop_file = company.shop_file, company.folder / "shop2.db"
    company.change(number, customer_note="changed meanwhile")
    company.shop_file = file
    company.sync("orders2")
    assert company.standing("order", number, "orders2") == "held(conflict)"
    company.flow("orders2", reference="SECOND-{{ doc.number }}")
    company.retry("order", number, "orders2")
    for _ in range(3):
        company.sync("orders2")
        company.pass_(15)
    assert company.references() == [f"DE-{number}", f"SECOND-{number}"]


def test_a_ledger_that_was_copied_elsewhere_looks_before_it_creates(company: Company) -> None:
    """Without the witness beside it a ledger trusts nothing: first a look, then a create."""
    number = company.order()
    company.settle()
    company.stop()
    (company.folder / "ledger.db.life").unlink()
    second = company.order()
    before = len(company.calls())
    company.settle()
    made = [c["op"] for c in company.calls()[before:]]
    assert made.index("FindSalesOrders") < made.index("CreateSalesOrder")
    assert company.references() == [f"DE-{number}", f"DE-{second}"]
