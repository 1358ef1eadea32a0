"""Each of Dolibarr's 29 quirks (docs/systems/dolibarr.md) is handled, or refused with a reason."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest
from dolibarr_erp import Erp, compiled, line
from lxml import etree

from connector import errors
from connector.documents import OrderPayment, document_of
from connector.errors import FieldErrors
from connector.values import Absent, Ambiguous, Done, InDoubt, Refused, Unauthorized

PAGE = Path(__file__).parents[2] / "docs" / "systems" / "dolibarr.md"
TWO = (line("1"), line("2"))


def sent(books, place=-1):
    """The call inside a request."""
    return etree.fromstring(books.requests[place][2])[0][0]


def test_quirk_01_no_schema_is_fetched(monkeypatch, dolibarr):
    """The arrays of SOAP encoding come with us: the contracts are read without a network."""

    def refuse(*_, **__):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    Erp(dolibarr.url).system.close()


def test_quirk_02_a_partial_object_is_sent_as_the_action_says(erp, books):
    """A create sends every member, nil where it has no value; an update sends two."""
    erp.create()
    assert {"billed", "date_due", "project_id"} <= {one.tag for one in sent(books).find("order")}
    erp.send({"status": "-1"}, action="update", key="1")
    assert [one.tag for one in sent(books).find("order")] == ["id", "status"]


def test_quirk_03_arrays_of_item_are_read_by_the_contract(erp, books):
    """Both lines, and an array that lost one is no answer at all."""
    erp.create(lines=TWO)
    lines = erp.system.get("order", ["1"])["1"].item["lines"]["line"]
    assert [one["desc"] for one in lines] == ["Goods 1", "Goods 2", "Post"]

    books.rules = [("getOrder", "short_array")]
    with pytest.raises(errors.Unavailable):
        erp.system.get("order", ["1"])


def test_quirk_04_members_that_the_contract_lacks_are_read(erp):
    """What stands behind them is not lost."""
    erp.create()
    first = erp.system.get("order", ["1"])["1"].item["lines"]["line"][0]
    assert (first["product_type"], first["total_net"]) == ("0", "20.00000000")


def test_quirk_05_nothing_found_is_absent_and_no_empty_order(erp):
    """HTTP 200 with an order that is nil."""
    assert isinstance(erp.system.get("order", ["7"])["7"], Absent)
    assert isinstance(erp.system.find("order", ["DE-7"])["DE-7"], Absent)


@pytest.mark.parametrize(
    ("confirms", "expected", "status"), [(True, (), "1"), (False, ("confirm",), "0")]
)
def test_quirk_06_the_reply_of_a_confirmation_is_not_believed(
    dolibarr, books, confirms, expected, status
):
    """It is empty for success and failure alike: the order is read back."""
    books.confirms = confirms
    erp = Erp(dolibarr.url, validate=True)
    outcome = erp.create()
    erp.system.close()

    assert isinstance(outcome, Done)
    assert outcome.steps_left == expected
    assert books.rows["order"]["1"]["status"] == status


def test_quirk_07_the_address_is_the_connections(erp, books):
    """The WSDL's own address is never called."""
    assert "erp.invalid" in (compiled().profile.services["order"].wsdl).read_text()
    erp.create()
    assert books.requests[-1][1]["Host"].startswith("127.0.0.1")


def test_quirk_08_a_page_of_html_is_doubt(erp, books):
    """After a 200 without an envelope the order may be there; here it is."""
    books.rules = [("createOrder", "html_200")]
    assert isinstance(erp.create(), InDoubt)
    assert erp.system.find("order", ["DE-1"])["DE-1"].key == "1"


def test_quirk_09_suppliers_are_not_served():
    """Its contract is broken, and no flow of ours needs it."""
    served = {"order", "customer", "product", "invoice", "payment", "other"}
    assert set(compiled().profile.services) == served


