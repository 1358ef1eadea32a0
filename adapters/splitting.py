"""Cut a JSON list into the bytes of its elements, numbers untouched, and parse them exactly.

Most rows of a listing are known already: only what says so is parsed of them, the rest when it is
asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, TypedDict

import msgspec

from connector.errors import Truncated
from connector.values import FARTHEST, Broken, Payload, Tree


def _exact(text: str) -> Decimal:
    """A number as it stands; a few bytes must not become a text of a gigabyte."""
    with suppress(InvalidOperation):
        number = Decimal(text)
        if abs(number.adjusted()) <= FARTHEST:
            return number
    raise ValueError("a number beyond all measure")


_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_EXACT = msgspec.json.Decoder(float_hook=_exact)
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{},"]', re.DOTALL)


def elements(body: bytes) -> list[bytes]:
    """Cut a list. Raises Truncated if the body is none, ValueError if it cannot be cut."""
    try:
        return [bytes(raw) for raw in _LIST.decode(body)]
    except (msgspec.DecodeError, RecursionError):
        text = body.strip()
        if text[:1] != b"[" or text[-1:] != b"]":
            raise Truncated("the reply is not the list that was asked for") from None
        return _cut(text)


def parse(raw: bytes) -> object:
    """Parse JSON with Decimal for every number that is not whole. Raises ValueError."""
    try:
        return _EXACT.decode(raw)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def payload(raw: bytes) -> Payload | Broken:
    """Parse one element; Broken if it is no object."""
    try:
        found = parse(raw)
    except ValueError:
        return Broken(at="", code="unparseable", raw=raw)
    if not isinstance(found, Mapping):
        return Broken(at="", code="not_an_object", raw=raw)
    return found


class Sparse(Mapping[str, Tree]):
    """An object of which a few members are parsed; all of it, once it is asked for another."""

    __slots__ = ("_all", "_asked", "_few", "_raw")

    def __init__(self, few: Payload, asked: frozenset[str], raw: bytes) -> None:
        self._few, self._asked, self._raw = few, asked, raw
        self._all: Payload | None = None

    def __getitem__(self, name: str) -> Tree:
        try:
            return self._few[name]
        except KeyError:
            if name in self._asked:
                raise
        return self._whole()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._whole())

    def _whole(self) -> Payload:
        if self._all is None:
            found = payload(self._raw)
            self._all = {} if isinstance(found, Broken) else found
        return self._all


def partly(asked: frozenset[str]) -> Callable[[bytes], Payload | Broken]:
    """What parses of one element only what is *asked* at once; Broken if it is no object.

    What is wrong elsewhere in it shows when it is parsed whole.
    """
    if not asked:
        return payload
    names = frozenset(filter(str.isascii, asked))  # msgspec confuses the others of a TypedDict
    few = _few(names)

    def sparse(raw: bytes) -> Payload | Broken:
        try:
            return Sparse(few.decode(raw), names, raw)
        except (ValueError, RecursionError):
            return payload(raw)  # it says what is wrong

    return sparse


@cache
def _few(names: frozenset[str]) -> msgspec.json.Decoder[Payload]:
    """A decoder of those members alone: of what it skips no objects are made."""
    few: Any = TypedDict("few", dict.fromkeys(sorted(names), Any), total=False)  # type: ignore[misc]
    return msgspec.json.Decoder(few, float_hook=_exact)


def _cut(text: bytes) -> list[bytes]:
    """Cut by brackets and strings alone, so that one bad element spoils no other."""
    depth, begin, found = 0, 1, []
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark == b'"':
            raise ValueError("a string without end")
        depth += (mark in (b"[", b"{")) - (mark in (b"]", b"}"))
        if (mark == b"," and depth == 1) or (mark == b"]" and depth == 0):
            found.append(text[begin : token.start()].strip())
            begin = token.end()
    if depth != 0 or begin != len(text):
        raise ValueError("brackets do not match")
    return found
