"""A contract's elements as the workbench sees them: what is needed, how often, of which kind."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from zeep import xsd
from zeep.xsd.elements.indicators import Choice, Group, OrderIndicator

from adapters.soap import leaves
from adapters.soap.facets import Bounds
from adapters.soap.shapes import Member, Shape
from connector.errors import FieldFault

_UTC = ZoneInfo("UTC")


@dataclass(frozen=True)
class Outline:
    """One element; see connector.rehearsal.Element. *strict*: what is needed is demanded."""

    member: Member
    strict: bool
    needed: bool = False

    @property
    def name(self) -> str:
        """Its local name."""
        return self.member.name

    @property
    def kind(self) -> str | None:
        """The kind of its text."""
        return self.member.shape.form.__name__ if self.member.shape.form is not None else None

    @property
    def many(self) -> bool:
        """Whether it takes a list."""
        return self.member.many or self.member.shape.item is not None

    @property
    def open(self) -> bool:
        """Whether it may hold more: anything, or what a wider type of the contract has."""
        shape = self.member.shape
        if any(isinstance(part, xsd.Any) for _, part in getattr(shape._kind, "elements", ())):
            return True
        if shape.name is None:
            return False  # nothing can extend it
        own = set(shape.members)
        wider = (set(Shape(kind, shape.book).members) for kind in shape.book.types.values())
        return any(own < names for names in wider)

    @property
    def longest(self) -> int | None:
        """Most characters of its text."""
        bounds = self._bounds()
        return None if bounds is None else bounds.most.get("maxLength", bounds.most.get("length"))

    @property
    def words(self) -> frozenset[str]:
        """The closed list of its text."""
        bounds = self._bounds()
        return frozenset() if bounds is None else bounds.words

    def _bounds(self) -> Bounds | None:
        name = self.member.shape.name
        if self.kind is None or name is None:
            return None
        return self.member.shape.book.facets.bounds(f"{{{name[0]}}}{name[1]}")

    def members(self) -> Mapping[str, Outline]:
        """Its elements by name."""
        shape = self.member.shape
        if shape.item is not None:
            shape = shape.item.shape
        needed = dict(_needed(getattr(shape._kind, "_element", None), need=self.strict))
        return {
            name: Outline(member, self.strict, needed.get(name, False))
            for name, member in shape.members.items()
        }

    def attributes(self) -> Collection[str]:
        """Its attributes."""
        return tuple(self.member.shape.attributes)

    def typed(self, name: str) -> Outline | None:
        """It as a type of the contract makes it."""
        shape = self.member.shape.book.named(name)
        if shape is None:
            return None
        made = Member(
            name=self.member.name,
            namespace=self.member.namespace,
            shape=shape,
            many=self.member.many,
            nillable=self.member.nillable,
        )
        return Outline(made, self.strict, self.needed)

    def misfit(self, literal: str) -> FieldFault | None:
        """Why it refuses *literal*."""
        form = self.member.shape.form
        if form is None:
            return FieldFault(self.name, "not_a_tree", "the schema declares members here")
        try:
            form(literal, _UTC)
        except leaves.Unfit as unfit:
            return FieldFault(self.name, unfit.code, unfit.cure)
        except (ValueError, TypeError):
            return FieldFault(self.name, f"not_{form.__name__}", "the schema wants another type")
        return None


def _needed(part: Any, *, need: bool) -> Iterator[tuple[str, bool]]:
    """Which elements stand in every valid message: none of a choice, none below what may fail."""
    if isinstance(part, xsd.Element):
        yield part.qname.localname, need and part.min_occurs > 0 and part.default is None
    elif isinstance(part, Group):
        yield from _needed(part.child, need=need and part.min_occurs > 0)
    elif isinstance(part, OrderIndicator):
        inner = need and part.min_occurs > 0 and not isinstance(part, Choice)
        for child in part:
            yield from _needed(child, need=inner)
