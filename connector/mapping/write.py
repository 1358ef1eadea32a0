"""Writing: a document becomes a system's payload, as plain JSON values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from connector.documents import Document
from connector.documents.keeping import Place
from connector.errors import FieldErrors
from connector.mapping.faults import Fault
from connector.mapping.filtering import TABLES, THERE
from connector.mapping.filters import text
from connector.mapping.rendering import Sink, Tree
from connector.mapping.straight import FAILS
from connector.mapping.tables import Tables, digest_of, overlaid
from connector.values import Ref
from connector.values import Tree as Value
from connector.yamlread import Node


@dataclass(frozen=True, kw_only=True, slots=True)
class Writer:
    """The `write` of one entity: documents in, payloads out; pure.

    *fields*: names of its top level, *made_of*: the fields of the document behind each. *left_out*:
    fields that others own. *numbers*: exact numbers stay numbers, else they become text.
    *references*: entities that must be there first.
    """

    entity: str
    source: str
    tree: Tree
    tables: Tables
    fields: tuple[str, ...]
    made_of: Mapping[str, frozenset[str]] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    numbers: bool = False
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "digest", digest_of(self.source, self.tables, *sorted(self.left_out))
        )

    @property
    def references(self) -> frozenset[str]:
        """The entities whose ids in the target this map needs."""
        return self.tree.references

    def payload(
        self,
        doc: Document,
        *,
        conn: Mapping[str, object],
        reference: str,
        there: Callable[[Ref], str],
    ) -> dict[str, Value]:
        """Return the payload: text, flags, whole numbers, null; a null field stays at the top.

        Raises FieldErrors naming every field that cannot be made, and whatever *there* raises.
        """
        names = self._names(doc, conn, reference, there)
        with suppress(Fault, *FAILS):
            data = self.tree.make.plain(names)  # compiled into SPELLED: plain already
            return {n: v for n, v in data.items() if n not in self.left_out}
        sink = Sink()
        data = self.tree.render(names, sink)
        if sink.faults:
            raise FieldErrors(tuple(sink.faults))
        spell = numbered if self.numbers else plain
        return {n: spell(value) for n, value in data.items() if n not in self.left_out}

    def origins(self, doc: Document, **names: Any) -> Mapping[str, Node]:
        """Return, for each path of the payload made with *names*, the node of YAML behind it."""
        sink = Sink(made={})
        self.tree.render(self._names(doc, **names), sink)
        return sink.made or {}

    def filled(self, doc: Document, **names: Any) -> list[Node]:
        """Return the nodes of YAML that give a value in the payload made with *names*."""
        sink = Sink(filled=[])
        self.tree.render(self._names(doc, **names), sink)
        return sink.filled or []

    def without(self, fields: Collection[str]) -> Writer:
        """Return this writer for one who leaves these fields of the top level alone."""
        return replace(self, left_out=frozenset(fields))

    def with_tables(self, tables: Tables) -> Writer:
        """Return this writer with rows laid over its tables. Raises ConfigError."""
        return replace(self, tables=overlaid(self.tables, tables))

    def _names(
        self,
        doc: Document,
        conn: Mapping[str, object],
        reference: str,
        there: Callable[[Ref], str],
    ) -> dict[str, Any]:
        own = {"doc": doc, "conn": conn, "reference": reference}
        return {**own, THERE: there, TABLES: self.tables}


def plain(value: Any) -> Value:
    """Return *value* as JSON holds it exactly: decimals and times as text."""
    kind = type(value)
    if kind is str or value is None:
        leaf: Value = value
        return leaf
    if kind is Decimal:
        return f"{value:f}"
    if kind is dict:
        return {
            k if type(k) is str else str(k): v if type(v) is str else plain(v)
            for k, v in value.items()
        }
    if kind is list:
        return [plain(v) for v in value]
    return _seldom(value)


def _seldom(value: Any) -> Value:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return plain(dict(value))
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (Decimal, date)):
        return text(value)
    leaf: Value = value
    return leaf


def numbered(value: Any) -> Value:
    """Return *value* as `plain` does, but with its exact numbers as numbers."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, Mapping):
        return {str(k): numbered(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [numbered(v) for v in value]
    return plain(value)


NUMBERED = Place(numbered, ascii=True, everywhere=True)  # where numbers are told from text
SPELLED = Place(plain, ascii=True, everywhere=True)  # what `plain` makes of each value