def test_quirk_10_an_extrafield_is_a_site_of_its_own(tmp_path, dolibarr, books):
    """A site that has one names its own WSDL; one of the ERP alone does not disturb reading."""
    site = tmp_path / "acme"
    (site / "wsdl").mkdir(parents=True)
    shipped = compiled().profile.services["order"].wsdl.read_text()
    member = '<xs:element name="options_shop" type="xs:string"/>'
    text = shipped.replace('<xs:element name="billed"', f'{member}<xs:element name="billed"')
    (site / "wsdl" / "order.wsdl").write_text(text)
    (site / "profile.yaml").write_text(
        "extends: dolibarr\nservices: {order: {wsdl: wsdl/order.wsdl}}\n"
    )
    (site / "order.yaml").write_text(
        "extends: dolibarr\nentity: order\nwrite: {options_shop: = doc.number}\n"
    )
    (tmp_path / "dolibarr").symlink_to(compiled().profile.folder)
    erp = Erp(dolibarr.url, profile=compiled("acme", tmp_path))
    assert isinstance(erp.create(), Done)
    erp.system.close()

    assert sent(books).findtext("order/options_shop") == "1381"
    books.rows["order"]["1"]["options_other"] = "x"
    plain = Erp(dolibarr.url)
    assert plain.system.get("order", ["1"])["1"].there["note"] == "please ring"
    plain.system.close()


def test_quirk_11_every_parameter_is_sent_at_its_place(erp, books):
    """They are taken by position: one left out would put our reference in the place of an id."""
    erp.system.find("order", ["DE-1"])
    assert [one.tag for one in sent(books)] == ["authentication", "id", "ref", "ref_ext"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("BAD_VALUE_FOR_SECURITY_KEY", Unauthorized(why="BAD_VALUE_FOR_SECURITY_KEY")),
        ("BAD_CREDENTIALS", Unauthorized(why="BAD_CREDENTIALS")),
        ("PERMISSION_DENIED", Unauthorized(why="PERMISSION_DENIED")),
        ("BAD_PARAMETERS", Refused(code="BAD_PARAMETERS", at="draft")),
        ("KO", Refused(code="KO", at="draft")),
        ("DB_ERROR_NOSUCHFIELD", Refused(code="DB_ERROR_NOSUCHFIELD", at="draft")),
        ("", InDoubt(why="no_result_code")),
    ],
)
def test_quirk_12_only_ok_is_ok(erp, books, code, expected):
    """Business errors come with HTTP 200."""
    books._made = lambda order: ({"result_code": code, "result_label": "no"}, None, [], False)
    assert erp.create() == expected


def test_quirk_13_a_fault_about_what_we_sent_is_a_refusal_and_a_crash_is_doubt(erp, books):
    """PHP's fatal errors answer 500 with nothing in it."""
    books.rules = [("createOrder", "empty_500")]
    assert isinstance(erp.create(), InDoubt)
    operations = books.operations
    books.operations = lambda service: operations(service) - {"createOrder"}
    assert erp.create() == Refused(code="http_500", at="draft")


def test_quirk_14_an_answer_of_202_promises_nothing(erp, books):
    """An SQL error in a line: the envelope behind the HTML says KO. It is looked up."""
    payload = erp.payload()
    payload["lines"]["line"][0]["desc"] = "Emoji 🙂"
    assert isinstance(erp.send(payload), InDoubt)
    assert isinstance(erp.system.find("order", ["DE-1"])["DE-1"], Absent)


@pytest.mark.parametrize("more", [(), ("date_of_tomorrow",)])
def test_quirk_15_warnings_before_the_reply_to_a_committed_order(erp, books, more):
    """None come, because every declared member is sent; if one comes, OK is still OK."""
    books.display_errors, books.reads_more = True, more
    assert erp.create() == Done(key="1")
    assert books.rows["order"].keys() == {"1"}
    assert books.warned == [f'Undefined array key "{name}"' for name in more]


