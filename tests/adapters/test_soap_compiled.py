"""What a compiled writer writes is what the general writer writes, fault by fault."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from lxml import etree

from adapters.soap import compiled as compiling
from adapters.soap import leaves
from adapters.soap.compiled import Messages, Prefixes, compiled
from adapters.soap.contract import Contract, Operation
from adapters.soap.shapes import Member
from adapters.soap.writer import Missing, envelope, escaped
from connector.errors import FieldErrors
from connector.places import mappings_folder

BERLIN = ZoneInfo("Europe/Berlin")
HERE = Path(__file__).parent
MISSING: tuple[Missing, ...] = ("omit", "nil", "empty")
ROUNDS = 60
LEAVES = (
    "17", "-3.50", "2026-11-10", "true", "Größe & <b>", "a\rb\x07", "東京", "x" * 300, "", None,
    17, True, Decimal("1E+2"), Decimal("2.505"), date(2026, 2, 28), 1.5,
    datetime(2026, 7, 1, 12, tzinfo=UTC), ["1", "2"], ["x"], [], [None],
    "item", "shipping", "EUR", "open",
)  # fmt: skip


def a_value(member: Member, rng: random.Random, depth: int) -> Any:
    """Something for a member: mostly what fits, sometimes what does not."""
    if member.shape.form is not None or not member.shape.members:
        return rng.choice(LEAVES)
    odd = rng.random()
    if odd < 0.04:
        return rng.choice(["text", None, [], {"NoSuchField": "1"}, {"@at": "1"}])
    if member.many or odd < 0.08:
        return [a_tree(member, rng, depth) for _ in range(rng.randint(0, 3))]
    return a_tree(member, rng, depth)


def a_tree(member: Member, rng: random.Random, depth: int) -> dict[str, Any]:
    """Some of the members of a type, in whatever order."""
    names = list(member.shape.members)
    rng.shuffle(names)
    chosen = names[: rng.randint(0, len(names))] if depth else []
    tree = {name: a_value(member.shape.members[name], rng, depth - 1) for name in chosen}
    if rng.random() < 0.03:
        tree[rng.choice(["Unknown", "@code", "$type", "$any"])] = rng.choice(LEAVES)
    return tree


def operations(wsdl: Path) -> list[Operation]:
    """Those that are compiled."""
    contract = Contract(wsdl)
    found = [contract.operation(name) for name in contract._binding._operations]
    return [one for one in found if compiled(one, missing="omit", zone=BERLIN) is not None]


FOUND = [*mappings_folder().glob("*/wsdl/*.wsdl"), *HERE.glob("*.wsdl")]
CONTRACTS = sorted(path for path in FOUND if operations(path))


def canonical(raw: bytes) -> Any:
    """Everything that a message says, without its prefixes."""

    def plain(e: Any) -> Any:
        return (e.tag, sorted(e.attrib.items()), e.text or "", [plain(c) for c in e])

    return plain(etree.fromstring(raw))


def outcome(write: Any) -> Any:
    """The message, or every fault."""
    try:
        return canonical(write())
    except FieldErrors as error:
        return [(fault.field, fault.code, fault.cure) for fault in error.faults]


@pytest.mark.parametrize("wsdl", CONTRACTS, ids=lambda path: path.name)
def test_whatever_is_written_both_writers_write_the_same(wsdl: Path) -> None:
    """Plain or odd, right or wrong: one message, or the same faults."""
    rng = random.Random(wsdl.name)
    messages = Messages(BERLIN)
    for operation in operations(wsdl):
        for turn in range(ROUNDS):
            missing, args = MISSING[turn % 3], a_tree(operation.sent, rng, 5)
            ours = outcome(lambda: messages.write(operation, args, missing))  # noqa: B023
            theirs = outcome(lambda: envelope(operation, args, missing=missing, zone=BERLIN))  # noqa: B023
            assert ours == theirs, (operation.name, missing, args)


def leaves_of(member: Member, depth: int = 6) -> Iterator[tuple[Any, Member]]:
    """Every leaf below a member, with what puts a value there."""
    if member.shape.form is not None:
        yield (lambda value: value), member
        return
    for name, below in member.shape.members.items() if depth else ():
        for put, leaf in leaves_of(below, depth - 1):
            yield (lambda value, name=name, put=put: {name: put(value)}), leaf


@pytest.mark.parametrize("wsdl", CONTRACTS, ids=lambda path: path.name)
def test_a_facet_is_kept_at_its_very_bound(wsdl: Path) -> None:
    """One character or digit more than the schema allows is told, by both, and not sent."""
    messages, refused = Messages(BERLIN), 0
    for operation in operations(wsdl):
        for put, leaf in leaves_of(operation.sent):
            most = leaf.shape.bounds.most if leaf.shape.bounds else {}
            edges = {most.get("maxLength", 1), most.get("totalDigits", 18), 18}
            values = ["noword", "EU", "EUR", "EURO", "eur", "E\x07UR", "\x07", "\x07" * 9, "e&u"]
            values += ["x" * (leaf.shape.bounds.least - 1) if leaf.shape.bounds else ""]
            for size in sorted(edges | {n + 1 for n in edges}):
                values += ["9" * size, "-" + "9" * size, "9." + "9" * size]
            values += [f"{'9' * n}.{'9' * k}" for n in (9, 10, 11, 12, 13) for k in (1, 2, 3, 4, 5)]
            for value in values:
                args = put(value)
                ours = outcome(lambda: messages.write(operation, args, "omit"))  # noqa: B023
                theirs = outcome(
                    lambda: envelope(operation, args, missing="omit", zone=BERLIN)  # noqa: B023
                )
                assert ours == theirs, (operation.name, args)
                refused += isinstance(theirs, list)
    assert refused


def test_no_character_slips_through_the_quick_look() -> None:
    """What is written as it stands is what the general writer makes of it, sign by sign."""
    plain = eval(f"lambda x: {compiling._PLAIN}")
    passed = [sign for sign in map(chr, range(0x110000)) if plain(sign)]
    assert len(passed) > 100_000
    assert all(escaped(leaves.text(sign, BERLIN)) == sign for sign in passed)


def test_an_order_needs_only_the_straight_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would be no faster; the general writer is not even asked."""
    operation = Contract(mappings_folder() / "sandbox_erp/wsdl/erp.wsdl").operation(
        "CreateSalesOrder"
    )
    line = {
        "Kind": "item", "ItemNo": "I-1", "Description": "Größe <7>", "Quantity": "2",
        "NetAmount": "19.98", "TaxAmount": "3.80", "Tax": [{"Rate": "19", "Amount": "3.80"}],
    }  # fmt: skip
    order = {
        "ExternalRef": "r-1", "ShopNumber": "17", "CustomerNo": "C-1", "OrderDate": "2026-11-10",
        "Currency": "EUR", "Status": "open", "BillTo": {"Name": "Ada & Co"},
        "Lines": {"Line": [line] * 3},
    }  # fmt: skip
    expected = canonical(envelope(operation, {"Order": order}, missing="omit", zone=BERLIN))

    def refuse(*_: object, **__: object) -> bytes:
        raise AssertionError("the general writer was asked")

    monkeypatch.setattr(compiling, "envelope", refuse)
    assert canonical(Messages(BERLIN).write(operation, {"Order": order}, "omit")) == expected


