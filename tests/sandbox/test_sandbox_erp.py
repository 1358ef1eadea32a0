"""The sandbox ERP keeps its contract, and none of the promises it does not make."""

from __future__ import annotations

import pytest
from lxml import etree

from connector.sandbox.erp import start_erp
from connector.sandbox.seed import seed_erp

LINE = (
    "<Lines><Line><Kind>{kind}</Kind>{item}<Description>d</Description><Quantity>2</Quantity>"
    "<NetAmount>{net}</NetAmount><TaxAmount>0.20</TaxAmount></Line></Lines>"
)


def update(erp, inner, version=""):
    token = f"<Version>{version}</Version>" if version else ""
    no = "<OrderNo>SO-100001</OrderNo>"
    return erp.call("UpdateSalesOrder", f"{no}{token}<Order>{inner}</Order>")


def test_the_contract_is_served_with_the_servers_own_address(erp):
    """A client that reads ?wsdl finds the place it must post to."""
    answer = erp.send("GET", "/soap?wsdl", None, {})

    assert answer.status == 200
    assert f'location="{erp.running.url}/soap"'.encode() in answer.body


def test_wrong_credentials_are_401_and_execute_nothing(erp):
    """Nothing is created without Basic credentials."""
    erp.authorization = "Basic d3Jvbmc6d3Jvbmc="

    assert erp.create().status == 401


def test_an_order_gets_a_number_a_version_and_the_total_of_its_lines(erp):
    """The total is computed by the ERP, exactly."""
    answer = erp.create(net="12345678901234.5678")

    assert (answer.text("No"), answer.text("Version")) == ("SO-100001", "1")
    assert answer.text("GrandTotal") == "12345678901234.7578"


def test_the_external_reference_is_stored_but_not_unique(erp):
    """Two creates with one reference are two orders, and find tells both."""
    erp.create()
    erp.create()

    assert erp.find() == ["SO-100001", "SO-100002"]


def test_find_tells_cancelled_orders_too(erp):
    """Find covers all life cycles."""
    erp.create()
    update(erp, "<Status>cancelled</Status>")

    assert erp.find() == ["SO-100001"]


@pytest.mark.parametrize(
    ("inner", "field"),
    [
        ("<Order/>", "Order"),
        ("<Order><ExternalRef></ExternalRef></Order>", "ExternalRef"),
        ("<Surprise/>", "Surprise"),
    ],
)
def test_what_the_schema_refuses_is_a_client_fault_named_invalid(erp, inner, field):
    """A message is checked against the contract before anything happens."""
    answer = erp.call("CreateSalesOrder", inner)

    assert (answer.status, answer.text("Code"), answer.text("Field")) == (500, "invalid", field)
    assert b"<faultcode>soap:Client</faultcode>" in answer.body


@pytest.mark.parametrize(
    "raw",
    [
        b"<not xml",
        b'<!DOCTYPE s:Envelope [<!ENTITY e "x">]>'
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        b'<GetSystemInfo xmlns="urn:sandbox:erp:v1"/></s:Body></s:Envelope>',
        b"<a/>",
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>',
    ],
)
def test_what_is_no_envelope_is_a_client_fault(erp, raw):
    """Broken XML, a DTD, another document: refused, not crashed."""
    answer = erp.send("POST", "/soap", raw, {"Authorization": erp.authorization})

    assert (answer.status, answer.text("Code")) == (500, "invalid")


def test_a_body_without_length_is_refused(erp):
    """411: the twin reads no chunked bodies."""
    assert erp.send("POST", "/soap", None, {"Transfer-Encoding": "chunked"}).status == 411


def test_an_unknown_customer_is_refused(erp):
    """unknown_customer names the field, and nothing is stored."""
    answer = erp.create(customer="C-404")

    assert (answer.text("Code"), answer.text("Field")) == ("unknown_customer", "CustomerNo")
    assert erp.find() == []


def test_an_unknown_item_is_refused(erp):
    """unknown_item is said of lines of an update too."""
    erp.create()
    item = "<ItemNo>I-404</ItemNo>"

    answer = update(erp, LINE.format(kind="item", item=item, net="1"))

    assert answer.text("Code") == "unknown_item"


def test_an_item_line_without_item_is_refused(erp):
    """An item line names its item."""
    erp.create()

    answer = update(erp, LINE.format(kind="item", item="", net="1"))

    assert (answer.text("Code"), answer.text("Field")) == ("invalid", "ItemNo")


def test_an_old_version_is_stale_and_none_is_not_checked(erp):
    """Optimistic locking works for those who use it."""
    erp.create()

    assert update(erp, "<Note>a</Note>", version="1").text("Version") == "2"
    assert update(erp, "<Note>b</Note>", version="1").text("Code") == "stale"
    assert update(erp, "<Note>c</Note>").text("Version") == "3"


def test_an_update_leaves_what_it_does_not_name(erp):
    """Fields that are not sent stay; lines are replaced as a whole and added up again."""
    erp.create()
    update(erp, "<Note>a</Note>")

    answer = update(erp, LINE.format(kind="fee", item="", net="5.00"))
    read = erp.call("GetSalesOrders", "<OrderNo>SO-100001</OrderNo>")

    assert answer.text("GrandTotal") == "5.20"
    assert (read.text("Note"), read.text("NetTotal")) == ("a", "5.00")


