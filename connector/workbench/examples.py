"""Examples of the language, each of them run: docs/profiles.md shows what they really give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from connector.documents.sales import OrderLine, TaxShare
from connector.mapping.expressions import compile_scalar
from connector.mapping.filtering import TABLES, THERE
from connector.mapping.shapes import Shape
from connector.mapping.terms import Scope
from connector.mapping.trees import compile_tree
from connector.mapping.write import plain
from connector.problems import Problems
from connector.values import Ref
from connector.yamlread import read_yaml

_LINE = OrderLine(
    key="1",
    name="Tee &amp; Kanne",
    quantity=Decimal(3),
    net=Decimal("10.00"),
    tax=Decimal("1.90"),
    taxes=(TaxShare(rate=Decimal(19), tax=Decimal("1.90")),),
)
NAMES: Mapping[str, Any] = {
    "l": _LINE,
    "order": {"total": Decimal("11.91"), "lines": (_LINE,)},
    "amount": "1234.5",
    "at": datetime(2026, 1, 31, 23, 30, tzinfo=UTC),
    "state": "processing",
    "status": "confirmed",
    "name": "Müller & Söhne",
    "note": None,
    "parts": ["Lindenweg 7", "", "Hinterhaus"],
    "customer_id": "31",
    "rows": [{"key": "vat_id", "value": "DE811907980"}, {"key": "gift", "value": "no"}],
    "taxes": [{"id": "7", "total": "1.97"}],
    "rates": [{"rate_id": "7", "percent": "19"}],
    "doc": {"customer": Ref(entity="customer", key="31")},
    TABLES: {"state": {"processing": "confirmed", "else": "error"}},
    THERE: lambda ref: f"C-{ref.key}",
}
# filter or test: what it is for, an expression
FILTERS: Mapping[str, tuple[str, str]] = {
    "b64": ("base64 of a text, or of what a digest gives", "name | b64"),
    "bmp": ("drops what is above U+FFFF (emoji), for three-byte systems", "'Danke 🫖' | bmp"),
    "by_rate": ("splits amounts by their tax rates, no cent lost", "([l] | by_rate)[0].net"),
    "cents": (
        "the cents by which a system that counts lines anew would miss the total: one charge, or"
        " none",
        "(order | cents(5))[0].net",
    ),
    "cut": ("the first characters", "name | cut(6)"),
    "date": ("the calendar day of a moment in a zone", "at | date('Europe/Berlin')"),
    "dec": ("an exact number; with a number of decimals rounded half-up", "amount | dec(2)"),
    "default": ("instead of null, or of a member that is not there", "note | default('none')"),
    "epoch": ("the whole seconds since 1970 of a moment", "at | epoch"),
    "hex": ("bytes in hexadecimal", "'a' | sha1 | hex"),
    "hmac_sha1": ("signs with a key; gives bytes", "'a' | hmac_sha1('k') | hex"),
    "hmac_sha256": ("signs with a key; gives bytes", "'a' | hmac_sha256('k') | b64"),
    "hmac_sha512": ("signs with a key; gives bytes", "('a' | hmac_sha512('k') | hex) | cut(8)"),
    "join": (
        "gives each element members of its own or of its row: join(rows, keys, take)",
        "taxes | join(rates, 'id=rate_id', 'rate=percent, tax=total')",
    ),
    "lines": ("the non-blank parts, one a line", "parts | lines"),
    "lower": ("small letters", "name | lower"),
    "md5": ("a digest; gives bytes", "'a' | md5 | hex"),
    "moment": (
        "a time as a system writes it: ISO 8601, seconds or thousandths since 1970, `/Date(…)/`,"
        " `Sat, 31 Jan 2026 23:30:00 +0000`, or in a form of strptime",
        "'31.01.2026' | moment('%d.%m.%Y')",
    ),
    "money": ("rounded half-up to cents", "amount | money"),
    "nav_quote": ("a value within a NAV filter", "\"O'Hara\" | nav_quote"),
    "negate": ("the other sign", "amount | negate"),
    "one_rate": ("the only tax rate of a line; several: held(rule)", "l | one_rate"),
    "part": ("one part of a text, from 0, or from -1 at its end", "'12/34' | part('/', -1)"),
    "ref": ("a reference to a document, by its key there", "(customer_id | ref('customer')).key"),
    "replace": ("one text for another", "name | replace('&', 'und')"),
    "sha1": ("a digest; gives bytes", "'a' | sha1 | b64"),
    "sha256": ("a digest; gives bytes", "'a' | sha256 | b64"),
    "sha512": ("a digest; gives bytes", "('a' | sha512 | hex) | cut(8)"),
    "sql_quote": ("a value within an SQL text", "\"O'Hara\" | sql_quote"),
    "strf": ("a moment or day by strftime", "at | strf('%d.%m.%Y')"),
    "sum": ("a member of rows, added up; null counts nothing", "taxes | sum('total')"),
    "table": ("a row of a table of this file", "state | table('state')"),
    "table_back": ("the row that leads to a value, the only one", "status | table_back('state')"),
    "there": ("the id in the target, or the record waits for it", "doc.customer | there"),
    "unescape": ("HTML's &amp; and the like as text", "l.name | unescape"),
    "unit_net": ("net / quantity, discounts folded in", "l | unit_net(5)"),
    "upper": ("capital letters", "name | upper"),
    "where": ("the rows whose member is a value", "(rows | where('key', 'vat_id'))[0].value"),
    "zfill": ("zeros in front", "customer_id | zfill(6)"),
}  # fmt: skip
TESTS: Mapping[str, tuple[str, str]] = {
    "defined": ("the member is there", "l.sku is defined"),
    "none": ("it is null", "note is none"),
    "search": ("a regular expression occurs in it", "name is search('^M')"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Directive:
    """One `$` word: what it does, YAML with it, names that the YAML is rendered with."""

    meaning: str
    yaml: str
    names: Mapping[str, Any] = field(default_factory=dict)


_ITEMS = {"doc": {"lines": [{"sku": "A-1", "n": "2"}, {"sku": "B-2", "n": "1"}], "note": ""}}
_BILL = {
    "doc": {
        "billing": {"city": "Leipzig", "zip": "04107"},
        "shipping": {"city": "Bonn", "zip": "5"},
    }
}
DIRECTIVES: Mapping[str, Directive] = {
    "$each": Directive(
        meaning="once for each item of a list; `loop.index` counts from 1",
        yaml="line: {$each: doc.lines as l, no: = loop.index, item: = l.sku}",
        names=_ITEMS,
    ),
    "$if": Directive(
        meaning="only where it holds; else the member is left out",
        yaml="line: {$each: doc.lines as l, $if: = l.n == '2', item: = l.sku}",
        names=_ITEMS,
    ),
    "$with": Directive(
        meaning="a name for a branch, or a list of such",
        yaml="bill: {$with: doc.billing as b, City: = b.city, Zip: = b.zip}",
        names=_BILL,
    ),
    "$same": Directive(
        meaning="a copy of the member of that name beside it; what stands here is laid over",
        yaml="bill: {$with: doc.billing as b, City: = b.city, Zip: = b.zip}\n"
        "ship: {$same: bill, $with: doc.shipping as b, Zip: $drop}",
        names=_BILL,
    ),
    "$over": Directive(
        meaning="what an expression gives, as the payload; what stands here is laid over, $drop "
        "takes out",
        yaml="Order: {$over: = payload, Key: = version, Day: $drop}",
        names={"payload": {"Day": "2026-03-02", "City": "Bonn"}, "version": "7;A"},
    ),
    "$concat": Directive(
        meaning="one list of named parts, so that a site can change one",
        yaml="line:\n  $concat:\n    goods: {$each: doc.lines as l, item: = l.sku}\n"
        "    freight: {item: F-1}",
        names=_ITEMS,
    ),
    "$text": Directive(meaning="text untouched, whatever it begins with", yaml="a: {$text: '= x'}"),
    "$value": Directive(
        meaning="the text of an element beside its attributes, which begin with @",
        yaml='qty: {$value: "3", "@unit": PCE}',
    ),
    "$drop": Directive(meaning="leaves it out; takes out what a base has", yaml="a: $drop\nb: x"),
    "$nil": Directive(meaning="an explicit null (SOAP: xsi:nil)", yaml="a: $nil"),
    "$xml": Directive(
        meaning="a tree as XML in one text",
        yaml='doc: {$xml: {Order: {"@no": "7", Item: A-1}}}',
    ),
    "$json": Directive(meaning="a tree as JSON in one text", yaml="doc: {$json: {no: '7'}}"),
    "$type": Directive(
        meaning="SOAP: the element's type, `prefix:Name` as the WSDL writes it (xsi:type)",
        yaml="record: {$type: 'sales:SalesOrder', externalId: R-1}",
    ),
    "$any": Directive(
        meaning="SOAP: what the schema leaves open; `{urn:ns}Name` for another namespace, for"
        " what stands below too; `@name` for an attribute",
        yaml="extra: {$any: {Shop: DE}}",
    ),
    "$pairs": Directive(
        meaning="SOAP: a map as the list of two members that the schema has for it",
        yaml="options: {$pairs: {color: red}}",
    ),
    "$replace": Directive(
        meaning="in a file that extends: begins anew instead of adding to the base's mapping",
        yaml="rows: {$replace: 'true', a: x}",
    ),
}  # fmt: skip


def gives(expression: str) -> str:
    """Evaluate an example; what comes is told as JSON."""
    scope = Scope(
        {name: Shape(members={"customer": Shape(entity="customer")}) if name == "doc" else None
         for name in NAMES}, {"state": "order.yaml:1"})  # fmt: skip
    value = compile_scalar(f"= {expression}", scope).fn(NAMES)
    return msgspec.json.encode(plain(value)).decode()


def renders(directive: Directive) -> str:
    """Render the YAML of an example, as JSON."""
    problems = Problems()
    node = read_yaml(directive.yaml, "example", problems)
    problems.raise_if_any()
    assert node is not None  # noqa: S101 - a problem says so
    tree = compile_tree(node, Scope(), problems)
    problems.raise_if_any()
    return msgspec.json.encode(plain(tree(directive.names))).decode()
