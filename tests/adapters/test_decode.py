"""A document in a string of a reply is read as if it stood there, or is not believed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from xml.sax.saxutils import escape

import pytest
from answering import Fake, enveloped, profile_of, system, wsdl_beside

from connector.errors import ConfigError
from connector.values import Change, Done, InDoubt, Item, Refused

SOAP = """\
profile: p
version: "1"
protocol: soap
services:
  desk: {wsdl: facade.wsdl, endpoint: "{{ conn.url }}", lists: [LIN]}
"""
ORDER = """\
entity: order
key: = No
read: {number: = No}
write: {No: = reference}
actions:
  create:
    op: Run
    args: {Name: SOH, Data: {$json: = payload}}
    decode: {Data: HOW}
    key: = reply.Data.No
    total: = reply.Data.Sum
    errors: [{when: = reply.Status == '0', outcome: refused, code: = reply.Data.Code}]
  list:
    op: Run
    args: {Name: LIST, Data: x}
    decode: {Data: HOW}
    items: = reply.Data.LIN
"""


def said(text, status=1):
    data = '<t:Data xsi:nil="true"/>' if text is None else f"<t:Data>{escape(text)}</t:Data>"
    xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    inner = f'<t:RunResult xmlns:t="urn:facade" {xsi}><t:Status>{status}</t:Status>{data}'
    return enveloped(f"{inner}</t:RunResult>")


@pytest.fixture
def desk(tmp_path):
    opened = []

    def open_with(text, how, *, status=1, profile=SOAP, order=ORDER):
        wsdl_beside(tmp_path, "facade.wsdl")
        compiled = profile_of(tmp_path, profile=profile, order=order.replace("HOW", how))
        opened.append(fake := Fake(lambda _: said(text, status)))
        opened.append(made := system(compiled, fake.url, {"type": "none"}))
        return made

    yield open_with
    for one in reversed(opened):
        one.close()


def sent(target):
    until = datetime.now(UTC) + timedelta(minutes=1)
    change = Change(id=1, action="create", reference="R", payload={"No": "R"}, send_before=until)
    return target.send("order", [change])[0]


XML = '<?xml version="1.0" encoding="UTF-16"?>\n<DOC><No>SO-7</No><Sum>10.50</Sum></DOC>'


@pytest.mark.parametrize(
    ("how", "text"),
    [("xml", XML), ("xml", XML.partition("\n")[2]), ("json", '{"No": "SO-7", "Sum": 10.50}')],
)
def test_what_the_string_holds_is_the_reply(desk, how, text):
    """Its root takes the string's place; numbers stay exact, whatever encoding it names."""
    assert sent(desk(text, how)) == Done(key="SO-7", total=Decimal("10.50"))


@pytest.mark.parametrize(
    ("how", "text"),
    [("xml", "<DOC><No>SO-7</No>"), ("json", '{"No": "SO-7"'), ("xml", "OK"),
     ("xml", '<!DOCTYPE D [<!ENTITY n "SO-7">]><D><No>&n;</No></D>')],
)  # fmt: skip
def test_what_cannot_be_read_is_a_doubt(desk, how, text):
    """The order may be there: a success whose document is cut off is not believed."""
    assert isinstance(sent(desk(text, how)), InDoubt)


def test_a_number_beside_what_cannot_be_read_is_not_believed_either(desk):
    """The reply is not what the profile says: nobody knows what its number means."""
    order = ORDER.replace("key: = reply.Data.No", "key: = reply.Status")
    assert sent(desk("<DOC/>", "xml", status=7, order=order)).key == "7"
    assert isinstance(sent(desk("<DOC", "xml", status=7, order=order)), InDoubt)


@pytest.mark.parametrize("text", ["", None])
def test_an_empty_string_holds_nothing(desk, text):
    """Without a number it is no order; the doubt is looked up."""
    assert isinstance(sent(desk(text, "xml")), InDoubt)


def test_error_rules_see_what_the_string_holds(desk):
    """A refusal, with the code that it names inside."""
    code = "<DOC><Code>E-42</Code></DOC>"
    assert sent(desk(code, "xml", status=0)) == Refused(code="E-42", at="create")


ROWS = [
    ("xml", "<DOC><LIN><No>1</No></LIN><LIN><No>2</No></LIN></DOC>", ["1", "2"]),
    ("xml", "<DOC><LIN><No>1</No></LIN></DOC>", ["1"]),
    ("xml", "<DOC/>", []),
    ("json", json.dumps({"LIN": [{"No": "1"}, {"No": "2"}]}), ["1", "2"]),
    ("json", json.dumps({"LIN": []}), []),
]


@pytest.mark.parametrize(("how", "text", "keys"), ROWS)
def test_a_list_in_a_string_is_walked_like_any_other(desk, how, text, keys):
    """One row is a list of one where `lists` says so; each row's bytes are read again alike."""
    source = desk(text, how)
    [page] = source.pages("order", None, start=None, until=None)
    items = [one for one in page.items if isinstance(one, Item)]

    assert [one.key for one in items] == keys
    assert [source.decode("order", one.raw)["No"] for one in items] == keys


def test_a_profile_may_say_it_once_for_all_calls(desk):
    """Beside the services; an action adds to it."""
    order = ORDER.replace("    decode: {Data: HOW}\n", "")
    top = SOAP + "decode: {reply.Data: xml}\n"
    assert sent(desk(XML, "", profile=top, order=order)).key == "SO-7"


def test_rest_reads_json_in_a_string(tmp_path):
    """And refuses to promise XML."""
    rest = 'profile: p\nversion: "1"\nprotocol: rest\nbase: "{{ conn.url }}"\n'
    order = ORDER.partition("actions")[0] + (
        "actions: {create: {method: POST, path: /o, decode: {d.text: HOW},"
        " key: = reply.d.text.No}}\n"
    )
    profile = profile_of(tmp_path, profile=rest, order=order.replace("HOW", "json"))
    fake = Fake(lambda _: (200, [], json.dumps({"d": {"text": '{"No": "SO-9"}'}}).encode()))
    target = system(profile, fake.url, {"type": "none"})
    try:
        assert sent(target).key == "SO-9"
    finally:
        target.close()
        fake.close()
    with pytest.raises(ConfigError, match="is not one of its words"):
        profile_of(tmp_path, profile=rest, order=order.replace("HOW", "xml"))
