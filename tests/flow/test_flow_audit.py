"""The comparer of an audit: what it must find, what it must excuse, what it must leave alone."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connector.flow.audit import Entry, audit


def entry(reference: str = "S-1", total: str = "10.00", **more: object) -> Entry:
    given = {"number": reference, "currency": "EUR", "status": "paid", **more}
    return Entry(reference=reference, total=Decimal(total), **given)


def kinds(*args: object, **more: object) -> list[str]:
    return [f.kind for f in audit(*args, **more).findings]


def test_equal_sides_are_clean_to_the_cent() -> None:
    """Nothing is found where every order stands there once with its total and status."""
    result = audit([entry("a"), entry("b")], [entry("b"), entry("a")])
    assert result.clean
    assert (result.checked, result.matched, result.difference) == (2, 2, Decimal("0.00"))


@pytest.mark.parametrize(
    ("theirs", "kind"),
    [
        ([], "lost"),
        ([entry(number="E1"), entry(number="E2")], "doubled"),
        ([entry(total="10.01")], "different_total"),
        ([entry(currency="CHF")], "different_total"),
        ([entry(status="open")], "stale"),
        ([entry(differing=("Note",))], "stale"),
        ([entry(), entry("other")], "stray"),
    ],
)
def test_each_kind_of_wrong_is_found(theirs: list[Entry], kind: str) -> None:
    """Lost, doubled, another total, old content, and what belongs to no order of the shop."""
    assert kinds([entry()], theirs) == [kind]


def test_a_double_names_both_documents() -> None:
    """So that a person knows which two to look at."""
    [found] = audit([entry()], [entry(number="E1"), entry(number="E2")]).findings
    assert found.there == ("E1", "E2")


def test_a_difference_inside_the_tolerance_is_summed_and_not_a_finding() -> None:
    """Cents of rounding are no finding, and are not hidden either."""
    result = audit([entry()], [entry(total="9.97")], tolerance=Decimal("0.05"))
    assert result.clean
    assert result.difference == Decimal("0.03")


@pytest.mark.parametrize("theirs", [[], [entry(total="99.00")], [entry(status="open")]])
def test_what_is_held_with_a_reason_is_listed_apart(theirs: list[Entry]) -> None:
    """A held order is no loss: it is counted under its reason."""
    result = audit([entry()], theirs, excuses={"S-1": "held: rule"})
    assert result.clean
    assert result.excused == {"held: rule": 1}


def test_nothing_excuses_a_double() -> None:
    """A document that is there twice is wrong whatever the ledger says."""
    assert kinds([entry()], [entry(), entry()], excuses={"S-1": "held: rule"}) == ["doubled"]


def test_an_excuse_for_an_order_that_is_right_is_not_counted() -> None:
    """What stands there as it should needs none."""
    assert audit([entry()], [entry()], excuses={"S-1": "held: rule"}).excused == {}


def test_what_a_side_does_not_tell_is_not_compared() -> None:
    """An ERP that shows no total and no status still proves presence."""
    silent = Entry(reference="S-1", number="E1")
    assert audit([entry()], [silent]).clean
