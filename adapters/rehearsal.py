"""A stage for any dialect: its messages are kept, its replies come from files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from adapters import bulks
from adapters.auth import Body
from adapters.dialect import Connection, Dialect, Query, text
from adapters.http import Broke, Proof, Reply, Request
from adapters.listing import bound
from adapters.place import Place
from connector.errors import ConnectorError
from connector.profile import Action, Profile, Step, Walk
from connector.rehearsal import Canned, Sent
from connector.values import Change, Outcome, Payload

_AT = datetime(2026, 1, 1, tzinfo=UTC)
# Where only the reply matters: whatever an action may ask for.
_ASKED = {
    **{"key": "1", "keys": ("1",), "reference": "1", "references": ("1",), "value": "1"},
    **{"values": ("1",), "since": _AT, "until": _AT, "page": 1, "size": 100, "order": "asc"},
}


def masked(profile: Profile) -> Body:
    """Credentials as a stage has them: each that the profile's templates name, and none is real."""
    return Body.model_validate({"type": "body", **dict.fromkeys(profile.credentials, "***")})


class Still:
    """A clock that stands: equal messages at every rehearsal."""

    def now(self) -> datetime:
        """One moment."""
        return _AT

    def boottime(self) -> float:
        """One moment."""
        return 0.0


class Stage:
    """What stands for the network."""

    def __init__(self) -> None:
        self.sent: list[Request] = []
        self.replies: list[Canned] = []

    def call(
        self, request: Request, *, send_before: datetime | None = None, proof: Proof | None = None
    ) -> Reply:
        """Keep *request* and give the next reply; raises Broke where none is left."""
        del send_before, proof
        self.sent.append(request)
        if not self.replies:
            raise Broke("silent", sent=True)
        reply = self.replies.pop(0)
        return Reply(
            status=reply.status,
            headers={name.lower(): value for name, value in reply.headers.items()},
            body=reply.body,
            began=_AT,
            took=timedelta(0),
        )

    def close(self) -> None:
        """Nothing was opened."""


class Rehearsed:
    """What every dialect can do on a stage; see connector.rehearsal.Rehearsal."""

    def __init__(
        self,
        profile: Profile,
        conn: Mapping[str, object],
        zone: ZoneInfo,
        make: Callable[[Any, Place], Dialect],
    ) -> None:
        self.stage = Stage()
        place = Place(
            conn=conn,
            zone=zone,
            timeout=timedelta(seconds=60),
            lag=profile.lag,
            slot=lambda _=None: nullcontext(),
            clock=Still(),
            session=dict.fromkeys(profile.session.save if profile.session else (), "***"),
        )
        self.at = Connection(
            profile=profile,
            conn=conn,
            zone=zone,
            lag=profile.lag,
            clock=place["clock"],
            dialect=make(self.stage, place),
        )

    def message(self, entity: str, action: Action, step: Step, names: Mapping[str, object]) -> Sent:
        """Make the message of one step."""
        listing, walk = action.name in ("list", "born"), self._walk(entity)
        known = {"conn": self.at.conn, **(self._onward(walk, names) if listing else names)}
        if action.bulk is not None:
            known |= {"group": text(action.bulk.group, known), "rows": [action.bulk.row(known)]}
        query = Query(
            entity=entity,
            step=step,
            names=known,
            missing=action.missing,
            listing=listing,
            updating=action.name == "update",
        )
        self._begin(())
        try:
            self.at.dialect.call(query)
        except Broke:
            return _sent(self.stage.sent[-1])
        raise ConnectorError(f"{entity} {action.name} calls nothing", code="mapping")

    def _walk(self, entity: str) -> Walk:
        found = self.at.profile.entities.get(entity)
        return found.walk if found is not None else Walk()

    def _onward(self, walk: Walk, names: Mapping[str, object]) -> dict[str, object]:
        """What a page of a list is asked with: its bounds as they are spelled, and its place."""
        times = {n: v for n, v in names.items() if isinstance(v, datetime)}
        bounds = {n: bound(self.at, walk, v, timedelta(0)) for n, v in times.items()}
        later = names.get("page") not in (None, 1)
        place = {"offset": 100 if later else 0, "bookmark": "1" if later else None}
        return {**place, "carried": dict.fromkeys(walk.carry, "1" if later else None)} | {
            **names,
            **bounds,
        }

    def items(self, entity: str, action: Action, reply: Canned) -> Sequence[Payload]:
        """Read the documents in a reply."""
        self._begin((reply,))
        query = Query(
            entity=entity,
            step=action.steps[0],
            names={"conn": self.at.conn, **self._onward(self._walk(entity), _ASKED)},
            missing=action.missing,
            listing=action.name in ("list", "born"),
        )
        answer = self.at.dialect.call(query)
        if not answer.parsed:
            raise ConnectorError(f"is no reply to {action.name}", code="mapping")
        try:
            pieces = list(self.at.dialect.slices(action, answer))
        except ValueError as error:
            raise ConnectorError(f"cannot be cut into items: {error}", code="mapping") from error
        return [piece.payload for piece in pieces if isinstance(piece.payload, Mapping)]

    def send(
        self, entity: str, change: Change, replies: Sequence[Canned]
    ) -> tuple[Outcome, Sequence[Sent]]:
        """Send *change* to the stage."""
        self._begin(replies)
        [outcome] = bulks.send(self.at, entity, [change])
        return outcome, [_sent(request) for request in self.stage.sent]

    def _begin(self, replies: Sequence[Canned]) -> None:
        self.stage.sent, self.stage.replies = [], list(replies)


def _sent(request: Request) -> Sent:
    return Sent(method=request.method, url=request.url, headers=request.headers, body=request.body)
