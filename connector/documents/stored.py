"""Documents as bytes: canonical JSON, its hash, and back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from functools import cache, lru_cache
from typing import get_args, get_type_hints

import msgspec
from msgspec import structs
from pydantic import ValidationError

from connector.documents.catalog import Product
from connector.documents.fields import Document, Part
from connector.documents.finance import Invoice, OrderPayment
from connector.documents.judging import document_of, form_of
from connector.documents.keeping import UNKEPT
from connector.documents.party import Customer
from connector.documents.sales import Order, Refund
from connector.documents.stock import Stock
from connector.documents.unchanged import is_unchanged
from connector.errors import FieldErrors, FieldFault
from connector.values import Ref

ENTITIES: dict[str, type[Document]] = {
    "order": Order, "customer": Customer, "product": Product, "stock": Stock,
    "refund": Refund, "invoice": Invoice, "payment": OrderPayment,
}  # fmt: skip

_encode = msgspec.json.Encoder(order="sorted").encode
_NUMBER = re.compile(rb'":\s*-?\d').search  # numbers are kept as text; a JSON number may be a float
_VOUCHED: dict[int, None] = {}  # oldest first
MOST_VOUCHED = 4000
_DECODERS = {name: msgspec.json.Decoder(model) for name, model in ENTITIES.items()}


def dump(document: Part) -> bytes:
    """Return canonical JSON: sorted, absent members left out, decimals as text; equal is equal."""
    data: bytes = _encode(document)
    # A very small number is spelled with an exponent; it is rare, and so is its look in a text.
    return data if b"E-" not in data and b"E+" not in data else _encode(_spelled(document))


def vouch(stored: bytes) -> None:
    """Say that *stored* is what `dump` made of a judged document: it need not be judged again.

    The process remembers that of the last ones.
    """
    _VOUCHED[hash(stored)] = None
    while len(_VOUCHED) > MOST_VOUCHED:
        with suppress(KeyError, RuntimeError, StopIteration):  # another thread was first
            del _VOUCHED[next(iter(_VOUCHED))]


@lru_cache(maxsize=256)  # a delivery reads each of its documents several times
def load(entity: str, stored: bytes) -> Document:
    """Return the document that `dump` stored; raises FieldErrors if this version cannot read it.

    What `dump` wrote is decoded by its types and, where nobody vouched for it, looked over;
    anything else is judged like data.
    """
    with suppress(msgspec.DecodeError, *UNKEPT):
        document = _DECODERS[entity].decode(stored)
        if hash(stored) in _VOUCHED or (not _NUMBER(stored) and is_unchanged(document)):
            return document
    try:
        return document_of(ENTITIES[entity], msgspec.json.decode(stored))
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
    return form_of(ENTITIES[entity]).model_json_schema(mode="serialization")


def _spelled(value: object) -> object:
    """Spell every number without exponent."""
    if isinstance(value, Part):
        return structs.replace(value, **{k: _spelled(v) for k, v in structs.asdict(value).items()})
    if isinstance(value, tuple):
        return tuple(_spelled(v) for v in value)
    return format(value, "f") if isinstance(value, Decimal) else value


def _refs(part: Part) -> Iterator[Ref]:
    for name in _referring(type(part)):
        member = getattr(part, name)
        if isinstance(member, Ref):
            yield member
        elif member is not None:
            for item in member if isinstance(member, tuple) else (member,):
                yield from _refs(item)


@cache
def _referring(model: type[Part]) -> tuple[str, ...]:
    """Return the fields of a part that are references, or hold parts that have some."""
    hints = get_type_hints(model)
    return tuple(name for name in model.__struct_fields__ if any(map(_refers, _types(hints[name]))))


def _types(hint: object) -> tuple[object, ...]:
    return (hint, *(inner for one in get_args(hint) for inner in _types(one)))


def _refers(kind: object) -> bool:
    if not isinstance(kind, type):
        return False
    return kind is Ref or (issubclass(kind, Part) and bool(_referring(kind)))
