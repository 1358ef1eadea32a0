"""What is known before anything runs: the members that a name in an expression has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from connector.documents import fields_of
from connector.documents.fields import CustomerRef, InvoiceRef, OrderRef, Part, ProductRef

_REFS: dict[object, str] = {
    CustomerRef: "customer",
    InvoiceRef: "invoice",
    OrderRef: "order",
    ProductRef: "product",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """Known members, the shape of a list's items, or the entity that a reference names.

    *model*: it is a part of a document, and no mapping.
    """

    members: Mapping[str, Shape | None] | None = None
    item: Shape | None = None
    entity: str | None = None
    model: bool = False


@cache
def of_model(model: type[Part]) -> Shape:
    """Return the shape of a document or a part of one."""
    members = {name: _of(_declared(model, name)) for name in fields_of(model)}
    return Shape(members=members, model=True)


def _declared(model: type[Part], name: str) -> Any:
    field = fields_of(model)[name]
    for known, entity in _REFS.items():
        if _mentions(field, known):
            return Shape(entity=entity)
    return field.annotation


def _mentions(field: Any, known: Any) -> bool:
    wanted = get_args(known)[1]
    inner = [field.annotation, *get_args(field.annotation)]
    return wanted in field.metadata or any(
        wanted in getattr(part, "__metadata__", ()) for part in inner
    )


def _of(annotation: Any) -> Shape | None:
    if isinstance(annotation, Shape):
        return annotation
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return of_model(annotation)
    origin = get_origin(annotation)
    if origin is Annotated:
        return _of(get_args(annotation)[0])
    if origin is tuple:
        return Shape(item=_of(get_args(annotation)[0]))
    if origin in (Union, UnionType):
        return _of(next(a for a in get_args(annotation) if a is not type(None)))
    return None if origin is dict else Shape(members={})
