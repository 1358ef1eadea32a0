"""Rendering of compiled sections: closures that make values and collect faults by path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from connector.errors import FieldErrors, FieldFault
from connector.mapping.faults import Fault
from connector.mapping.terms import Expression, Names, truth
from connector.yamlread import Node


class Mark:
    """A value that is none."""


OMIT, NIL = Mark(), Mark()


@dataclass(slots=True)
class Sink:
    """Where a rendering leaves its faults and, if asked, which node made which path.

    *filled*: the nodes that gave a value, if asked.
    """

    faults: list[FieldFault] = field(default_factory=list)
    made: dict[str, Node] | None = None
    filled: list[Node] | None = None

    def keep(self, at: str, node: Node, value: Any) -> None:
        """Remember what *node* made, where somebody asked."""
        if self.made is not None:
            self.made[at] = node
        if self.filled is not None and value not in (None, "", [], {}):
            self.filled.append(node)


Make = Callable[[dict[str, Any], Sink, str], Any]
Gather = Callable[[dict[str, Any], Sink, str, list[Any]], None]


@dataclass(frozen=True, slots=True)
class Tree:
    """A compiled section: renders to plain values; *references*: the entities it needs there."""

    make: Make
    references: frozenset[str] = frozenset()

    def __call__(self, names: Names) -> Any:
        """Render with *names*; raises FieldErrors naming every field that cannot be made."""
        sink = Sink()
        value = self.render(names, sink)
        if sink.faults:
            raise FieldErrors(tuple(sink.faults))
        return value

    def render(self, names: Names, sink: Sink) -> Any:
        """Render with *names*, leaving faults in *sink*."""
        value = self.make(dict(names), sink, "")
        return None if isinstance(value, Mark) else value


def nothing(_names: dict[str, Any], _sink: Sink, _at: str) -> Any:
    """Render nothing."""
    return OMIT


def constant(node: Node) -> Make:
    """Render a text untouched."""
    value = "" if node.value is None else node.value

    def make(_names: dict[str, Any], sink: Sink, at: str) -> Any:
        if sink.made is not None or sink.filled is not None:
            sink.keep(at, node, value)
        return value

    return make


def _fault(fault: Fault, at: str, place: Node) -> FieldFault:
    return FieldFault(at, fault.code, f"{fault.cure}; {place.file}:{place.line}")


def leaf(expression: Expression, place: Node, *, blank: bool) -> Make:
    """Render one expression."""
    fn = expression.fn

    def make(names: dict[str, Any], sink: Sink, at: str) -> Any:
        if sink.made is not None:
            sink.made[at] = place
        try:
            value = fn(names)
        except Fault as fault:
            sink.faults.append(_fault(fault, at, place))
            return OMIT
        if sink.filled is not None:
            sink.keep(at, place, value)
        return None if blank and value == "" else value

    return make


def members_of(made: list[tuple[str, Make]], *, keep: bool) -> Make:
    """Render a mapping; null members are left out unless *keep*."""

    def make(names: dict[str, Any], sink: Sink, at: str) -> Any:
        out: dict[str, Any] = {}
        prefix = at + "." if at else ""
        for key, child in made:
            value = child(names, sink, prefix + key)
            if value is NIL:
                out[key] = None
            elif value is not OMIT and (keep or value is not None):
                out[key] = value
        return out

    return make


def in_a_string(make: Make, spell: Callable[[Any], str], place: Node) -> Make:
    """Render a tree as the text that *spell* makes of it; nothing stays nothing."""

    def make_text(names: dict[str, Any], sink: Sink, at: str) -> Any:
        value = make(names, sink, at)
        if value is None or isinstance(value, Mark):
            return value
        try:
            return spell(value)
        except Fault as fault:
            sink.faults.append(_fault(fault, at, place))
            return OMIT

    return make_text


def sequence(gathers: list[Gather]) -> Make:
    """Render a list."""
    return collected(in_turn(gathers))


def collected(gather: Gather) -> Make:
    """Render the list that *gather* fills."""

    def make(names: dict[str, Any], sink: Sink, at: str) -> Any:
        out: list[Any] = []
        gather(names, sink, at, out)
        return out

    return make


def single(make: Make) -> Gather:
    """Gather one element; null and nothing are left out."""

    def gather(names: dict[str, Any], sink: Sink, at: str, out: list[Any]) -> None:
        value = make(names, sink, f"{at}[{len(out)}]")
        if value is not OMIT and value is not None:
            out.append(None if value is NIL else value)

    return gather


def in_turn(gathers: list[Gather]) -> Gather:
    """Gather all parts, one after the other."""

    def gather(names: dict[str, Any], sink: Sink, at: str, out: list[Any]) -> None:
        for part in gathers:
            part(names, sink, at, out)

    return gather


def repeated(expression: Expression, name: str, make: Make, place: Node) -> Gather:
    """Gather one element per item of a list."""
    one = single(make)

    def gather(names: dict[str, Any], sink: Sink, at: str, out: list[Any]) -> None:
        items = _value(expression, place, names, sink, at)
        if items is OMIT:
            return
        if items is not None and not isinstance(items, (list, tuple)):
            wrong = Fault("wrong_type", "`$each` walks a list")
            sink.faults.append(_fault(wrong, at, place))
            return
        inner = dict(names)
        for index, item in enumerate(items or ()):
            inner[name], inner["loop"] = item, {"index": index + 1}
            one(inner, sink, at, out)

    return gather


def bound(
    make: Make,
    withs: list[tuple[str, Expression, Node]],
    condition: tuple[Expression, Node] | None,
) -> Make:
    """Render with more names, and only where the condition holds."""

    def checked(names: dict[str, Any], sink: Sink, at: str) -> Any:
        inner = dict(names)
        for name, expression, place in withs:
            inner[name] = _value(expression, place, inner, sink, at)
            if inner[name] is OMIT:
                return OMIT
        if condition is not None:
            holds = _value(*condition, inner, sink, at)
            if holds is OMIT or not truth(holds):
                return holds if holds is OMIT else None
        return make(inner, sink, at)

    return checked


def _value(expression: Expression, place: Node, names: dict[str, Any], sink: Sink, at: str) -> Any:
    try:
        return expression.fn(names)
    except Fault as fault:
        sink.faults.append(_fault(fault, at, place))
        return OMIT
