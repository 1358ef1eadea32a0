"""Reading: a system's payload becomes a document, or every reason why it cannot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, TypeAdapter, ValidationError

from connector.documents import Document, document_of
from connector.documents.judging import form_of
from connector.documents.keeping import UNKEPT, kept
from connector.errors import FieldErrors, FieldFault
from connector.mapping.faults import Fault
from connector.mapping.filtering import TABLES
from connector.mapping.filters import text
from connector.mapping.rendering import Sink, Tree
from connector.mapping.straight import FAILS
from connector.mapping.tables import Tables, digest_of
from connector.ports import Template
from connector.values import Payload, Ref
from connector.yamlread import Node

_CODES = {
    "literal_error": "not_in_list",
    "string_too_short": "missing",
    "tuple_type": "wrong_type",
    "model_type": "wrong_type",
    "dataclass_type": "wrong_type",
}
_CURES = {
    "missing": "the source gives nothing here",
    "not_in_list": "add a row to its table",
    "naive_time": "say what it means: `times:` in profile.yaml",
    "not_a_number": "the source's number has another form: convert it with filters",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """The `read` of one entity: payloads in, documents out; pure.

    *quick* is *tree* with each value in the form that documents keep (connector.documents.keeping).

    *fields*: those of the document that it can fill.

    *digest*, over the map, its tables and what its times mean, changes with whatever could make
    the same payload another document (R14).
    """

    entity: str
    model: type[Document]
    source: str
    tree: Tree
    quick: Tree
    tables: Tables
    zone: tzinfo
    key_of: Template
    version_of: Template | None = None
    birth_of: Template | None = None
    gone_if: Template | None = None
    fields: frozenset[str] = frozenset()
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", digest_of(self.source, self.tables, str(self.zone)))

    def key(self, payload: Payload) -> str:
        """Return the source's id of the record. Raises FieldErrors."""
        key = text(self.key_of(payload))
        if not key:
            raise FieldErrors((FieldFault("key", "missing", "the payload has no key"),))
        return key

    def version(self, payload: Payload) -> str | None:
        """Return the source's version, None if it has none. Raises FieldErrors."""
        return (text(self.version_of(payload)) or None) if self.version_of else None

    def birth(self, payload: Payload) -> str:
        """Return, as canonical JSON, what tells this record from another under its key."""
        value = self.birth_of(payload) if self.birth_of else [self.key(payload)]
        parts = value if isinstance(value, (list, tuple)) else [value]
        return msgspec.json.encode([text(part) for part in parts]).decode()

    def gone(self, payload: Payload) -> bool:
        """Say whether the payload is of a deleted record. Raises FieldErrors."""
        return bool(self.gone_if(payload)) if self.gone_if else False

    def document(self, payload: Payload) -> Document:
        """Return the document. Raises FieldErrors naming every faulty field at once."""
        names = {**payload, TABLES: self.tables}
        with suppress(Fault, *FAILS, *UNKEPT):
            return kept(self.model, self.quick.make.plain(names))
        return self._judged(names)

    def _judged(self, names: dict[str, Any]) -> Document:
        sink = Sink()
        data = self.tree.render(names, sink)
        try:
            document = document_of(self.model, data, self.zone)
        except ValidationError as error:
            sink.faults += self._invalid(error, names, sink)
        if sink.faults:
            raise FieldErrors(tuple(sink.faults))
        return document

    def partial(self, payload: Payload) -> Mapping[str, object]:
        """Return what can be rendered of a document that cannot be read whole, as it stands."""
        found: Mapping[str, object] = self.tree.render({**payload, TABLES: self.tables}, Sink())
        return found

    def origins(self, payload: Payload) -> Mapping[str, Node]:
        """Return, for each path of the document, the node of YAML that made it."""
        sink = Sink(made={})
        self.tree.render({**payload, TABLES: self.tables}, sink)
        return sink.made or {}

    def _invalid(
        self, error: ValidationError, names: Mapping[str, Any], sink: Sink
    ) -> list[FieldFault]:
        made = Sink(made={})
        self.tree.render(names, made)
        known = {fault.field for fault in sink.faults}
        faults = (_fault(one, made.made or {}) for one in error.errors(include_input=False))
        return [fault for fault in faults if fault.field not in known]


@dataclass(frozen=True, kw_only=True, slots=True)
class There:
    """A partial read of a target's item: only what `read` names, typed where documents know it."""

    tree: Tree
    tables: Tables
    zone: tzinfo
    types: Mapping[str, TypeAdapter[Any]]

    def __call__(self, item: Payload) -> Payload:
        """Return the fields. Raises FieldErrors naming every faulty one."""
        sink = Sink(made={})
        data = self.tree.render({**item, TABLES: self.tables}, sink)
        for name in [n for n in data if n in self.types]:
            try:
                data[name] = self.types[name].validate_python(
                    data[name], context={"zone": self.zone}
                )
            except ValidationError as error:
                found = error.errors(include_input=False)
                at = [{**one, "loc": (name, *one["loc"])} for one in found]
                sink.faults += [_fault(one, sink.made or {}) for one in at]
        if sink.faults:
            raise FieldErrors(tuple(sink.faults))
        return {name: _plain(value) for name, value in data.items()}

    def origins(self, item: Payload) -> Mapping[str, Node]:
        """Return, for each path of what is read, the node of YAML that made it."""
        sink = Sink(made={})
        self.tree.render({**item, TABLES: self.tables}, sink)
        return sink.made or {}


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return {k: _plain(v) for k, v in value.__dict__.items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value.key if isinstance(value, Ref) else value


def types_of(model: type[Document], names: Iterable[str]) -> Mapping[str, TypeAdapter[Any]]:
    """Return how each of *names* that the document has is coerced."""
    fields = {n: f for n, f in form_of(model).model_fields.items() if n in names}
    hints: dict[str, Any] = {n: Annotated[f.annotation, f] for n, f in fields.items()}
    return {n: TypeAdapter(hint) for n, hint in hints.items()}


def _fault(error: Any, made: Mapping[str, Node]) -> FieldFault:
    path = ""
    for part in error["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    code = _CODES.get(error["type"], error["type"])
    node = made.get(path)
    cure = _CURES.get(code, "change its expression")
    place = f"; {node.file}:{node.line} reads it from `{node.value}`" if node else ""
    return FieldFault(path, code, cure + place)
