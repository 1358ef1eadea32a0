"""The terms of the expression language: what is compiled, from what, and what can go wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Protocol

from jinja2 import nodes
from msgspec.structs import asdict

from connector.documents.fields import Part
from connector.mapping.faults import Fault, Missing
from connector.mapping.shapes import Shape
from connector.mapping.straight import Code, called
from connector.values import Ref

Names = Mapping[str, Any]
Fn = Callable[[Names], Any]

WRONG = (TypeError, ValueError, ArithmeticError, LookupError)


class BadExpression(ValueError):
    """An expression that cannot be compiled, with its cure."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message)
        self.cure = cure


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression may name. *names* None: the payload's members, whatever they are.

    *tables*: where each is written. *lenient*: a missing member is null (for replies, whose shape
    is not ours to demand).  *elements*: of an element of XML what it says beside its attributes.
    """

    names: Mapping[str, Shape | None] | None = None
    tables: Mapping[str, str] = field(default_factory=dict)
    lenient: bool = False
    extra: Mapping[str, Shape | None] = field(default_factory=dict)
    elements: bool = False

    def having(self, name: str, shape: Shape | None) -> Scope:
        """Return this scope with one more name."""
        return replace(self, extra={**self.extra, name: shape})


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression, what is known of its value, and the entities it needs `there`.

    *name*: it is this name alone. *code*: the same in straight-line Python, if it has that.
    """

    fn: Fn
    shape: Shape | None = None
    references: frozenset[str] = frozenset()
    constant: bool = False
    name: str | None = None
    code: Code | None = None

    @property
    def source(self) -> Code:
        """Its source; at least, that its closure is called."""
        return self.code or called(self.fn)


class Build(Protocol):
    """Compiles a child node, in another scope if one is given."""

    def __call__(self, node: nodes.Node, scope: Scope | None = None) -> Expression:
        """Return the compiled child. Raises BadExpression."""
        ...


def needs(*parts: Expression) -> frozenset[str]:
    """Return the entities that any of *parts* needs."""
    return frozenset[str]().union(*(p.references for p in parts))


def guarded(word: str, fn: Callable[..., Any]) -> Callable[..., Any]:
    """Return *fn* with its errors turned into a Fault that names *word*."""

    def call(*values: Any) -> Any:
        try:
            return fn(*values)
        except WRONG:
            raise inapplicable(word) from None

    return call


def inapplicable(word: str) -> Fault:
    """The Fault of a filter or operator that fails on what it is given."""
    return Fault("wrong_type", f"`{word}` cannot be applied to what is there")


def truth(value: object) -> bool:
    """Say whether a condition holds; XML's and YAML's flags are text here."""
    return bool(value) and value not in ("false", "0")


def member(value: Any, key: Any) -> Any:
    """Return one member of a mapping, document or list: items only, null of null."""
    if value is None:
        return None
    if isinstance(value, dict):  # an element of a reply is one
        if key in value:
            return value[key]
        raise Missing(str(key))
    if isinstance(value, Part):
        value = asdict(value)
    elif isinstance(value, Ref):
        value = {"entity": value.entity, "key": value.key}
    elif isinstance(value, (list, tuple)) and isinstance(key, Decimal):
        value = dict(enumerate(value))
    if isinstance(value, Mapping) and key in value:
        return value[key]
    raise Missing(str(key))
