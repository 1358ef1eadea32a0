"""A document in a string of a reply is read as if it stood there, or is not believed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from xml.sax.saxutils import escape

import pytest
from answering import Fake, enveloped, profile_of, system, wsdl_beside

from adapters.decoded import decoded
from adapters.http import Reply
from adapters.replies import Answer
from connector.errors import ConfigError, Truncated, Unavailable
from connector.values import Absent, Change, Done, InDoubt, Item, Refused, Seen

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
  find:
    op: Run
    args: {Name: FIND, Data: = reference}
    decode: {Data: HOW}
    items: = reply.Data.LIN
    reference: = item.Ref
  get: {op: Run, args: {Name: GET, Data: = key}, decode: {Data: HOW}, item: = reply.Data}
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


TORN = [("xml", "<DOC><LIN><No>1</No>"), ("json", '{"LIN": [{"No": "1"}'), ("xml", "busy")]
SILENT = [("xml", ""), ("xml", " "), ("xml", None), ("json", ""), ("json", "{}"), ("json", "7"),
          ("json", '{"LIN": null}'), ("json", '{"LIN": "none"}'), ("json", '{"LIN": 0}'),
          ("xml", "<DOC>busy</DOC>")]  # fmt: skip


def found(desk, how, text, **other):
    return desk(text, how, **other).find("order", ["R"])["R"]


@pytest.mark.parametrize(("how", "text"), TORN + SILENT)
def test_a_find_whose_answer_cannot_be_read_is_no_absence(desk, how, text):
    """The order may be there; taken for absent it would be created once more."""
    with pytest.raises(Unavailable):
        found(desk, how, text)


@pytest.mark.parametrize(("how", "text"), TORN)
@pytest.mark.parametrize("word", ["done", "absent", "gone", "refused", "exists"])
def test_no_rule_concludes_anything_from_what_a_torn_answer_lacks(desk, how, text, word):
    """A row that asks for what the string does not hold sees nothing there."""
    top = SOAP + f"errors: [{{when: = not reply.Data.Code, outcome: {word}}}]\n"
    with pytest.raises(Unavailable):
        found(desk, how, text, profile=top)
    with pytest.raises(Unavailable):
        desk(text, how, profile=top).get("order", ["7"])
    assert isinstance(sent(desk(text, how, profile=top)), InDoubt)


@pytest.mark.parametrize("when", ["reply.Data.Code | default('') == ''", "reply.Data == ''",
                                  "'7' not in reply.Data", "reply.Data.Code != '0'"])  # fmt: skip
def test_a_refusal_is_not_read_out_of_what_is_torn(desk, when):
    """Refused, it would be sent once more."""
    top = SOAP + f'errors: [{{when: "= {when}", outcome: refused}}]\n'
    assert isinstance(sent(desk("<DOC><No>", "xml", profile=top)), InDoubt)


def test_a_rule_that_looks_elsewhere_is_heard_though_the_string_is_torn(desk):
    """Many put a sentence where a document should be, and say beside it that they refuse."""
    assert sent(desk("No such customer", "xml", status=0)) == Refused(code="refused", at="create")
    top = SOAP + "errors: [{when: = reply.Status == '4', outcome: absent}]\n"
    assert isinstance(found(desk, "xml", "No such order", status=4, profile=top), Absent)


@pytest.mark.parametrize(("how", "text"), TORN + SILENT)
def test_a_list_that_cannot_be_read_is_no_empty_list(desk, how, text):
    """An empty page would move the cursor past what nobody has read."""
    with pytest.raises((Unavailable, Truncated)):
        list(desk(text, how).pages("order", None, start=None, until=None))


@pytest.mark.parametrize(
    ("how", "text"), [("xml", "<DOC/>"), ("xml", "<DOC><n>0</n></DOC>"), ("json", '{"LIN": []}')]
)
def test_a_document_without_rows_is_none(desk, how, text):
    """XML has no other way to say so, JSON has its empty list."""
    assert isinstance(found(desk, how, text), Absent)


@pytest.mark.parametrize("reply", [{"a": None}, {"a": [{"b": {"c": ""}}]}, {"a": {"b": None}}])
def test_nothing_on_the_way_to_the_string_is_as_a_blank_one(reply):
    """What holds it is left out: it does not say that there is none."""
    now = datetime.now(UTC)
    http = Reply(status=200, headers={}, body=b"", began=now, took=timedelta(0))
    assert decoded(Answer(http=http, reply=reply), {"a.b.c": "xml"}, {}).vague
    assert not decoded(Answer(http=http, reply=reply), {"other.c": "xml"}, {}).vague


def test_a_rule_may_say_what_an_empty_string_means(desk):
    """For systems that mean none by it."""
    top = SOAP + "errors: [{when: = reply.Data == '', outcome: absent}]\n"
    assert isinstance(found(desk, "xml", "", profile=top), Absent)
    assert list(desk("", "xml", profile=top).pages("order", None, start=None, until=None))


def test_a_find_reads_what_the_string_holds(desk):
    """And a blank string says of one key that it is unknown."""
    row = "<DOC><LIN><No>SO-7</No><Ref>R</Ref></LIN></DOC>"
    assert isinstance(seen := found(desk, "xml", row), Seen)
    assert seen.key == "SO-7"
    assert isinstance(desk("", "xml").get("order", ["7"])["7"], Absent)


def test_a_profile_may_say_it_once_for_all_calls(desk):
    """Beside the services; an action adds to it."""
    order = ORDER.replace("    decode: {Data: HOW}\n", "").replace(", decode: {Data: HOW}", "")
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
