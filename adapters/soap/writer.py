"""Build a message from a tree: every leaf by its type, every fault at once.

Document/literal, rpc/literal and rpc/encoded. What is plain is written by `compiled` instead, which
leaves to this writer whatever it cannot write, and every fault.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal
from xml.sax.saxutils import quoteattr
from zoneinfo import ZoneInfo

from adapters.soap import leaves
from adapters.soap.contract import Operation
from adapters.soap.shapes import Book, Member, Shape
from connector.errors import FieldErrors, FieldFault

Missing = Literal["omit", "nil", "empty"]
_SOAP = {
    "1.1": "http://schemas.xmlsoap.org/soap/envelope/",
    "1.2": "http://www.w3.org/2003/05/soap-envelope",
}
_ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
_SPECIAL = re.compile("[&<>\r]")
_XSI = "http://www.w3.org/2001/XMLSchema-instance"


def envelope(operation: Operation, args: object, *, missing: Missing, zone: ZoneInfo) -> bytes:
    """Write the message. Raises FieldErrors naming every field that cannot be written."""
    writing = (_Encoding if operation.encoded else _Writing)(missing, zone)
    if operation.rpc:
        writing.parameters(operation.sent, args)
    else:
        writing.element(operation.sent, args, operation.sent.name, top=True)
    if writing.faults:
        raise FieldErrors(tuple(writing.faults))
    return enclosed(operation, "".join(writing.out), writing.prefixes)


def enclosed(operation: Operation, body: str, prefixes: Mapping[str, str]) -> bytes:
    """The envelope around a body, with the prefixes that it uses."""
    opening = _opening(operation.soap, tuple(prefixes.items()))
    return f"{opening}{body}</soap:Body></soap:Envelope>".encode()


@lru_cache(maxsize=256)
def _opening(soap: str, prefixes: tuple[tuple[str, str], ...]) -> str:
    spaces = "".join(f" xmlns:{prefix}={quoteattr(ns)}" for ns, prefix in prefixes)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<soap:Envelope xmlns:soap="{_SOAP[soap]}" xmlns:xsi="{_XSI}"{spaces}><soap:Body>'
    )


def blocks_of(blocks: Sequence[tuple[Member, object]], zone: ZoneInfo) -> bytes:
    """The header with *blocks*; one that no contract declares is written as it stands."""
    writing = _Writing("omit", zone)
    for member, value in blocks:
        if member.shape.declared:
            writing.element(member, value, f"headers.{member.name}", top=True)
        else:
            named = f"{{{member.namespace}}}{member.name}"
            writing.any(member, {named: value}, "headers")
    if writing.faults:
        raise FieldErrors(tuple(writing.faults))
    spaces = "".join(f" xmlns:{prefix}={quoteattr(ns)}" for ns, prefix in writing.prefixes.items())
    return f"<soap:Header{spaces}>{''.join(writing.out)}</soap:Header>".encode()


def clears(form: leaves.Form, zone: ZoneInfo) -> bool:
    """Whether '' is a value of the type: text, unless a facet refuses it."""
    if form.__name__ != leaves.text.__name__:
        return False
    try:
        return form("", zone) == ""
    except leaves.Unfit:
        return False


def escaped(text: str) -> str:
    """Text as it stands between tags."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return plain.replace("\r", "&#13;")


class _Sheet:
    """What is written so far, and what of it could not be; writes what no schema describes."""

    def __init__(self, missing: Missing, zone: ZoneInfo) -> None:
        self._missing, self._zone = missing, zone
        self.out: list[str] = []
        self.faults: list[FieldFault] = []
        self.prefixes: dict[str, str] = {}

    def any(self, member: Member, value: object, at: str) -> None:
        """Write what the schema leaves open: `Name` in the member's namespace, or its own."""
        if value is not None and not isinstance(value, Mapping):
            self._fault(f"{at}.$any", "not_a_tree", "write names and values below it")
        elif value is not None:
            self._open(member.shape.book, value, member.namespace, at)

    def _open(
        self, book: Book, value: Mapping[str, object], inherited: str | None, at: str
    ) -> None:
        """Write elements by name; what stands below one is in its namespace, unless it says so."""
        for name, given in value.items():
            if (named := self._named(book, name, inherited, f"{at}.")) is None:
                continue
            space, wire = named
            for one in given if isinstance(given, list | tuple) else [given]:
                tree = one if isinstance(one, Mapping) else {"$value": one}
                self.out.append(f"<{wire}{self._open_attributes(book, tree, f'{at}.{name}')}>")
                if (text := tree.get("$value")) is not None:
                    self.out.append(escaped(self._formed(leaves.text, text, f"{at}.{name}")))
                below = {k: v for k, v in tree.items() if not k.startswith(("@", "$value"))}
                self._open(book, below, space, at)
                self.out.append(f"</{wire}>")

    def _open_attributes(self, book: Book, tree: Mapping[str, object], at: str) -> str:
        written = []
        for name, given in tree.items():
            if not name.startswith("@") or given is None:
                continue
            if (named := self._named(book, name[1:], None, f"{at}.@")) is not None:
                text = self._formed(leaves.text, given, f"{at}.{name}")
                written.append(f" {named[1]}={quoteattr(text)}")
        return "".join(written)

    def _named(
        self, book: Book, name: str, inherited: str | None, at: str
    ) -> tuple[str | None, str] | None:
        """The namespace of `{ns}Name`, `prefix:Name` or `Name`, and how the message writes it."""
        space, local = book.split(name)
        if space is None and local != name:
            self._fault(f"{at}{name}", "unknown_field", "name its prefix in `ns`")
            return None
        space = inherited if space is None else space
        return space, f"{self._prefix(space)}:{local}" if space else local

    def _formed(self, form: leaves.Form, value: object, at: str) -> str:
        try:
            return form(value, self._zone)
        except leaves.Unfit as unfit:
            self._fault(at, unfit.code, unfit.cure)
            return ""
        except (ValueError, TypeError):
            self._fault(at, f"not_{form.__name__}", "the schema declares another type")
            return ""

    def _prefix(self, namespace: str) -> str:
        return self.prefixes.setdefault(namespace, f"n{len(self.prefixes)}")

    def _fault(self, at: str, code: str, cure: str) -> None:
        self.faults.append(FieldFault(at.partition(".")[2] or at, code, cure))


