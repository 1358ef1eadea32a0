"""`only: {field: [values]}` of a flow: fields and values that documents really have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args, get_origin

from connector.documents import Document
from connector.documents.stored import ENTITIES
from connector.forms import report
from connector.nearest import cure_for
from connector.problems import Problems
from connector.yamlread import Node


def picks(
    entity: str, rows: Mapping[str, Sequence[str]], place: Node, problems: Problems
) -> Callable[[Document], bool]:
    """Which documents a flow takes; what no document can have is a problem at *place*."""
    for name, values in rows.items():
        _judge(entity, name, values, place, problems)
    allowed = {field: frozenset(values) for field, values in rows.items()}
    return lambda doc: all(str(getattr(doc, f, None)) in v for f, v in allowed.items())


def _judge(entity: str, name: str, values: Sequence[str], place: Node, problems: Problems) -> None:
    fields = ENTITIES[entity].model_fields
    if name not in fields:
        report(
            problems, place, f"`{name}` is no field of {entity}", cure_for(name, fields, "field")
        )
        return
    kind = fields[name].annotation
    known = get_args(kind) if get_origin(kind) is Literal else ()
    for value in values:
        if known and value not in known:
            cure = cure_for(value, known, "value")
            report(problems, place, f"`{value}` is no {name} of {entity}", cure)
