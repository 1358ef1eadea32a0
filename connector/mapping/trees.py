"""Template trees: a YAML section with its `$` directives, compiled to closures.

A null member is left out, except at the top level where *keep* asks for it; `$nil` is an explicit
null anywhere.  Faults are collected, each with its path, so that all of them are seen at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from connector.documents.keeping import ANYWHERE, Place
from connector.mapping.amounts import own
from connector.mapping.expressions import compile_expression, compile_scalar, complain, quoted
from connector.mapping.merging import member_named, merged
from connector.mapping.rendering import (
    NIL,
    OMIT,
    Gather,
    Make,
    Tree,
    always,
    bound,
    collected,
    constant,
    in_a_string,
    in_turn,
    laid_over,
    leaf,
    members_of,
    no_elements,
    nothing,
    repeated,
    sequence,
    single,
)
from connector.mapping.shapes import Shape
from connector.mapping.strings import as_json, as_xml
from connector.mapping.terms import BadExpression, Expression, Scope
from connector.nearest import cure_for
from connector.problems import Problems
from connector.yamlread import Node

DIRECTIVES = ("$each", "$with", "$if", "$same", "$over", "$concat", "$text", "$value", "$replace")
WORDS = ("$drop", "$nil")
WIRE = ("$type", "$any", "$pairs")  # for the SOAP writer, which knows the contract
TEXTS = {"$xml": as_xml, "$json": as_json}
_AS = re.compile(r"(.*\S)\s+as\s+([A-Za-z_]\w*)", re.DOTALL)
_MOST_SAME = 20


@dataclass(slots=True)
class _Compiling:
    problems: Problems
    blank: bool = False
    references: set[str] = field(default_factory=set)
    same: int = 0


def compile_tree(
    node: Node,
    scope: Scope,
    problems: Problems,
    *,
    keep: bool = False,
    blank: bool = False,
    into: Place = ANYWHERE,
) -> Tree:
    """Compile the section at *node*; every mistake in it becomes a problem. *blank*: '' is null.

    *into*: each plain value is given the form that its place of a document keeps.
    """
    compiling = _Compiling(problems, blank)
    make = _node(compiling, node, scope, into, keep=keep)
    return Tree(make, frozenset(compiling.references))


def _node(
    c: _Compiling,
    node: Node,
    scope: Scope,
    into: Place,
    siblings: dict[str, Node] | None = None,
    *,
    keep: bool = False,
) -> Make:
    """Compile any node."""
    match node.value:
        case dict():
            return _mapping(c, node, scope, into, siblings or {}, keep=keep)
        case list() as items:
            return sequence([single(_node(c, item, scope, into.of_item)) for item in items])
        case None:
            _wrong(c, node, "has no value", "write $nil for null; or quote what YAML cut off")
            return nothing
        case source:
            return _leaf(c, node, source, scope, into)


def _leaf(c: _Compiling, node: Node, source: str, scope: Scope, into: Place) -> Make:
    """Compile a scalar."""
    if source in WORDS:
        value = OMIT if source == "$drop" else NIL
        return always(value)
    found = _expression(c, node, source, scope, compile_scalar)
    if found is not None and scope.names is not None and (shape := found.shape) is not None:
        _check_whole(c, node, shape)
    if found is None:
        return nothing
    if scope.elements:
        fn = found.fn
        found = replace(found, fn=lambda names: own(fn(names)), code=None)
    return leaf(found, node, blank=c.blank, into=into)


def _check_whole(c: _Compiling, node: Node, shape: Shape) -> None:
    if shape.entity:
        _wrong(
            c,
            node,
            f"`{quoted(str(node.value))}` is a reference",
            "write `| there` for its id there",
        )
    elif shape.members or shape.item:
        _wrong(
            c,
            node,
            f"`{quoted(str(node.value))}` has members",
            "take them one by one, or use $each",
        )


def _expression(
    c: _Compiling, node: Node, source: str, scope: Scope, how: Callable[[str, Scope], Expression]
) -> Expression | None:
    """Compile an expression in whatever form *how* reads it."""
    try:
        found = how(source, scope)
    except BadExpression as bad:
        _wrong(c, node, f"`{quoted(source)}` {bad}", bad.cure)
        return None
    c.references |= found.references
    return found


def _mapping(
    c: _Compiling,
    node: Node,
    scope: Scope,
    into: Place,
    siblings: dict[str, Node],
    *,
    keep: bool = False,
) -> Make:
    """Compile a mapping with its directives, outermost first: $same $each $with $if."""
    members: dict[str, Node] = node.value if isinstance(node.value, dict) else {}
    if "$same" in members:
        return _copy(c, node, members, scope, into, siblings)
    if "$text" in members:
        return constant(members["$text"])
    if "$each" in members:
        return collected(_each(c, node, members, scope, into.of_item))
    withs = _withs(c, members.get("$with"), scope)
    for name, expression, _ in withs:
        scope = scope.having(name, expression.shape)
    condition = _condition(c, members.get("$if"), scope)
    make = _body(c, members, scope, into, keep=keep)
    if not withs and condition is None:
        return make
    return bound(make, withs, condition)


def _body(
    c: _Compiling, members: dict[str, Node], scope: Scope, into: Place, *, keep: bool = False
) -> Make:
    """Compile what a mapping holds beside directives."""
    for word, child in members.items():
        _check_word(c, word, child)
    plain = [k for k in members if member_named(k)]
    for word in TEXTS.keys() & members.keys():
        return _text(c, word, members, scope)
    if "$concat" in members:
        if plain:
            _wrong(c, members[plain[0]], "stands beside `$concat`", "make it one of its parts")
        return collected(_concat(c, members["$concat"], scope, into.of_item))
    rest = {member_named(k) or k: v for k, v in members.items() if _stays(k)}
    if list(rest) == ["$value"] and "$value" in members:
        return _node(c, rest["$value"], scope, into)
    made = [(k, _node(c, child, scope, into.of(k), members)) for k, child in rest.items()]
    make = members_of(made, keep=keep)
    spell = into.take if into.everywhere else None
    return _over(c, members, scope, make, spell) if "$over" in members else make


def _over(
    c: _Compiling,
    members: dict[str, Node],
    scope: Scope,
    make: Make,
    spell: Callable[[Any], Any] | None,
) -> Make:
    """Compile `$over: = EXPR`: what it gives, with the members beside it laid over."""
    node = members["$over"]
    if not isinstance(node.value, str) or not node.value.startswith("= "):
        _wrong(c, node, "`$over` is no expression", "write `$over: = payload`")
        return make
    found = _expression(c, node, node.value, scope, compile_scalar)
    return make if found is None else laid_over(found, node, make, _dropped(members), spell)


def _dropped(members: dict[str, Node]) -> dict[str, Any]:
    """Which members are `$drop`, as True, and of which some below them may be."""
    found: dict[str, Any] = {}
    for name, child in members.items():
        if child.value == "$drop":
            found[member_named(name) or name] = True
        elif isinstance(child.value, dict):
            found[member_named(name) or name] = _dropped(child.value)
    return found


def _check_word(c: _Compiling, word: str, child: Node) -> None:
    """Refuse a directive that is unknown."""
    known = (*DIRECTIVES, *WIRE, *TEXTS)
    if member_named(word) is None and word not in known:
        cure = f"{cure_for(word, known, 'directive')}; a member of that name is `${word}`"
        _wrong(c, child, f"unknown directive `{word}`", cure)


def _stays(word: str) -> bool:
    """Is it a member, or a directive that the payload keeps?"""
    return member_named(word) is not None or word in ("$value", *WIRE)


def _text(c: _Compiling, word: str, members: dict[str, Node], scope: Scope) -> Make:
    """Compile a tree that travels as text."""
    beside = [k for k in members if k != word and k not in ("$if", "$with")]
    if beside:
        _wrong(c, members[beside[0]], f"stands beside `{word}`", "put it below")
    return in_a_string(_node(c, members[word], scope, ANYWHERE), TEXTS[word], members[word])


def _each(c: _Compiling, node: Node, members: dict[str, Node], scope: Scope, into: Place) -> Gather:
    """Compile `$each: EXPR as name`: the rest of the mapping once per item."""
    found = _named(c, members["$each"], scope)
    if found is None:
        return no_elements
    name, expression, place = found
    item = expression.shape.item if expression.shape else None
    inner = scope.having(name, item).having("loop", None)
    rest = replace(node, value={k: v for k, v in members.items() if k != "$each"})
    make = _mapping(c, rest, inner, into, {})
    return repeated(expression, name, make, place)


def _withs(c: _Compiling, node: Node | None, scope: Scope) -> list[tuple[str, Expression, Node]]:
    """Compile `$with: EXPR as name`, or a list of them."""
    if node is None:
        return []
    found = []
    for one in node.value if isinstance(node.value, list) else [node]:
        if (named := _named(c, one, scope)) is not None:
            scope = scope.having(named[0], named[1].shape)
            found.append(named)
    return found


def _named(c: _Compiling, node: Node, scope: Scope) -> tuple[str, Expression, Node] | None:
    """Compile `EXPR as name`."""
    source = node.value
    fits = _AS.fullmatch(source) if isinstance(source, str) else None
    if fits is None or fits[1].startswith("="):
        _wrong(c, node, "is not `EXPR as name`", "write for example: doc.lines as l")
        return None
    expression = _expression(c, node, fits[1], scope, compile_expression)
    return None if expression is None else (fits[2], expression, node)


def _condition(c: _Compiling, node: Node | None, scope: Scope) -> tuple[Expression, Node] | None:
    """Compile `$if: = EXPR`."""
    if node is None:
        return None
    if not isinstance(node.value, str) or not node.value.startswith("= "):
        _wrong(c, node, "`$if` is no expression", "write `$if: = EXPR`")
        return None
    found = _expression(c, node, node.value, scope, compile_scalar)
    return None if found is None else (found, node)


def _concat(c: _Compiling, node: Node, scope: Scope, into: Place) -> Gather:
    """Compile named parts into one list, in their order."""
    if not isinstance(node.value, dict):
        _wrong(c, node, "`$concat` has no named parts", "write `name: part` lines below it")
        return no_elements
    parts = []
    for child in node.value.values():
        inner = child.value
        if isinstance(inner, dict) and "$each" in inner:
            parts.append(_each(c, child, inner, scope, into))
        elif isinstance(inner, list):
            parts += [single(_node(c, item, scope, into)) for item in inner]
        else:
            parts.append(single(_node(c, child, scope, into)))
    return in_turn(parts)


def _copy(
    c: _Compiling,
    node: Node,
    members: dict[str, Node],
    scope: Scope,
    into: Place,
    siblings: dict[str, Node],
) -> Make:
    """Compile `$same: sibling` with what stands beside it laid over."""
    name = members["$same"].value
    c.same += 1
    if not isinstance(name, str) or name not in siblings or c.same > _MOST_SAME:
        cure = "it copies itself" if name in siblings else cure_for(str(name), siblings, "member")
        _wrong(c, members["$same"], f"`$same: {name}` names no member beside it", cure)
        return nothing
    rest = Node({k: v for k, v in members.items() if k != "$same"}, node.line, node.path)
    return _node(c, merged(siblings[name], rest, c.problems), scope, into, siblings)


def _wrong(c: _Compiling, node: Node, message: str, cure: str) -> None:
    complain(c.problems, node, message, cure)
