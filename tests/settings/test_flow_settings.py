"""Every setting of a flow, with two values and the difference that they make."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from company import Company
from covering import covers

from connector.errors import ConfigError
from connector.sandbox import erp_books
from connector.schedule import triggers

CREATE = ("CreateSalesOrder",)
PARCEL = [{"method_id": "flat_rate", "method_title": "DHL", "total": "4.12"}]
DEARER = "write:\n  Lines.Line.delivery.NetAmount: = s.net + 1\n"
SILENT = """
actions:
  create:
    $replace: true
    steps:
      - {name: draft, op: CreateSalesOrder, args: {Order: = payload}, key: = reply.Result.No}
      - {name: confirm, op: ReleaseSalesOrder, args: {OrderNo: = key}, done_when: = there.released}
"""


def site(company: Company, more: str) -> None:
    """The ERP by a profile of the site's own."""
    order = "extends: sandbox_erp\nentity: order\n" + more
    company.mapping("mine", {"profile.yaml": "extends: sandbox_erp\n", "order.yaml": order})
    company.connection("erp", profile="mine")


@covers("flows", "flows.*.entity", "flows.*.mode")
@pytest.mark.parametrize(("mode", "customers"), [("on_demand", 0), (None, 1)])
def test_entity_and_mode_say_what_flows_of_itself(
    company: Company, mode: str | None, customers: int
) -> None:
    """Customers without orders: none on demand, all where the flow creates of itself."""
    start = None if mode else company.born.isoformat()
    company.flow("customers", mode=mode, start=start)
    company.customer()
    company.sync("customers")
    company.pass_(15)
    company.sync("customers")
    assert (len(company.customers()), len(company.books())) == (customers, 0)


@covers("flows.*.from", "flows.*.like")
@pytest.mark.parametrize("end", ["shop", "shop2"])
def test_from_is_the_shop_whose_orders_flow(company: Company, end: str) -> None:
    """Two shops, one flow: only the orders of its own source arrive."""
    other = company.other_shop()
    company.connection("shop2", like="shop", url=other.url)
    for flow in ("products", "customers", "orders"):
        company.flow(flow, **{"from": end})
    company.order(customer_note="shop")
    company.order(customer_note="shop2", file=company.folder / "shop2.db")
    company.sync()
    assert [b["note"] for b in company.books()] == [end]


@covers("flows.*.to")
@pytest.mark.parametrize("end", ["erp", "erp2"])
def test_to_is_the_connection_that_is_written(company: Company, end: str) -> None:
    """The record names the target that its flow has."""
    company.connection("erp2", like="erp", **{"with": {"release": "false"}})
    for flow in ("products", "customers", "orders"):
        company.flow(flow, to=end)
    number = company.order()
    company.sync()
    assert company.record("order", number)["target"] == end
    assert company.books()[0]["released"] is (end == "erp")


@covers("flows.*.match")
@pytest.mark.parametrize(("match", "customers"), [(["email"], 1), (["vat_number"], 2)])
def test_match_is_what_first_contact_looks_by(
    company: Company, match: list[str], customers: int
) -> None:
    """By e-mail the ERP's customer is found; by VAT number he is not, and a second is made."""
    with company.clerk() as store:
        given = {"Name": "Ada Okonkwo", "Email": "ada@example.test"}
        erp_books.create_customer(store, given)
    company.flow("customers", match=match)
    company.order(customer_id=company.customer())
    company.settle()
    assert len(company.customers()) == customers
    assert len(company.books()) == 1


def test_a_match_that_no_document_has_is_a_mistake(company: Company) -> None:
    """It would find nobody, and all would be made again."""
    company.flow("customers", match=["emial"])
    with pytest.raises(ConfigError, match=r"no customer of ours has `emial`\n.*mean `email`"):
        company.settle()


@covers("flows.*.guests")
@pytest.mark.parametrize(
    ("guests", "made"),
    [("each", 1), ({"by": "= doc.billing.country", "else": "C-GUEST-EU"}, 0)],
    ids=["each", "by"],
)
def test_guests_are_customers_of_their_own_or_one_for_all(
    company: Company, guests: Any, made: int
) -> None:
    """`each` makes a customer, `by` names one that the ERP has."""
    company.flow("customers", guests=None)
    company.flow("customers", guests=guests)
    company.order()
    company.settle()
    [order] = company.books()
    assert len(company.customers()) == made
    assert (order["customer_no"] == "C-GUEST-EU") is (made == 0)


@covers("flows.*.start")
@pytest.mark.parametrize(("ahead", "delivered"), [(-3600, 1), (3600, 0)])
def test_start_divides_what_is_delivered(company: Company, ahead: int, delivered: int) -> None:
    """An order placed before it is left alone."""
    moment = company.clock.now().timestamp() + ahead
    company.flow("orders", start=company.clock.now().fromtimestamp(moment).astimezone().isoformat())
    company.order()
    company.settle()
    assert len(company.books()) == delivered