class _Wire(_Sheet):
    """What goes out: elements and their names, and the faults that were met."""

    def _typed(self, shape: Shape) -> str:
        """What an element says about its type."""
        del shape
        return ""

    def _blank(self, member: Member) -> None:
        """Write a parameter that has no value."""
        name, form = self._name(member), member.shape.form
        if form is not None and form.__name__ == "text" and self._missing != "nil":
            self.out.append(f"<{name}{self._typed(member.shape)}></{name}>")
        elif not member.many:
            self.out.append(f'<{name}{self._typed(member.shape)} xsi:nil="true"/>')

    def _leaf(self, member: Member, form: leaves.Form, value: object, at: str) -> None:
        name, text = self._name(member), self._formed(form, value, at)
        told = escaped(text) if _SPECIAL.search(text) else text
        self.out.append(f"<{name}{self._typed(member.shape)}>{told}</{name}>")

    def _unknown(self, value: Mapping[str, object], known: list[str], at: str) -> None:
        for name in value:
            if name in known or name.startswith("@") or name in ("$value", "$type", "$any"):
                continue
            near = difflib.get_close_matches(name, known, 1)
            cure = f"did you mean {near[0]}?" if near else "the contract declares no such field"
            self._fault(f"{at}.{name}", "unknown_field", cure)

    def _attributes(self, shape: Shape, value: Mapping[str, object], at: str) -> str:
        written = []
        for name, given in value.items():
            if not name.startswith("@") or given is None:
                continue
            declared = shape.attributes.get(name[1:])
            if declared is None:
                self._fault(f"{at}.{name}", "unknown_field", "the contract declares no such field")
                continue
            wire, form = declared
            namespace, _, local = wire.rpartition("}")
            prefixed = f"{self._prefix(namespace[1:])}:{local}" if namespace else local
            written.append(f" {prefixed}={quoteattr(self._formed(form, given, f'{at}.{name}'))}")
        return "".join(written)

    def _nothing(self, member: Member) -> None:
        name = self._name(member)
        if member.nillable or self._missing == "nil":
            self.out.append(f'<{name}{self._typed(member.shape)} xsi:nil="true"/>')
        elif self._missing == "empty":
            self.out.append(f"<{name}{self._typed(member.shape)}/>")

    def _name(self, member: Member) -> str:
        space = member.namespace
        if not space:
            return member.name
        return f"{self.prefixes.get(space) or self._prefix(space)}:{member.name}"


