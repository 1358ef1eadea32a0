"""Expressions: what they may do, what they refuse, and how null and absence behave."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from connector.errors import FieldErrors
from connector.mapping.expressions import compile_scalar, compile_text, document_names
from connector.mapping.faults import Fault
from connector.mapping.terms import BadExpression, Scope
from connector.problems import Problems
from connector.values import Ref
from connector.yamlread import Node

LATE = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
EAST = timezone(timedelta(hours=1))
DAY = LATE.replace(hour=0, minute=0, tzinfo=None)
PAYLOAD: dict[str, Any] = {
    "id": 5,
    "zero": 0,
    "name": "Zwiebel &amp; Tee",
    "empty": "",
    "nothing": None,
    "net": "10.005",
    "body": {"items": ["x"], "keys": 3},
    "rows": [{"k": "a", "v": 1}, {"k": "b", "v": 2}],
    "@odata.etag": "W/1",
    "qty": {"@unit": "PCE", "$value": "3"},
    "emoji": "Tee 🫖",
    "$tables": {"status": {"a": "b", "else": "error"}, "kept": {"else": "keep"}},
}


def value(source: str, scope: Scope | None = None) -> Any:
    scope = scope or Scope(tables={"status": "x.yaml:3", "kept": "x.yaml:4"})
    return compile_scalar(source, scope).fn(PAYLOAD)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("literal", "literal"),
        ("= id", 5),
        ("{{ id }}/{{ name }}{{ nothing }}", "5/Zwiebel &amp; Tee"),
        ("= body['items'][0]", "x"),
        ("= body.items", ["x"]),
        ("= body.keys", 3),
        ("= nothing.deeper.still", None),
        ("= nothing | upper", None),
        ("= nothing | default('d')", "d"),
        ("= absent | default('d')", "d"),
        ("= body.absent is defined", False),
        ("= nothing is none", True),
        ("= zero or 'none'", "none"),
        ("= (zero or none) | ref('customer')", None),
        ("= id | ref('customer')", Ref(entity="customer", key="5")),
        ("= 'x' if id == 5 else 'y'", "x"),
        ("= id in [4, 5] and not (id > 5)", True),
        ("= 1.10 + 2", Decimal("3.10")),
        ("= net + 1", Decimal("11.005")),
        ("= id / 2", Decimal("2.5")),
        ("= net | money", Decimal("10.01")),
        ("= '2.5' | dec(0)", Decimal("3")),
        ("= '-2.5' | dec(0)", Decimal("-3")),
        ("= net | negate", Decimal("-10.005")),
        ("= name | unescape | cut(7)", "Zwiebel"),
        ("= id | zfill(4)", "0005"),
        ("= emoji | bmp | replace('Tee', 'x')", "x "),
        ("= ['a', empty, nothing, ' b '] | lines", "a\nb"),
        ('= "O\'x" | sql_quote', "'O''x'"),
        ("= 'ä' | b64", "w6Q="),
        ("= (rows | where('k', 'b'))[0].v", 2),
        ("= (rows | where('k', 'z'))[0].v | default(none)", None),
        ("= 'SVC-1' is search('^SVC-')", True),
        ("= nothing is not search('x')", True),
        ("= 'a' | table('status')", "b"),
        ("= 'q' | table('kept')", "q"),
        ("= '12/34' | part('/', -1)", "34"),
        ("= '12/34' | part('/', -2)", "12"),
        ("= id | part('/', -2)", None),
        ("= '12/34' | part('/', 0)", "12"),
        ("= '12/34' | part('/', 2)", None),
        ("= '2026-01-31T23:30:00Z' | moment", LATE),
        ("= 1769902200 | moment", LATE),
        ("= 1769902200000 | moment", LATE),
        ("= '1769902200.000' | moment", LATE),
        ("= '/Date(1769902200000+0100)/' | moment", LATE),
        ("= '/Date(1769902200000)/' | moment | date('Europe/Berlin') | strf('%d')", "01"),
        ("= 'Sun, 01 Feb 2026 00:30:00 +0100' | moment", LATE.astimezone(EAST)),
        ("= '20260131' | moment", DAY),
        ("= '31.01.2026 23:30' | moment('%d.%m.%Y %H:%M')", LATE.replace(tzinfo=None)),
        ("= '2026-01-31 23:30 +0000' | moment('%Y-%m-%d %H:%M %z')", LATE),
        ("= nothing | moment", None),
        ("= qty + 1", Decimal(4)),
        ("= qty | dec(1)", Decimal("3.0")),
        ("= qty ~ qty['@unit']", "3PCE"),
        ("= qty == '3' and '3' == qty", True),
        ("= qty | zfill(2)", "03"),
        ("= qty is search('3')", True),
        ("= item['@odata.etag']", "W/1"),
        ("= item['name'] | cut(7)", "Zwiebel"),
        ("= ([qty] | where('$value', qty))[0]['@unit']", "PCE"),
        ("= ([qty] | where('@unit', 'PCE'))[0]['$value']", "3"),
        ("= name ~ id", "Zwiebel &amp; Tee5"),
    ],
)
def test_an_expression_gives(source: str, expected: object) -> None:
    """Items win over methods, null propagates, numbers are exact and keep their type."""
    found = value(source)

    assert found == expected
    assert type(found) is type(expected)
    assert not isinstance(found, float)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("= absent", "no_member"),
        ("= item['@absent']", "no_member"),
        ("= body.absent", "no_member"),
        ("= body.items[4]", "no_member"),
        ("= 'q' | table('status')", "unmapped"),
        ("= 'else' | table('status')", "unmapped"),
        ("= name | money", "not_a_number"),
        ("= '1e999999999' | dec", "not_a_number"),
        ("= id < name", "wrong_type"),
        ("= body | upper", "not_text"),
        ("= name | date", "wrong_type"),
        ("= '2026-01-01T00:00:00' | date", "naive_time"),
        ("= name | moment", "not_a_time"),
        ("= '31.01.2026' | moment", "not_a_time"),
        ("= '2026-01-31' | moment('%d.%m.%Y')", "not_a_time"),
        ("= '9999999999999999' | moment", "not_a_time"),
        ("= '' | moment", "not_a_time"),
        ("= body | moment", "not_text"),
        ("= id / 0", "wrong_type"),
    ],
)
def test_what_cannot_be_made_is_a_fault(source: str, code: str) -> None:
    """No guess, no exception of a library: a code."""
    with pytest.raises(Fault) as caught:
        value(source)

    assert caught.value.code == code


@pytest.mark.parametrize(
    ("source", "cure"),
    [
        ("= id | float", "filters here are"),
        ("= id | uper", "did you mean `upper`"),
        ("= id | round(2)", "filters here are"),
        ("= id is even", "tests here are"),
        ("= range(3)", "use filters"),
        ("= name.upper()", "use filters"),
        ("= " + "-" * 5000 + "1", "$with"),
        ("= rows[id]", "constant key"),
        ("{% for x in rows %}{% endfor %}", "$each"),
        ("= name | replace(' ", "quote the whole value"),
        ("= f(x", "quote the whole value"),
        ("{{ id", "quote the whole value"),
        ("=id", "write `= expression`"),
        ("$drp", "write `= expression`"),
        ("= 'a' | table('statsu')", "did you mean `status`"),
        ("= name is search('(a+)+$')", "simpler pattern"),
        ("= name is search('[')", "simpler pattern"),
        ("= id | cut", "see the filter"),
        ("= id) }}{{ (id", "quote"),
        ("= 1.1234567890123456789", "| dec"),
        ("= name | cut(1e999)", "| dec"),
        ("= id | there", "doc.x | there"),
    ],
)
def test_what_is_not_allowed_is_refused_when_loaded(source: str, cure: str) -> None:
    """The allow-list is closed, and each refusal says what to write instead."""
    with pytest.raises(BadExpression) as caught:
        value(source)

    assert cure in caught.value.cure


def test_no_attribute_of_a_python_object_can_be_read() -> None:
    """Members are items: a class, a method and a private name are simply not there."""
    for source in (
        "= name.__class__",
        "= ''.__class__.__mro__",
        "= body.__init__",
        "= id.real",
        "= name.upper",
    ):
        with pytest.raises(Fault, match="no_member"):
            value(source)


def test_an_unknown_name_is_found_before_anything_runs() -> None:
    """A document's fields are known: a slip is a problem with the nearest name."""
    problems = Problems()
    place = Node("", 7, "flows.orders.reference", "config.yaml")
    names = document_names("order")

    assert compile_text("{{ doc.nmber }}", names=names, problems=problems, place=place) is None
    assert "config.yaml:7" in str(problems)
    assert "did you mean `number`" in str(problems)


