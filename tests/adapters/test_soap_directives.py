"""The `$` directives of the wire, SOAP 1.2 and contracts that need help, from YAML to HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from answering import Fake, call_in, enveloped, profile_of, system, wsdl_beside
from lxml import etree

from connector.errors import ConfigError, ConnectorError
from connector.values import Change, Done, InDoubt, Refused, Stale

HERE = Path(__file__).parent
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
TOP = """\
profile: p
version: "1"
protocol: soap
services:
  desk: {wsdl: WSDL, endpoint: "{{ conn.url }}"EXTRA}
errors:
  - {when: = fault.detail.Trouble.Code == 'stale', outcome: stale}
  - {when: = fault.subcode is search('Locked'), outcome: refused, code: locked}
  - {else: refused, code: = fault.detail.Trouble.Code}
"""
ORDER = """\
entity: order
read: {number: = Ref}
write: {Ref: = reference}
actions: {create: {op: OP, args: ARGS, key: KEY}}
"""
D, X = "{urn:directives}", "{urn:extra}"


def answered_12(inner, status=200):
    text = f'<s:Envelope xmlns:s="{SOAP_12}"><s:Body>{inner}</s:Body></s:Envelope>'
    return status, [("Content-Type", "application/soap+xml; charset=utf-8")], text.encode()


SAVED = answered_12('<d:Saved xmlns:d="urn:directives"><d:Id>7</d:Id></d:Saved>')


@pytest.fixture
def desk(tmp_path):
    opened = []

    def open_with(
        answer, args, *, wsdl="directives.wsdl", extra="", op="Save", key="= reply.Id", top=""
    ):
        if wsdl == "directives.wsdl":
            wsdl_beside(tmp_path, wsdl)
        top = TOP.replace("WSDL", wsdl).replace("EXTRA", extra) + top
        order = ORDER.replace("OP", op).replace("ARGS", args).replace("KEY", key)
        compiled = profile_of(tmp_path, profile=top, order=order)
        opened.append(fake := Fake(answer))
        opened.append(made := system(compiled, fake.url, {"type": "none"}))
        return made, fake

    yield open_with
    for one in reversed(opened):
        one.close()


def sent(target, **payload):
    until = datetime.now(UTC) + timedelta(minutes=1)
    given = {"Ref": "R-1", **payload}
    change = Change(id=1, action="create", reference="R-1", payload=given, send_before=until)
    return target.send("order", [change])[0]


def judge():
    """The schema of the WSDL, by a library that did not write the message."""
    root = etree.parse(HERE / "directives.wsdl").getroot()
    schemas = {s.get("targetNamespace"): s for s in root.iter("{*}schema")}
    extra = etree.tostring(schemas["urn:extra"])

    class Held(etree.Resolver):
        def resolve(self, url, _, context):
            main_text = etree.tostring(schemas["urn:directives"])
            return self.resolve_string(extra if "extra" in url else main_text, context)

    parser = etree.XMLParser()
    parser.resolvers.add(Held())
    both = (
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">'
        '<xs:import namespace="urn:directives" schemaLocation="held:directives"/>'
        '<xs:import namespace="urn:extra" schemaLocation="held:extra"/></xs:schema>'
    )
    return etree.XMLSchema(etree.fromstring(both, parser))


def message(fake):
    call = call_in(fake.asked[-1].body)
    judge().assertValid(call)
    return call


def test_a_type_names_what_an_abstract_field_holds(desk):
    """By the contract's own prefix, across its namespaces."""
    args = """{Record: [{$type: d:SalesOrder, Ref: = payload.Ref, Total: "10.50"},
                        {$type: "x:Invoice", Ref: R-2, Due: "2026-11-10"}]}"""
    target, fake = desk(lambda _: SAVED, args)
    assert sent(target) == Done(key="7")

    order, invoice = message(fake)
    assert [one.get(f"{XSI}type").split(":")[1] for one in (order, invoice)] == [
        "SalesOrder",
        "Invoice",
    ]
    assert invoice.nsmap[invoice.get(f"{XSI}type").split(":")[0]] == "urn:extra"
    assert invoice.findtext(f"{X}Due") == "2026-11-10"


def test_a_profile_may_name_the_prefixes_itself(desk):
    """Those of a WSDL are its author's, and change with its next version."""
    args = """{Record: [{$type: sales:SalesOrder, Ref: R-1, Total: "1"}],
               Object: {Type: A, $any: {"own:Flag": "1"}}}"""
    spaces = "ns: {sales: urn:directives, own: urn:own}\nheaders: {own:Tenant: T-1}\n"
    target, fake = desk(lambda _: SAVED, args, top=spaces)
    assert sent(target) == Done(key="7")

    record, thing = message(fake)
    assert record.nsmap[record.get(f"{XSI}type").split(":")[0]] == "urn:directives"
    assert thing[1].tag == "{urn:own}Flag"
    assert etree.fromstring(fake.asked[0].body).findtext("{*}Header/{urn:own}Tenant") == "T-1"


