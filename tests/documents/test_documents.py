"""Documents: exact, equal where their values are equal, and never showing a value in an error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from msgspec import structs
from pydantic import ValidationError

from connector.documents import (
    ENTITIES,
    Customer,
    Order,
    Product,
    Stock,
    document_of,
    dump,
    fields,
    json_schema,
    load,
    refs,
    stored,
    unexplained,
)
from connector.documents.fields import Part
from connector.documents.keeping import UNKEPT, kept, places_of
from connector.errors import FieldErrors
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
    return document_of(Order, known | changes)


def product(key: str) -> Ref:
    return Ref(entity="product", key=key)


def test_a_document_comes_back_from_its_bytes() -> None:
    """load(dump(x)) is x."""
    whole = order(customer=Ref(entity="customer", key="3"), note="王小明 🫖")

    assert load("order", dump(whole)) == whole


STORED = json.loads(dump(order(customer=Ref(entity="customer", key="3"), custom={"a": "b"})))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"colour": "red"}, "colour: extra_forbidden"),
        ({"total": None}, "total: missing"),
        ({"total": "much"}, "total: not_a_number"),
        ({"total": "NaN"}, "total: not_a_number"),
        ({"total": 11.25}, "total: not_a_number"),
        ({"currency": "Euro"}, "currency: not_a_code"),
        ({"customer": {"entity": "product", "key": "3"}}, "customer: wrong_reference"),
        ({"status": "new"}, "status: literal_error"),
        ({"placed_at": "2026-03-01T10:00:00"}, "placed_at: naive_time"),
        ({"number": ""}, "number: too_short"),
        ({"lines": [{**STORED["lines"][0], "key": None}]}, "lines.0.key: missing"),
        ({"lines": "none"}, "lines: tuple_type"),
        ({"customer": {"entity": "customer"}}, "customer.key: missing"),
    ],
)
def test_what_this_version_cannot_read_is_named(changes: dict[str, Any], fault: str) -> None:
    """A stored document of another shape is no document, and every reason is told."""
    stored = json.dumps({**STORED, **changes}).encode()
    with pytest.raises(FieldErrors) as caught:
        load("order", stored)

    told = {f"{one.field}: {one.code}" for one in caught.value.faults}
    assert told == {fault}


STRANGE: list[object] = [
    None, "", "x", 5, 11.25, True, [], {}, "11.9", "11.900", "0.001", "-0.00", "-0", "1e9", "NaN",
    "9" * 25, "9" * 25 + ".00", "eur", "de", "2026-03-01T10:00:00", "2026-03-01T10:00:00+01:00",
    {"entity": "product", "key": "3"}, {"entity": "customer", "key": ""},
]  # fmt: skip


def changed(tree: Any) -> Iterator[Any]:
    """*tree* with each of its members made something strange, or left out, one at a time."""
    for key in list(tree):
        rest = {k: v for k, v in tree.items() if k != key}
        yield rest
        yield from ({**rest, key: strange} for strange in STRANGE)
        below = tree[key][0] if isinstance(tree[key], list) else tree[key]
        for inner in changed(below) if isinstance(below, dict) else ():
            yield {**rest, key: [inner] if isinstance(tree[key], list) else inner}


def loaded(entity: str, stored: bytes) -> str:
    """The document in bytes, spelled out, or that it is none."""
    try:
        return repr(load(entity, stored))
    except FieldErrors:
        return "none"


def judged(entity: str, stored: bytes | str) -> str:
    """The same, by the judge alone."""
    try:
        return repr(document_of(ENTITIES[entity], json.loads(stored)))
    except ValidationError:
        return "none"


@pytest.mark.parametrize("entity", ENTITIES)
def test_whatever_is_stored_is_what_its_judge_makes_of_it(entity: str) -> None:
    """Loading is quick for what `dump` wrote, and no more lenient for what it did not."""
    tree = json.loads(dump(document_of(ENTITIES[entity], whole(ENTITIES[entity]))))
    ways = [json.dumps(one).encode() for one in (tree, *changed(tree))]
    made = [judged(entity, way) for way in ways]

    assert [loaded(entity, way) for way in ways] == made
    assert 0 < made.count("none") < len(made)


def test_what_this_process_made_is_not_looked_over_again(monkeypatch) -> None:
    """It vouches for the last ones; whatever else is stored is looked over as before."""
    monkeypatch.setattr(stored, "_VOUCHED", {})
    monkeypatch.setattr(stored, "MOST_VOUCHED", 2)
    made = [dump(structs.replace(order(), number=str(n))) for n in range(3)]
    for one in made:
        stored.vouch(one)
    looked: list[object] = []
    monkeypatch.setattr(stored, "is_unchanged", lambda doc: looked.append(doc) or True)
    documents = [stored.load.__wrapped__("order", one) for one in (*made, made[2] + b" ")]

    assert [document.number for document in documents] == ["0", "1", "2", "2"]
    assert looked == [documents[0], documents[3]]


PLACES = {entity: places_of(model, None) for entity, model in ENTITIES.items()}


def referring(tree: Any) -> Any:
    """*tree* with references as a mapping makes them."""
    if isinstance(tree, list):
        return [referring(one) for one in tree]
    if not isinstance(tree, dict):
        return tree
    if tree.keys() == {"entity", "key"} and all(isinstance(one, str) for one in tree.values()):
        return Ref(**tree)
    return {name: referring(one) for name, one in tree.items()}


def quickly(entity: str, data: Any) -> str:
    """The document that is made leaf by leaf, spelled out, or that it must be judged."""
    try:
        return repr(kept(ENTITIES[entity], PLACES[entity].take(data)))  # type: ignore[misc]
    except UNKEPT:
        return "judge it"


@pytest.mark.parametrize("entity", ENTITIES)
def test_whatever_is_kept_is_what_its_judge_makes_of_it(entity: str) -> None:
    """Keeping without pydantic is quick for the usual, and takes nothing that judging refuses."""
    tree = json.loads(dump(document_of(ENTITIES[entity], whole(ENTITIES[entity]))))
    ways = [tree, *changed(tree)]
    made = [(quickly(entity, referring(way)), judged(entity, json.dumps(way))) for way in ways]

    assert [one for one in made if one[0] not in ("judge it", one[1])] == []
    assert 0 < sum(one == "judge it" for one, _ in made) < len(made)


def test_what_is_no_json_is_no_document() -> None:
    """Bytes that were cut."""
    with pytest.raises(FieldErrors, match="not_json"):
        load("order", dump(order())[:-1])


def test_what_a_field_is_when_nothing_is_said_is_written() -> None:
    """So that a later version which says something else changes no document."""
    assert dump(Product()) == b'{"kind":"simple"}'
    assert dump(Stock()) == b'{"pieces":"1"}'


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_type_of_a_field_is_judged_and_stored(entity: str) -> None:
    """What pydantic makes of data comes back from its bytes, whole and empty parts alike."""
    data = whole(ENTITIES[entity])
    judged = document_of(ENTITIES[entity], data)

    assert data.keys() == {*judged.__struct_fields__}
    assert load(entity, dump(judged)) == judged
    assert document_of(ENTITIES[entity], json.loads(dump(judged))) == judged


SAMPLES: list[tuple[Any, object]] = [
    (fields.Text, "E-7 für Zoë"),
    (fields.Amount, "0.0000001"),
    (fields.Quantity, 12),
    (fields.Flag, "1"),
    (fields.Utc, "2026-03-01T10:00:00.5+01:00"),
    (fields.Currency, "eur"),
    (fields.Country, "de"),
    (fields.CustomerRef, {"entity": "customer", "key": "3"}),
    (fields.ProductRef, product("7")),
    (fields.OrderRef, {"entity": "order", "key": "42"}),
    (fields.InvoiceRef, {"entity": "invoice", "key": "42/invoice"}),
]


def whole(model: type[Part]) -> dict[str, Any]:
    """Data that say something of every field, as the types ask for it."""
    hints = get_type_hints(model, include_extras=True)
    return {name: value(hints[name]) for name in model.__struct_fields__}


def value(hint: Any) -> Any:
    """Data for one type."""
    if get_origin(hint) is tuple:
        return [value(get_args(hint)[0])]
    if isinstance(hint, type) and issubclass(hint, Part):
        return whole(hint)
    for kind, sample in SAMPLES:
        if get_args(kind)[1] in getattr(hint, "__metadata__", ()):
            return sample
    inner = get_args(hint)
    return {"a": "b"} if get_origin(hint) is dict else value(inner[0]) if inner else hint


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
    line, customer = order().lines[0], Ref(entity="customer", key="3")
    twice = structs.replace(order(), lines=(line, line), customer=customer)

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
        document_of(Customer, {"number": "1", "email": ["canary@example.test"]})

    assert "canary" not in str([e["msg"] for e in caught.value.errors(include_input=False)])


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_field_says_what_it_means(entity: str) -> None:
    """The exported schema documents each field, of the parts too."""
    schema = json.loads(json.dumps(json_schema(entity)))
    models = [schema, *schema.get("$defs", {}).values()]
    found = [f for m in models if m.get("title") != "Ref" for f in m["properties"].values()]

    assert found
    assert [f for f in found if not f.get("description")] == []
