"""One external system behind the ports: what every adapter is, once it has a dialect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from adapters import bulks, probes, sources, subscriptions, targets
from adapters.auth import Tls
from adapters.dialect import Connection, Dialect
from adapters.http import Http
from adapters.place import Place
from connector.ports import Care
from connector.profile import Profile
from connector.values import (
    Absent,
    Ambiguous,
    Broken,
    Change,
    Findings,
    Outcome,
    Page,
    Payload,
    Read,
    Seen,
    Subscription,
)


def client(tls: Tls, place: Place) -> Http:
    """The HTTP client of a connection, within its limits."""
    return Http(
        slot=place["slot"], clock=place["clock"], timeout=place["timeout"], tls=tls.context()
    )


class System:
    """A Source, Archive, Target and Probe; see connector.ports for what each method promises."""

    def __init__(self, profile: Profile, dialect: Dialect, http: Http, place: Place) -> None:
        self._at = Connection(
            profile=profile,
            conn=place["conn"],
            zone=place["zone"],
            lag=place["lag"],
            clock=place["clock"],
            dialect=dialect,
        )
        self._http = http

    def close(self) -> None:
        """Log out, and close every connection."""
        self._at.dialect.leave()
        self._http.close()

    def pages(
        self,
        entity: str,
        since: str | None,
        *,
        start: datetime | None,
        until: datetime | None,
        care: Care | None = None,
    ) -> Iterator[Page]:
        """Yield pages after *since*; see Source."""
        return sources.pages(self._at, entity, since, start=start, until=until, care=care)

    def born(
        self,
        entity: str,
        since: str | None,
        *,
        start: datetime,
        until: datetime,
        care: Care | None = None,
    ) -> Iterator[Page]:
        """Yield pages of what was born in that time; see Archive."""
        return sources.born(self._at, entity, since, start=start, until=until, care=care)

    def births(self, entity: str, *, start: datetime, until: datetime) -> int | None:
        """Count what was born in that time; see Archive."""
        return sources.births(self._at, entity, start=start, until=until)

    def read(self, entity: str, keys: Sequence[str]) -> Iterator[Read]:
        """Yield each of *keys* as it stands now; see Source."""
        return sources.read(self._at, entity, keys)

    def decode(self, entity: str, raw: bytes) -> Payload | Broken:
        """Parse a raw slice; see Source."""
        return self._at.dialect.decode(entity, raw)

    def find(
        self, entity: str, references: Sequence[str]
    ) -> Mapping[str, Seen | Absent | Ambiguous]:
        """Look for documents that carry *references*; see Target."""
        return targets.find(self._at, entity, references)

    def get(self, entity: str, keys: Sequence[str]) -> Mapping[str, Seen | Absent]:
        """Read documents by their keys; see Target."""
        return targets.get(self._at, entity, keys)

    def match(self, entity: str, by: str, values: Sequence[str]) -> Mapping[str, tuple[Seen, ...]]:
        """Candidates by a natural key; see Target."""
        return targets.match(self._at, entity, by, values)

    def send(self, entity: str, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Make each change; see Target."""
        return bulks.send(self._at, entity, changes)

    def check(self) -> Findings:
        """Say who the system is; see Probe."""
        return probes.check(self._at)

    def subscriptions(self) -> Sequence[Subscription]:
        """The webhooks that it keeps; see Subscribes."""
        return subscriptions.listed(self._at)

    def subscribe(self, topic: str, url: str, secret: str) -> None:
        """Make one; see Subscribes."""
        subscriptions.make(self._at, topic, url, secret)

    def unsubscribe(self, key: str) -> None:
        """Remove one; see Subscribes."""
        subscriptions.remove(self._at, key)
