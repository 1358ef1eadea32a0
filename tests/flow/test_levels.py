"""How much may be offered: exact, whole pieces, never more than there is."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.documents import Stock, document_of
from connector.errors import FieldErrors
from connector.flow.levels import StockRules, measured, offer


def stock(*levels, **fields):
    """An article with these levels: (warehouse, on hand, reserved, available)."""
    names = ("warehouse", "on_hand", "reserved", "available")
    made = [dict(zip(names, level, strict=True)) for level in levels]
    return document_of(Stock, {"sku": "A", "levels": made, **fields})


@pytest.mark.parametrize(
    ("pieces", "sold", "rules", "level"),
    [
        ("10", "0", {}, 10),
        ("10", "3", {"buffer": 2}, 5),
        ("10", "12", {}, 0),
        ("10", "12", {"min": 1}, 1),
        ("10", "0", {"max": 4}, 4),
        ("10", "1", {"percent": Decimal(50)}, 4),
        ("2.9", "0", {}, 2),
        ("-3", "0", {}, 0),
        ("0.3", "0.1", {"percent": Decimal("33.3")}, 0),
    ],
)
def test_a_level_is(pieces, sold, rules, level):
    """Measure, less what is sold, less the buffer; the share of it, whole pieces, within bounds."""
    assert offer(Decimal(pieces), Decimal(sold), StockRules(**rules)) == level


@given(st.decimals(0, 10**6, places=3), st.decimals(0, 10**6, places=3), st.integers(0, 1000))
def test_never_is_more_offered_than_is_left(pieces, sold, buffer):
    """Whatever the numbers are."""
    level = offer(pieces, sold, StockRules(buffer=buffer))
    assert level == 0 or level <= pieces - sold - buffer


def test_a_box_of_twelve_is_twelve_pieces():
    """The ERP counts boxes, the shop sells pieces."""
    assert measured(stock(("m", "2.5", "0", "2.5"), pieces="12"), StockRules()) == 30


def test_only_the_warehouses_named_are_offered():
    """What lies elsewhere is not sold here."""
    doc = stock(("m", "5", "0", "5"), ("x", "7", "0", "7"))
    assert measured(doc, StockRules(warehouses=("m",))) == 5
    assert measured(doc, StockRules()) == 12


def test_what_is_available_is_on_hand_less_reserved_where_the_source_does_not_say():
    """And nothing is guessed where neither is told."""
    assert measured(stock(("m", "5", "2", None)), StockRules()) == 3
    with pytest.raises(FieldErrors, match=r"levels\.available"):
        measured(stock(("m", None, "2", None)), StockRules())
    with pytest.raises(FieldErrors, match=r"levels\.on_hand"):
        measured(stock(("m", None, None, "5")), StockRules(measure="on_hand"))
