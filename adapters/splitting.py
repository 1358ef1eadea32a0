"""Cut a JSON list into the bytes of its elements, numbers untouched, and parse them exactly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from connector.errors import Truncated
from connector.values import Broken, Payload

_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_EXACT = msgspec.json.Decoder(float_hook=Decimal)
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
