"""A system whose reads ask first whether they may begin, and tell how they ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from connector.admission import Admission
from connector.ports import Archive, Care, Probe, Source, Target
from connector.values import (
    Absent,
    Ambiguous,
    Change,
    Findings,
    Outcome,
    Page,
    Read,
    Seen,
)

T = TypeVar("T")


class System(Source, Archive, Target, Probe, Protocol):
    """What an adapter's class gives: every port of one connection."""

    def close(self) -> None:
        """Give connections back."""
        ...


class Guarded:
    """A `System` behind its admission; what it promises and raises is the system's, and NotNow."""

    def __init__(self, system: System, admission: Admission) -> None:
        self._system, self._admission = system, admission
        self.decode, self.close = system.decode, system.close

    def pages(
        self,
        entity: str,
        since: str | None,
        *,
        start: datetime | None,
        until: datetime | None,
        care: Care | None = None,
    ) -> Iterator[Page]:
        """Yield pages after *since*; each is a read of its own."""
        return self._each(self._system.pages(entity, since, start=start, until=until, care=care))

    def read(self, entity: str, keys: Sequence[str]) -> Iterator[Read]:
        """Yield each of *keys* as it stands now."""
        return self._each(self._system.read(entity, keys))

    def born(
        self,
        entity: str,
        since: str | None,
        *,
        start: datetime,
        until: datetime,
        care: Care | None = None,
    ) -> Iterator[Page]:
        """Yield pages of what was born between; each is a read of its own."""
        return self._each(self._system.born(entity, since, start=start, until=until, care=care))

    def births(self, entity: str, *, start: datetime, until: datetime) -> int | None:
        """How many were."""
        with self._admission.reading():
            return self._system.births(entity, start=start, until=until)

    def find(
        self, entity: str, references: Sequence[str]
    ) -> Mapping[str, Seen | Absent | Ambiguous]:
        """Look for documents that carry *references*."""
        with self._admission.reading():
            return self._system.find(entity, references)

    def get(self, entity: str, keys: Sequence[str]) -> Mapping[str, Seen | Absent]:
        """Read documents by their keys."""
        with self._admission.reading():
            return self._system.get(entity, keys)

    def match(self, entity: str, by: str, values: Sequence[str]) -> Mapping[str, tuple[Seen, ...]]:
        """Candidates by a natural key."""
        with self._admission.reading():
            return self._system.match(entity, by, values)

    def send(self, entity: str, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Make each change; the gate asks and tells for it."""
        return self._system.send(entity, changes)

    def check(self) -> Findings:
        """Say who the system is: the read by which a breaker probes (S11)."""
        with self._admission.probing():
            return self._system.check()

    def _each(self, found: Iterator[T]) -> Iterator[T]:
        while True:
            with self._admission.reading():
                one = next(found, None)
            if one is None:
                return
            yield one
