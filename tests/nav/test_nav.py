"""A shop's orders reach NAV's page services, over real HTTP, with the shipped profiles alone."""

from __future__ import annotations

import time
from contextlib import closing, nullcontext
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from nav_server import Fault

from adapters.soap import Settings, Soap
from connector.mapping.compile import compile_profile
from connector.mapping.load import load_profile
from connector.places import mappings_folder
from connector.problems import Problems
from connector.sandbox import books, edit
from connector.values import Absent, Change, Done, Gone, InDoubt, Refused, Stale, Tombstone

CONN = {"reference_field": "External_Document_No",
        "local_currency": "EUR", "location": None, "shipping_account": "8400",
        "fee_account": "8500", "zone": "Europe/Berlin"}  # fmt: skip


class Clock:
    """The machine's clocks."""

    def now(self):
        return datetime.now(UTC)

    def boottime(self):
        return time.monotonic()


@pytest.fixture
def erp(served):
    """The adapter; `erp(reference_field=…)` makes one for another site."""
    problems, opened = Problems(), []
    raw = load_profile("nav", [mappings_folder()], problems)
    made = compile_profile(raw, problems, zone=ZoneInfo("Europe/Berlin"))
    problems.raise_if_any()

    def make(**conn):
        place = {
            "conn": CONN | {"url": served.url} | conn,
            "zone": ZoneInfo("Europe/Berlin"),
            "timeout": timedelta(seconds=5),
            "lag": timedelta(0),
            "slot": lambda send_before=None: nullcontext(),
            "clock": Clock(),
        }
        auth = {"type": "basic", "user": "svc", "password": "secret"}
        opened.append(Soap(made.profile, Settings(auth=auth), **place))
        return opened[-1]

    make.readers = made.readers
    yield make
    for one in opened:
        one.close()


def send(to, entity, payload, action="create", **more):
    before = datetime.now(UTC) + timedelta(minutes=1)
    given = {"id": 1, "action": action, "reference": "r", "payload": payload}
    return to.send(entity, [Change(**given | {"send_before": before} | more)])[0]


def test_an_order_reaches_nav_with_its_customer(firm):
    """Numbers of NAV's own, code fields in capitals, the total compared at once."""
    order = firm.company.order()
    firm.company.settle()

    [row] = firm.nav.pages["SalesOrder"].values()
    [customer] = firm.nav.pages["Customer"].values()
    [line] = row["SalesLines"]["Sales_Order_Line"]
    assert firm.company.standing("order", order) == "done(sent)"
    assert (row["External_Document_No"], row["Location_Code"]) == (f"DE-{order}", "SHOP")
    assert (row["Sell_to_Customer_No"], customer["Name"]) == (customer["No"], "Ada Okonkwo")
    assert (line["No"], line["Quantity"], row["Ship_to_City"]) == ("SB-0001", "2", "Berlin")


@pytest.mark.parametrize("german", [False, True])
def test_a_change_meets_a_clerks_change_and_is_made_all_the_same(firm, german):
    """The Key is stale: read again, decided again, written; the clerk's field stands."""
    firm.nav.german = german
    order = firm.company.order()
    firm.company.settle()
    [row] = firm.nav.pages["SalesOrder"].values()
    row["Salesperson_Code"] = "JO"
    firm.nav.stamped("SalesOrder", row)
    shop = {"address_1": "Neue Gasse 5", "city": "Ulm", "postcode": "89073", "country": "DE"}
    firm.company.change(order, shipping=shop)
    firm.company.settle()

    assert firm.company.standing("order", order) == "done(sent)"
    assert (row["Ship_to_Address"], row["Ship_to_City"]) == ("Neue Gasse 5", "Ulm")
    assert row["Salesperson_Code"] == "JO"
    assert len(row["SalesLines"]["Sales_Order_Line"]) == 1