class _Writing(_Wire):
    """One message while it is written, as its schema says."""

    def parameters(self, member: Member, args: object) -> None:
        """Write a call: servers take its parameters by position, so each is sent, if but empty."""
        given = args if isinstance(args, Mapping) else {}
        if args is not None and not isinstance(args, Mapping):
            self._fault(member.name, "not_a_tree", "the contract declares parameters here")
        name, at = self._name(member), member.name
        self.out.append(f"<{name}{self._call()}>")
        self._unknown(given, list(member.shape.members), at)
        for part, one in member.shape.members.items():
            value = given.get(part)
            if value is None or value == "":
                self._blank(one)
            else:
                self.element(one, value, f"{at}.{part}")
        self.out.append(f"</{name}>")

    def _call(self) -> str:
        """What the element around the parameters says beside its name."""
        return ""

    def element(self, member: Member, value: object, at: str, *, top: bool = False) -> None:
        """Write a member, or each of a list."""
        if value is None and not top:
            self._nothing(member)
        elif isinstance(value, list | tuple) and member.shape.item is not None and not member.many:
            self._array(member, member.shape.item, value, at)
        elif isinstance(value, list | tuple):
            if not member.many and len(value) > 1:
                self._fault(at, "too_many", "one value: the schema declares no list here")
            for place, one in enumerate(value):
                self._one(member, one, f"{at}[{place}]")
        else:
            self._one(member, {} if value is None else value, at)

    def _one(self, member: Member, value: object, at: str) -> None:
        form = member.shape.form
        if value is None:
            self._nothing(member)
        elif isinstance(value, Mapping):
            self._tree(member, value, at)
        elif form is None:
            self._fault(at, "not_a_tree", "the schema declares members here")
        elif value == "" and not clears(form, self._zone):
            self._nothing(member)  # '' clears; only text can be empty
        else:
            self._leaf(member, form, value, at)

    def _tree(self, member: Member, value: Mapping[str, object], at: str) -> None:
        name, shape, typed = self._name(member), member.shape, self._typed(member.shape)
        if "$type" in value:
            found = shape.book.named(str(value["$type"]))
            if found is None or found.name is None:
                self._fault(f"{at}.$type", "unknown_type", "a type of the contract: prefix:Name")
                return
            space, local = found.name
            shape, typed = found, f' xsi:type="{self._prefix(space)}:{local}"'
        form = shape.form
        plain = value.keys() <= shape.members.keys()
        attributes = "" if plain else self._attributes(shape, value, at)
        self.out.append(f"<{name}{typed}{attributes}>")
        if form is None and "$pairs" in value:
            self._pairs(shape, value["$pairs"], at)
        elif form is None:
            self._members(shape, value, at)
            self.any(member, value.get("$any"), at)
        else:
            self._unknown(value, [], at)
            self.out.append(escaped(self._formed(form, value.get("$value", ""), at)))
        self.out.append(f"</{name}>")

    def _pairs(self, shape: Shape, value: object, at: str) -> None:
        """Write a map as name and value, in the two members that the schema has for them."""
        holder = next((m for m in shape.members.values() if m.many), None)
        names = _two(holder.shape) if holder is not None else None
        if holder is None or names is None or not isinstance(value, Mapping):
            self._fault(f"{at}.$pairs", "no_pairs", "the schema needs a list of two members here")
            return
        rows = [dict(zip(names, pair, strict=True)) for pair in value.items()]
        self.element(holder, [row for row in rows if row[names[1]] is not None], at)

    def _array(
        self, member: Member, item: Member, value: list[object] | tuple[object, ...], at: str
    ) -> None:
        name = self._name(member)
        self.out.append(f"<{name}{self._held(item, len(value))}>")
        for place, one in enumerate(value):
            self._one(item, one, f"{at}[{place}]")
        self.out.append(f"</{name}>")

    def _held(self, item: Member, count: int) -> str:
        """What an array says about its items."""
        del item, count
        return ""

    def _members(self, shape: Shape, value: Mapping[str, object], at: str) -> None:
        if value.keys() - shape.members.keys():
            self._unknown(value, list(shape.members), at)
        if not shape.ordered and len(shape.members.keys() & value.keys()) > 1:
            self._fault(at, "unordered", "a repeated group of the schema; not supported")
        for name, member in shape.members.items():
            if name in value:
                given = value[name]
                if given and type(given) is str and (form := member.shape.form) is not None:
                    self._leaf(member, form, given, f"{at}.{name}")
                else:
                    self.element(member, given, f"{at}.{name}")
            elif self._missing != "omit" and not member.many:
                self._nothing(member)


class _Encoding(_Writing):
    """A message in the encoding of SOAP section 5: every element says its type."""

    def _call(self) -> str:
        return f' soap:encodingStyle="{_ENCODING}"'

    def _typed(self, shape: Shape) -> str:
        if shape.item is not None:
            return self._held(shape.item, 0)
        named = self._type(shape)
        return f' xsi:type="{named}"' if named else ""

    def _held(self, item: Member, count: int) -> str:
        enc = self._prefix(_ENCODING)
        held = "Array" if item.shape.item is not None else None
        named = f"{enc}:{held}" if held else self._type(item.shape)
        if not named:
            named = f"{self._prefix('http://www.w3.org/2001/XMLSchema')}:anyType"
        return f' xsi:type="{enc}:Array" {enc}:arrayType="{named}[{count}]"'

    def _type(self, shape: Shape) -> str | None:
        if shape.name is None:
            return None
        space, local = shape.name
        return f"{self._prefix(space)}:{local}" if space else local

    def _name(self, member: Member) -> str:
        """Members have no namespace there; what stands around the parameters has."""
        return super()._name(member) if not self.out else member.name


def _two(shape: Shape) -> tuple[str, str] | None:
    names = list(shape.members)
    return (names[0], names[1]) if len(names) == 2 else None
