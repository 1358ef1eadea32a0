"""Messages are written as the contract says, and replies are read however they come."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from lxml import etree
from profiles_by_hand import WSDL
from zeep.wsdl import Document

from adapters.elements import PARSERS, parsed
from adapters.http import Reply
from adapters.soap.contract import Catalog, Contract
from adapters.soap.reader import read, tree
from adapters.soap.writer import envelope
from connector.errors import ConnectorError, FieldErrors

DIALECTS = Path(__file__).parent / "dialects.wsdl"
BERLIN = ZoneInfo("Europe/Berlin")
SHARED = Path("/work/shared/wsdl")

COMPANY = {
    "Name": "Größe & <Söhne> 🙂",
    "Since": date(2020, 2, 29),
    "@code": "7",
    "Active": True,
    "At": datetime(2026, 7, 1, 12, tzinfo=BERLIN),
    "Vat": "DE1",
    "Amount": [{"$value": Decimal("1E+2"), "@unitCode": "EA"}, {"$value": "2.50"}],
    "Parent": {"Name": "Top", "Tax": "x"},
}


def written(args, *, missing="omit", wsdl=DIALECTS, name="Save"):
    operation = Contract(wsdl).operation(name)
    return envelope(operation, args, missing=missing, zone=BERLIN)


def content(raw):
    return etree.fromstring(raw)[0][0]


def faults(args):
    with pytest.raises(FieldErrors) as told:
        written(args)
    return {fault.field: fault.code for fault in told.value.faults}


def zeeps(wsdl, name, args):
    document = Document(str(wsdl), Catalog(wsdl.parent))
    [service] = document.services.values()
    [port] = service.ports.values()
    return port.binding._operations[name].create(**args).content


def canonical(element):
    def plain(e):
        return (e.tag, sorted(e.attrib.items()), e.text or "", [plain(c) for c in e])

    return plain(element)


def test_an_order_is_written_exactly_as_zeep_writes_it():
    """zeep is the reference wherever it can be trusted."""
    order = {
        "ExternalRef": "r-1",
        "ShopNumber": "17",
        "CustomerNo": "C-1",
        "OrderDate": date(2026, 11, 10),
        "Currency": "EUR",
        "Status": "open",
        "BillTo": {"Name": "Ada & <b>", "City": "東京"},
        "Lines": {
            "Line": [
                {
                    "Kind": "item",
                    "Description": "x",
                    "Quantity": Decimal(1),
                    "NetAmount": Decimal("1.10"),
                    "TaxAmount": Decimal("0.21"),
                    "Tax": [{"Rate": Decimal(19), "Amount": Decimal("0.21")}],
                }
            ]
            * 2
        },
    }
    ours = content(written({"Order": order}, wsdl=WSDL, name="CreateSalesOrder"))
    theirs = zeeps(WSDL, "CreateSalesOrder", {"Order": order})[0][0]

    assert canonical(ours) == canonical(theirs)


def test_attributes_extensions_choices_and_unqualified_members_are_written():
    """What our sandbox lacks, real ERPs have."""
    company = content(written({"Company": COMPANY}))[0]

    assert company.get("code") == "7"
    assert [c.tag for c in company] == [
        *("Name", "Since", "Active", "At", "Vat", "Amount", "Amount", "Parent")
    ]
    assert company.findtext("Name") == COMPANY["Name"]
    assert company.findtext("At") == "2026-07-01T10:00:00Z"
    assert [(a.text, a.get("unitCode")) for a in company.iter("Amount")] == [
        *(("100", "EA"), ("2.50", None))
    ]


@pytest.mark.parametrize(
    ("missing", "expected"),
    [("omit", ["Name"]), ("empty", ["Name", "Since", "Active", "At", "Vat", "Tax", "Parent"])],
)
def test_missing_members_follow_the_actions_policy(missing, expected):
    """Some servers demand every member, others take an empty one for a value."""
    company = content(written({"Company": {"Name": "x"}}, missing=missing))[0]

    assert [child.tag for child in company] == expected


def test_null_is_nil_where_the_contract_allows_it():
    """And is left out where it does not."""
    company = content(written({"Company": {"Name": "x", "Since": None, "Active": None}}))[0]

    assert [child.tag for child in company] == ["Name", "Since"]
    assert company[1].get("{http://www.w3.org/2001/XMLSchema-instance}nil") == "true"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Active", "no"),
        ("Since", "02.01.2026"),
        ("At", "2026-01-01"),
        ("At", datetime(2026, 1, 1)),  # noqa: DTZ001
        ("Amount", "1,5"),
        ("Amount", 0.1),
        ("Amount", Decimal("NaN")),
        ("@code", "1.5"),
        ("Name", {"a": 1}),
        ("Name", ["a", "b"]),
        ("Parent", "text"),
    ],
)
def test_a_value_of_another_type_is_refused_with_its_place(field, value):
    """What zeep sends wrongly without a word is told before anything is sent."""
    [place] = faults({"Company": {field: value}})
    assert place.startswith(f"Company.{field}")


def test_all_faults_are_told_at_once_with_the_nearest_name():
    """One look corrects them all; values are not among them."""
    company = {"Nmae": "canary", "Active": "canary", "Amount": ["x"]}
    with pytest.raises(FieldErrors) as told:
        written({"Company": company})

    assert {f.field for f in told.value.faults} == {
        *("Company.Nmae", "Company.Active", "Company.Amount[0]")
    }
    assert "did you mean Name?" in str(told.value)
    assert "canary" not in str(told.value)


def test_a_repeated_group_is_refused_rather_than_written_in_a_guessed_order():
    """Unproven is not sent."""
    assert faults({"Pairs": {"Key": ["a"], "Value": ["b"]}}) == {"Pairs": "unordered"}


def test_characters_that_xml_cannot_carry_are_left_out():
    """A form feed in a note holds up no order."""
    assert (
        content(written({"Company": {"Name": "a\x0c\x00\ud800b\r"}}))[0].findtext("Name") == "ab\r"
    )


def test_a_moment_for_a_date_is_the_day_of_the_connections_zone():
    """Half past eleven in the evening UTC is the next day in Berlin."""
    late = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)

    assert content(written({"Company": {"Since": late}}))[0].findtext("Since") == "2026-07-02"


def answer(body, content_type="text/xml; charset=utf-8"):
    http = Reply(
        status=200,
        headers={"content-type": content_type},
        body=body,
        began=datetime.now(UTC),
        took=timedelta(0),
    )
    contract = Contract(DIALECTS)
    return read(http, contract.operation("Save"), contract)


def soap(inner):
    space = "http://schemas.xmlsoap.org/soap/envelope/"
    return f'<s:Envelope xmlns:s="{space}"><s:Body>{inner}</s:Body></s:Envelope>'.encode()


def response(inner):
    return soap(f'<SaveResponse xmlns="urn:dialects" xmlns:o="urn:other">{inner}</SaveResponse>')


def test_a_single_child_is_a_list_where_the_contract_says_so():
    """And absent members are null, absent lists empty."""
    reply = answer(response("<Company><Name>x</Name></Company>")).reply

    assert [c["Name"] for c in reply["Company"]] == ["x"]
    assert reply["Company"][0]["Amount"] == []
    assert reply["No"] is None


def test_order_and_namespaces_do_not_matter_and_undeclared_members_are_kept():
    """An ERP adds members in an update; the number after them is still read."""
    reply = answer(response("<o:New>1</o:New><o:New>2</o:New><o:No>7</o:No><Company/>")).reply

    assert (reply["No"], reply["New"], len(reply["Company"])) == ("7", ["1", "2"], 1)


def test_nil_and_attributes_are_read():
    """nil is null; attributes stand beside the text."""
    nil = 'xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"'
    amount = '<Amount unitCode="EA">1</Amount><Amount>2</Amount>'
    reply = answer(response(f'<Company code="7"><Since {nil}/>{amount}</Company>')).reply

    [company] = reply["Company"]
    assert (company["@code"], company["Since"]) == ("7", None)
    assert company["Amount"] == [{"@unitCode": "EA", "$value": "1"}, {"$value": "2"}]


@pytest.mark.parametrize("around", [b"Warning: x in <b>y</b>\n%s", b"%s<!-- -->tail", b"\x00%s"])
def test_text_around_the_envelope_makes_the_reply_unclean_not_unread(around):
    """It is looked at, and believed only where a rule says so."""
    told = answer(around % response("<No>7</No>"))

    assert (told.reply["No"], told.clean) == ("7", False)


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\n ", b'<?xml version="1.0"?>\n'])
def test_white_space_and_declarations_are_not_text(before):
    """PHP likes to send a blank line first."""
    assert answer(before + response("<No>7</No>")).clean


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>Service unavailable</body></html>",
        response("<No>7</No>")[:-20],
        b'<!DOCTYPE x [<!ENTITY a "b">]>' + response("<No>&a;</No>"),
        soap('<OtherResponse xmlns="urn:dialects"><No>7</No></OtherResponse>'),
        soap(""),
    ],
    ids=["empty", "html", "half", "entities", "another reply", "empty body"],
)
def test_what_is_no_reply_is_not_read(body):
    """The outcome is then in doubt; and the parser, which is used again, is not spoiled."""
    told = answer(body)

    assert not told.parsed
    assert answer(response("<No>7</No>")).reply["No"] == "7"


def test_the_charset_of_the_header_is_used_where_the_document_names_none():
    """latin-1 without a declaration is common."""
    body = response("<No>é</No>").decode().encode("latin-1")

    assert answer(body, "text/xml; charset=ISO-8859-1").reply["No"] == "é"


def test_a_charset_has_one_parser_however_it_is_spelled():
    """A server that never spells it twice alike does not fill our memory."""
    before = len(PARSERS.by)
    for name in ("KOI8-R", "koi8-r", "Koi8-r", "kOI8-R", "no-such"):
        answer(response("<No>1</No>"), f"text/xml; charset={name}")
    assert len(PARSERS.by) == before + 1


def test_a_fault_tells_code_text_detail_and_whether_it_is_declared():
    """Business errors are told by the contract's own elements."""
    detail = '<detail><Trouble xmlns="urn:dialects">busy</Trouble></detail>'
    told = answer(
        soap(
            f"<s:Fault><faultcode>s:Server</faultcode><faultstring>t</faultstring>{detail}</s:Fault>"
        )
    ).fault

    assert (told.code, told.text, told.detail) == ("s:Server", "t", {"Trouble": "busy"})
    assert told.declared


