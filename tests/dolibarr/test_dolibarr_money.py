"""Invoices and payments reach Dolibarr, each once, and never on a guess (R11)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.errors import ConfigError

LOST = ["cut", "empty_500", "502_after", "empty_200", "html_200", "half"]


@pytest.fixture
def firm(firm):
    """The company, whose orders bring an invoice and a payment into Dolibarr."""
    start = firm.company.born.isoformat()
    booked = {"from": "shop", "to": "erp", "mode": "on_demand", "start": start}
    firm.company.connection("erp", **{"with": {"rounding_item": "903"}})
    firm.company.config(flows={
        "invoices": {"entity": "invoice", **booked},
        "payments": {"entity": "payment", **booked},
    })  # fmt: skip
    return firm


def test_a_paid_order_brings_its_invoice_and_its_payment(firm):
    """Each is there once, the payment on that invoice, which it closes; read again: the same."""
    order = firm.company.order()
    firm.company.settle()
    firm.company.change(order, status="completed")
    firm.company.settle()

    [invoice] = firm.books.rows["invoice"].values()
    [made] = firm.books.rows["order"].values()
    assert (invoice["ref_ext"], invoice["thirdparty_id"]) == (f"DE-{order}/invoice", "1")
    assert (invoice["total"], invoice["status"]) == (made["total"], "2")
    assert invoice["note_private"] == f"Shop {order}, order 1"
    [(on, amount, mode, _)] = firm.books.payments
    assert (on, mode, f"{float(amount):.8f}") == ("1", "2", invoice["total"])
    assert firm.company.standing("invoice", f"{order}/invoice").startswith("done")
    assert firm.company.standing("payment", f"{order}/payment").startswith("done")


def test_an_order_that_is_not_paid_is_not_booked_as_paid(firm):
    """While it waits for money it has neither; once it is paid it has both."""
    order = firm.company.order(status="on-hold")
    firm.company.settle()
    assert (firm.books.rows["invoice"], firm.books.payments) == ({}, [])

    firm.company.change(order, status="processing")
    firm.company.settle()
    assert len(firm.books.rows["invoice"]) == len(firm.books.payments) == 1


@pytest.mark.parametrize("rule", LOST)
@pytest.mark.parametrize("op", ["createInvoice", "createPayment"])
def test_what_was_booked_and_not_answered_is_booked_once(firm, op, rule):
    """In doubt, looked for, found: an invoice by its reference, a payment by its closed invoice."""
    firm.books.rules = [(op, rule)]
    order = firm.company.order()
    firm.company.settle(rounds=15)

    assert firm.books.calls.count("createInvoice") == len(firm.books.rows["invoice"]) == 1
    assert firm.books.calls.count("createPayment") == len(firm.books.payments) == 1
    assert firm.company.standing("payment", f"{order}/payment").startswith("done")


def test_a_payment_that_was_not_booked_is_sent_again_only_after_the_settling(firm):
    """A call that we gave up on may still be executed: an open invoice is no proof before."""
    firm.company.connection("erp", settle="15m")
    firm.books.rules = [("createPayment", "502")]
    order = firm.company.order()
    while firm.books.rules:  # until it is called; what is older than our watch is looked for first
        firm.company.pass_(60)
        firm.company.sync()
    for _ in range(3):
        firm.company.pass_(60)
        firm.company.sync()
    assert firm.books.payments == []
    assert firm.company.record("payment", f"{order}/payment")["state"] == "in_doubt"

    firm.company.settle(rounds=20, step=120)
    assert len(firm.books.payments) == 1
    assert firm.company.standing("payment", f"{order}/payment").startswith("done")


def test_a_payment_of_another_amount_than_the_invoice_is_a_persons_affair(firm):
    """It would close no invoice, so that nobody could tell whether it was booked."""
    line = firm.books._line
    firm.books._line = lambda one: line(one) | {"vat": "9.99"}
    firm.company.flow("invoices", money={"tolerance": "1000 EUR"})
    firm.company.flow("orders", money={"tolerance": "1000 EUR"})
    order = firm.company.order()
    firm.company.settle(rounds=40, step=30)

    assert firm.books.payments == []
    record = firm.company.record("payment", f"{order}/payment")
    assert (record["state"], record["reason"]) == ("held", "refused")
    assert "total_differs" in record["needs"]


def test_an_invoice_that_somebody_has_paid_is_not_paid_again(firm):
    """What a clerk booked before us is found, and taken for the payment."""
    find = firm.books._invoiced

    def paid(invoice, lines):
        row = find(invoice, lines)
        firm.books._createPayment(None, {"invoice_id": row["id"], "amount": row["total"]})
        return row

    firm.books._invoiced = paid
    order = firm.company.order()
    firm.company.settle(rounds=12)

    assert len(firm.books.payments) == 1
    assert "createPayment" not in firm.books.calls
    assert firm.company.standing("payment", f"{order}/payment").startswith("done")


def test_what_is_invoiced_is_not_changed_behind_anybodys_back(firm):
    """An order cancelled after its invoice: a credit note is a person's affair, and he is told."""
    order = firm.company.order()
    firm.company.settle()
    firm.company.change(order, status="cancelled")
    firm.company.settle()

    record = firm.company.record("invoice", f"{order}/invoice")
    assert (record["state"], record["reason"]) == ("held", "rule")
    assert "status cannot be changed there" in record["needs"]


