"""How the ledger keeps payload trees: canonical JSON, numbers exact, equal trees equal bytes."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import cast

import msgspec

from connector.values import Payload, Tree

_encode = msgspec.json.Encoder(decimal_format="number", order="deterministic").encode
_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_AS_IT_IS = frozenset({str, int, bool, type(None)})


def _is_plain(tree: object) -> bool:
    """Is it made of what JSON has itself? Nearly all is; to look costs less than to make anew."""
    kind = type(tree)
    if kind is dict:
        for key, value in cast("dict[object, object]", tree).items():
            if type(key) is not str or not (type(value) in _AS_IT_IS or _is_plain(value)):
                return False
        return True
    if kind is list:
        for value in cast("list[object]", tree):
            if not (type(value) in _AS_IT_IS or _is_plain(value)):
                return False
        return True
    return kind in _AS_IT_IS


def _plain(tree: object) -> object:
    """Give every leaf its one JSON form: times UTC with Z, Decimals without exponent."""
    kind = type(tree)
    if kind in _AS_IT_IS:
        return tree
    if kind is dict:
        members = cast("dict[object, object]", tree).items()
        return {str(k): v if type(v) in _AS_IT_IS else _plain(v) for k, v in members}
    if kind is list:
        return [_plain(v) for v in cast("list[object]", tree)]
    return _seldom(tree)


def _seldom(tree: object) -> object:
    match tree:
        case str() | int():
            return tree
        case Decimal():
            return Decimal(format(tree, "f"))
        case datetime():
            return tree.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return tree.isoformat()
        case Mapping():
            return {str(k): _plain(v) for k, v in tree.items()}
        case Sequence():
            return [_plain(v) for v in tree]
        case _:
            raise TypeError(f"{type(tree).__name__} cannot stand in a payload")


def pack(tree: Tree) -> bytes:
    """Turn a payload tree into canonical JSON bytes; raises TypeError for a float."""
    return _encode(tree if _is_plain(tree) else _plain(tree))


def unpack(data: bytes) -> Payload:
    """Turn stored bytes back into a tree; numbers with a fraction are Decimals."""
    return cast("Payload", _decode(data))


def digest(data: bytes) -> str:
    """A short, stable fingerprint of bytes (blake2b, 128 bit, hex)."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


# ── what is no longer kept in words ─────────────────────────────────────────────────────────────

BLIND = b'{"#salt"'  # how a blind base begins
_SALT = "#salt"


def blind(base: bytes) -> bytes:
    """A base whose fields are digests: whether a value is the agreed one can still be told."""
    if base.startswith(BLIND):
        return base
    salt = secrets.token_hex(16)
    return pack({_SALT: salt, **{f: _mac(salt, v) for f, v in unpack(base).items()}})


def is_agreed(base: Payload, field: str, value: Tree) -> bool:
    """Does *base* hold *value* for *field*, in words or as a digest?"""
    if field not in base:
        return False
    salt = base.get(_SALT)
    return base[field] == value or (salt is not None and base[field] == _mac(str(salt), value))


def _mac(salt: str, value: Tree) -> str:
    keyed = hashlib.blake2b(pack({"v": value}), digest_size=16, key=salt.encode())
    return f"#{keyed.hexdigest()}"
