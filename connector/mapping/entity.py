"""Compiling one entity file: its reader, its writer, and what adapters need of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo

from connector.documents import ENTITIES, fields_of
from connector.documents.keeping import places_of
from connector.mapping.actions import Calls, actions_of, asks, check_keys, errors_of, template
from connector.mapping.expressions import complain, document_names
from connector.mapping.keys import ENTITY
from connector.mapping.load import leaves
from connector.mapping.merging import member_named
from connector.mapping.read import Reader, There, types_of
from connector.mapping.rendering import Tree
from connector.mapping.shapes import Shape, of_model
from connector.mapping.tables import Tables, check_back, tables_of
from connector.mapping.terms import Scope
from connector.mapping.trees import compile_tree
from connector.mapping.walks import walk_of
from connector.mapping.write import NUMBERED, SPELLED, Writer
from connector.nearest import cure_for
from connector.problems import Problems
from connector.profile import Entity, SendAs, Service, Walk
from connector.yamlread import Node, plain

# What matching compares beside fields of the document, where a system has no closer one (D2).
_COMPARED = {"customer": frozenset({"name", "postcode"})}
_DOC = re.compile(r"\bdoc\.([A-Za-z_]\w*)")
_THERE = re.compile(r"\bthere\.([A-Za-z_]\w*)")


@dataclass(frozen=True, slots=True)
class Context:
    """What every part of one profile is compiled with."""

    problems: Problems
    conn: Mapping[str, Shape | None]
    services: Mapping[str, Service]
    zone: tzinfo
    blank: bool
    walk: Walk
    decode: Mapping[str, str]
    numbers: bool = False
    send_as: SendAs = "json"
    xml: bool = False

    def calls(self, entity: str = "", fields: frozenset[str] = frozenset()) -> Calls:
        """What compiling the calls of an entity, or of the profile itself, needs to know."""
        known = Calls(self.conn, self.services, entity, self.problems, fields)
        return replace(known, decode=self.decode, send_as=self.send_as)


@dataclass(frozen=True, slots=True)
class Part:
    """One compiled entity file. *lacks*: required fields that its `read` does not make."""

    entity: Entity
    reader: Reader | None
    writer: Writer | None
    lacks: tuple[str, ...]


def compile_entity(name: str, node: Node, context: Context) -> Part:
    """Compile the file of entity *name*."""
    problems = context.problems
    own = check_keys(node, ENTITY, problems)
    tables = tables_of(own.get("tables"), problems)
    for _, text, place in leaves(node):
        check_back(text, place, tables, problems)
    writer = _writer(name, own, context, tables)
    fields = frozenset(writer.fields if writer else ())
    calls = context.calls(name, fields)
    for key in ("key", "version", "birth", "gone", "locked_when", "reserved_when"):
        asks(own.get(key), problems)
    judged = {key: template(own.get(key), Scope(), problems) for key in ("key", "version", "birth")}
    gone = template(own.get("gone"), Scope(), problems, flag=True)
    locked = template(own.get("locked_when"), calls.told(), problems, flag=True)
    reserved = template(own.get("reserved_when"), calls.told(), problems, flag=True)
    trees, there, lacks = _reading(name, own, context, tables)
    reader = None
    if trees is not None and judged["key"] is not None and not lacks:
        reader = Reader(
            entity=name,
            model=ENTITIES[name],
            source=_text({k: plain(own[k]) for k in ("read", *judged, "gone") if k in own}),
            tree=trees[0],
            quick=trees[1],
            tables=tables,
            zone=context.zone,
            key_of=judged["key"],
            version_of=judged["version"],
            birth_of=judged["birth"],
            gone_if=gone,
            fields=frozenset(_members(own["read"])),
        )
    entity = Entity(
        name=name,
        actions=actions_of(own.get("actions"), calls),
        errors=errors_of(own.get("errors"), calls),
        walk=walk_of(own.get("walk"), problems, context.walk),
        gone=gone,
        locked=locked,
        reserved=reserved,
        there=there,
        read_digest=reader.digest if reader else "",
        write_digest=writer.digest if writer else "",
        key=judged["key"],
        version=judged["version"],
        birth=judged["birth"],
    )
    return Part(entity, reader, writer, lacks)


def _reading(
    name: str, own: Mapping[str, Node], context: Context, tables: Tables
) -> tuple[tuple[Tree, Tree] | None, There | None, tuple[str, ...]]:
    """Compile `read` for documents, and as far as it goes for what is there."""
    node, model = own.get("read"), ENTITIES[name]
    known_fields = fields_of(model)
    if node is None or not isinstance(node.value, dict):
        return None, None, ()
    problems, known = context.problems, of_model(model)
    scope = Scope(tables=_places(own.get("tables")), elements=bool(context.services) or context.xml)
    judged = _judged(own) | _COMPARED.get(name, frozenset())
    fields = {k: n for k, n in node.value.items() if k in known_fields}
    for key, child in node.value.items():
        if key not in fields and key not in judged:
            cure = cure_for(key, known_fields, "field")
            complain(problems, child, f"`{key}` is no field of {name}", cure)
    for key, child in fields.items():
        _check_fields(child, (known.members or {})[key], problems)
    all_of = compile_tree(node, scope, problems, blank=context.blank)
    whole, into = replace(node, value=fields), places_of(model, context.zone)
    tree = compile_tree(whole, scope, Problems(), blank=context.blank)
    quick = compile_tree(whole, scope, Problems(), blank=context.blank, into=into)
    lacks = tuple(k for k, f in known_fields.items() if f.is_required() and k not in fields)
    types = types_of(model, fields)
    return (tree, quick), There(tree=all_of, tables=tables, zone=context.zone, types=types), lacks


def _members(node: Node) -> Mapping[str, Node]:
    return node.value if isinstance(node.value, dict) else {}


def _check_fields(node: Node, shape: Shape | None, problems: Problems) -> None:
    """Report members below a field that the document does not have."""
    shape = shape.item if shape is not None and shape.item is not None else shape
    if shape is None or not shape.members or not isinstance(node.value, dict):
        return
    for key, child in node.value.items():
        if key.startswith("$"):
            continue
        if key not in shape.members:
            cure = cure_for(key, shape.members, "field")
            complain(problems, child, f"`{key}` is no field here", cure)
        else:
            _check_fields(child, shape.members[key], problems)


def _judged(own: Mapping[str, Node]) -> set[str]:
    """The names that conditions ask of `there`: they may stand in `read` beside fields."""
    judges = [own[k] for k in ("actions", "locked_when", "reserved_when") if k in own]
    texts = [text for node in judges for _, text, _ in leaves(node) if text]
    return {name for text in texts for name in _THERE.findall(text)}


def _writer(name: str, own: Mapping[str, Node], context: Context, tables: Tables) -> Writer | None:
    node = own.get("write")
    if node is None:
        return None
    if not isinstance(node.value, dict):
        complain(context.problems, node, "`write` is no mapping", "write `field: = …` lines")
        return None
    scope = Scope(document_names(name, context.conn), _places(own.get("tables")))
    into = NUMBERED if context.numbers else SPELLED
    tree = compile_tree(node, scope, context.problems, keep=True, into=into)
    named = {one: child for key, child in node.value.items() if (one := member_named(key))}
    return Writer(
        entity=name,
        source=_text(plain(node)),
        tree=tree,
        tables=tables,
        fields=tuple(named),
        numbers=context.numbers,
        made_of={name: _made_of(child) for name, child in named.items()},
    )


def _made_of(node: Node) -> frozenset[str]:
    """The fields of the document that a part of `write` names."""
    texts = (text for _, text, _ in leaves(node) if text)
    return frozenset(name for text in texts for name in _DOC.findall(text))


def _places(tables: Node | None) -> Mapping[str, str]:
    """Where each table is written, for cures."""
    members = tables.value if tables is not None and isinstance(tables.value, dict) else {}
    return {name: f"{child.file}:{child.line}" for name, child in members.items()}


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)
