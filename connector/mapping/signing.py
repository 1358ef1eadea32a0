"""Filters that sign and digest: what systems with keys of their own ask of a call."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any

from connector.mapping.filters import text


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else text(value).encode()


def _hmac(name: str) -> Callable[[object, object], bytes]:
    def sign(value: object, key: object) -> bytes:
        return hmac.new(_bytes(key), _bytes(value), name).digest()

    return sign


def _digest(name: str) -> Callable[[object], bytes]:
    def digest(value: object) -> bytes:
        return hashlib.new(name, _bytes(value), usedforsecurity=False).digest()

    return digest


def _hexadecimal(value: object) -> str:
    return _bytes(value).hex()


# What signs or digests gives bytes: `| b64` or `| hex` makes text of them.
SIGNING: Mapping[str, Callable[..., Any]] = {
    "b64": lambda v: base64.b64encode(_bytes(v)).decode("ascii"),
    "hex": _hexadecimal,
    "hmac_sha1": _hmac("sha1"),
    "hmac_sha256": _hmac("sha256"),
    "hmac_sha512": _hmac("sha512"),
    "md5": _digest("md5"),
    "sha1": _digest("sha1"),
    "sha256": _digest("sha256"),
    "sha512": _digest("sha512"),
}