def test_an_order_whose_reply_is_lost_is_there_once(firm):
    """Found by its number, whatever its capitals."""
    firm.company.flow("orders", reference="de-{{ doc.number }}")
    firm.nav.rules = [("SalesOrder.Create", "cut")]
    order = firm.company.order()
    firm.company.settle(rounds=12)

    assert len(firm.nav.pages["SalesOrder"]) == 1
    assert firm.company.standing("order", order).startswith("done")


def test_changed_lines_are_a_persons_affair(firm):
    """Sent again they would be added to those that are there."""
    order = firm.company.order()
    firm.company.settle()
    firm.company.change(order, line_items=[{"sku": "SB-0002", "quantity": 1}])
    firm.company.settle()

    assert firm.company.standing("order", order) == "held(rule)"
    [row] = firm.nav.pages["SalesOrder"].values()
    assert len(row["SalesLines"]["Sales_Order_Line"]) == 1


@pytest.mark.parametrize("field", ["External_Document_No", "Your_Reference"])
def test_the_field_of_our_reference_is_chosen_by_the_site(erp, nav, field):
    """Written there, looked for there, and nowhere else."""
    to = erp(reference_field=field)
    nav.add("Customer", Name="Ada")
    nav.add("SalesOrder", Sell_to_Customer_No="C1001", **{field: "DE-1"})
    other = "Your_Reference" if field != "Your_Reference" else "External_Document_No"
    nav.add("SalesOrder", Sell_to_Customer_No="C1001", **{other: "DE-2"})
    found = to.find("order", ["DE-1", "DE-2"])

    assert found["DE-1"].key == "S1001"
    assert isinstance(found["DE-2"], Absent)


def test_a_number_is_no_filter(erp, nav):
    """`1..9` would be nine records, `A|B` two: what is asked for is quoted."""
    to = erp()
    for number in ("1", "2", "1..9", "A|B", "O'NEIL"):
        nav.add("Customer", No=number, Name=number)
    found = to.get("customer", ["1..9", "A|B", "O'NEIL", "3"])

    assert [found[k].there["name"] for k in ("1..9", "A|B", "O'NEIL")] == ["1..9", "A|B", "O'NEIL"]
    assert isinstance(found["3"], Absent)
    assert list(to.read("customer", ["7"])) == [Tombstone(key="7")]


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_list_is_walked_from_bookmark_to_bookmark(erp, nav, shuffled):
    """All of them once, over pages, in whatever order members come."""
    nav.shuffled = shuffled
    for number in range(250):
        nav.add("Customer", Name=f"N{number}")
    pages = list(erp().pages("customer", None, start=None, until=None))
    keys = [item.key for page in pages for item in page.items]

    assert len(keys) == len(set(keys)) == 250
    assert [page.complete for page in pages] == [False] * (len(pages) - 1) + [True]
    assert nav.calls.count("Customer.ReadMultiple") == 4


def test_a_second_walk_asks_for_what_changed_since(erp, nav):
    """The day of the change is all that NAV knows: that day is read whole again."""
    nav.add("Customer", Name="old")["Last_Date_Modified"] = "2020-01-01"
    to = erp()
    *_, last = to.pages("customer", None, start=None, until=None)
    nav.add("Customer", Name="new")
    again = list(to.pages("customer", last.cursor, start=None, until=None))

    assert [item.key for page in again for item in page.items] == ["C1002"]


def test_stock_and_products_are_read(erp, nav):
    """What lies there, less what orders have promised."""
    to = erp()
    [page, *_] = to.pages("stock", None, start=None, until=None)
    stock = erp.readers["stock"].document(to.decode("stock", page.items[0].raw))
    [page, *_] = to.pages("product", None, start=None, until=None)
    product = erp.readers["product"].document(to.decode("product", page.items[0].raw))

    assert (stock.sku, stock.levels[0].on_hand, stock.levels[0].reserved) == ("SB-0001", 12, 2)
    assert (product.sku, product.price, product.status) == ("SB-0001", Decimal("10.5"), "active")


