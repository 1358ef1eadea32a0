"""Documents as bytes: canonical JSON, its hash, and back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import cast

import msgspec
from pydantic import ValidationError

from connector.documents.catalog import Product
from connector.documents.fields import Document, Part
from connector.documents.party import Customer
from connector.documents.sales import Order, Refund
from connector.documents.stock import Stock
from connector.errors import FieldErrors, FieldFault
from connector.values import Ref

ENTITIES: dict[str, type[Document]] = {
    "order": Order, "customer": Customer, "product": Product, "stock": Stock,
    "refund": Refund,
}  # fmt: skip

_LEAVES = frozenset({str, Decimal, bool, datetime, dict, type(None)})
_encode = msgspec.json.Encoder(order="sorted").encode


def dump(document: Part) -> bytes:
    """Return canonical JSON: sorted, absent members left out, decimals as text; equal is equal."""
    return _encode(_plain(document))


@lru_cache(maxsize=256)  # a delivery reads each of its documents several times
def load(entity: str, stored: bytes) -> Document:
    """Return the document that `dump` stored; raises FieldErrors if this version cannot read it."""
    try:
        return ENTITIES[entity].model_validate(msgspec.json.decode(stored))
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
        faults = [(".".join(map(str, one["loc"])), one["type"]) for one in found]
    except msgspec.DecodeError:
        faults = [(entity, "not_json")]
    # Raised outside the handlers: pydantic's own message shows the values.
    raise FieldErrors(tuple(FieldFault(at, code, "read it again") for at, code in faults))


def refs(document: Document) -> tuple[Ref, ...]:
    """Return every reference inside, sorted, each once."""
    return tuple(sorted(set(_refs(document))))


def json_schema(entity: str) -> dict[str, object]:
    """Return the JSON Schema of a stored document."""
    return ENTITIES[entity].model_json_schema(mode="serialization")


def _plain(value: object) -> object:
    kind = type(value)
    if kind is str or kind is bool:
        return value
    if kind is Decimal:
        return format(cast("Decimal", value), "f")
    if kind is not datetime and kind is not tuple and isinstance(value, Part):
        members = value.__dict__.items()
        return {k: _plain(v) for k, v in members if v or (v is not None and v != () and v != {})}
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return _leaf(value)


def _leaf(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Ref):
        return {"entity": value.entity, "key": value.key}
    return value


def _refs(part: Part) -> Iterator[Ref]:
    for member in part.__dict__.values():
        if type(member) in _LEAVES:
            continue
        if isinstance(member, Ref):
            yield member
        elif isinstance(member, Part):
            yield from _refs(member)
        elif isinstance(member, tuple):
            for item in member:
                yield from _refs(item)
