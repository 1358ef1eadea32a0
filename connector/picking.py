"""`only: {field: [values]}` of a flow: fields and values that documents really have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from connector.documents import Document
from connector.documents.judging import form_of
from connector.documents.stored import ENTITIES
from connector.forms import report
from connector.nearest import cure_for
from connector.problems import Problems
from connector.yamlread import Node

PLAIN = 'a flag is true or false, a number 1.5; for all else write an expression: "= …"'


def picks(
    entity: str, rows: Mapping[str, Sequence[str]], place: Node, problems: Problems
) -> Callable[[Document], bool]:
    """Which documents a flow takes; what no document can have is a problem at *place*."""
    allowed = {
        field: [_value(entity, field, value, place, problems) for value in values]
        for field, values in rows.items()
    }
    return lambda doc: all(getattr(doc, f, None) in v for f, v in allowed.items())


def _value(entity: str, name: str, value: str, place: Node, problems: Problems) -> object:
    """What a document holds where *value* is meant: a flag, a number, a time, or text."""
    fields = form_of(ENTITIES[entity]).model_fields
    if name not in fields:
        cure = cure_for(name, fields, "field")
        report(problems, place, f"`{name}` is no field of {entity}", cure)
        return None
    kind = fields[name].rebuild_annotation()
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError:
        known = _words(fields[name].annotation)
        cure = cure_for(value, known, "value") if known else PLAIN
        report(problems, place, f"`{value}` is no {name} of {entity}", cure)
        return None


def _words(kind: Any) -> list[str]:
    """The words that a field of that kind may be, if it is of words."""
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return [word for inner in get_args(kind) for word in _words(inner)]