def test_a_customer_is_matched_by_e_mail_whatever_its_capitals(erp, nav):
    """And by VAT number."""
    nav.add("Customer", Name="Ada", E_Mail="Ada@Example.test", VAT_Registration_No="DE811")
    to = erp()

    assert to.match("customer", "email", ["ada@example.test"])["ada@example.test"][0].key == "C1001"
    assert to.match("customer", "vat_number", ["DE811"])["DE811"][0].key == "C1001"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("The Sales Header does not exist. Identification fields and values: No.='1001'", Gone()),
        ("Verkaufskopf ist nicht vorhanden. Felder und Werte: Nr.='1001'", Gone()),
        ("The Payment Method does not exist. Identification fields and values: Code='COD'", None),
        ("Die Zahlungsform ist nicht vorhanden. Felder und Werte: Code='COD'", None),
        ("The Country/Region does not exist. The record was not saved.", None),
    ],
)
def test_another_record_that_is_not_there_is_not_ours(erp, nav, text, told):
    """A payment method that NAV lacks does not make the order gone."""
    nav.rules = [("SalesOrder.Update", Fault("NavRecordNotFoundException", text))]
    said = send(
        erp(), "order", {"Payment_Method_Code": "COD"}, action="update", key="1", version="x"
    )
    assert said == (told or Refused(code="NavRecordNotFoundException", at="update"))


@pytest.mark.parametrize("german", [False, True])
def test_faults_of_nav_undo_the_call(erp, nav, german):
    """Refused, stale, gone; what is cut off is doubt."""
    nav.german = german
    to = erp()
    created = send(to, "customer", {"Name": "Ada", "Search_Name": "r"})
    stale = send(
        to, "customer", {"Name": "B"}, action="update", key="C1001", version="Customer-C1001;0"
    )
    gone = send(to, "customer", {"Name": "B"}, action="update", key="C9", version="Customer-C9;0")
    refused = send(to, "order", {"Sell_to_Customer_No": "C404", "SalesLines": None})
    nav.rules = [("Customer.Create", "cut")]

    assert isinstance(created, Done)
    assert (stale, gone) == (Stale(), Gone())
    assert refused == Refused(code="NavNCLDialogException", at="create")
    assert isinstance(send(to, "customer", {"Name": "C"}), InDoubt)


def test_an_update_clears_what_became_empty_and_leaves_the_rest(erp, nav):
    """Members that did not change are not sent."""
    nav.add("Customer", Name="Ada", Phone_No="1", City="Ulm")
    key = nav.pages["Customer"]["C1001"]["Key"]
    with closing(erp()) as to:
        done = send(to, "customer", {"Phone_No": None}, action="update", key="C1001", version=key)

    row = nav.pages["Customer"]["C1001"]
    assert (row["Phone_No"], row["City"], row["Name"]) == ("", "Ulm", "Ada")
    assert done.version == row["Key"] != key


@pytest.mark.parametrize("status", ["cancelled", "failed", "refunded"])
def test_an_order_that_is_over_waits_for_a_person(firm, status):
    """A page cannot cancel: it is told, never silence; once released it is told no more."""
    order = firm.company.order()
    firm.company.settle()
    firm.company.change(order, status=status)
    firm.company.settle()
    assert firm.company.standing("order", order) == "held(rule)"

    firm.company.release("order", order)
    firm.company.settle()
    assert firm.company.standing("order", order) == "done(same)"


def test_an_order_given_back_is_told_by_its_refund(firm):
    """NAV books none: the refund waits for a person, whole or in part; the order stands."""
    order = firm.company.order()
    firm.company.settle()
    [row] = books.shop_orders(firm.company.shop_file)
    edit.refund_order(firm.company.shop_file, int(order), str(row["total"]), "broken")
    firm.company.settle()

    states = {entity: state for (entity, _), state in firm.company.states().items()}
    assert (states["order"], states["refund"]) == (("done", "same"), ("held", "review"))