@covers("flows.*.reference")
@pytest.mark.parametrize("reference", ["DE-{{ doc.number }}", "web/{{ doc.number }}/{{ key }}"])
def test_reference_is_written_into_the_target(company: Company, reference: str) -> None:
    """What the expression says is what the ERP finds it by."""
    company.flow("orders", reference=reference)
    number = company.order()
    company.settle()
    wanted = reference.replace("{{ doc.number }}", number).replace("{{ key }}", number)
    assert company.references() == [wanted]


@covers("flows.*.only")
@pytest.mark.parametrize(
    ("only", "delivered"),
    [({"status": ["confirmed"]}, 1), ({"status": ["fulfilled"]}, 0),
     ("= doc.total > 1", 1), ("= doc.currency == 'CHF'", 0)],
    ids=str,
)  # fmt: skip
def test_only_chooses_what_is_delivered_at_all(company: Company, only: Any, delivered: int) -> None:
    """A list per field or an expression; what is outside is filtered."""
    company.flow("orders", only=only)
    number = company.order()
    company.settle()
    assert len(company.books()) == delivered
    assert (company.standing("order", number) == "done(filtered)") is (not delivered)


@covers("flows.*.wait")
@pytest.mark.parametrize(("wait", "delivered"), [("0s", 1), ("60s", 0)])
def test_wait_lets_an_order_rest_after_its_last_change(
    company: Company, wait: str, delivered: int
) -> None:
    """Fresh orders are delivered at once, or only after they have rested."""
    company.order(status="processing")
    company.settle()
    company.flow("orders", wait=wait)
    company.order()
    company.sync()
    assert len(company.books()) == 1 + delivered
    company.pass_(70)
    company.sync()
    assert len(company.books()) == 2


@covers("flows.*.money", "flows.*.money.tolerance")
@pytest.mark.parametrize(
    ("tolerance", "state"), [("0.05 EUR", "held(money)"), ("1.00 EUR", "done(sent)")]
)
def test_tolerance_is_the_difference_that_counts_as_equal(
    company: Company, tolerance: str, state: str
) -> None:
    """An ERP that books one more: recorded inside, held outside, released by a person."""
    site(company, DEARER)
    company.flow("orders", money={"tolerance": tolerance})
    number = company.order(shipping_lines=PARCEL)
    company.settle()
    assert company.standing("order", number) == state
    [link] = company.rows("SELECT total FROM link WHERE entity = 'order'")
    assert link["total"] == str(company.books()[0]["grand_total"])
    if state.startswith("held"):
        assert "1.00 EUR" in company.record("order", number)["needs"]
        company.release("order", number)
        company.settle()
        assert company.standing("order", number) == "done(sent)"
    assert len(company.books()) == 1


@covers("flows.*.money.within", "flows.*.money.outside")
@pytest.mark.parametrize(
    ("money", "valid"),
    [({"within": "record", "outside": "hold"}, True), ({"within": "adjust"}, False),
     ({"outside": "adjust"}, False)],
    ids=str,
)  # fmt: skip
def test_what_follows_a_difference_is_record_and_hold_and_nothing_hidden(
    company: Company, money: dict[str, str], valid: bool
) -> None:
    """The two words do what they say; another is refused with its place."""
    site(company, DEARER)
    company.flow("orders", money={"tolerance": "0.05 EUR"} | money)
    if not valid:
        with pytest.raises(ConfigError, match=next(iter(money))):
            company.settle()
        return
    number = company.order(shipping_lines=PARCEL)
    company.settle()
    assert company.standing("order", number) == "held(money)"


@covers("flows.*.money.verify")
@pytest.mark.parametrize(
    ("verify", "held"), [("all", 2), ("first 1", 1), ("share 1", 2), ("audit", 0)]
)
def test_verify_says_whose_totals_are_read_back(company: Company, verify: str, held: int) -> None:
    """A reply without total: read back for all, the first, a share, or left to the audit."""
    site(company, DEARER + SILENT)
    company.flow("orders", money={"verify": verify})
    for _ in range(2):
        company.order(shipping_lines=PARCEL)
        company.settle()
    assert len(company.books()) == 2
    standing = [s for (e, _), s in company.states().items() if e == "order"]
    assert standing.count(("held", "money")) == held


@covers("flows.*.unknown_product")
@pytest.mark.parametrize(("rule", "delivered"), [("hold", 0), ("I-0003", 1)])
def test_unknown_products_hold_or_become_an_item(
    company: Company, rule: str, delivered: int
) -> None:
    """An item that the ERP has never heard of."""
    with company.clerk() as store, store.begin() as db:
        db.execute("DELETE FROM items WHERE sku = 'SB-0001'")
    company.flow("orders", unknown_product=rule)
    company.order()
    company.settle()
    assert len(company.books()) == delivered


