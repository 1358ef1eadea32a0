"""A JSON payload as a contract would declare it: names, kinds, lists."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from connector.errors import FieldFault

_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*")
_KINDS = ((bool, "boolean"), (int, "integer"), (Decimal, "decimal"))
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class JsonShape:
    """One member of a payload; see connector.rehearsal.Element.

    *whole*: what it does not show is not there; else a sample shows what may come, not all of it.
    """

    name: str
    value: object
    needed: bool = False
    longest: int | None = None
    words: frozenset[str] = frozenset()
    whole: bool = False

    @property
    def kind(self) -> str | None:
        """The kind of its value; None of an object or of a list of objects."""
        one = self._one()
        if isinstance(one, Mapping):
            return None
        if isinstance(one, str):
            return "moment" if _TIME.fullmatch(one) else "day" if _DAY.fullmatch(one) else "text"
        return next((word for kind, word in _KINDS if isinstance(one, kind)), "text")

    @property
    def open(self) -> bool:
        """May it hold more than it shows?"""
        return not self.whole

    @property
    def many(self) -> bool:
        """Whether it is a list."""
        return isinstance(self.value, list | tuple)

    def members(self) -> Mapping[str, JsonShape]:
        """Its members; of a list those of all its items."""
        found: dict[str, object] = {}
        for one in self.value if isinstance(self.value, list | tuple) else [self.value]:
            for name, child in one.items() if isinstance(one, Mapping) else ():
                if found.get(name) in (None, "", [], {}):
                    found[name] = child
        return {n: JsonShape(n, child, whole=self.whole) for n, child in found.items()}

    def attributes(self) -> Collection[str]:
        """None."""
        return ()

    def typed(self, name: str) -> None:
        """JSON names no types."""

    def misfit(self, literal: str) -> FieldFault | None:
        """JSON refuses nothing."""

    def _one(self) -> object:
        if not isinstance(self.value, list | tuple):
            return self.value
        return next(iter(self.value), None)
