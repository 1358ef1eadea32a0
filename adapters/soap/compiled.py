"""Straight-line writers: a document/literal operation compiled from its schema to Python source.

Compiled is only what is proven: members that the schema has in one order, holding plain values.
Whatever else a message holds (attributes, `$type`, an unknown field, a value that does not fit)
is left to the general writer, which writes or explains it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from adapters.soap import leaves
from adapters.soap.contract import Operation
from adapters.soap.shapes import Member, Shape
from adapters.soap.writer import Missing, clears, enclosed, envelope, escaped

Append = Callable[[str], object]
Part = Callable[[Any, Append], None]
Write = Callable[[object], bytes]
# quick to tell in Python, and true of nothing that XML must escape or cannot carry
_PLAIN = 'x.isprintable() and not ("&" in x or "<" in x or ">" in x)'
_SPECIAL = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NAME = re.compile(r"[\w.-]+")
_DIGITS = 18  # of a number, before and after its point, that nobody needs to look at twice


class _Other(Exception):
    """What only the general writer can write or explain."""


class Messages:
    """The writer of every operation of one connection, each compiled when it is first used."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._writers: dict[tuple[int, Missing], tuple[Operation, Write]] = {}

    def write(self, operation: Operation, args: object, missing: Missing) -> bytes:
        """Write the message. Raises FieldErrors naming every field that cannot be written."""
        known = self._writers.get((id(operation), missing))
        if known is None or known[0] is not operation:
            known = (operation, self._made(operation, missing))
            self._writers[id(operation), missing] = known
        return known[1](args)

    def _made(self, operation: Operation, missing: Missing) -> Write:
        def general(args: object) -> bytes:
            return envelope(operation, args, missing=missing, zone=self._zone)

        straight = compiled(operation, missing=missing, zone=self._zone)
        if straight is None:
            return general

        def write(args: object) -> bytes:
            try:
                return straight(args)
            except _Other:
                return general(args)

        return write


def compiled(operation: Operation, *, missing: Missing, zone: ZoneInfo) -> Write | None:
    """A writer of the operation's plain messages; None where that is not proven for it."""
    plain = _plain(operation.sent.shape) and _NAME.fullmatch(operation.sent.name)
    if operation.rpc or operation.encoded or not plain:
        return None
    making = _Making(missing, zone)
    name = making.name(operation.sent)
    names, root = making.names, making.part(operation.sent.shape)

    def write(args: object) -> bytes:
        out: list[str] = []
        names[root]({} if args is None else args, out.append)
        return enclosed(operation, f"<{name}>{''.join(out)}</{name}>", making.prefixes.given)

    return write


def _plain(shape: Shape) -> bool:
    """Can its members be written as source? Their names become code: nothing odd stands in one."""
    named = all(_NAME.fullmatch(member.name) for member in shape.members.values())
    return shape.form is None and shape.item is None and shape.ordered and named


class Prefixes:
    """The prefixes of namespaces, given to parts while other threads write with those *given*."""

    def __init__(self) -> None:
        self._alone = threading.Lock()
        self.given: Mapping[str, str] = {}  # replaced, never changed

    def of(self, namespace: str) -> str:
        """The one prefix of a namespace."""
        with self._alone:
            if namespace not in self.given:
                self.given = {**self.given, namespace: f"n{len(self.given)}"}
            return self.given[namespace]


