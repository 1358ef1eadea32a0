"""Names, members and operators of an expression, each node of the grammar one closure."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from jinja2 import nodes

from connector.documents.fields import Part
from connector.mapping import straight
from connector.mapping.amounts import negate, number, own
from connector.mapping.faults import Fault, Missing
from connector.mapping.filters import text
from connector.mapping.terms import (
    BadExpression,
    Build,
    Expression,
    Fn,
    Names,
    Scope,
    guarded,
    member,
    needs,
)
from connector.nearest import cure_for

_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
    "in": lambda a, b: a in b,
    "notin": lambda a, b: a not in b,
}
_BINARY: Mapping[type[nodes.Expr], Callable[[Any, Any], Any]] = {
    nodes.Add: operator.add,
    nodes.Sub: operator.sub,
    nodes.Mul: operator.mul,
    nodes.Div: operator.truediv,
}


def _name(node: Any, scope: Scope, _: Build) -> Expression:
    name: str = node.name
    known = scope.extra if name in scope.extra else scope.names
    if known is not None and name not in known:
        allowed = [*scope.extra, *(scope.names or ())]
        raise BadExpression(f"names `{name}`, which is not there", cure_for(name, allowed, "name"))
    lenient, itself = scope.lenient, known is None and name == "item"

    def read(names: Names) -> Any:
        try:
            return names[name]
        except KeyError:
            if itself:
                return names
            if lenient:
                return None
            raise Missing(name) from None

    code = None if lenient or itself else straight.name(name)
    return Expression(read, None if known is None else known[name], name=name, code=code)


def _getattr(node: Any, scope: Scope, build: Build) -> Expression:
    return _member_of(build(node.node), node.attr, scope)


def _getitem(node: Any, scope: Scope, build: Build) -> Expression:
    if not isinstance(node.arg, (nodes.Const, nodes.Neg)):
        raise BadExpression("reads a member by a computed key", "use a table or a constant key")
    return _member_of(build(node.node), build(node.arg).fn({}), scope)


def _member_of(inner: Expression, key: Any, scope: Scope) -> Expression:
    known = inner.shape.members if inner.shape else None
    if known is not None and key not in known:
        raise BadExpression(f"reads `{key}`, which is not there", cure_for(str(key), known, "name"))
    shape = known[key] if known is not None else inner.shape.item if inner.shape else None
    read, code = _reading(inner.fn, key, lenient=scope.lenient), None
    if isinstance(key, str) and not key.startswith("_"):
        if inner.name is not None:
            read = _reading_of_name(inner.name, key, read)
        if inner.code is not None and not scope.lenient:
            model = inner.shape is not None and inner.shape.model
            code = straight.member(inner.code, key, model=model)
    return Expression(read, shape, inner.references, code=code)


def _reading(fn: Fn, key: Any, *, lenient: bool) -> Fn:
    def read(names: Names) -> Any:
        value = fn(names)
        try:
            return value[key] if type(value) is dict else member(value, key)
        except (KeyError, Missing):
            if lenient:
                return None
            raise Missing(str(key)) from None

    return read


def _reading_of_name(name: str, key: str, otherwise: Fn) -> Fn:
    """Most reads are `name.member` of what has it: one closure for both steps."""

    def read(names: Names) -> Any:
        try:
            value = names[name]
            if type(value) is dict:
                return value[key]
            if isinstance(value, Part):
                return getattr(value, key)
        except (KeyError, AttributeError):
            pass
        return otherwise(names)

    return read


def _const(node: Any, _: Scope, __: Build) -> Expression:
    value = node.value
    if isinstance(value, float):
        value = Decimal(repr(value))
        if not value.is_finite() or len(value.as_tuple().digits) > 15:
            raise BadExpression("has a number of too many digits", "write '1.23…' | dec")
    elif isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)
    return Expression(lambda _: value, constant=True, code=straight.code("{k}", k=value))


def _list(node: Any, _: Scope, build: Build) -> Expression:
    parts = [build(item) for item in node.items]
    fns = [p.fn for p in parts]
    told = straight.code(f"[{', '.join('{}' for _ in parts)}]", *(p.source for p in parts))
    return Expression(lambda names: [fn(names) for fn in fns], references=needs(*parts), code=told)


def _dict(node: Any, _: Scope, build: Build) -> Expression:
    parts = [(build(pair.key), build(pair.value)) for pair in node.items]
    fns = [(k.fn, v.fn) for k, v in parts]
    refs = needs(*(v for _, v in parts))
    return Expression(lambda names: {k(names): v(names) for k, v in fns}, references=refs)


def _or(node: Any, _: Scope, build: Build) -> Expression:
    left, right = build(node.left), build(node.right)
    a, b = left.fn, right.fn
    told = straight.code("({} or {})", left.source, right.source)
    either = needs(left, right)
    return Expression(lambda names: a(names) or b(names), left.shape, either, code=told)


def _and(node: Any, _: Scope, build: Build) -> Expression:
    left, right = build(node.left), build(node.right)
    a, b = left.fn, right.fn
    told, both = straight.code("({} and {})", left.source, right.source), needs(left, right)
    return Expression(lambda names: a(names) and b(names), right.shape, both, code=told)


def _not(node: Any, _: Scope, build: Build) -> Expression:
    inner = build(node.node)
    return Expression(lambda names: not inner.fn(names), references=inner.references)


def _negative(node: Any, _: Scope, build: Build) -> Expression:
    inner = build(node.node)
    return Expression(lambda names: negate(inner.fn(names)), references=inner.references)


def _choice(node: Any, _: Scope, build: Build) -> Expression:
    test, yes = build(node.test), build(node.expr1)
    no = build(node.expr2) if node.expr2 is not None else Expression(lambda _: None)
    t, a, b = test.fn, yes.fn, no.fn
    refs = needs(test, yes, no)
    told = straight.code("({} if {} else {})", yes.source, test.source, no.source)
    return Expression(lambda names: a(names) if t(names) else b(names), yes.shape, refs, code=told)


def _compare(node: Any, scope: Scope, build: Build) -> Expression:
    first, lenient = build(node.expr), scope.lenient
    rest = [(_COMPARE[o.op], build(o.expr)) for o in node.ops]
    checks = [(guarded(o.op, op), e.fn) for o, (op, e) in zip(node.ops, rest, strict=True)]

    def holds(names: Names) -> bool:
        left = own(first.fn(names))
        for check, fn in checks:
            right = own(fn(names))
            try:
                if not check(left, right):
                    return False
            except Fault:
                if lenient:
                    return False
                raise
            left = right
        return True

    return Expression(holds, references=needs(first, *(e for _, e in rest)))


def _binary(node: Any, _: Scope, build: Build) -> Expression:
    left, right = build(node.left), build(node.right)
    a, b, op = left.fn, right.fn, guarded(type(node).__name__.lower(), _BINARY[type(node)])

    def calculate(names: Names) -> Any:
        x, y = a(names), b(names)
        return None if x is None or y is None else op(number(x), number(y))

    return Expression(calculate, references=needs(left, right))


def _concat(node: Any, _: Scope, build: Build) -> Expression:
    parts = [build(n) for n in node.nodes]
    fns = [p.fn for p in parts]
    refs = needs(*parts)
    return Expression(lambda names: "".join([text(fn(names)) for fn in fns]), references=refs)


def _data(node: Any, _: Scope, __: Build) -> Expression:
    value = node.data
    return Expression(lambda _: value, constant=True)


MAKERS: Mapping[type[nodes.Node], Callable[[Any, Scope, Build], Expression]] = {
    nodes.Name: _name,
    nodes.Getattr: _getattr,
    nodes.Getitem: _getitem,
    nodes.Const: _const,
    nodes.TemplateData: _data,
    nodes.List: _list,
    nodes.Tuple: _list,
    nodes.Dict: _dict,
    nodes.Or: _or,
    nodes.And: _and,
    nodes.Not: _not,
    nodes.Neg: _negative,
    nodes.CondExpr: _choice,
    nodes.Compare: _compare,
    nodes.Concat: _concat,
    nodes.Add: _binary,
    nodes.Sub: _binary,
    nodes.Mul: _binary,
    nodes.Div: _binary,
}