def test_equal_content_has_equal_bytes_whatever_its_prefixes():
    """An unchanged item must hash the same in every reply."""
    one = answer(response("<Company><Name>x</Name></Company>")).reply["Company"][0]
    other = answer(
        response("<Company><Name>x</Name></Company>").replace(b"xmlns:o=", b"xmlns:q=")
    ).reply["Company"][0]

    assert one.raw() == other.raw()
    assert tree(
        parsed(one.raw()), Contract(DIALECTS).operation("Save").back.shape.members["Company"]
    )


def test_a_wsdl_that_imports_from_elsewhere_is_refused(tmp_path):
    """Nothing is ever fetched, neither from the network nor from beside the folder."""
    text = DIALECTS.read_text(encoding="utf-8")
    outside = '<xs:import namespace="urn:x" schemaLocation="http://example.test/x.xsd"/>'
    wsdl = tmp_path / "a.wsdl"
    wsdl.write_text(text.replace('"unqualified">', f'"unqualified">{outside}'), encoding="utf-8")
    with pytest.raises(ConnectorError, match=r"example\.test"):
        Contract(wsdl)
    with pytest.raises(LookupError):
        Catalog(tmp_path).load("/etc/passwd")


def test_an_operation_that_the_contract_lacks_is_told_with_those_it_has():
    """The cure stands in the error."""
    with pytest.raises(ConnectorError) as told:
        Contract(DIALECTS).operation("Svae")

    assert "Save" in told.value.cure


@pytest.mark.skipif(not SHARED.exists(), reason="the vendors' WSDLs are not here")
@pytest.mark.parametrize("folder", ["nav", "sap_bydesign", "sap_b1ws"])
def test_contracts_of_real_erps_are_read(folder):
    """Each operation has a shape that can be walked."""
    for wsdl in sorted((SHARED / folder).rglob("*.wsdl")):
        contract = Contract(wsdl)
        for name, found in contract._binding._operations.items():
            if found.style == "document":
                assert contract.operation(name).sent.shape.members is not None
