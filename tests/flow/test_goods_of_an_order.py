"""The goods in an order, pure: what can be read of it counts, and half of it says nothing."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from connector.flow.taking import ref_key, salvaged
from connector.values import Ref

LINE = {"product": Ref(entity="product", key="7"), "sku": "SB-1", "quantity": "2"}


def lines(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def test_what_could_be_read_of_an_order_takes_its_goods() -> None:
    """By product and SKU, each where it is told."""
    bare = {"quantity": Decimal("1.5")}
    found = lines(salvaged({"lines": [LINE, bare, {"sku": "", "quantity": 1}]}))
    assert found == [["7", "SB-1", "2"], [None, None, "1.5"], [None, None, "1"]]


@pytest.mark.parametrize("told", [None, 5, {}, "", {"a": LINE}])
def test_where_no_lines_could_be_read_nothing_is_said(told: object) -> None:
    """Unknown is not nothing."""
    assert salvaged({"lines": told}) is None
    assert salvaged({}) is None


@pytest.mark.parametrize(
    "line", ["SB-1", None, {}, {"quantity": "two"}, {"quantity": "NaN"}, {"quantity": "Infinity"}]
)
def test_one_line_that_cannot_be_read_makes_all_unknown(line: object) -> None:
    """Else the shop would offer what it has sold."""
    assert salvaged({"lines": [LINE, line]}) is None


def test_only_a_reference_has_a_key() -> None:
    """A product that is named by anything else is known by its SKU alone."""
    assert ref_key(Ref(entity="product", key="7")) == "7"
    assert ref_key("7") is None
    assert ref_key(None) is None