def test_what_was_paid_and_cancelled_before_it_was_sent_waits_for_nobody(firm):
    """It is not booked, and nobody has to see to it; sold after all, it is booked once."""
    firm.company.flow("orders", wait="10m")
    order = firm.company.order()
    firm.company.pass_(30)
    firm.company.sync()
    assert firm.company.standing("payment", f"{order}/payment") == "held(blocked)"

    firm.company.change(order, status="cancelled")
    firm.company.settle(rounds=8, step=120)
    assert (firm.books.rows["invoice"], firm.books.payments) == ({}, [])
    assert "held" not in {state for state, _ in firm.company.states().values()}

    firm.company.change(order, status="processing")
    firm.company.settle(rounds=8, step=120)
    assert len(firm.books.rows["invoice"]) == len(firm.books.payments) == 1


def test_what_is_not_sold_after_all_is_not_booked(firm):
    """Back to waiting for money before anything was sent: the order is, its money is not."""
    firm.company.flow("orders", wait="10m")
    order = firm.company.order()
    firm.company.pass_(30)
    firm.company.sync()
    firm.company.change(order, status="on-hold")
    firm.company.settle(rounds=8, step=120)

    assert len(firm.books.rows["order"]) == 1
    assert (firm.books.rows["invoice"], firm.books.payments) == ({}, [])


def test_a_payment_that_was_booked_and_is_none_any_more_is_a_persons_affair(firm):
    """R11: what is missing is no silence, and is not undone by a guess."""
    order = firm.company.order()
    firm.company.settle()
    firm.company.change(order, status="cancelled")
    firm.company.settle()

    record = firm.company.record("payment", f"{order}/payment")
    assert (record["state"], record["reason"]) == ("held", "review")
    assert "no payment any more" in record["needs"]
    firm.company.release("payment", f"{order}/payment")
    firm.company.settle()
    assert firm.company.standing("payment", f"{order}/payment") == "done(same)"
    assert len(firm.books.payments) == 1


def test_an_invoice_whose_mapping_cannot_say_that_it_is_cancelled_is_told(firm):
    """As of orders (R10): the end of it is no silence."""
    firm.company.mapping("mine", {
        "profile.yaml": "extends: dolibarr\n",
        "invoice.yaml": "extends: dolibarr\nentity: invoice\nwrite: {status: '1'}\n",
    })  # fmt: skip
    firm.company.connection("erp", profile="mine")
    order = firm.company.order()
    firm.company.settle()
    firm.company.change(order, status="cancelled")
    firm.company.settle()

    record = firm.company.record("invoice", f"{order}/invoice")
    assert (record["state"], record["reason"]) == ("held", "rule")
    assert "cannot say so" in record["needs"]
    firm.company.release("invoice", f"{order}/invoice")
    firm.company.settle()
    assert firm.company.standing("invoice", f"{order}/invoice") == "done(same)"


def test_an_order_that_was_cancelled_before_it_was_sent_is_not_invoiced(firm):
    """Nothing was sold."""
    order = firm.company.order(status="cancelled")
    firm.company.settle()
    assert firm.books.rows["invoice"] == {}
    assert firm.company.standing("invoice", f"{order}/invoice") == "done(never_delivered)"


def test_a_way_to_pay_that_nobody_mapped_is_held_with_its_cure(firm):
    """Dolibarr's ids are a site's own: a wrong one would be booked."""
    order = firm.company.order(payment_method="giropay")
    firm.company.settle()
    record = firm.company.record("payment", f"{order}/payment")
    assert (record["state"], record["reason"]) == ("held", "rule")
    assert "payment_mode" in record["needs"]

    tables = {"payment_mode": {"giropay": "6", "else": "error"}}
    firm.company.flow("payments", tables=tables)
    firm.company.release("payment", f"{order}/payment")
    firm.company.settle()
    assert [mode for _, _, mode, _ in firm.books.payments] == ["6"]


def test_orders_placed_before_the_flows_began_bring_neither(firm):
    """They were invoiced by hand."""
    start = (firm.company.born + timedelta(days=1)).isoformat()
    firm.company.config(flows={"invoices": {"start": start}, "payments": {"start": start}})
    order = firm.company.order()
    firm.company.settle()

    assert firm.company.standing("order", order) == "done(sent)"
    assert {entity for entity, _ in firm.company.states()}.isdisjoint({"invoice", "payment"})


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        ({"start": None}, "needs a `start`"),
        ({"mode": None}, "invoices are read with their orders"),
        ({"only": "= doc.total > 0"}, "`only` does nothing in mode on_demand"),
        ({"from": "erp", "to": "shop"}, "no flow of orders"),
    ],
)
def test_a_flow_of_invoices_that_cannot_work_is_refused(firm, flow, message):
    """All is said when the configuration is read."""
    firm.company.flow("invoices", **flow)
    with pytest.raises(ConfigError, match=message):
        firm.company.sync()
