"""Payloads are kept exactly: equal trees are equal bytes, and numbers stay what they were."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.ledger.content import digest, pack, unpack

AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, places=4, max_value=10**15)
LEAVES = st.none() | st.booleans() | st.integers() | st.text() | AMOUNTS
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)
BRIEFLY = settings(max_examples=50, deadline=None)


@BRIEFLY
@given(st.dictionaries(st.text(), TREES))
def test_what_is_packed_is_unpacked(tree):
    """Whatever stands in it, to the last digit."""
    assert unpack(pack(tree)) == tree


@BRIEFLY
@given(st.dictionaries(st.text() | st.integers() | st.booleans(), TREES))
def test_a_tree_that_needs_no_form_of_its_own_is_packed_as_any_other(tree):
    """Looking first whether it is plain JSON already changes no byte."""
    assert pack(tree) == pack(MappingProxyType(tree))


@BRIEFLY
@given(AMOUNTS)
def test_an_amount_keeps_its_digits(amount):
    """Trailing zeros too: 11.90 is no 11.9 where a system compares texts."""
    back = unpack(pack({"amount": amount}))["amount"]

    assert isinstance(back, Decimal)
    assert str(back) == format(amount, "f")


@pytest.mark.parametrize(("one", "other"), [("1E+3", "1000"), ("1E-7", "0.0000001")])
def test_an_amount_has_one_form(one, other):
    """However it was written, equal digits are equal bytes."""
    assert pack({"a": Decimal(one)}) == pack({"a": Decimal(other)})


@pytest.mark.parametrize("tree", [0.1, {"a": [1, {"b": 0.5}]}])
def test_a_float_is_refused_wherever_it_stands(tree):
    """No float touches money, from the first line on."""
    with pytest.raises(TypeError, match="float"):
        pack(tree)


def test_a_time_is_kept_in_utc():
    """The same moment in another zone is the same bytes."""
    berlin = timezone(timedelta(hours=1))
    here, there = datetime(2026, 11, 23, 9, tzinfo=berlin), datetime(2026, 11, 23, 8, tzinfo=UTC)

    assert pack({"at": here}) == pack({"at": there}) == b'{"at":"2026-11-23T08:00:00Z"}'
    assert pack({"on": date(2026, 11, 23)}) == b'{"on":"2026-11-23"}'


def test_the_order_of_members_makes_no_difference():
    """A shop that sends its fields in another order has changed nothing."""
    assert pack({"b": 1, "a": {"d": 2, "c": 3}}) == pack({"a": {"c": 3, "d": 2}, "b": 1})
    assert pack([1, 2]) != pack([2, 1])


def test_a_digest_is_short_and_stable():
    """It is kept for years and compared across versions of this program."""
    assert digest(b"order") == digest(b"order") != digest(b"Order")
    assert digest(b"") == "cae66941d9efbd404e4d88758ea67670"


def test_what_is_no_json_is_a_value_error():
    """Whoever unpacks foreign bytes can tell."""
    with pytest.raises(ValueError, match=r"."):
        unpack(b"\xff")
