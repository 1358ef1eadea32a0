"""What a protocol must be able to do for the rest, and the connection that it does it for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

from msgspec import Struct

from adapters.http import Broke, Reply
from adapters.replies import Answer, Verdict, judge, said, unreadable
from connector import errors
from connector.errors import Bug, FieldErrors, NotSent
from connector.ports import Clock, Template
from connector.profile import Action, Entity, ErrorRule, Profile, Step
from connector.values import Broken, Payload


class Query(Struct, frozen=True, kw_only=True):
    """One call to make: a step with the names that its templates may use.

    *arrived* is told of the reply before anything looks into it.
    """

    entity: str
    step: Step
    names: Mapping[str, object]
    missing: Literal["omit", "nil", "empty"] = "omit"
    send_before: datetime | None = None
    listing: bool = False
    updating: bool = False
    arrived: Callable[[Reply], None] | None = None


class Slice(Struct, frozen=True, kw_only=True):
    """One item of a list: its own bytes, and what they say."""

    raw: bytes
    payload: Payload | Broken


class Dialect(Protocol):
    """A protocol on the wire."""

    def call(self, query: Query) -> Answer:
        """Make one call. Raises FieldErrors and NotSent before it, Broke if no reply came."""
        ...

    def leave(self) -> None:
        """End the session, if there is one; never raises."""
        ...

    def slices(
        self, action: Action, answer: Answer, asked: frozenset[str] = frozenset()
    ) -> Iterable[Slice]:
        """Split a listing's reply. Raises Truncated if it is not what the profile says, and

        ValueError if a smaller page may be. *asked*: the members that are asked for of each item;
        of others, what is wrong in them may show later.
        """
        ...

    def decode(self, entity: str, raw: bytes) -> Payload | Broken:
        """Parse a slice."""
        ...

    def time(self, moment: datetime) -> object:
        """Put a bound of a walk into the form that its templates expect."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """One account of one system: its profile, its names, its clock, its dialect."""

    profile: Profile
    conn: Mapping[str, object]
    zone: ZoneInfo
    lag: timedelta
    clock: Clock
    dialect: Dialect

    def entity(self, name: str) -> Entity:
        """The entity *name*; a flow that names another is a mistake of the program."""
        found = self.profile.entities.get(name)
        if found is None:
            raise Bug(f"profile {self.profile.name} has no entity {name}")
        return found

    def action(self, entity: str, name: str) -> Action:
        """The action *name*; callers ask only for what the profile has."""
        found = self.entity(entity).actions.get(name)
        if found is None:
            raise Bug(f"profile {self.profile.name}, {entity}: no action {name}")
        return found

    def rules(self, entity: str, action: Action) -> tuple[ErrorRule, ...]:
        """The error rules that judge a reply, in the order in which they are tried."""
        own = self.profile.entities.get(entity)
        return (*action.errors, *(own.errors if own else ()), *self.profile.errors)

    @property
    def times(self) -> tzinfo:
        """The zone of the system's times that name none."""
        return UTC if self.profile.times == "utc" else self.zone

    def moment(self, value: object) -> datetime | None:
        """Read a time that the system wrote; None if it is none."""
        try:
            found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        except ValueError:
            return None
        if found.tzinfo is None:
            found = found.replace(tzinfo=self.times)
        return found if found.tzinfo is UTC else found.astimezone(UTC)

    def ask(
        self,
        entity: str,
        action: Action,
        names: Mapping[str, object],
        *,
        listing: bool = False,
        arrived: Callable[[Reply], None] | None = None,
    ) -> tuple[Answer, Verdict]:
        """Read; the verdict is `done`, `absent` or `gone`.

        Raises Unavailable (Several, where a rule says `exists`) and Unauthorized.
        """
        query = Query(
            entity=entity,
            step=action.steps[0],
            names={"conn": self.conn, **names},
            missing=action.missing,
            listing=listing,
            arrived=arrived,
        )
        what = f"{entity or 'probe'} {action.name}"
        try:
            answer = self.dialect.call(query)
        except NotSent as error:
            raise errors.NotNow(f"{what}: {error}", code=error.code, cure=error.cure) from error
        except Broke as error:
            raise errors.Unavailable(f"{what}: {error.why}", why=error.why) from error
        except FieldErrors as error:
            message = f"{what}: {error.faults[0].code}"
            raise errors.Unavailable(message, nobody=False) from error
        rules = self.rules(entity, action)
        verdict = judge(answer, rules, query.names, frozenset({503}), writing=False)
        if verdict.outcome not in ("done", "absent", "gone"):
            unruled = verdict.outcome in ("refused", "in_doubt") and not listing
            legible = answer.parsed and not answer.torn
            if answer.http.status in (404, 410) and legible and unruled:
                return answer, Verdict(outcome="absent")
            if verdict.outcome == "exists":
                raise Several(f"{what}: more than one")
            unreadable(what, verdict)
        return answer, verdict


class Several(errors.Unavailable):
    """The system says that there is more than one, and not which."""


def told(template: Template, names: Mapping[str, object], what: str) -> object:
    """Render what a reply must say; silence there is never taken for absence."""
    try:
        return template(names)
    except FieldErrors as error:
        message = f"{what}: the reply is not as the profile says"
        raise errors.Unavailable(message, nobody=False) from error


def text(template: Template | None, names: Mapping[str, object]) -> str | None:
    """Render a short text; None where there is none."""
    value = said(template, names)
    return None if value is None or value == "" else str(value)
