"""Judging data: what makes a document, or every reason why it makes none.

A document itself is a plain frozen value that costs little to build and to store.  What its fields
take, convert and refuse is said once, in their types, and pydantic judges by that: each part has a
model of the same fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from functools import cache, reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import structs
from pydantic import BaseModel, ConfigDict, create_model
from pydantic.fields import FieldInfo

from connector.documents.fields import Part

_CONFIG = ConfigDict(extra="forbid", ser_json_inf_nan="strings")


_P = TypeVar("_P", bound=Part)


def document_of(model: type[_P], data: object, zone: tzinfo | None = None) -> _P:
    """Return the document that *data* make; raises pydantic's ValidationError with every reason.

    *zone*: what a time without offset means; without it such a time is an error.
    """
    judged = form_of(model).model_validate(data, context={"zone": zone})
    return msgspec.convert(judged, model, from_attributes=True)


@cache
def fields_of(model: type[Part]) -> Mapping[str, FieldInfo]:
    """Return the fields of a document or of a part of one: types, meanings, which are required."""
    hints = get_type_hints(model, include_extras=True)
    return {one.name: _field(hints[one.name], one) for one in structs.fields(model)}


def _field(hint: Any, said: structs.FieldInfo) -> FieldInfo:
    if said.default is not msgspec.NODEFAULT:
        return FieldInfo.from_annotated_attribute(hint, said.default)
    if said.default_factory is not msgspec.NODEFAULT:
        return FieldInfo.from_annotated_attribute(hint, said.default_factory())
    return FieldInfo.from_annotation(hint)


@cache
def form_of(model: type[Part]) -> type[BaseModel]:
    """Return the pydantic model that judges data for *model*; parts are judged by their own."""
    hints = get_type_hints(model, include_extras=True)
    fields: dict[str, Any] = {
        name: (_judged(hints[name]), ... if field.is_required() else field.default)
        for name, field in fields_of(model).items()
    }
    made: type[BaseModel] = create_model(
        model.__name__, __config__=_CONFIG, __doc__=model.__doc__, **fields
    )
    return made


def _judged(hint: Any) -> Any:
    """Put the models of parts in their places."""
    if isinstance(hint, type) and issubclass(hint, Part):
        return form_of(hint)
    inner = [_judged(one) for one in get_args(hint)]
    origin = get_origin(hint)
    if origin is Annotated:
        return Annotated[(_judged(get_args(hint)[0]), *hint.__metadata__)]
    if origin in (Union, UnionType):
        return reduce(or_, inner)
    many: Any = tuple
    return many[inner[0], ...] if origin is tuple else hint
