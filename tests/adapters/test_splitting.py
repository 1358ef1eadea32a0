"""A page is cut into the bytes of its rows, exactly; one bad row spoils no other."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.splitting import _cut, elements, parse, partly, payload
from connector.errors import Truncated
from connector.values import Broken

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(JSON, max_size=5))
def test_cutting_by_brackets_agrees_with_the_parser(rows):
    """The tolerant knife cuts where the strict one does."""
    body = msgspec.json.encode(rows)

    assert [r for r in _cut(body) if r] == elements(body)


@pytest.mark.parametrize(
    "bad", [b'{"a": NaN}', b'{"a": 01}', b'{"a": "\\ud800"}', b'{"a": "\xff"}', b"{'a': 1}"]
)
def test_one_unparseable_row_is_broken_and_the_rest_stays(bad):
    """The page goes on."""
    rows = elements(b'[{"id": 1}, ' + bad + b', {"id": 3}]')

    assert [isinstance(payload(row), Broken) for row in rows] == [False, True, False]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"null", b"<html></html>", b'[{"id": 1}', b'Warning: x\n[{"id": 1}]']
)
def test_what_is_not_the_whole_list_is_truncated(body):
    """A page that ended early, or is another thing, moves no cursor."""
    with pytest.raises(Truncated):
        elements(body)


def test_brackets_that_do_not_match_cannot_be_cut():
    """The walk then asks for smaller pages."""
    with pytest.raises(ValueError, match="brackets"):
        elements(b'[{"a": [}, 1]')


def test_numbers_are_exact():
    """No float touches money."""
    assert parse(b'{"price": 0.1}') == {"price": Decimal("0.1")}
    assert isinstance(parse(b"1e-7"), Decimal)


@pytest.mark.parametrize(
    "number", [b"1e999999999", b"-1e-99999999", b"0.0e99999999", b"1e99999999999999999999"]
)
def test_a_number_that_fills_the_memory_once_it_is_written_out_is_broken(number):
    """A row of a few bytes; the largest that others compute with is a number still."""
    row = b'{"id": 1, "no": ' + number + b"}"

    assert (
        payload(row) == partly(frozenset({"no"}))(row) == Broken(at="", code="unparseable", raw=row)
    )
    assert parse(b"[1.7e308, 5e-324]") == [Decimal("1.7e308"), Decimal("5e-324")]


def test_nesting_without_end_is_broken():
    """A row that would kill the parser is told, not raised."""
    assert isinstance(payload(b'{"a":' * 100_000 + b"1" + b"}" * 100_000), Broken)


def test_a_row_nested_without_end_spoils_no_other():
    """The strict knife gives up over the whole list; the other one cuts the row off."""
    rows = elements(b'[{"id": 1}, ' + b"[" * 100_000 + b"]" * 100_000 + b', {"id": 2}]')

    assert [rows[0], rows[2]] == [b'{"id": 1}', b'{"id": 2}']
    assert payload(rows[1]) == Broken(at="", code="unparseable", raw=rows[1])


@given(st.dictionaries(st.text(), JSON, max_size=5), st.sets(st.text(), min_size=1, max_size=3))
def test_a_row_parsed_in_part_says_what_the_whole_says(row, more):
    """Whatever was asked for beforehand, and whatever is asked for later."""
    raw = msgspec.json.encode(row)
    asked = frozenset([*list(row)[:2], *more])
    part = partly(asked)(raw)

    assert dict(partly(asked)(raw)) == dict(part) == payload(raw)
    assert {n: part.get(n, "none") for n in asked} == {n: row.get(n, "none") for n in asked}


def test_of_a_row_parsed_in_part_numbers_are_exact():
    """A version may be a number with a fraction; no float comes of it."""
    part = partly(frozenset({"at"}))(b'{"id": 1, "at": 0.1, "more": [0.2]}')

    assert (part["at"], part["more"]) == (Decimal("0.1"), [Decimal("0.2")])


@pytest.mark.parametrize("bad", [b"[1]", b"null", b'{"id": nope}', b'{"id": 1', b"nope"])
def test_a_broken_row_is_broken_however_little_of_it_is_asked_for(bad):
    """Its code is that of the whole."""
    assert partly(frozenset({"id"}))(bad) == payload(bad)


def test_what_is_wrong_where_nobody_asked_leaves_the_row_its_key():
    """R15: it is held as unreadable under its key, once it is parsed whole."""
    raw = b'{"id": 7, "x": "\xff"}'
    part = partly(frozenset({"id"}))(raw)

    assert (part["id"], part.get("x"), isinstance(payload(raw), Broken)) == (7, None, True)
