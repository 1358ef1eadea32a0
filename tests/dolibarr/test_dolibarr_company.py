"""A shop's orders reach Dolibarr, over real HTTP, with the shipped profiles alone."""

from __future__ import annotations

import pytest

from connector.errors import ConfigError, WrongSystem


def test_an_order_reaches_dolibarr_with_its_customer_and_is_confirmed(firm):
    """One of each, the stock taken, the total compared."""
    order = firm.company.order()
    firm.company.settle()

    [row] = firm.books.rows["order"].values()
    [party] = firm.books.rows["thirdparty"].values()
    assert firm.company.standing("order", order) == "done(sent)"
    assert (row["ref_ext"], row["status"], row["thirdparty_id"]) == (f"DE-{order}", "1", "1")
    assert (party["ref"], party["country_code"]) == ("Ada Okonkwo", "DE")
    assert firm.books.rows["product"]["1"]["stock_real"] == "98"


@pytest.mark.parametrize(
    "rule", ["cut", "empty_500", "502_after", "empty_200", "empty_body", "html_200", "half"]
)
def test_an_order_whose_reply_is_lost_is_there_once(firm, rule):
    """In doubt, found by its reference, confirmed: never made a second time."""
    firm.books.rules = [("createOrder", rule)]
    order = firm.company.order()
    firm.company.settle(rounds=12)

    [row] = firm.books.rows["order"].values()
    assert firm.books.calls.count("createOrder") == 1
    assert (row["status"], firm.company.standing("order", order)) == ("1", "done(same)")


def test_an_order_that_was_not_made_is_made_once_more(firm):
    """A proxy's 502 in front of Dolibarr: looked for, not there after the settling, sent again."""
    firm.company.order()  # one that is found shows that looking works
    firm.company.settle()
    firm.books.rules = [("createOrder", "502")]
    order = firm.company.order()
    firm.company.settle(rounds=12)

    assert len(firm.books.rows["order"]) == 2
    assert firm.company.standing("order", order) == "done(sent)"


def test_a_cancellation_is_delivered_and_another_change_is_held(firm):
    """updateOrder takes the status and nothing else."""
    kept, cancelled = firm.company.order(), firm.company.order()
    firm.company.settle()
    firm.company.change(kept, customer_note="leave it at the door")
    firm.company.change(cancelled, status="cancelled")
    firm.company.settle()

    rows = {row["ref_ext"]: row for row in firm.books.rows["order"].values()}
    assert firm.company.standing("order", kept) == "held(rule)"
    assert rows[f"DE-{cancelled}"]["status"] == "-1"
    assert rows[f"DE-{kept}"]["status"] == "1"


def test_two_customers_with_our_reference_are_a_persons_affair(firm):
    """Dolibarr says only that there are several."""
    firm.books.rules = [("createThirdParty", "cut")]
    order = firm.company.order()
    firm.company.sync()
    [party] = firm.books.rows["thirdparty"].values()
    firm.books.add("thirdparty", ref="again", ref_ext=party["ref_ext"])
    firm.company.settle(rounds=12)

    [customer] = [s for (entity, _), s in firm.company.states().items() if entity == "customer"]
    assert customer == ("held", "duplicate")
    assert firm.books.rows["order"] == {}
    assert firm.company.record("order", order)["reason"] == "blocked"


def test_a_user_of_the_wrong_password_sends_nothing(firm):
    """It is said once, and nothing is tried over and over."""
    firm.books.password = "changed"
    order = firm.company.order()
    with pytest.raises(Exception, match="BAD_CREDENTIALS"):
        firm.company.sync()
    assert firm.books.rows["order"] == {}
    firm.books.password = "secret"
    firm.company.settle(rounds=12)
    assert firm.company.standing("order", order) == "done(sent)"


def test_an_order_in_another_currency_is_held(firm):
    """Its services take no currency: 100 francs would be booked as 100 euros."""
    order = firm.company.order(currency="CHF")
    firm.company.settle()
    assert firm.company.standing("order", order) == "held(rule)"
    assert firm.books.rows["order"] == {}

    firm.company.connection("erp", **{"with": {"currency": "CHF"}})
    firm.company.release("order", order)
    firm.company.settle()
    assert firm.company.standing("order", order) == "done(sent)"


def test_stock_into_dolibarr_is_refused_when_the_configuration_is_read(firm):
    """Quirk 26: OK would be said, and nothing would change."""
    flow = {"entity": "stock", "from": "shop", "to": "erp", "every": "1h"}
    firm.company.config(flows={"stock": flow})
    with pytest.raises(ConfigError, match="stock"):
        firm.company.sync()


def test_the_company_is_the_identity_of_the_connection(firm):
    """Dolibarr lets nobody in for another company; its name is told by no service."""
    firm.company.connection("erp", identity={"company": "1"})
    order = firm.company.order()
    firm.company.settle()
    assert firm.company.standing("order", order) == "done(sent)"

    firm.company.connection("erp", identity={"expect": "ACME GmbH"})
    with pytest.raises(WrongSystem, match="expects"):
        firm.company.sync()
