"""The ports: what the engine asks of adapters, and adapters of the engine. Nobody inherits them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol, runtime_checkable

from connector.values import (
    Absent,
    Ambiguous,
    Broken,
    Change,
    Findings,
    Heard,
    Outcome,
    Page,
    Payload,
    Read,
    Seen,
    Subscription,
)


class Clock(Protocol):
    """The time, as wall clock and as a clock that also counts while the machine sleeps."""

    def now(self) -> datetime:
        """The wall clock: aware, UTC."""
        ...

    def boottime(self) -> float:
        """Seconds since boot, suspension included; it never jumps."""
        ...


class Template(Protocol):
    """A compiled piece of YAML. Adapters render it and know nothing of the expression language."""

    def __call__(self, names: Mapping[str, object]) -> object:
        """Render with *names*; raises FieldErrors naming every field that cannot be made."""
        ...


class Slot(Protocol):
    """The right to have one call on the wire (budget, fence and breaker of a connection)."""

    def __call__(self, send_before: datetime | None = None) -> AbstractContextManager[None]:
        """Hold one slot for a `with`; raises NotSent if *send_before* has passed or we stop."""
        ...


class Care(Protocol):
    """Who knows which replies have killed whoever looked into them (R15)."""

    def may_be_read(self, much: int, body: bytes) -> bool:
        """May this reply be looked into? Else a smaller one is asked for, down to *much* = 1.

        *much*: how much was asked for with it, in rows or in another measure of the walk's.
        """
        ...

    def was_read(self) -> None:
        """It was, whatever stood in it: nobody died of it."""
        ...


class Source(Protocol):
    """Where documents come from."""

    def pages(
        self,
        entity: str,
        since: str | None,
        *,
        start: datetime | None,
        until: datetime | None,
        care: Care | None = None,
    ) -> Iterator[Page]:
        """Yield pages after cursor *since* (None: from *start*), oldest first, until complete.

        *care* is asked before a reply is looked into; the one row that may not be is a Broken.
        Raises Unavailable, Unauthorized, Truncated.
        """
        ...

    def read(self, entity: str, keys: Sequence[str]) -> Iterator[Read]:
        """Yield each of *keys* as it is now, or its Tombstone. Raises Unavailable, Unauthorized."""
        ...

    def decode(self, entity: str, raw: bytes) -> Payload | Broken:
        """Parse a raw slice into a payload tree, numbers exact; Broken if it cannot be parsed."""
        ...


class Archive(Protocol):
    """Where old documents come from: a list by their birth, where the profile has one (`born`)."""

    def born(
        self,
        entity: str,
        since: str | None,
        *,
        start: datetime,
        until: datetime,
        care: Care | None = None,
    ) -> Iterator[Page]:
        """Yield pages of what was born from *start* to before *until*, oldest first; *since*:

        the cursor of the last page had; *care*: as in Source.

        Raises Unavailable, Unauthorized, Truncated.
        """
        ...

    def births(self, entity: str, *, start: datetime, until: datetime) -> int | None:
        """How many there are, if the source says it. Raises Unavailable, Unauthorized."""
        ...


class Target(Protocol):
    """Where changes go. `send` raises nothing; the reads raise Unavailable, Unauthorized."""

    def find(
        self, entity: str, references: Sequence[str]
    ) -> Mapping[str, Seen | Absent | Ambiguous]:
        """Look for documents that carry *references*, over all life cycles; one answer for each."""
        ...

    def get(self, entity: str, keys: Sequence[str]) -> Mapping[str, Seen | Absent]:
        """Read documents by the target's own *keys*; one answer for each."""
        ...

    def match(self, entity: str, by: str, values: Sequence[str]) -> Mapping[str, tuple[Seen, ...]]:
        """Candidates whose natural key *by* may equal each value; the engine verifies equality."""
        ...

    def send(self, entity: str, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Make each change; one Outcome per change, in order. Raises nothing."""
        ...


class Probe(Protocol):
    """How a connection is examined without changing anything."""

    def check(self) -> Findings:
        """Say who the system is, its clock and complaints. Raises Unavailable, Unauthorized."""
        ...


class Hints(Protocol):
    """What a system sends of its own accord, told apart by signature."""

    def parse(self, headers: Mapping[str, str], body: bytes) -> Heard:
        """Judge one message by its headers (names in lower case) and raw body. Raises nothing."""
        ...


class Watch(Protocol):
    """Who looks on while many changes are sent, and may halt the rest."""

    def notice(self, outcomes: Sequence[Outcome]) -> None:
        """A call has ended; called by the thread that made it, before anybody else knows."""
        ...

    def halted(self) -> str:
        """Why what has not begun is withdrawn; empty while it goes on."""
        ...


@runtime_checkable
class Subscribes(Protocol):
    """How webhooks are looked at and made anew. All raise Unavailable, Unauthorized."""

    def subscriptions(self) -> Sequence[Subscription]:
        """Every webhook that the system keeps."""
        ...

    def subscribe(self, topic: str, url: str, secret: str) -> None:
        """Have *topic* sent to *url*, signed with *secret*."""
        ...

    def unsubscribe(self, key: str) -> None:
        """Have one sent no more."""
        ...


More = Callable[[int], Sequence[Change]]


class Gate(Protocol):
    """How the engine sends: concurrently, bounded, in the groups in which calls end."""

    def send(
        self,
        target: Target,
        entity: str,
        changes: Sequence[Change],
        *,
        watch: Watch | None = None,
        more: More | None = None,
    ) -> Iterator[Sequence[tuple[Change, Outcome]]]:
        """Send all *changes*; yield each group as it ends: exactly one outcome a change.

        *more*: asked, after each group, for changes to send too, told how many are still out.
        """
        ...

    def room(self, entity: str, seconds: float) -> int | None:
        """How many changes of *entity* are begun within *seconds*; None where it is not known.

        In no time: those that may be on the wire at once.
        """
        ...