class _Making:
    """What the parts of one operation share: prefixes, and a function for each type."""

    def __init__(self, missing: Missing, zone: ZoneInfo) -> None:
        self._missing, self._zone = missing, zone
        self._parts: dict[int, str] = {}
        self._alone = threading.RLock()
        self.names: dict[str, Any] = {"Other": _Other, "clean": _clean}
        self.prefixes = Prefixes()

    def name(self, member: Member) -> str:
        """The name of an element on the wire."""
        if not member.namespace:
            return member.name
        return f"{self.prefixes.of(member.namespace)}:{member.name}"

    def part(self, shape: Shape) -> str:
        """Name the writer of a type's members, compiled when first used: a type may hold itself."""
        with self._alone:
            name = self._parts.setdefault(shape.kind, f"part{len(self._parts)}")

            def first(value: Any, append: Append) -> None:
                self._compile(name, shape)
                self.names[name](value, append)

            self.names.setdefault(name, first)
            return name

    def _compile(self, name: str, shape: Shape) -> None:
        with self._alone:
            source = [f"def {name}(value, append):", " if type(value) is not dict: raise Other"]
            source += [" seen = 0"]
            for place, (key, member) in enumerate(shape.members.items()):
                source += self._lines(f"{name}_{place}", key, member)
            source.append(" if seen != len(value): raise Other")
            exec(compile("\n".join(source), f"<{shape.name}>", "exec"), self.names)  # noqa: S102 - from `_NAME`s

    def _lines(self, place: str, key: str, member: Member) -> list[str]:
        nothing = self._nothing(member)
        self.names[f"other_{place}"] = self._other(member)
        lines = [f" if {key!r} in value:", f"  x = value[{key!r}]; seen += 1"]
        lines += [f"  {line}" for line in self._usual(place, member)]
        if nothing and self._missing != "omit" and not member.many:
            lines.append(f" else: append({nothing!r})")
        return lines

    def _usual(self, place: str, member: Member) -> list[str]:
        """Lines that write `x` where it is what it mostly is, and leave all else to `other`."""
        name, form, other = self.name(member), member.shape.form, f"other_{place}(x, append)"
        if form is not None and (sure := _sure(member.shape, place, self.names)):
            told = f"x if {_PLAIN} else clean(x)" if form.__name__ == "text" else "x"
            line = f"if type(x) is str and {sure}: append(f'<{name}>{{{told}}}</{name}>')"
            return [line, f"else: {other}"]
        if form is not None or not _plain(member.shape):
            return [other]
        part = self.part(member.shape)
        one = f"append('<{name}>'); {part}(x, append); append('</{name}>')"
        if not member.many:
            return [f"if type(x) is dict: {one}", f"else: {other}"]
        many = ["for x in x if type(x) is list else (x,):", f" if type(x) is dict: {one}"]
        return [*many, f" else: {other}"]

    def _nothing(self, member: Member) -> str:
        """What is written where there is no value."""
        if member.nillable or self._missing == "nil":
            return f'<{self.name(member)} xsi:nil="true"/>'
        return f"<{self.name(member)}/>" if self._missing == "empty" else ""

    def _other(self, member: Member) -> Part:
        """The writer of a member, or of each of a list, that is no plain text."""
        one = self._leaf(member) if member.shape.form else self._tree(member)

        def write(value: Any, append: Append) -> None:
            if type(value) is not list:
                one(value, append)
                return
            if len(value) > 1 and not member.many:
                raise _Other
            for each in value:
                one(each, append)

        return write

    def _leaf(self, member: Member) -> Part:
        form, nothing, zone = member.shape.form or leaves.text, self._nothing(member), self._zone
        opening, closing = f"<{self.name(member)}>", f"</{self.name(member)}>"
        empty = opening + closing if clears(form, zone) else nothing

        def write(value: Any, append: Append) -> None:
            if value is None:
                append(nothing)
            elif value == "":
                append(empty)
            elif isinstance(value, Mapping | list | tuple):
                raise _Other
            else:
                try:
                    text = form(value, zone)
                except (ValueError, TypeError) as error:
                    raise _Other from error
                append(opening + (_clean(text) if _SPECIAL.search(text) else text) + closing)

        return write

    def _tree(self, member: Member) -> Part:
        if not _plain(member.shape):
            return _refused
        names, part, nothing = self.names, self.part(member.shape), self._nothing(member)
        opening, closing = f"<{self.name(member)}>", f"</{self.name(member)}>"

        def write(value: Any, append: Append) -> None:
            if value is None:
                append(nothing)
            else:
                append(opening)
                names[part](value, append)
                append(closing)

        return write


def _sure(shape: Shape, place: str, names: dict[str, Any]) -> str:
    """A condition on the text `x`, in Python, under which it is surely written as it stands."""
    bounds = shape.bounds
    if shape.form is None or bounds is None:
        return ""
    most, kind = bounds.most, shape.form.__name__
    tests = []
    if bounds.words:
        names[f"words{place}"] = bounds.words
        tests.append(f"x in words{place}")
    if kind == "text" and most.keys() <= {"maxLength"}:
        tests += [f"len(x) <= {n}" for n in most.values()]
        if bounds.least:  # what cannot be carried is cut out, and the rest must fit as well
            tests += [f"len(x) >= {bounds.least}", _PLAIN]
        for number, one in enumerate(bounds.patterns):
            names[f"pattern{place}_{number}"] = one.fullmatch
            tests += [f"pattern{place}_{number}(x)", _PLAIN]
        return " and ".join(["x", *tests])
    if kind not in ("decimal", "integer") or "maxLength" in most or bounds.least or bounds.patterns:
        return ""
    part = most.get("fractionDigits", _DIGITS) if kind == "decimal" else 0
    whole = most.get("totalDigits", 2 * _DIGITS) - min(part, most.get("totalDigits", part))
    decimals = rf"(\.[0-9]{{1,{part}}})?" if part else ""
    if whole < 1:
        return ""
    names[f"number{place}"] = re.compile(rf"-?[0-9]{{1,{whole}}}{decimals}").fullmatch
    return " and ".join([f"number{place}(x)", *tests])


def _refused(_value: Any, _append: Append) -> None:
    raise _Other


def _clean(text: str) -> str:
    return escaped(leaves.carried(text))
