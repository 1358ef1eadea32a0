"""The allow-list of filters and tests; each takes a value that is there and plain constants."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from connector.mapping.amounts import (
    by_rate,
    cents,
    dec,
    members,
    negate,
    number,
    one_rate,
    own,
    rounded,
    summed,
    unit_net,
)
from connector.mapping.faults import Fault
from connector.values import Ref

_MOST_SEARCHED = 2000
_NESTED_REPEAT = re.compile(r"\((?:[^()\\]|\\.)*(?<!\\)[+*}](?:[^()\\]|\\.)*\)[+*{]")


def text(value: Any) -> str:
    """Return *value* as it stands in texts and tables: decimals plain, flags as true and false."""
    kind = type(value)
    if kind is str:
        spelled: str = value
        return spelled
    if kind is int:
        return str(value)
    return _spelled(value)


def _spelled(value: object) -> str:
    value = own(value)
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, (int, date)):
        return str(value)
    raise Fault("not_text", "take a member of it, or `| lines`")


def ref(value: object, entity: str) -> Ref | None:
    """Return a typed reference to the record with this key."""
    key = text(value)
    return Ref(entity=entity, key=key) if key else None


def part(value: object, between: object, place: object) -> str | None:
    """Return one part of a text, counted from 0, or from -1 at its end; null if there is none."""
    parts, wanted = text(value).split(text(between)), int(number(place))
    return parts[wanted] if -len(parts) <= wanted < len(parts) else None


def lines(value: object) -> str:
    """Join the non-blank parts, one a line."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise Fault("wrong_type", "give it a list: [a, b] | lines")
    return "\n".join(part for part in (text(v).strip() for v in value) if part)


def join(value: object, rows: object, keys: str, take: str) -> list[dict[str, Any]]:
    """Give each element *take* members of itself or, where it has none such, of its row.

    *keys* is `member=member of the row`; elements with a blank taken member are left out.
    """
    left, right, taken = _pairs(keys, take)
    index: dict[str, Mapping[str, Any]] = {}
    for one in _list(rows):
        of = one if type(one) is dict else members(one)
        index[text(of.get(right))] = of
    joined = []
    for one in _list(value):
        element = one if type(one) is dict else members(one)
        row = index.get(text(element.get(left)))
        if row is None:
            if any(element.get(source) in ("", None) for _, source in taken if source in element):
                continue
            raise Fault("no_match", f"no row has the `{right}` of this element's `{left}`")
        made: dict[str, Any] = {}
        for name, source in taken:
            one = element[source] if source in element else row.get(source)
            if one is None or one == "":
                break
            made[name] = one
        else:
            joined.append(made)
    return joined


@lru_cache(maxsize=256)
def _pairs(keys: str, take: str) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """What the two texts of `join` say: the members that are equal, and (name, member) taken."""
    left, right = keys.split("=")
    pairs = (pair.strip().split("=") for pair in take.split(","))
    return left, right, tuple((name, source) for name, source in pairs)


def where(value: object, name: str, wanted: object) -> list[Mapping[str, Any]]:
    """Keep the rows whose member *name* is *wanted*."""
    asked = own(wanted)
    return [row for row in map(members, _list(value)) if own(row.get(name)) == asked]


def _list(value: object) -> Sequence[Any]:
    if value is None:
        return ()
    if type(value) is list:
        return value
    if isinstance(value, Sequence) and not isinstance(value, str):
        return value
    raise Fault("wrong_type", "give it a list")


def cut(value: object, length: object) -> str:
    """Keep the first *length* characters."""
    return text(value)[: int(number(length))].rstrip()


def cut_at(length: int) -> Callable[[object], str]:
    """Return `cut` with its length worked out."""
    return lambda value: text(value)[:length].rstrip()


def bmp(value: object) -> str:
    """Drop the characters above U+FFFF, which three-byte systems refuse."""
    return "".join(c for c in text(value) if c <= "\uffff")


def _quoted(value: object) -> str:
    return "'" + text(value).replace("'", "''") + "'"


def unsafe_pattern(pattern: str) -> str | None:
    """Say why a pattern may not be searched for, or None."""
    try:
        re.compile(pattern)
    except re.error as error:
        return f"is no regular expression: {error.msg}"
    return "repeats a repetition" if _NESTED_REPEAT.search(pattern) else None


def search(value: object, pattern: str) -> bool:
    """Say whether the pattern occurs in the first 2 000 characters."""
    return re.search(pattern, text(value)[:_MOST_SEARCHED]) is not None


FILTERS: Mapping[str, Callable[..., Any]] = {
    "bmp": bmp,
    "by_rate": by_rate,
    "cents": cents,
    "cut": cut,
    "dec": dec,
    "join": join,
    "lines": lines,
    "lower": lambda v: text(v).lower(),
    "money": rounded,
    "nav_quote": _quoted,
    "negate": negate,
    "one_rate": one_rate,
    "part": part,
    "ref": ref,
    "replace": lambda v, old, new: text(v).replace(text(old), text(new)),
    "sql_quote": _quoted,
    "sum": summed,
    "unescape": lambda v: html.unescape(text(v)),
    "unit_net": unit_net,
    "upper": lambda v: text(v).upper(),
    "where": where,
    "zfill": lambda v, width: text(v).zfill(int(number(width))),
}
# These need more than a value: the names, or the value's absence.
SPECIAL = frozenset({"default", "table", "table_back", "there"})
TESTS: Mapping[str, Callable[..., bool]] = {"none": lambda v: v is None, "search": search}
