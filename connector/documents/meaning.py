"""What each canonical field means, for whoever writes a mapping."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from connector.documents.fields import Part
from connector.documents.judging import fields_of
from connector.documents.stored import ENTITIES


@dataclass(frozen=True, kw_only=True, slots=True)
class Meaning:
    """One field: its path (`[]` is each item of a list), its meaning, must its part have it."""

    path: str
    required: bool
    meaning: str


def meanings(entity: str) -> tuple[Meaning, ...]:
    """Return every field of *entity*, those of its parts behind the part they belong to."""
    return tuple(_of(ENTITIES[entity], ""))


def _of(model: type[Part], before: str) -> Iterator[Meaning]:
    for name, field in fields_of(model).items():
        part, mark = _part(field.annotation)
        path = f"{before}{name}{mark}"
        yield Meaning(path=path, required=field.is_required(), meaning=field.description or "")
        if part is not None:
            yield from _of(part, f"{path}.")


def _part(annotation: Any) -> tuple[type[Part] | None, str]:
    """Return the part that a field holds, if any, and `[]` where it holds a list of them."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return annotation, ""
    for inner in get_args(annotation):
        if isinstance(inner, type) and issubclass(inner, Part):
            return inner, "[]" if get_origin(annotation) is tuple else ""
    return None, ""