@covers("flows.*.tables")
@pytest.mark.parametrize(
    ("rows", "sent"), [({"bacs": "Vorkasse", "else": "error"}, "Vorkasse"), (None, "bacs")]
)
def test_tables_lay_rows_over_those_of_the_profile(
    company: Company, rows: dict[str, str] | None, sent: str
) -> None:
    """The payment method arrives translated, or as the shop calls it."""
    company.flow("orders", tables={"payment_method": rows} if rows else None)
    company.order()
    company.sync()
    [payload] = company.rows("SELECT payload FROM attempt WHERE action = 'create'")[-1:]
    assert f'"PaymentMethod":"{sent}"' in payload["payload"].decode()


def test_a_value_that_no_row_names_is_held_with_its_field(company: Company) -> None:
    """`else: error`: held(rule) names the field; a further row delivers it."""
    company.flow("orders", tables={"payment_method": {"cod": "Nachnahme", "else": "error"}})
    number = company.order()
    company.settle()
    assert company.standing("order", number) == "held(rule)"
    assert "payment" in company.record("order", number)["needs"].lower()
    company.flow("orders", tables={"payment_method": {"bacs": "Vorkasse"}})
    company.retry("order", number)
    company.settle()
    assert len(company.books()) == 1


@covers("attempts", "attempts.pattern")
@pytest.mark.parametrize(("wait", "calls"), [("1s", 2), ("300s", 1)])
def test_pattern_is_how_long_we_wait_between_attempts(
    company: Company, wait: str, calls: int
) -> None:
    """Half a minute after a refusal the one has tried again, the other has not."""
    company.order()
    company.settle()
    company.config(attempts={"pattern": [wait]})
    company.erp.faults([{"fault": "fault", "code": "invalid", "ops": CREATE}])
    company.order()
    company.sync()
    company.pass_(30)
    company.sync()
    assert len(company.calls(*CREATE)) == 1 + calls


@covers("attempts.most")
@pytest.mark.parametrize("most", [1, 3])
def test_most_is_how_often_we_ask_before_a_person_must_look(company: Company, most: int) -> None:
    """After that many refusals the record is held."""
    company.order()
    company.settle()
    company.config(attempts={"most": str(most)})
    company.erp.faults([{"fault": "fault", "code": "invalid", "ops": CREATE}])
    number = company.order()
    company.settle(rounds=10)
    assert company.standing("order", number) == "held(refused)"
    assert len(company.calls(*CREATE)) == 1 + most


@covers("flows.*.every")
@pytest.mark.parametrize(
    ("every", "first", "second"),
    [
        ("1h", "Sat 11:00", "Sat 12:00"),
        ("30 2 * * 1", "Mon 02:30", "Mon 02:30"),  # cron's Monday, in the zone of the company
        ("never", "", ""),
    ],
)
def test_every_says_when_the_daemon_runs_it(
    company: Company, every: str, first: str, second: str
) -> None:
    """An interval, a cron line or never; that the daemon keeps to it shows tests/daemon."""
    company.flow("orders", every=every)
    times = triggers(company.app.config)
    assert ("orders" in times) == bool(first)
    now = begin = datetime(2026, 11, 28, 11, tzinfo=ZoneInfo("Europe/Berlin"))
    if first:
        times["orders"].start_date = begin
        one = times["orders"].get_next_fire_time(None, now)
        two = times["orders"].get_next_fire_time(one, one + timedelta(seconds=1))
        assert [f"{t:%a %H:%M}" for t in (one, two)] == [first, second]


@covers("flows.*.owner")
@pytest.mark.parametrize(("owner", "phone"), [(None, "+49 1"), ({"phone": "erp"}, None)])
def test_owner_says_whose_a_field_is(
    company: Company, owner: dict[str, str] | None, phone: str | None
) -> None:
    """What the ERP owns is not written into it."""
    company.flow("customers", mode=None, start=company.born.isoformat())
    company.flow("customers", owner=owner)
    company.customer(phone="+49 1")
    company.sync("customers")
    with company.clerk() as store:
        [row] = store.rows("SELECT data FROM customers WHERE no NOT LIKE 'C-GUEST%'")
    assert json.loads(row["data"]).get("Phone") == phone


@pytest.mark.parametrize("mode", ["on_demand", "link_only"])
def test_what_others_need_must_be_readable_by_its_key(company: Company, mode: str) -> None:
    """A shop whose profile lists customers and reads no single one is told at start."""
    customer = "extends: woocommerce\nentity: customer\nactions: {get: $drop}\n"
    files = {"profile.yaml": "extends: woocommerce\n", "customer.yaml": customer}
    company.mapping("shop2", files)
    company.connection("shop", profile="shop2")
    company.flow("customers", mode=mode)
    with pytest.raises(ConfigError, match="cannot read a single customer"):
        company.sync()
