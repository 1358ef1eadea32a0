"""Rendering of compiled sections: closures that make values and collect faults by path.

Every node is compiled to two closures.  The plain one makes the value and nothing else; where it
meets a Fault, or somebody asks what made what, the traced one renders again and names the place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from connector.documents.keeping import ANYWHERE, Place
from connector.errors import FieldErrors, FieldFault
from connector.mapping.faults import Fault
from connector.mapping.straight import FAILS, Leaf, members
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


@dataclass(frozen=True, slots=True)
class Make:
    """How a node is made: *traced* leaves faults and places by path.

    *plain* raises a Fault, or one of straight.FAILS; *leaf*: its source, where it has that.
    """

    traced: Callable[[dict[str, Any], Sink, str], Any]
    plain: Callable[[dict[str, Any]], Any]
    leaf: Leaf | None = None


@dataclass(frozen=True, slots=True)
class Gather:
    """How the elements of a list are added to it, traced or plain."""

    traced: Callable[[dict[str, Any], Sink, str, list[Any]], None]
    plain: Callable[[dict[str, Any], list[Any]], None]


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
        given = names if type(names) is dict else dict(names)
        if sink.made is None and sink.filled is None:
            with suppress(Fault, *FAILS):
                return _told(self.make.plain(given))
        return _told(self.make.traced(given, sink, ""))


def _told(value: Any) -> Any:
    return None if isinstance(value, Mark) else value


def always(value: Any) -> Make:
    """Render *value*, of which nobody asks who made it."""
    return Make(lambda _names, _sink, _at: value, lambda _names: value)


nothing = always(OMIT)
no_elements = Gather(lambda _names, _sink, _at, _out: None, lambda _names, _out: None)


def constant(node: Node) -> Make:
    """Render a text untouched."""
    value = "" if node.value is None else node.value

    def make(_names: dict[str, Any], sink: Sink, at: str) -> Any:
        sink.keep(at, node, value)
        return value

    return Make(make, lambda _names: value)


def _fault(fault: Fault, at: str, place: Node) -> FieldFault:
    return FieldFault(at, fault.code, f"{fault.cure}; {place.file}:{place.line}")


def leaf(expression: Expression, place: Node, *, blank: bool, into: Place = ANYWHERE) -> Make:
    """Render one expression; the plain value is given the form that *into* keeps."""
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

    straight = Leaf(expression.source, into.take, into.ascii, blank)
    return Make(make, _plain_leaf(fn, into, blank=blank), straight)


def _plain_leaf(
    fn: Callable[[Names], Any], into: Place, *, blank: bool
) -> Callable[[dict[str, Any]], Any]:
    def plain(names: dict[str, Any]) -> Any:
        value = fn(names)
        return None if value == "" else value

    take, as_it_is = into.take, into.ascii
    if take is None:
        return plain if blank else fn

    def taken(names: dict[str, Any]) -> Any:
        value = fn(names)
        if value is None or (blank and value == ""):
            return None
        if as_it_is and type(value) is str and value.isascii():
            return value
        return take(value)

    return taken


def members_of(made: list[tuple[str, Make]], *, keep: bool) -> Make:
    """Render a mapping; null members are left out unless *keep*."""

    def make(names: dict[str, Any], sink: Sink, at: str) -> Any:
        out: dict[str, Any] = {}
        prefix = at + "." if at else ""
        for key, child in made:
            value = child.traced(names, sink, prefix + key)
            if value is NIL:
                out[key] = None
            elif value is not OMIT and (keep or value is not None):
                out[key] = value
        return out

    children = [(key, child.leaf or child.plain) for key, child in made]
    return Make(make, members(children, keep=keep, marks=(OMIT, NIL)))


def laid_over(
    base: Expression,
    place: Node,
    make: Make,
    dropped: Mapping[str, Any],
    spell: Callable[[Any], Any] | None = None,
) -> Make:
    """Render the mapping that *base* gives, less what is *dropped*, with *make* laid over it.

    *dropped*: True for a member that is; for another, what is dropped below it.
    *spell*: what gives the plain values their form.
    """

    def traced(names: dict[str, Any], sink: Sink, at: str) -> Any:
        over = make.traced(names, sink, at)
        try:
            return _laid(base.fn(names), over, dropped)
        except Fault as fault:
            sink.faults.append(_fault(fault, at, place))
            return OMIT

    def plain(names: dict[str, Any]) -> Any:
        under = base.fn(names)
        return _laid(spell(under) if spell else under, make.plain(names), dropped)

    return Make(traced, plain)


def _laid(under: Any, over: Any, dropped: Mapping[str, Any]) -> Any:
    if not isinstance(over, Mapping):
        return over
    if under is not None and not isinstance(under, Mapping):
        raise Fault("wrong_type", "`$over` takes something with members, as the payload")
    kept = {k: v for k, v in (under or {}).items() if dropped.get(k) is not True}
    inner = {k: _laid(kept[k], v, dropped.get(k) or {}) for k, v in over.items()
             if isinstance(kept.get(k), Mapping)}  # fmt: skip
    return {**kept, **over, **inner}


def in_a_string(make: Make, spell: Callable[[Any], str], place: Node) -> Make:
    """Render a tree as the text that *spell* makes of it; nothing stays nothing."""

    def make_text(names: dict[str, Any], sink: Sink, at: str) -> Any:
        value = make.traced(names, sink, at)
        if value is None or isinstance(value, Mark):
            return value
        try:
            return spell(value)
        except Fault as fault:
            sink.faults.append(_fault(fault, at, place))
            return OMIT

    def plain(names: dict[str, Any]) -> Any:
        value = make.plain(names)
        return value if value is None or isinstance(value, Mark) else spell(value)

    return Make(make_text, plain)


def sequence(gathers: list[Gather]) -> Make:
    """Render a list."""
    return collected(in_turn(gathers))


def collected(gather: Gather) -> Make:
    """Render the list that *gather* fills."""

    def make(names: dict[str, Any], sink: Sink, at: str) -> Any:
        out: list[Any] = []
        gather.traced(names, sink, at, out)
        return out

    def plain(names: dict[str, Any]) -> Any:
        out: list[Any] = []
        gather.plain(names, out)
        return out

    return Make(make, plain)


def single(make: Make) -> Gather:
    """Gather one element; null and nothing are left out."""

    def gather(names: dict[str, Any], sink: Sink, at: str, out: list[Any]) -> None:
        value = make.traced(names, sink, f"{at}[{len(out)}]")
        if value is not OMIT and value is not None:
            out.append(None if value is NIL else value)

    def plain(names: dict[str, Any], out: list[Any]) -> None:
        value = make.plain(names)
        if value is not OMIT and value is not None:
            out.append(None if value is NIL else value)

    return Gather(gather, plain)


def in_turn(gathers: list[Gather]) -> Gather:
    """Gather all parts, one after the other."""

    def gather(names: dict[str, Any], sink: Sink, at: str, out: list[Any]) -> None:
        for part in gathers:
            part.traced(names, sink, at, out)

    def plain(names: dict[str, Any], out: list[Any]) -> None:
        for part in gathers:
            part.plain(names, out)

    return Gather(gather, plain)


def repeated(expression: Expression, name: str, make: Make, place: Node) -> Gather:
    """Gather one element per item of a list."""
    fn, one = expression.fn, single(make)

    def gather(names: dict[str, Any], sink: Sink, at: str, out: list[Any]) -> None:
        try:
            items = _items(fn(names))
        except Fault as fault:
            sink.faults.append(_fault(fault, at, place))
            return
        inner = dict(names)
        for index, item in enumerate(items, 1):
            inner[name], inner["loop"] = item, {"index": index}
            one.traced(inner, sink, at, out)

    def plain(names: dict[str, Any], out: list[Any]) -> None:
        inner = dict(names)
        for index, item in enumerate(_items(fn(names)), 1):
            inner[name], inner["loop"] = item, {"index": index}
            one.plain(inner, out)

    return Gather(gather, plain)


def _items(value: Any) -> Sequence[Any]:
    if value is not None and not isinstance(value, (list, tuple)):
        raise Fault("wrong_type", "`$each` walks a list")
    return value or ()


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
        return make.traced(inner, sink, at)

    named = [(name, expression.fn) for name, expression, _ in withs]
    test = condition[0].fn if condition is not None else None

    def plain(names: dict[str, Any]) -> Any:
        inner = dict(names)
        for name, fn in named:
            inner[name] = fn(inner)
        return make.plain(inner) if test is None or truth(test(inner)) else None

    return Make(checked, plain)


def _value(expression: Expression, place: Node, names: dict[str, Any], sink: Sink, at: str) -> Any:
    try:
        return expression.fn(names)
    except Fault as fault:
        sink.faults.append(_fault(fault, at, place))
        return OMIT