def test_quirk_16_a_reference_may_be_there_twice(erp, books):
    """Of two orders Dolibarr tells the first; of two customers that there are several."""
    books.add("thirdparty", ref="Ada again", ref_ext="C-ADA")
    assert erp.system.find("customer", ["C-ADA"])["C-ADA"] == Ambiguous(keys=())
    erp.create()
    erp.create()
    assert erp.system.find("order", ["DE-1"])["DE-1"].key == "1"


def test_quirk_16_a_unique_extrafield_makes_a_second_create_fail_cleanly(erp, books):
    """Then the order exists, and is looked up."""
    books.unique = True
    erp.create()
    assert type(erp.create()).__name__ == "Exists"


@pytest.mark.parametrize(
    ("label", "why"),
    [
        ("Deadlock found when trying to get lock; try restarting transaction", "deadlock"),
        ("Duplicate entry 'SO2611-0209-1' for key 'uk_commande_ref'", "numbering_race"),
    ],
)
def test_quirk_17_a_race_for_numbers_is_doubt_and_we_never_race_ourselves(erp, books, label, why):
    """It is looked up; one call at a time is the profile's limit."""
    books._made = lambda order: ({"result_code": "KO", "result_label": label}, None, [], False)
    assert erp.create() == InDoubt(why=why)
    assert erp.compiled.profile.limits.concurrency == 1


def test_quirk_18_discounts_are_in_the_price_and_delivery_is_a_line(erp, books):
    """What createOrder does not take is not sent."""
    erp.create(lines=[line(net="15.00", tax="2.85", list_net="20.00")])
    goods, post = books.rows["order"]["1"]["lines"]
    assert (goods["unitprice"], goods["net"]) == ("7.5", "15.00000000")
    assert (post["type"], post["product_id"], post["net"]) == ("1", "901", "5.00000000")
    ignored = {"ref_client", "remise_percent", "date_livraison", "mode_reglement"}
    assert ignored.isdisjoint(erp.compiled.writers["order"].fields)


def test_quirk_19_a_line_needs_its_product(erp):
    """A number that is not there would be accepted: so each comes of a link, or is a hold."""
    with pytest.raises(FieldErrors, match=r"lines\.line\[0\]\.product_id: no_reference"):
        erp.payload(lines=[line(product=None)])


def test_quirk_20_the_date_is_the_day_there(erp, books):
    """23:30 in London is the next day in Berlin; it is never left to the server."""
    erp.create()
    assert sent(books).findtext("order/date") == "2026-11-21"


def test_quirk_21_numbers_are_exact_or_refused(erp, books):
    """PHP makes 0 of `abc` and 11 of `11,50`."""
    erp.create(lines=[line(net="0.0000002", tax="0")])
    assert sent(books).findtext("order/lines/line/unitprice") == "0.00000"
    for wrong in ("abc", "11,50"):
        payload = erp.payload()
        payload["lines"]["line"][0]["qty"] = wrong
        assert erp.send(payload) == Refused(code="not_decimal", at="order.lines.line[0].qty")
    assert books.calls == ["createOrder"]


def test_quirk_22_emoji_are_dropped_and_nothing_else(erp, books):
    """Umlauts, the euro and signs of markup survive."""
    erp.create(note="Grüße <&> € 🙂", lines=[line(name="Tasse 🫖 ß")])
    row = books.rows["order"]["1"]
    assert (row["note_public"], row["lines"][0]["desc"]) == ("Grüße <&> € ", "Tasse  ß")


def test_quirk_23_a_user_without_rights_is_seen_when_the_order_is_read(erp, books):
    """createOrder asks for no right, getOrder does."""
    books.rights = False
    assert isinstance(erp.create(), Done)
    with pytest.raises(errors.Unauthorized):
        erp.system.get("order", ["1"])


def test_quirk_24_the_id_is_the_key_and_confirming_takes_the_stock(dolibarr, books):
    """The number changes with the confirmation, which may be asked for twice."""
    erp = Erp(dolibarr.url, validate=True, warehouse="1")
    assert erp.create().key == "1"
    erp.send({}, steps=("confirm",), key="1")
    erp.system.close()
    assert (books.rows["order"]["1"]["ref"], books.rows["product"]["1"]["stock_real"]) == (
        "SO2611-0001",
        "98",
    )


