"""Keeping: the form in which each place of a document holds its value, made without pydantic.

The validators are those of the types.  Whoever makes a document leaf by leaf takes each value
through its place, and `kept` builds the document; whatever fails, `document_of` judges all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, TypeVar, cast, get_args, get_origin, get_type_hints

import msgspec
from pydantic import AfterValidator, BeforeValidator

from connector.documents.fields import Part, Text, Utc, moment_of
from connector.values import Ref

Take = Callable[[Any], Any]
UNKEPT = (ValueError, LookupError, TypeError, AttributeError, msgspec.ValidationError)
_AS_THEY_ARE = (Decimal, datetime)  # no text is taken for one of these
_IN_ZONE, _TEXT = get_args(Utc)[1].func, get_args(Text)[1].func
_P = TypeVar("_P", bound=Part)


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a document: *take* gives a value its form, or raises one of UNKEPT.

    *members*: the places below, of a part; *item*: the place of each element, of a list.
    *ascii*: ASCII text, of which there is most, need not be taken: it has its form.
    *everywhere*: all places below are the same.
    """

    take: Take | None = None
    members: Mapping[str, Place] = field(default_factory=dict)
    item: Place | None = None
    ascii: bool = False
    everywhere: bool = False

    def of(self, name: str) -> Place:
        """Return the place of a member; one that is not there takes anything."""
        return self if self.everywhere else self.members.get(name, ANYWHERE)

    @property
    def of_item(self) -> Place:
        """Return the place of each element."""
        return self if self.everywhere else self.item or ANYWHERE


ANYWHERE = Place()


def kept(model: type[_P], data: object) -> _P:
    """Return the document of *data* in their kept form; raises one of UNKEPT."""
    return msgspec.convert(data, model, builtin_types=_AS_THEY_ARE)


def places_of(model: type[Part], zone: tzinfo | None) -> Place:
    """Return the place of a document or of a part; *zone* is what a time without offset means."""
    hints = get_type_hints(model, include_extras=True)
    members = {name: _place(hint, zone) for name, hint in hints.items()}
    takes = {name: place.take or _as_it_is for name, place in members.items()}

    def take(value: Any) -> dict[str, Any]:
        return {k: None if v is None else takes[k](v) for k, v in value.items()}

    return Place(take, members)


def _place(hint: Any, zone: tzinfo | None) -> Place:
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated and (take := _validator(hint.__metadata__, zone)) is not None:
        return Place(take, ascii=take is _TEXT)
    if isinstance(hint, type) and issubclass(hint, Part):
        return places_of(hint, zone)
    if origin is tuple:
        item = _place(inner[0], zone)
        take = item.take or _as_it_is
        return Place(partial(_elements, take), item=item)
    if origin is dict:
        return Place(_texts)
    if type(None) in inner or origin is Annotated:
        return _place(inner[0], zone)
    return ANYWHERE


def _validator(metadata: tuple[Any, ...], zone: tzinfo | None) -> Take | None:
    for one in metadata:
        if isinstance(one, BeforeValidator):
            return partial(moment_of, zone=zone) if one.func is _IN_ZONE else cast("Take", one.func)
        if isinstance(one, AfterValidator):
            return partial(_reference, one.func)
    return None


def _reference(check: Callable[..., Any], value: Any) -> Any:
    if type(value) is not Ref:
        raise TypeError("no reference")
    return check(value)


def _elements(take: Take, value: Any) -> list[Any]:
    if not isinstance(value, (list, tuple)):  # an empty text is no empty list
        raise TypeError("no list")
    return [take(one) for one in value]


def _texts(value: dict[Any, Any]) -> dict[Any, Any]:
    if not all(type(v) is str and v.isascii() for one in value.items() for v in one):
        raise ValueError("no plain texts")
    return value


def _as_it_is(value: Any) -> Any:
    return value
