"""Preview: a payload's way into a document and its target, with the YAML behind each field."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from connector.documents import Document, dump
from connector.mapping.read import Reader
from connector.mapping.write import Writer
from connector.values import Payload, Ref
from connector.yamlread import Node


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """One field: where it is, its value, and the file and line of the expression that made it."""

    path: str
    value: object
    origin: str
    expression: str


def read_preview(reader: Reader, payload: Payload) -> tuple[Document, tuple[Made, ...]]:
    """Return the document and how each field was made. Raises FieldErrors."""
    document = reader.document(payload)
    tree = msgspec.json.decode(dump(document))
    return document, tuple(_made(tree, reader.origins(payload)))


def write_preview(
    writer: Writer,
    document: Document,
    *,
    conn: Mapping[str, object],
    reference: str,
    there: Callable[[Ref], str],
) -> tuple[Made, ...]:
    """Return the target's payload, field by field. Raises FieldErrors and what *there* raises."""
    names: Any = {"conn": conn, "reference": reference, "there": there}
    tree = writer.payload(document, **names)
    return tuple(_made(tree, writer.origins(document, **names)))


def _made(tree: object, origins: Mapping[str, Node]) -> Iterator[Made]:
    for path, value in _leaves(tree, ""):
        node = nearest_node(path, origins)
        origin = f"{node.file}:{node.line}" if node else ""
        text = node.value if node and isinstance(node.value, str) else ""
        yield Made(path=path, value=value, origin=origin, expression=text)


def nearest_node(path: str, origins: Mapping[str, Node]) -> Node | None:
    """Return the node behind *path*; one expression may have made a whole branch."""
    while path and path not in origins:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return origins.get(path)


def _leaves(tree: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(tree, Mapping):
        for key, child in tree.items():
            yield from _leaves(child, f"{path}.{key}" if path else key)
    elif isinstance(tree, list):
        for index, child in enumerate(tree):
            yield from _leaves(child, f"{path}[{index}]")
    else:
        yield path, tree
