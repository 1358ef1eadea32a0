"""The shape of messages, read from zeep's parsed schema: what the writer and the reader follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from zeep import xsd
from zeep.xsd.elements.indicators import Group, OrderIndicator
from zeep.xsd.types import builtins
from zeep.xsd.types.simple import AnySimpleType

from adapters.soap import leaves
from adapters.soap.facets import Bounds, Facets

ARRAY_TYPE = "{http://schemas.xmlsoap.org/soap/encoding/}arrayType"
_FORMS: tuple[tuple[type, leaves.Form], ...] = (
    (builtins.Boolean, leaves.boolean),
    (builtins.Integer, leaves.integer),
    (builtins.Decimal, leaves.decimal),
    (builtins.Float, leaves.decimal),
    (builtins.Double, leaves.decimal),
    (builtins.DateTime, leaves.moment),
    (builtins.Date, leaves.day),
    (builtins.Base64Binary, leaves.octets),
)


@dataclass(frozen=True)
class Book:
    """What shapes look up in their contract: facets, types by name, prefixes of its files."""

    facets: Facets = field(default_factory=Facets)
    types: Mapping[str, Any] = field(default_factory=dict)
    prefixes: Mapping[str, str] = field(default_factory=dict)

    def split(self, name: str) -> tuple[str | None, str]:
        """Namespace and local name of `{ns}Name` or `prefix:Name`; of `Name` no namespace."""
        if name.startswith("{"):
            space, _, local = name[1:].rpartition("}")
            return space, local
        prefix, colon, local = name.rpartition(":")
        return (self.prefixes.get(prefix), local) if colon else (None, name)

    def named(self, name: str) -> Shape | None:
        """The type `{ns}Name`, `prefix:Name` or, if only one has it, `Name`."""
        prefix, _, local = name.rpartition(":") if "{" not in name else ("", "", name)
        if prefix:
            space = self.prefixes.get(prefix)
            return self.named(f"{{{space}}}{local}") if space else None
        ends = [kind for full, kind in self.types.items() if full.rpartition("}")[2] == name]
        found = self.types.get(name) or (ends[0] if len(ends) == 1 else None)
        return None if found is None else Shape(found, self)


_NO_BOOK = Book()


@dataclass(frozen=True)
class Member:
    """An element at its place: its name and namespace there, its shape, how often, if nillable.

    *needed*: a message without it is not as the schema says.
    """

    name: str
    namespace: str | None
    shape: Shape
    many: bool
    nillable: bool
    needed: bool = False

    @classmethod
    def of(cls, element: Any, *, many: bool = False, book: Book = _NO_BOOK) -> Member:
        """Read zeep's element."""
        return cls(
            name=element.qname.localname,
            namespace=element.qname.namespace,
            shape=Shape(element.type, book),
            many=many or element.accepts_multiple,
            nillable=bool(element.nillable),
            needed=not element.is_optional,
        )


class Shape:
    """A type: a form for its own text, or members, or (simple content) a form and attributes.

    *ordered* is False where a group repeats, so that the order of a message cannot be proven.
    """

    def __init__(self, kind: Any, book: Book = _NO_BOOK) -> None:
        self._kind, self.book = kind, book

    @property
    def declared(self) -> bool:
        """Whether a contract says anything of it."""
        return self._kind is not None

    @property
    def kind(self) -> int:
        """The same for every shape of one type."""
        return id(self._kind)

    @property
    def name(self) -> tuple[str, str] | None:
        """Namespace and local name of the type, if it has a name."""
        found = getattr(self._kind, "qname", None)
        known = isinstance(self._kind, AnySimpleType) or (found and found.text in self.book.types)
        return (found.namespace or "", found.localname) if found is not None and known else None

    @cached_property
    def item(self) -> Member | None:
        """What an array of SOAP section 5 holds; None for every other type."""
        kind = getattr(self._kind, "_array_type", None)
        if kind is None:
            return None
        anything: Any = xsd.AnyType
        held = Shape(kind.array_type or anything(), self.book)
        return Member(name="item", namespace=None, shape=held, many=False, nillable=True)

    @cached_property
    def form(self) -> leaves.Form | None:
        """How its own text is written; None for a tree."""
        simple = self._simple
        if isinstance(simple, AnySimpleType):
            plain = next((f for kind, f in _FORMS if isinstance(simple, kind)), leaves.text)
            name = self._simple_name
            if not self.book.facets.restricts(name):
                return plain
            return leaves.limited(plain, partial(self.book.facets.misfit, name))
        if isinstance(simple, xsd.ComplexType):
            return None
        return leaves.text  # xsd:anyType

    @property
    def bounds(self) -> Bounds | None:
        """What its own text may be beside its form; None where that takes more to tell."""
        return self.book.facets.bounds(self._simple_name)

    @property
    def _simple(self) -> Any:
        content = getattr(self._kind, "_element", None)
        return content.type if isinstance(content, xsd.Element) else self._kind

    @property
    def _simple_name(self) -> str:
        found = getattr(self._simple, "qname", None)
        return found.text if found is not None else ""

    @cached_property
    def members(self) -> Mapping[str, Member]:
        """Its elements by local name, in the order in which they are written."""
        if self.form is not None or self.item is not None:
            return {}
        found: dict[str, Member] = {}
        for element, many in _flat(self._kind._element, many=False):
            member = Member.of(element, many=many, book=self.book)
            found.setdefault(member.name, member)
        return found

    @cached_property
    def attributes(self) -> Mapping[str, tuple[str, leaves.Form]]:
        """Its attributes: local name to name on the wire and form."""
        found = {}
        for _, attribute in getattr(self._kind, "attributes", ()):
            if attribute.name is not None:
                found[attribute.qname.localname] = (
                    attribute.qname.text,
                    Shape(attribute.type, self.book).form or leaves.text,
                )
        return found

    @cached_property
    def needed(self) -> frozenset[str]:
        """The single members that it must have."""
        return frozenset(n for n, one in self.members.items() if one.needed and not one.many)

    def unsaid(self) -> dict[str, list[Any] | None]:
        """What its members read as before anything was read: lists are empty, all else null."""
        return {**self._nulls, **{name: [] for name in self._lists}}

    @cached_property
    def _nulls(self) -> dict[str, None]:
        return dict.fromkeys(self.members)

    @cached_property
    def _lists(self) -> tuple[str, ...]:
        return tuple(name for name, one in self.members.items() if one.many)

    @cached_property
    def ordered(self) -> bool:
        """Whether the order of its members follows from the schema alone."""
        groups = [many for _, many in _flat(getattr(self._kind, "_element", None), many=False)]
        return sum(groups) < 2


def _flat(part: Any, *, many: bool) -> Iterator[tuple[Any, bool]]:
    """Walk groups down to elements; *many* once any group around them repeats."""
    if isinstance(part, xsd.Element):
        yield part, many
    elif isinstance(part, Group):
        yield from _flat(part.child, many=many or part.accepts_multiple)
    elif isinstance(part, OrderIndicator):
        for child in part:
            yield from _flat(child, many=many or part.accepts_multiple)