def test_a_released_order_refuses_new_lines_and_may_be_cancelled(erp):
    """locked is for lines; the same lines again and a cancellation pass."""
    erp.create()
    same = "<Lines><Line><Kind>fee</Kind><Description>d</Description><Quantity>1</Quantity>"
    same += "<NetAmount>1.00</NetAmount><TaxAmount>0.19</TaxAmount></Line></Lines>"
    assert erp.call("ReleaseSalesOrder", "<OrderNo>SO-100001</OrderNo>").text("Version") == "2"

    assert update(erp, LINE.format(kind="fee", item="", net="5")).text("Code") == "locked"
    assert update(erp, same).status == 200
    assert update(erp, "<Status>cancelled</Status>").text("Status") == "cancelled"


def test_a_shipped_order_cannot_be_cancelled(erp):
    """What has left cannot be cancelled, nor what is cancelled reopened."""
    erp.create()
    update(erp, "<Status>shipped</Status>")

    assert update(erp, "<Status>cancelled</Status>").text("Code") == "locked"


def test_an_unknown_number_is_not_found(erp):
    """An update of nothing is a refusal."""
    assert update(erp, "<Note>a</Note>").text("Code") == "not_found"


def test_text_comes_back_as_it_was_sent(erp):
    """Markup, emoji and a carriage return survive."""
    erp.create()
    update(erp, "<Note>&lt;b&gt; &amp; 茶🌸&#13;x</Note>")

    assert erp.call("FindSalesOrders", "<ExternalRef>r-1</ExternalRef>").text("Note") == (
        "<b> & 茶🌸\rx"
    )


def test_lists_include_since_and_exclude_until(erp):
    """ChangedSince is inclusive, ChangedUntil exclusive, in order of change."""
    first, second = (erp.create(ref=ref).text("No") for ref in "ab")
    update(erp, "<Note>later</Note>")
    page = "<PageNumber>1</PageNumber><PageSize>10</PageSize>"
    both = erp.call("ListSalesOrders", page)
    since, until = both.texts("ChangedAt")

    def listed(inner):
        return erp.call("ListSalesOrders", inner + page).texts("OrderNo")

    assert both.texts("OrderNo") == [second, first]
    assert listed(f"<ChangedSince>{since}</ChangedSince>") == [second, first]
    assert listed(f"<ChangedUntil>{until}</ChangedUntil>") == [second]


def test_lists_say_whether_more_follows(erp):
    """More is true until the last page."""
    for ref in "abc":
        erp.create(ref=ref)
    pages = [f"<PageNumber>{n}</PageNumber><PageSize>2</PageSize>" for n in (1, 2)]

    assert [erp.call("ListSalesOrders", page).text("More") for page in pages] == ["true", "false"]


def test_customers_are_found_by_mail_in_any_case_and_doubles_are_told(erp):
    """Find tells every match; equality is the asker's affair."""
    for email in ("A@b.example", "a@B.example"):
        erp.call("CreateCustomer", f"<Customer><Email>{email}</Email></Customer>")

    answer = erp.call("FindCustomers", "<Email>a@b.example</Email>")

    assert answer.texts("CustomerNo") == ["C-10002", "C-10003"]


def test_state_outlives_a_restart(tmp_path, erp_client):
    """Numbers go on where they stood."""
    inner = "<Customer><Name>x</Name></Customer>"
    numbers = []
    for _ in range(2):
        with start_erp(tmp_path / "erp.db") as running:
            numbers.append(erp_client(running).call("CreateCustomer", inner).text("No"))

    assert numbers == ["C-10001", "C-10002"]


def test_seeds_give_items_company_and_collective_customers(tmp_path, erp_client):
    """What the demo needs is there, and the item's number is not its SKU."""
    seed_erp(tmp_path / "erp.db", items=["A", "B"], company=("Test & Co", "T"))
    with start_erp(tmp_path / "erp.db") as running:
        erp = erp_client(running)
        item = erp.call("FindItems", "<Sku>B</Sku>")
        info = erp.call("GetSystemInfo")
        guest = erp.create(customer="C-GUEST-DE")

    assert (item.text("ItemNo"), info.text("Company")) == ("I-0002", "Test & Co")
    assert guest.status == 200


def test_every_answer_is_valid_against_the_contract(erp):
    """The twin keeps its own schema, or readers would be tested against fiction."""
    erp.create()
    page = "<PageNumber>1</PageNumber><PageSize>10</PageSize>"
    answers = [
        erp.call("GetSystemInfo"),
        erp.create(),
        erp.call("ListSalesOrders", page),
        erp.call("ListCustomers", page),
        erp.call("ListItems", page),
        erp.create(customer="C-404"),
    ]
    contract = etree.fromstring(erp.send("GET", "/soap?wsdl", None, {}).body)
    found = contract.find(".//{http://www.w3.org/2001/XMLSchema}schema")
    schema = etree.XMLSchema(etree.fromstring(etree.tostring(found)))

    for answer in answers:
        body = etree.fromstring(answer.body)[0][0]
        inner = body.find("detail/*") if answer.status == 500 else body
        schema.assertValid(etree.fromstring(etree.tostring(inner)))