@pytest.mark.parametrize(
    ("args", "top", "at"),
    [
        ('{Object: {Type: A, $any: {"own:Flag": "1"}}}', "", "Object.own:Flag"),
        ("{Object: {Type: A}}", "headers: {own:Tenant: T-1}\n", "headers.own:Tenant"),
    ],
)
def test_a_prefix_that_nobody_named_sends_nothing(desk, args, top, at):
    """It is no part of the name."""
    target, fake = desk(lambda _: SAVED, args, top=top)

    assert sent(target) == Refused(code="unknown_field", at=at)
    assert fake.asked == []


@pytest.mark.parametrize("kind", ["d:SalesOrdr", "y:SalesOrder"])
def test_a_type_that_the_contract_lacks_sends_nothing(desk, kind):
    """Refused by us, with its place."""
    target, fake = desk(lambda _: SAVED, f'{{Record: [{{$type: "{kind}", Ref: R-1}}]}}')

    assert sent(target) == Refused(code="unknown_type", at="Record[0].$type")
    assert fake.asked == []


def test_any_writes_what_the_schema_leaves_open(desk):
    """In the field's own namespace, or in the one that it names; nested, repeated, escaped."""
    open_ = '{Name: = payload.Ref, Tag: [a, b < c], "{urn:sf}Owner": {Id: "1"}}'
    args = f"{{Object: {{Type: Account, $any: {open_}}}}}"
    target, fake = desk(lambda _: SAVED, args)
    assert sent(target) == Done(key="7")

    [thing] = message(fake)
    assert [(one.tag, one.text) for one in thing][:4] == [
        (f"{D}Type", "Account"), (f"{D}Name", "R-1"), (f"{D}Tag", "a"), (f"{D}Tag", "b < c"),
    ]  # fmt: skip
    assert thing[4].tag == "{urn:sf}Owner"
    assert [(one.tag, one.text) for one in thing[4]] == [("{urn:sf}Id", "1")]


def test_any_writes_attributes_and_its_children_stand_in_its_namespace(desk):
    """An ADO.NET data set: a schema, and a diffgram whose rows say what is new."""
    open_ = """{"{urn:xsd}schema": {"@id": Orders}, "own:diffgram": {"{}Orders": {
        Head: {"@own:change": new, "@no": = payload.Ref, Ref: {$value: a & b, "@lang": de}}}}}"""
    args = f"{{Object: {{Type: Account, $any: {open_}}}}}"
    target, fake = desk(lambda _: SAVED, args, top="ns: {own: urn:own}\n")
    assert sent(target) == Done(key="7")

    thing = call_in(fake.asked[-1].body)[0]
    schema, diffgram = thing[1:]
    assert (schema.tag, dict(schema.attrib)) == ("{urn:xsd}schema", {"id": "Orders"})
    [head] = diffgram[0]
    assert (diffgram.tag, diffgram[0].tag, head.tag) == ("{urn:own}diffgram", "Orders", "Head")
    assert dict(head.attrib) == {"{urn:own}change": "new", "no": "R-1"}
    assert (head[0].text, dict(head[0].attrib)) == ("a & b", {"lang": "de"})


def test_an_attribute_whose_prefix_nobody_named_sends_nothing(desk):
    """Told with its place."""
    args = '{Object: {Type: A, $any: {Row: {"@own:id": "1"}}}}'
    target, fake = desk(lambda _: SAVED, args)

    assert sent(target) == Refused(code="unknown_field", at="Object.Row.@own:id")
    assert fake.asked == []


def test_pairs_write_a_map_as_names_and_values(desk):
    """In the two members that the schema has for them; what is null is left out."""
    pairs = '{ref: = payload.Ref, "@odd name": x, none: = payload.none | default(none)}'
    args = f"{{Fields: {{$pairs: {pairs}}}}}"
    target, fake = desk(lambda _: SAVED, args)
    assert sent(target) == Done(key="7")

    [fields] = message(fake)
    assert [[one.text for one in pair] for pair in fields] == [["ref", "R-1"], ["@odd name", "x"]]


def test_pairs_where_the_schema_has_none_send_nothing(desk):
    """It would have to guess."""
    target, fake = desk(lambda _: SAVED, "{Object: {$pairs: {a: b}}}")

    assert sent(target) == Refused(code="no_pairs", at="Object.$pairs")
    assert fake.asked == []


# ── SOAP 1.2 ────────────────────────────────────────────────────────────────────────────────────


