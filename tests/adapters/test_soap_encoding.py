"""rpc/encoded: written with every type, read whatever way an array comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from lxml import etree

from adapters.http import Reply
from adapters.replies import spoken
from adapters.soap.catalog import svcmap
from adapters.soap.contract import Contract
from adapters.soap.reader import read
from adapters.soap.writer import envelope
from connector.errors import ConnectorError, FieldErrors

ENCODED = Path(__file__).parent / "encoded.wsdl"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
ENC = "http://schemas.xmlsoap.org/soap/encoding/"
CONTRACT = Contract(ENCODED)  # its imports have no location: both come from our own schemas
SAVE = CONTRACT.operation("save")
LINES = [{"sku": "a", "qty": Decimal("1.5")}, {"sku": "b", "qty": Decimal(2)}]


def written(args, missing="omit"):
    return etree.fromstring(envelope(SAVE, args, missing=missing, zone=ZoneInfo("UTC")))[0][0]


def kind(element, name=XSI + "type"):
    prefix, _, local = element.get(name).partition(":")
    return f"{{{element.nsmap[prefix]}}}{local}"


def reply(inner):
    body = (
        f'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:enc="{ENC}"'
        f' xmlns:xsi="{XSI[1:-1]}"><e:Body>{inner}</e:Body></e:Envelope>'
    )
    at = datetime(2026, 1, 1, tzinfo=UTC)
    http = Reply(status=200, headers={}, body=body.encode(), began=at, took=timedelta(0))
    return read(http, SAVE, CONTRACT)


def test_every_element_says_its_type_and_every_array_its_items():
    """NuSOAP reads a call without them as something else, and saves that without a fault."""
    call = written(
        {"id": "7", "order": {"state": "open", "lines": {"line": LINES}}, "tags": ["x", "y"]}
    )
    assert call.tag == "{urn:enc}save"
    order, tags = call.find("order"), call.find("tags")
    assert kind(order) == "{urn:enc}Order"
    assert [kind(one) for one in order.find("lines")] == ["{urn:enc}Line"] * 2
    assert kind(order.find("lines/line/qty")) == "{http://www.w3.org/2001/XMLSchema}decimal"
    assert kind(tags) == f"{{{ENC}}}Array"
    assert kind(tags, f"{{{ENC}}}arrayType") == "{http://www.w3.org/2001/XMLSchema}string[2]"
    assert [one.text for one in tags] == ["x", "y"]


@pytest.mark.parametrize("missing", ["omit", "nil", "empty"])
def test_parameters_are_all_sent_in_order(missing):
    """They are taken by position: one left out would give its place to the next."""
    assert [one.tag for one in written({"tags": ["x"]}, missing)] == ["id", "order", "tags"]


def test_facets_are_checked_before_sending_and_all_at_once():
    """The refusal names field, place and cure, and never the value."""
    with pytest.raises(FieldErrors) as told:
        written({"order": {"state": "secret", "lines": {"line": [{"sku": "abcd"}]}}})
    found = {one.field: (one.code, one.cure) for one in told.value.faults}
    assert found["order.state"] == ("not_listed", "one of: open, paid; add a table")
    assert found["order.lines.line[0].sku"][0] == "too_long"
    assert "cut(3)" in found["order.lines.line[0].sku"][1]
    assert "secret" not in str(found)


def test_empty_text_clears_unless_a_facet_refuses_it():
    """A longest length allows it, a list of words does not."""
    order = {"state": "", "lines": {"line": [{"sku": "", "qty": "1"}]}}
    sent = written({"order": order}).find("order")
    assert sent.find("state") is None
    assert sent.find("lines/line/sku").text is None


ITEMS = '<item xsi:type="x:"><sku>a</sku></item><item><sku>b</sku></item>'


def test_items_of_another_name_are_read_by_the_schema():
    """What zeep reads as an empty list without a word."""
    lines = f'<order><lines enc:arrayType=":[2]">{ITEMS}</lines></order>'
    answer = reply(f'<t:saveResponse xmlns:t="urn:enc">{lines}</t:saveResponse>')
    assert [line["sku"] for line in answer.reply["order"]["lines"]["line"]] == ["a", "b"]


def test_an_array_that_lost_an_item_is_not_read():
    """Lines that are missing are never taken for lines that are not there."""
    lines = f'<order><lines enc:arrayType=":[3]">{ITEMS}</lines></order>'
    answer = reply(f"<saveResponse>{lines}</saveResponse>")
    assert not answer.parsed
    assert not answer.clean


def test_a_fault_whose_detail_no_schema_knows_is_read_all_the_same():
    """PHP writes an array as items without a namespace; a refusal must not end the process."""
    told = "<faultcode>e:Client</faultcode><detail><item><key>code</key></item></detail>"
    fault = reply(f"<e:Fault>{told}</e:Fault>").fault
    assert (fault.ours, fault.declared) == (True, False)
    assert fault.detail["item"]["key"] == "code"


def test_a_member_that_a_reply_should_have_and_has_not_says_nothing():
    """It reads as null, and is told apart from one that is null."""
    nil = '<note xsi:nil="true"/>'
    order = reply(f"<saveResponse><order>{nil}</order></saveResponse>").reply["order"]
    assert (order["note"], order["state"]) == (None, None)
    assert "note" in spoken(order)
    assert "state" not in spoken(order)


def test_references_are_followed_and_endless_ones_refused():
    """Axis 1 sends members beside the reply."""
    there = '<multiRef id="o"><note>n</note></multiRef>'
    call = '<saveResponse><order href="#o"/></saveResponse>'
    assert reply(call + there).reply["order"]["note"] == "n"
    endless = '<multiRef id="o"><note href="#o"/><x href="#o"/></multiRef>'
    assert not reply(call + endless).parsed


def test_a_contract_comes_from_catalog_and_patched_files(tmp_path):
    """Nothing is fetched; what an address stands for is named by a person, or by Visual Studio."""
    text = ENCODED.read_text().replace("wsdl/soap/", "wsdl/soap12/")
    imported = '<xs:import namespace="urn:x" schemaLocation="http://erp/x?xsd=1"/>'
    at = '<xs:import namespace="http://schemas.xmlsoap.org/wsdl/"/>'
    (tmp_path / "s.wsdl").write_text(
        text.replace(at, at + imported).replace('"t:Code"', '"t:Coed"')
    )
    (tmp_path / "x1.xsd").write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:x"/>'
    )
    (tmp_path / "Reference.svcmap").write_text(
        '<R><MetadataFile FileName="x1.xsd" SourceUrl="http://erp/x?xsd=1"/></R>'
    )
    entries = svcmap(tmp_path / "Reference.svcmap")
    with pytest.raises(ConnectorError, match="erp is not in"):
        Contract(tmp_path / "s.wsdl", patches=[("t:Coed", "t:Code")])
    operation = Contract(
        tmp_path / "s.wsdl", entries=entries, patches=[("t:Coed", "t:Code")]
    ).operation("save")

    assert operation.headers == {
        "Content-Type": 'application/soap+xml; charset=utf-8; action="urn:enc#save"'
    }
    root = etree.fromstring(envelope(operation, {}, missing="omit", zone=ZoneInfo("UTC")))
    assert etree.QName(root).namespace == "http://www.w3.org/2003/05/soap-envelope"
