"""The head of an HTTP/1.1 message: ours written, a plain one of theirs read.

`plain` reads only the form that servers use nearly always; all else it refuses, for a library.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct

Origin = tuple[str, str, int | None]
MOST_HEAD = 1 << 16
USUAL = {"Accept-Encoding": "gzip", "User-Agent": "connector"}
_BODILESS = frozenset({"GET", "HEAD", "DELETE", "TRACE", "OPTIONS", "CONNECT"})
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TARGET = re.compile(r"[\x21-\x7e]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_PLAIN = re.compile(
    r"HTTP/1\.1 ([2-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?"
    rf"((?:\r\n{_TOKEN.pattern}:{_VALUE.pattern})*+)"
)
_LENGTH = re.compile(r"[0-9]{1,15}")


class Head(Struct, frozen=True, kw_only=True):
    """What a plain reply says before its body, and how long that is."""

    status: int
    headers: Mapping[str, str]
    length: int


def written(
    method: str, origin: Origin, target: str, headers: Mapping[str, str], body: bytes | None
) -> bytes:
    """Write a request's head. Raises ValueError for what would not stay in its line."""
    lines = _lines(method, origin, target, tuple(headers.items()))
    if body is None and method in _BODILESS:
        return lines + b"\r\n"
    return b"%bContent-Length: %d\r\n\r\n" % (lines, len(body or b""))


@lru_cache(maxsize=64)  # a connection says nearly the same at every call
def _lines(method: str, origin: Origin, target: str, headers: tuple[tuple[str, str], ...]) -> bytes:
    if not _TOKEN.fullmatch(method) or not _TARGET.fullmatch(target):
        raise ValueError("request line")
    lines = [f"{method} {target} HTTP/1.1"]
    for name, value in {"Host": host(*origin), **USUAL, **dict(headers)}.items():
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError("header")
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, ""]).encode("latin-1")


def host(scheme: str, name: str, port: int | None) -> str:
    """Write the Host of an origin. Raises ValueError for a name that has no form on the wire."""
    plain = f"[{name}]" if ":" in name else name
    if not plain.isascii():
        plain = plain.encode("idna").decode()
    usual = {"http": 80, "https": 443}.get(scheme)
    return plain if port is None or port == usual else f"{plain}:{port}"


def plain(method: str, head: bytes) -> Head | None:
    """Read a head without its blank line; None unless the body's length and end are beyond doubt.

    So packed, chunked and closing replies are refused, and those that have no body.
    """
    found = _PLAIN.fullmatch(head.decode("latin-1"))
    if found is None:
        return None
    status, lines = found.groups()
    headers: dict[str, str] = {}
    for line in lines.split("\r\n")[1:]:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip(" \t")
        between = "\n" if name == "set-cookie" else ", "  # a cookie may hold a comma
        headers[name] = f"{headers[name]}{between}{value}" if name in headers else value
    length = headers.get("content-length", "")
    bodiless = status in ("204", "304") or method == "HEAD"
    odd = "transfer-encoding" in headers or "content-encoding" in headers
    stays = headers.get("connection", "keep-alive").lower() == "keep-alive"
    if bodiless or odd or not stays or not _LENGTH.fullmatch(length):
        return None
    return Head(status=int(status), headers=headers, length=int(length))