def fault(code, detail="", subcode="", status=500):
    sub = (
        f'<s:Subcode><s:Value xmlns:e="urn:e">e:{subcode}</s:Value></s:Subcode>' if subcode else ""
    )
    inner = f"<s:Fault><s:Code><s:Value>s:{code}</s:Value>{sub}</s:Code><s:Reason>"
    inner += f'<s:Text xml:lang="en">no</s:Text></s:Reason>{detail}</s:Fault>'
    return answered_12(inner, status)


def trouble(code):
    inner = f'<d:Trouble xmlns:d="urn:directives"><d:Code>{code}</d:Code></d:Trouble>'
    return f"<s:Detail>{inner}</s:Detail>"


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (fault("Sender", trouble("stale")), Stale()),
        (fault("Sender", trouble("bad_ref"), status=400), Refused(code="bad_ref", at="create")),
        (fault("Receiver", trouble("bad_ref")), Refused(code="bad_ref", at="create")),
        (fault("Sender", subcode="Locked"), Refused(code="locked", at="create")),
        (fault("Sender"), Refused(code="http_500", at="create")),
        (fault("Receiver"), InDoubt(why="s.Receiver")),
        (fault("DataEncodingUnknown"), InDoubt(why="s.DataEncodingUnknown")),
    ],
)
def test_faults_of_soap_1_2_are_read_by_code_subcode_and_detail(desk, reply, outcome):
    """A declared detail and the sender's fault are refusals; a crash of the receiver is a doubt."""
    target, _ = desk(lambda _: reply, "{Object: {Type: A}}")

    assert sent(target) == outcome


def test_soap_1_2_says_its_action_in_the_content_type(desk):
    """And has its own envelope."""
    target, fake = desk(lambda _: SAVED, "{Object: {Type: A}}")
    sent(target)

    request = fake.asked[0]
    assert request.headers["Content-Type"] == (
        'application/soap+xml; charset=utf-8; action="urn:save"'
    )
    assert request.headers["SOAPAction"] is None
    assert etree.fromstring(request.body).tag == f"{{{SOAP_12}}}Envelope"


# ── contracts that need help ────────────────────────────────────────────────────────────────────

LEGACY = HERE / "legacy" / "legacy.wsdl"
CATALOG = 'catalog: {"http://erp.internal:8080/kinds?xsd=1": kinds1.xsd}'
PATCH = "patches: [{match: 'k:Ordre', replace: 'k:Order'}]"
ID = '<c:saveResponse xmlns:c="urn:legacy:calls"><id>7</id></c:saveResponse>'


@pytest.mark.parametrize("found", [CATALOG, "svcmap: legacy/Reference.svcmap"])
def test_a_contract_with_foreign_imports_and_a_mistake_is_put_right_in_yaml(tmp_path, desk, found):
    """rpc/literal: the call in the body's namespace, its parts in none, their members in theirs."""
    home = tmp_path / "p" / "legacy"
    home.mkdir(parents=True)
    for file in LEGACY.parent.iterdir():
        (home / file.name).write_bytes(file.read_bytes())
    target, fake = desk(
        lambda _: enveloped(ID),
        "{ref: = payload.Ref, order: {note: a, total: '1.5'}}",
        wsdl="legacy/legacy.wsdl",
        extra=f", {PATCH}, {found}",
        op="save",
        key="= reply.id",
    )
    assert sent(target) == Done(key="7")

    call = call_in(fake.asked[0].body)
    assert call.tag == "{urn:legacy:calls}save"
    assert [part.tag for part in call] == ["ref", "order"]
    assert [one.tag for one in call[1]] == ["{urn:kinds}note", "{urn:kinds}total"]
    assert call[0].get(f"{XSI}type") is None


@pytest.mark.parametrize(
    ("extra", "error", "message"),
    [
        (f", {PATCH}", ConnectorError, "erp.internal is not in"),
        (f", {CATALOG}", ConnectorError, "no operation save"),
        (", svcmap: nowhere.svcmap", ConfigError, "names no file"),
        (", catalog: elsewhere", ConfigError, "is no mapping"),
        (", patches: [{match: '(', replace: x}]", ConfigError, "is no patch"),
        (", patches: [{match: x, replce: x}]", ConfigError, "unknown key `replce`"),
        (", prot: x", ConfigError, "unknown key `prot`"),
        (f", port: Q, {PATCH}, {CATALOG}", ConnectorError, "no SOAP port named Q"),
    ],
)
def test_a_contract_that_cannot_be_put_together_says_what_is_missing(
    tmp_path, desk, extra, error, message
):
    """When the profile is loaded, or the adapter made: never by the first order."""
    home = tmp_path / "p" / "legacy"
    home.mkdir(parents=True)
    for file in LEGACY.parent.iterdir():
        (home / file.name).write_bytes(file.read_bytes())
    with pytest.raises(error, match=message):
        desk(lambda _: enveloped(ID), "{}", wsdl="legacy/legacy.wsdl", extra=extra, op="save")
