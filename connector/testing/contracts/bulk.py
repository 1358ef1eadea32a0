"""What every `Target` promises that sends many changes in one call."""

# ruff: noqa: S101 - these are tests

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal, Protocol

from connector.ports import Target
from connector.testing.contracts.exceptions import Contract
from connector.values import Change, Done, Gone, InDoubt, NotSent, Outcome, Refused
from connector.values import Unauthorized as Denied
from connector.values import Unavailable as Away

Trouble = Literal["away", "denied", "lost_reply"]


class Shelf(Protocol):
    """The system behind a target, and a hand that changes it. `trouble` may replace *target*."""

    target: Target
    entity: str

    def stock(self, count: int) -> list[str]:
        """Have so many documents there; their keys, of every kind that one call may not mix."""
        ...

    def write(self, key: str, value: str) -> Change:
        """A change that writes *value*, a whole number, into the document of *key*."""
        ...

    def unwanted(self, key: str) -> Change:
        """A change of this document that the system refuses, whatever else comes with it."""
        ...

    def held(self, key: str) -> str:
        """The value of this document by the system's own books."""
        ...

    def missing(self) -> str:
        """A key under which nothing is."""
        ...

    def now(self) -> datetime:
        """The time by the clock that the target was given."""
        ...

    def trouble(self, kind: Trouble) -> None:
        """From now on it is away, refuses our credentials, or executes and loses the reply."""
        ...


class BulkContract(Contract):
    """`send` of many changes; `world` is a `Shelf`."""

    def test_every_change_of_a_bulk_has_its_own_outcome(self, world: Shelf) -> None:
        """In the order of the changes, whatever the calls were."""
        keys = world.stock(4)
        changes = [world.write(k, "7") for k in keys]
        changes[1] = world.unwanted(keys[1])
        outcomes = world.target.send(world.entity, changes)
        assert [type(o) for o in outcomes] == [Done, Refused, Done, Done]
        assert [o.key for o in outcomes if isinstance(o, Done)] == [keys[0], *keys[2:]]

    def test_a_bad_change_holds_no_other_up(self, world: Shelf) -> None:
        """Its neighbours are written, before and behind it."""
        keys = world.stock(4)
        before = world.held(keys[1])
        world.target.send(
            world.entity, [world.write(keys[0], "7"), world.unwanted(keys[1]),
                           *(world.write(k, "7") for k in keys[2:])],
        )  # fmt: skip
        assert [world.held(k) for k in keys] == ["7", before, "7", "7"]

    def test_one_that_is_gone_is_told_alone(self, world: Shelf) -> None:
        """The others are done."""
        keys = world.stock(2)
        changes = [world.write(k, "7") for k in (keys[0], world.missing(), keys[1])]
        outcomes = world.target.send(world.entity, changes)
        assert [type(o) for o in outcomes] == [Done, Gone, Done]

    def test_a_lost_reply_leaves_every_change_in_doubt(self, world: Shelf) -> None:
        """Nobody knows of any of them; none is called done, and none refused."""
        keys = world.stock(3)
        world.trouble("lost_reply")
        assert kinds(world, [world.write(k, "7") for k in keys]) == [InDoubt] * 3

    def test_a_bulk_after_its_time_is_not_sent(self, world: Shelf) -> None:
        """S3: not one change of it."""
        keys = world.stock(2)
        past = world.now() - timedelta(seconds=1)
        before = [world.held(k) for k in keys]
        late = [replace(world.write(k, "7"), send_before=past) for k in keys]
        assert kinds(world, late) == [NotSent, NotSent]
        assert [world.held(k) for k in keys] == before

    def test_a_bulk_to_a_system_that_is_away_surely_did_not_happen(self, world: Shelf) -> None:
        """No change of it is in doubt."""
        keys = world.stock(2)
        world.trouble("away")
        assert kinds(world, [world.write(k, "7") for k in keys]) == [Away, Away]

    def test_a_bulk_with_wrong_credentials_surely_did_not_happen(self, world: Shelf) -> None:
        """So is it here."""
        keys = world.stock(2)
        world.trouble("denied")
        assert kinds(world, [world.write(k, "7") for k in keys]) == [Denied, Denied]

    def test_a_bulk_of_nothing_is_nothing(self, world: Shelf) -> None:
        """No call, no outcome."""
        assert list(world.target.send(world.entity, [])) == []


def kinds(world: Shelf, changes: Sequence[Change]) -> list[type[Outcome]]:
    """The kinds of outcomes that *changes* have."""
    return [type(outcome) for outcome in world.target.send(world.entity, changes)]