def test_what_is_made_cancelled_is_not_confirmed(dolibarr, books):
    """Confirming would raise it from the dead."""
    erp = Erp(dolibarr.url, validate=True)
    outcome = erp.create(status="cancelled")
    erp.system.close()
    assert (type(outcome), outcome.steps_left) == (Done, ())
    assert not [body for _, _, body in books.requests if b"validOrder" in body]


def test_quirk_25_no_time_of_dolibarr_is_read(erp):
    """Its Z is not true."""
    erp.create()
    there = erp.system.get("order", ["1"])["1"].there
    assert not {name for name in there if name.endswith("_at")}


def test_quirk_26_stock_cannot_be_set():
    """OK is said and nothing changes: stock is only read, and a flow into it is refused."""
    assert "stock" not in compiled().writers
    assert compiled().profile.entities["stock"].actions.keys() == {"list", "below", "get"}


@pytest.mark.parametrize("entity", ["customer", "product"])
def test_quirk_27_what_an_update_would_wipe_is_not_updated(entity):
    """`get` does not tell all that `update` takes, so a merge is not possible."""
    assert "update" not in compiled().profile.entities[entity].actions
    assert compiled().profile.entities["order"].actions["update"].can == {"status"}


def test_quirk_28_there_is_no_changed_since():
    """So it is no source of orders, and lists are walked whole."""
    made = compiled()
    assert "order" not in made.readers
    assert set(made.profile.capabilities.changes.values()) == {"scan"}


def test_quirk_29_one_key_at_a_time_and_a_name_is_none(erp, books):
    """id, ref and ref_ext exclude each other; the name of a customer is not unique."""
    erp.system.match("product", "sku", ["SB-0001"])
    assert [one.text for one in sent(books)][1:] == [None, "SB-0001", None, None]
    actions = compiled().profile.entities["customer"].actions
    assert not [name for name in actions if name.startswith("match")]


def test_a_bank_account_and_the_providers_number_go_with_a_payment(erp, books):
    """All that createPayment reads is sent; the date is not its to take."""
    books.add("invoice", ref_ext="DE-1/invoice", status="1", total="29.75000000")
    paid = {"order": {"entity": "order", "key": "7"}, "invoice": {"entity": "invoice", "key": "1"},
            "customer": {"entity": "customer", "key": "1"}, "method": "bacs", "reference": "T1",
            "paid_at": "2026-11-20T23:30:00Z", "amount": "29.75", "currency": "EUR"}  # fmt: skip
    erp.conn["bank_account"] = "3"
    assert isinstance(erp.system.find("payment", ["DE-1/payment"])["DE-1/payment"], Absent)
    payload = erp.payload("DE-1/payment", "payment", document=document_of(OrderPayment, paid))
    assert erp.send(payload, entity="payment", reference="DE-1/payment") == Done(key="1")
    told = {one.tag: one.text for one in sent(books).find("payment")}
    assert (told["bank_account"], told["num_payment"], told["id"]) == ("3", "T1", None)
    found = erp.system.find("payment", ["DE-1/payment", "DE-2/payment"])
    assert (found["DE-1/payment"].key, type(found["DE-2/payment"])) == ("1", Absent)


def test_every_quirk_has_a_test_and_a_line_on_the_page():
    """1 to 29, here and in the documentation, which names the tests."""
    here = sorted(re.findall(r"def test_quirk_(\w+)\(", Path(__file__).read_text()))
    rows = re.findall(r"^\| (\d+) \|.*\| ([^|]+) \|$", PAGE.read_text(), re.MULTILINE)
    told = [(int(n), name) for n, names in rows for name in re.findall(r"`(\w+)`", names)]
    assert sorted(name for _, name in told) == here
    assert all(int(name[:2]) == n for n, name in told)
    assert {n for n, _ in told} == set(range(1, 30))