def test_a_type_that_holds_itself_is_compiled_once() -> None:
    """Compiling goes no deeper than a message does."""
    contract = Contract(HERE / "dialects.wsdl")
    args = {"Company": {"Name": "a", "Parent": {"Name": "b", "Parent": {"Name": "c"}}}}
    operation = contract.operation("Save")
    ours = Messages(BERLIN).write(operation, args, "omit")
    assert canonical(ours) == canonical(envelope(operation, args, missing="omit", zone=BERLIN))


def test_a_name_that_is_no_name_never_becomes_code() -> None:
    """A contract is a file from elsewhere."""
    operation = Contract(HERE / "dialects.wsdl").operation("Save")
    odd = replace(operation.sent, name="x')+print('owned")
    assert compiled(replace(operation, sent=odd), missing="omit", zone=BERLIN) is None
    member = operation.sent.shape.members["Company"]
    operation.sent.shape.members["Company"] = replace(member, name="x')+print('owned")  # type: ignore[index]
    assert compiled(operation, missing="omit", zone=BERLIN) is None


class Slow(dict[str, str]):
    """Says its count only when a second thread has counted as well, or none comes."""

    def __init__(self) -> None:
        super().__init__()
        self.both = Barrier(2)

    def __len__(self) -> int:
        count = super().__len__()
        with suppress(BrokenBarrierError):
            self.both.wait(1)
        return count


def test_two_threads_give_no_prefix_to_two_namespaces() -> None:
    """The elements of one would stand in the namespace of the other."""
    prefixes = Prefixes()
    prefixes.given = Slow()
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(prefixes.of, ["urn:a", "urn:b"])

    assert first != second


def test_a_part_that_is_compiled_while_another_thread_writes_disturbs_it_not() -> None:
    """The prefixes that a message is written with do not change under it."""
    prefixes = Prefixes()
    prefixes.of("urn:a")
    for name in prefixes.given:
        prefixes.of(f"{name}:more")

    assert len(prefixes.given) == 2
