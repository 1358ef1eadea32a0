"""Amounts: lines split by tax rate without losing a cent."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mapping.amounts import by_rate, cents, one_rate, rounded, summed, unit_net
from connector.mapping.faults import Fault

amounts = st.integers(-10_000_00, 10_000_00).map(lambda n: Decimal(n) / 100)


def line(net: Decimal, *taxes: tuple[str, str]) -> dict[str, object]:
    shares = [{"rate": Decimal(r), "tax": Decimal(t)} for r, t in taxes]
    return {"net": net, "tax": sum((Decimal(t) for _, t in taxes), Decimal(0)), "taxes": shares}


@given(net=amounts, first=amounts, second=amounts)
def test_no_cent_is_lost(net: Decimal, first: Decimal, second: Decimal) -> None:
    """Net and tax of the pieces are those of the line, whatever the source rounded."""
    whole = line(net, ("7", str(first)), ("19", str(second)))
    try:
        pieces = by_rate([whole])
    except Fault:
        assert first / 7 + second / 19 == 0
        return

    assert sum(p["net"] for p in pieces) == net
    assert sum(p["tax"] for p in pieces) == first + second


def test_a_fee_over_two_rates_becomes_a_piece_for_each() -> None:
    """A negative fee spread over 7 % and 19 %, as in real orders."""
    seven, nineteen = by_rate([line(Decimal("-3.00"), ("7", "-0.14"), ("19", "-0.19"))])

    assert (seven["net"], nineteen["net"]) == (Decimal("-2.00"), Decimal("-1.00"))
    assert (one_rate(seven), one_rate(nineteen)) == (7, 19)


def test_one_rate_refuses_two() -> None:
    """A line of two rates is never booked at one of them."""
    with pytest.raises(Fault, match="several_rates"):
        one_rate(line(Decimal(3), ("7", "0.14"), ("19", "0.19")))


def test_one_rate_ignores_shares_of_nothing() -> None:
    """A rate with no tax on it does not count beside one with tax; alone it does."""
    assert one_rate(line(Decimal(1), ("7", "0.00"), ("19", "0.19"))) == 19
    assert one_rate(line(Decimal(0), ("19", "0.00"))) == 19
    assert one_rate(line(Decimal(1))) == 0


def test_tax_without_rate_is_refused() -> None:
    """An amount of tax that names no rate cannot be booked."""
    with pytest.raises(Fault, match="no_rate"):
        one_rate({"net": 1, "tax": Decimal("0.19"), "taxes": ()})


def test_rounding_is_half_up() -> None:
    """Away from zero at the half, on both sides."""
    assert (rounded("0.125"), rounded("-0.125")) == (Decimal("0.13"), Decimal("-0.13"))


def test_a_unit_price_is_net_by_quantity() -> None:
    """A line without quantity counts as one; quantity zero has no price."""
    assert unit_net({"net": "10", "quantity": 3}) == Decimal("3.33333")
    assert unit_net({"net": "10"}, 2) == Decimal("10.00")
    with pytest.raises(Fault, match="no_quantity"):
        unit_net({"net": "10", "quantity": 0})


@given(nets=st.lists(st.tuples(amounts, st.integers(1, 12)), min_size=1), off=st.integers(-3, 3))
def test_rounding_makes_the_total_of_who_counts_anew(
    nets: list[tuple[Decimal, int]], off: int
) -> None:
    """With its charge the rounded lines add up to the total; more than a cent a line is none."""
    lines = [line(net, ("19", str(rounded(net * 19 / 100)))) | {"quantity": q} for net, q in nets]
    counted = Decimal(0)
    for net, quantity in nets:
        counted += rounded(rounded(net / quantity, 5) * quantity * 119 / 100)
    total = counted + Decimal(off) / 100

    charges = cents({"total": total, "lines": lines})
    if off == 0 or abs(off) > len(lines):
        assert charges == []
    else:
        assert counted + sum(c["net"] for c in charges) == total


def test_a_line_is_counted_with_its_tax_before_it_is_rounded() -> None:
    """As Dolibarr's calcul_price_total: 3 of 0.83333 are 2.67 with 7 %, though its net is 2.50."""
    one = line(Decimal("2.50"), ("7", "0.18")) | {"quantity": 3}
    assert cents({"total": Decimal("2.67"), "lines": [one]}) == []
    [charge] = cents({"total": Decimal("2.68"), "lines": [one]})
    assert charge["net"] == Decimal("0.01")


def test_a_line_that_cannot_be_counted_has_no_rounding() -> None:
    """It is told where the line is written."""
    two = line(Decimal(3), ("7", "0.14"), ("19", "0.19")) | {"quantity": 1}
    assert cents({"total": Decimal("3.34"), "lines": [two]}) == []


def test_a_sum_is_exact_and_forgives_no_misspelling() -> None:
    """Null counts nothing; a member that a row lacks is a fault, not a zero."""
    rows = [{"tax": "0.10"}, {"tax": Decimal("0.20")}, {"tax": None}]
    assert summed(rows, "tax") == Decimal("0.30")
    assert summed([], "tax") == 0
    with pytest.raises(Fault, match="no_member"):
        summed(rows, "taxx")
    with pytest.raises(Fault, match="wrong_type"):
        summed("0.10", "tax")