def test_text_of_the_configuration_is_a_template() -> None:
    """`reference`, `guests.by` and `only` are compiled by the same call."""
    place = Node("", 7, "flows.orders.only", "config.yaml")
    names = {"doc": None}
    only = "= doc.sku is not search('^SVC-')"
    rule = compile_text(only, names=names, problems=Problems(), place=place, flag=True)

    assert rule is not None
    assert rule({"doc": {"sku": "A"}}) is True
    assert rule({"doc": {"sku": "SVC-1"}}) is False


def test_a_template_that_cannot_be_made_names_place_and_code_but_no_value() -> None:
    """FieldErrors travel to logs: they hold no payload."""
    place = Node("", 7, "flows.orders.reference", "config.yaml")
    made = compile_text("= doc.a.b", names=None, problems=Problems(), place=place)

    assert made is not None
    with pytest.raises(FieldErrors) as caught:
        made({"doc": {"a": "canary"}})
    assert all(fact in str(caught.value) for fact in ("no_member", "config.yaml:7"))
    assert "canary" not in str(caught.value)


def test_a_lenient_scope_takes_what_is_not_there_for_null() -> None:
    """Replies have any shape: a rule about one that is not so does simply not hold."""
    lenient = Scope(lenient=True)

    assert value("= reply.code == 'x'", lenient) is False
    assert value("= id < name", lenient) is False
    assert value("= reply.code", lenient) is None


def test_the_day_of_a_moment_depends_on_the_zone() -> None:
    """Half past eleven in London is tomorrow in Berlin."""
    names = {"at": datetime(2026, 1, 31, 23, 30, tzinfo=UTC), "zone": "Europe/Berlin"}
    fn = compile_scalar("= at | date(zone)", Scope()).fn

    assert fn(names) == date(2026, 2, 1)
    assert compile_scalar("= at | strf('%d.%m.%y')", Scope()).fn(names) == "31.01.26"
