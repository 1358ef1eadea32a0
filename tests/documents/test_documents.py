"""Documents: exact, equal where their values are equal, and never showing a value in an error."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from connector.documents import (
    ENTITIES,
    Customer,
    Order,
    dump,
    json_schema,
    load,
    refs,
    unexplained,
)
from connector.values import Ref


def order(**changes: Any) -> Order:
    line = {"key": 1, "quantity": "2", "net": "10.00", "tax": "1.90", "product": product("7")}
    known = {
        "number": "42",
        "status": "confirmed",
        "placed_at": "2026-03-01T10:00:00+01:00",
        "currency": "EUR",
        "total": "11.90",
        "lines": [line],
    }
    return Order.model_validate(known | changes)


def product(key: str) -> Ref:
    return Ref(entity="product", key=key)


def test_a_document_comes_back_from_its_bytes() -> None:
    """load(dump(x)) is x."""
    whole = order(customer=Ref(entity="customer", key="3"), note="王小明 🫖")

    assert load("order", dump(whole)) == whole


@pytest.mark.parametrize("other", ["11.9", "11.9000", Decimal("11.90"), Decimal("1.19E+1")])
def test_equal_amounts_make_equal_bytes(other: object) -> None:
    """However a number is spelled, an equal document has equal bytes."""
    assert dump(order(total=other)) == dump(order())


def test_amounts_keep_what_is_finer_than_a_cent() -> None:
    """Nothing is rounded on the way in."""
    assert order(total="0.123456").total == Decimal("0.123456")


@pytest.mark.parametrize(
    "bad", [1.5, "1,50", "1.234,50", "abc", "", True, "NaN", "1e9", Decimal("Infinity")]
)
def test_money_is_never_guessed(bad: object) -> None:
    """A float, a comma or a word is an error, not an amount."""
    with pytest.raises(ValidationError):
        order(total=bad)


def test_a_time_without_zone_is_an_error_unless_its_zone_is_known() -> None:
    """Naive times mean nothing by themselves."""
    with pytest.raises(ValidationError, match="time without zone"):
        order(placed_at="2026-03-01T10:00:00")


def test_times_are_utc() -> None:
    """One moment is one text."""
    assert b'"placed_at":"2026-03-01T09:00:00Z"' in dump(order())


def test_an_unknown_member_is_an_error() -> None:
    """What we have no field for goes to `custom`, knowingly."""
    with pytest.raises(ValidationError):
        order(colour="red")


def test_a_reference_names_the_right_entity() -> None:
    """A customer field cannot name a product."""
    with pytest.raises(ValidationError, match="names another entity"):
        order(customer=product("7"))


def test_refs_finds_every_reference_once() -> None:
    """What an order needs to be there before it."""
    twice = order(lines=[*order().lines, *order().lines], customer=Ref(entity="customer", key="3"))

    assert refs(twice) == (Ref(entity="customer", key="3"), product("7"))


def test_unexplained_is_what_lines_do_not_add_up_to() -> None:
    """The money guard counts lines, shipping and fees, tax included."""
    assert unexplained(order()) == 0
    assert unexplained(order(total="12.00")) == Decimal("0.10")


def test_a_lone_surrogate_is_no_text() -> None:
    """What cannot be stored as UTF-8 is refused here, not in the ledger."""
    with pytest.raises(ValidationError, match="half a character"):
        order(note="\ud83e")


def test_an_error_does_not_show_the_value() -> None:
    """Reasons carry codes; names and addresses stay where they are."""
    with pytest.raises(ValidationError) as caught:
        Customer.model_validate({"number": "1", "email": ["canary@example.test"]})

    assert "canary" not in str([e["msg"] for e in caught.value.errors(include_input=False)])


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_field_says_what_it_means(entity: str) -> None:
    """The exported schema documents each field, of the parts too."""
    schema = json.loads(json.dumps(json_schema(entity)))
    models = [schema, *schema.get("$defs", {}).values()]
    fields = [f for m in models if m.get("title") != "Ref" for f in m["properties"].values()]

    assert fields
    assert [f for f in fields if not f.get("description")] == []
