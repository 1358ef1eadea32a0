"""Filters and tests of an expression: constants are bound once, null passes through."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Any

from jinja2 import nodes

from connector.mapping import straight
from connector.mapping.faults import Fault, Missing
from connector.mapping.filters import FILTERS as PLAIN
from connector.mapping.filters import SPECIAL, TESTS, cut_at, text, unsafe_pattern
from connector.mapping.shapes import Shape
from connector.mapping.signing import SIGNING
from connector.mapping.terms import (
    WRONG,
    BadExpression,
    Build,
    Expression,
    Fn,
    Names,
    Scope,
    guarded,
    inapplicable,
    needs,
)
from connector.mapping.times import TIMES
from connector.nearest import cure_for
from connector.values import Ref

FILTERS: Mapping[str, Callable[..., Any]] = {**PLAIN, **SIGNING, **TIMES}
THERE, TABLES = "$there", "$tables"  # names that no expression can spell
_CUT = "(x if type(x) is str else {spell}(x))[:{length}].rstrip()"


def _filter(node: Any, scope: Scope, build: Build) -> Expression:
    if node.node is None or node.kwargs or node.dyn_args or node.dyn_kwargs:
        raise BadExpression(f"uses `{node.name}` in an unknown way", "write value | filter(a, b)")
    _check_known("filter", node.name, (*FILTERS, *SPECIAL))
    if node.name == "default":
        return _default(node, scope, build)
    inner, parts = build(node.node), [build(arg) for arg in node.args]
    constants = [p.fn({}) for p in parts if p.constant]
    if node.name == "there":
        return _there(inner, parts)
    if node.name in ("table", "table_back"):
        return _table(inner, constants, scope, back=node.name == "table_back")
    _check_arity(node.name, parts)
    shape = inner.shape and _as_trees(inner.shape) if node.name == "by_rate" else None
    if node.name == "ref":
        shape = Shape(entity=str(constants[0]) if constants else None)
    if len(constants) == len(parts):
        apply = _bound(inner.fn, node.name, constants)
    else:
        apply = _free(inner.fn, node.name, [p.fn for p in parts])
    told = straight.applied(inner.source, FILTERS[node.name], [p.source for p in parts])
    if node.name == "cut" and constants and isinstance(constants[0], Decimal):
        told = straight.of_value(inner.source, _CUT, spell=text, length=int(constants[0]))
    return Expression(apply, shape, needs(inner, *parts), code=told)


def _check_known(what: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        cure = cure_for(name, known, what)
        raise BadExpression(f"uses {what} `{name}`, which is unknown", cure)


def _check_arity(name: str, parts: list[Expression]) -> None:
    try:
        inspect.signature(FILTERS[name]).bind(None, *parts)
    except TypeError as error:
        raise BadExpression(f"gives `{name}` the wrong values: {error}", "see the filter") from None


def _free(fn: Fn, word: str, fns: list[Fn]) -> Fn:
    call = guarded(word, FILTERS[word])

    def apply(names: Names) -> Any:
        value = fn(names)
        return None if value is None else call(value, *[f(names) for f in fns])

    return apply


def _as_trees(shape: Shape) -> Shape:
    """The same where parts of documents have become mappings."""
    return Shape(members=shape.members, item=shape.item and _as_trees(shape.item))


def _bound(fn: Fn, word: str, args: list[Any]) -> Fn:
    """Apply a filter to constants; `cut`, of which there are most, knows its length beforehand."""
    call = FILTERS[word]
    if word == "cut" and isinstance(args[0], Decimal):
        call, args = cut_at(int(args[0])), []

    def apply(names: Names) -> Any:
        value = fn(names)
        if value is None:
            return None
        try:
            return call(value, *args)
        except WRONG:
            raise inapplicable(word) from None

    return apply


def _there(inner: Expression, parts: list[Expression]) -> Expression:
    entity = inner.shape.entity if inner.shape else None
    if entity is None or parts:
        raise BadExpression("asks for `there` of something that is no reference", "doc.x | there")
    fn = inner.fn

    def look_up(value: Any, names: Names) -> Any:
        if value is None:
            raise Fault("no_reference", f"the document names no {entity}")
        if not isinstance(value, Ref):
            raise Fault("wrong_type", "`there` takes a reference")
        return names[THERE](value)

    told = straight.code("{find}({}, names)", inner.source, find=look_up)
    refs = inner.references | {entity}
    return Expression(lambda names: look_up(fn(names), names), None, refs, code=told)


def _table(inner: Expression, constants: list[Any], scope: Scope, *, back: bool) -> Expression:
    name = constants[0] if len(constants) == 1 else None
    if not isinstance(name, str) or name not in scope.tables:
        cure = cure_for(str(name), scope.tables, "table")
        raise BadExpression(f"names table `{name}`, which is not there", cure)
    fn, cure = inner.fn, f"add a row to table `{name}` ({scope.tables[name]}), or an `else`"
    look = _back if back else _forth

    def look_up(names: Names) -> Any:
        value = fn(names)
        return None if value is None else look(names[TABLES][name], value, cure)

    of_row = "{look}(names[{tables}][{name}], x, {cure})"
    told = straight.of_value(inner.source, of_row, look=look, tables=TABLES, name=name, cure=cure)
    return Expression(look_up, None, inner.references, code=told)


def _forth(rows: Mapping[str, Any], value: Any, cure: str) -> Any:
    key = text(value)
    if key in rows and key != "else":
        return rows[key]
    otherwise = rows.get("else", "error")
    if otherwise == "error":
        raise Fault("unmapped", cure)
    return value if otherwise == "keep" else otherwise


def _back(rows: Mapping[str, Any], value: Any, cure: str) -> str:
    """The row that leads to *value*; there must be exactly one."""
    wanted = text(value)
    keys = [key for key, one in rows.items() if key != "else" and one == wanted]
    if len(keys) > 1:
        raise Fault("ambiguous_row", cure)
    if not keys:
        raise Fault("unmapped", cure)
    return keys[0]


def _default(node: Any, scope: Scope, build: Build) -> Expression:
    inner = build(node.node, _strict(scope))
    if len(node.args) > 1:
        raise BadExpression("gives `default` more than one value", "write default(value)")
    other = build(node.args[0]) if node.args else Expression(lambda _: "")
    fn, instead = inner.fn, other.fn

    def fill(names: Names) -> Any:
        try:
            value = fn(names)
        except Missing:
            value = None
        return instead(names) if value is None else value

    return Expression(fill, inner.shape, needs(inner, other))


def _strict(scope: Scope) -> Scope:
    return Scope(scope.names, scope.tables, False, scope.extra)


def _test(node: Any, scope: Scope, build: Build) -> Expression:
    _check_known("test", node.name, (*TESTS, "defined"))
    inner = build(node.node, _strict(scope) if node.name == "defined" else None)
    args = [build(arg) for arg in node.args or ()]
    if node.name == "defined":
        return Expression(lambda names: _is_there(inner.fn, names), references=inner.references)
    if node.name == "none":
        return Expression(lambda names: inner.fn(names) is None, references=inner.references)
    pattern = args[0].fn({}) if len(args) == 1 and args[0].constant else None
    if not isinstance(pattern, str):
        raise BadExpression("has `search` without a constant pattern", "is search('^SVC-')")
    if wrong := unsafe_pattern(pattern):
        raise BadExpression(f"has a pattern that {wrong}", "write a simpler pattern")
    call = guarded("search", TESTS["search"])

    def holds(names: Names) -> bool:
        value = inner.fn(names)
        return value is not None and bool(call(value, pattern))

    return Expression(holds, references=inner.references)


def _is_there(fn: Fn, names: Names) -> bool:
    try:
        fn(names)
    except Missing:
        return False
    return True


MAKERS: Mapping[type[nodes.Node], Callable[[Any, Scope, Build], Expression]] = {
    nodes.Filter: _filter,
    nodes.Test: _test,
}
