"""R11: refunds are records of their own, after their order, each booked once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connector.errors import ConfigError
from connector.sandbox import books, edit

FLOW = {"entity": "refund", "from": "shop", "to": "erp", "mode": "on_demand"}


@pytest.fixture
def firm(company):
    """A company whose configuration has a flow of refunds."""
    company.config(flows={"refunds": FLOW})
    return company


def credits_of(firm):
    return books.erp_credits(firm.erp_file)


def refund(firm, order, amount="1.00", reason="broken"):
    firm.pass_(1)
    return edit.refund_order(firm.shop_file, int(order), amount, reason)


def test_a_refund_becomes_a_credit_note_of_its_order(firm):
    """With a reference of its own, once, however often its order is read again."""
    order = firm.order()
    firm.settle()
    refund(firm, order)
    firm.settle()
    firm.change(order, customer_note="thank you")
    firm.settle()

    [note] = credits_of(firm)
    [row] = firm.books()
    assert (note["order_no"], note["amount"]) == (row["order_no"], Decimal("1.00"))
    assert note["reference"].startswith(f"DE-{order}/")
    assert note["reason"] == "broken"
    assert {s for (e, _), s in firm.states().items() if e == "refund"} == {("done", "sent")}


def test_the_lines_of_a_refund_are_booked_where_they_are_read(firm):
    """As many pieces, positive, with their tax; an order without refunds costs no further call."""
    firm.connection("shop", **{"with": {"refund_lines": "true"}})
    order, plain = firm.order(), firm.order()
    firm.settle()
    firm.pass_(1)
    edit.refund_order(firm.shop_file, int(order), "1.00", "broken", pieces=1)
    firm.settle()

    [note] = credits_of(firm)
    [(item, pieces, net, tax)] = note["lines"]
    assert (item, pieces) == ("I-0001", 1)
    assert min(net, tax) > 0
    asked = [c["op"] for c in firm.shop.journal() if c["op"].endswith("/refunds")]
    assert asked
    assert {op for op in asked if plain in op} == set()


def test_without_the_parameter_a_refund_is_its_amount(firm):
    """No further call is made."""
    order = firm.order()
    firm.settle()
    firm.pass_(1)
    edit.refund_order(firm.shop_file, int(order), "1.00", "broken", pieces=1)
    firm.settle()
    [note] = credits_of(firm)
    assert (note["amount"], note["lines"]) == (Decimal("1.00"), [])
    assert not [c for c in firm.shop.journal() if c["op"].endswith("/refunds")]


def test_two_refunds_of_one_order_are_two_credit_notes(firm):
    """Each has its key and its link."""
    order = firm.order()
    firm.settle()
    refund(firm, order, "1.00")
    refund(firm, order, "0.50")
    firm.settle()

    assert sorted(note["amount"] for note in credits_of(firm)) == [Decimal("0.50"), Decimal("1.00")]


def test_a_refund_waits_for_its_order(firm):
    """Both are read at once; the order is refused, so there is nothing to give back on."""
    firm.erp.faults([{"fault": "fault", "code": "locked", "ops": ["CreateSalesOrder"], "count": 1}])
    order = firm.order()
    refund(firm, order)
    firm.pass_(15)
    firm.sync()
    assert credits_of(firm) == []

    firm.erp.faults([])
    firm.settle()
    assert len(credits_of(firm)) == 1


def test_a_refund_whose_reply_is_lost_is_booked_once(firm):
    """In doubt, found by its reference, not booked again."""
    order = firm.order()
    firm.settle()
    firm.erp.faults([{"fault": "commit_then_cut", "ops": ["CreateCreditNote"], "count": 1}])
    refund(firm, order)
    firm.settle(rounds=12)

    assert len(credits_of(firm)) == 1
    [state] = [s for (e, _), s in firm.states().items() if e == "refund"]
    assert state[0] == "done"


def test_a_refund_that_the_erp_refuses_is_held_and_its_order_is_not(firm):
    """More than is left of the order there."""
    order = firm.order()
    firm.settle()
    with firm.clerk() as store, store.begin() as db:
        db.execute("UPDATE orders SET grand_total = '0.10'")
    refund(firm, order)
    firm.settle(rounds=20, step=30)

    assert credits_of(firm) == []
    [state] = [s for (e, _), s in firm.states().items() if e == "refund"]
    assert state == ("held", "refused")
    assert firm.standing("order", order).startswith("done")


def test_without_a_flow_of_refunds_they_wait_for_a_person(company):
    """Nothing is booked that nobody asked for."""
    order = company.order()
    company.settle()
    refund(company, order)
    company.settle()

    [state] = [s for (e, _), s in company.states().items() if e == "refund"]
    assert state == ("held", "review")
    assert books.erp_credits(company.erp_file) == []


def test_a_refund_is_booked_though_its_order_left_the_filter_by_it(firm):
    """R10: wholly given back, the order is what `only` names no more; it was delivered before."""
    firm.flow("orders", only={"status": ["confirmed", "fulfilled"]})
    order, unsold = firm.order(), firm.order(status="on-hold")
    firm.settle()
    [total] = [o["total"] for o in books.shop_orders(firm.shop_file) if str(o["id"]) == order]
    refund(firm, order, str(total))
    refund(firm, unsold)
    firm.settle()

    [note] = credits_of(firm)
    assert note["amount"] == total
    assert [key for e, key in firm.states() if e == "refund" and key.startswith(unsold)] == []


def test_refunds_read_before_there_was_a_flow_of_them_stay_with_a_person(company):
    """They may be booked by now, by hand; what is given back later is booked by the flow."""
    order = company.order()
    company.settle()
    refund(company, order)
    company.settle()
    company.config(flows={"refunds": FLOW})
    refund(company, order, "0.50")
    company.settle()

    assert [note["amount"] for note in credits_of(company)] == [Decimal("0.50")]
    states = sorted(s for (e, _), s in company.states().items() if e == "refund")
    assert states == [("done", "sent"), ("held", "review")]


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        ({**FLOW, "mode": "sync", "start": "2026-01-01T00:00:00Z"}, "read with their orders"),
        ({**FLOW, "from": "erp", "to": "shop"}, "no flow of orders"),
    ],
)
def test_a_flow_of_refunds_that_cannot_work_is_refused(company, flow, message):
    """They come with their orders, and with nothing else."""
    company.config(flows={"refunds": flow})
    with pytest.raises(ConfigError, match=message):
        company.sync()
