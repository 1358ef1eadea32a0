"""What every `Target` promises."""

# ruff: noqa: S101 - these are tests

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, Protocol

import pytest

from connector.errors import Unauthorized, Unavailable
from connector.ports import Target
from connector.testing.contracts.exceptions import Contract
from connector.values import (
    Absent,
    Ambiguous,
    Change,
    Done,
    Gone,
    InDoubt,
    NotSent,
    Outcome,
    Refused,
    Seen,
    Stale,
)
from connector.values import Unauthorized as Denied
from connector.values import Unavailable as Away

Trouble = Literal["away", "denied", "lost_reply", "second_step"]


class Destination(Protocol):
    """The system behind a target, empty at first, and a hand that changes it.

    *natural* names the key that `match` looks for (empty: there is none), *field* what `update`
    writes, as `read` names them. `trouble` may replace *target*.
    """

    target: Target
    entity: str
    natural: str
    field: str

    def create(self, reference: str, natural: str = "a@example.org") -> Change:
        """A change that makes a document which carries both; its total is 11.90."""
        ...

    def update(self, key: str, value: str, version: str | None = None) -> Change:
        """A change that writes *value* into *field* and nothing else."""
        ...

    def wrong(self, reference: str) -> Change:
        """A create that the system surely refuses."""
        ...

    def close(self, key: str) -> None:
        """Bring a document to the end of its life there: cancelled, booked, locked."""
        ...

    def count(self) -> int:
        """How many documents there are, by the system's own books."""
        ...

    def now(self) -> datetime:
        """The time by the clock that the target was given."""
        ...

    def trouble(self, kind: Trouble) -> None:
        """From now on it is away, refuses our credentials, executes writes and loses the reply, or

        fails in the last step of the next create.
        """
        ...


class Looking(Contract):
    """`find`, `get` and `match`: one answer for each, by what is there."""

    def test_what_was_sent_is_found_by_its_reference(self, world: Destination) -> None:
        """Doubt can be settled."""
        done = made(world, "t-1")
        seen = found(world, "t-1")
        assert isinstance(seen, Seen)
        assert (seen.key, seen.reference) == (done.key, "t-1")

    def test_find_answers_for_every_reference(self, world: Destination) -> None:
        """What is not there is absent, and not left out."""
        made(world, "t-1")
        answers = world.target.find(world.entity, ["t-1", "t-2", "t-3"])
        told = {reference: type(answer) for reference, answer in answers.items()}
        assert told == {"t-1": Seen, "t-2": Absent, "t-3": Absent}

    def test_a_reference_that_is_only_alike_is_not_found(self, world: Destination) -> None:
        """A search that takes the beginning for the whole would link another's order."""
        made(world, "t-10")
        assert isinstance(found(world, "t-1"), Absent)

    def test_two_carriers_of_a_reference_are_told(self, world: Destination) -> None:
        """Nobody takes the first of two."""
        keys = {made(world, "t-1").key, made(world, "t-1").key}
        both = found(world, "t-1")
        assert isinstance(both, Ambiguous)
        assert set(both.keys) == keys

    def test_what_is_closed_is_found_all_the_same(self, world: Destination) -> None:
        """Over all life cycles, or a cancelled order would be made again."""
        world.close(made(world, "t-1").key)
        seen = found(world, "t-1")
        assert isinstance(seen, Seen)
        assert seen.locked

    def test_absent_says_when_it_was_asked(self, world: Destination) -> None:
        """Not later than the question: what commits meanwhile must not count as looked for."""
        before = world.now()
        absent = found(world, "t-1")
        assert isinstance(absent, Absent)
        assert before <= absent.at <= world.now()

    def test_what_is_seen_is_what_was_written_last(self, world: Destination) -> None:
        """By reference and by key."""
        done = made(world, "t-1")
        sent(world, world.update(done.key, "new"))
        for seen in (found(world, "t-1"), got(world, done.key)):
            assert isinstance(seen, Seen)
            assert seen.there[world.field] == "new"

    def test_a_write_gives_another_version(self, world: Destination) -> None:
        """Or a change by somebody else would go unnoticed."""
        done = made(world, "t-1")
        before = got(world, done.key)
        sent(world, world.update(done.key, "new"))
        after = got(world, done.key)
        assert isinstance(before, Seen)
        assert isinstance(after, Seen)
        assert before.version != after.version

    def test_get_answers_for_every_key(self, world: Destination) -> None:
        """What is not there is absent."""
        done = made(world, "t-1")
        answers = world.target.get(world.entity, [done.key, "X-404"])
        assert {k: type(a) for k, a in answers.items()} == {done.key: Seen, "X-404": Absent}

    def test_what_we_wrote_last_is_not_the_adapters_to_say(self, world: Destination) -> None:
        """The base is the engine's; an adapter that guessed it would hide a change."""
        done = made(world, "t-1")
        for seen in (found(world, "t-1"), got(world, done.key)):
            assert isinstance(seen, Seen)
            assert seen.base is None

    def test_match_gives_every_value_its_candidates(self, world: Destination) -> None:
        """All of them, for whoever has some; none for whoever has none."""
        keys = {made(world, "t-1").key, made(world, "t-2").key}
        made(world, "t-3", "b@example.org")
        values = ["a@example.org", "c@example.org"]
        answers = world.target.match(world.entity, world.natural, values)
        assert {seen.key for seen in answers["a@example.org"]} == keys
        assert answers["c@example.org"] == ()

    def test_reads_of_a_system_that_is_away_raise_unavailable(self, world: Destination) -> None:
        """Absent would be a lie that doubles."""
        world.trouble("away")
        for read in reads(world):
            with pytest.raises(Unavailable):
                read()

    def test_reads_with_wrong_credentials_raise_unauthorized(self, world: Destination) -> None:
        """So would it be here."""
        world.trouble("denied")
        for read in reads(world):
            with pytest.raises(Unauthorized):
                read()


class Sending(Contract):
    """`send`: one outcome for each, and none that says less than happened."""

    def test_a_create_makes_one_document(self, world: Destination) -> None:
        """And tells its key, under which it is there."""
        done = made(world, "t-1")
        assert world.count() == 1
        assert isinstance(got(world, done.key), Seen)

    def test_every_change_has_its_outcome_in_order(self, world: Destination) -> None:
        """A refused one does not shift its neighbours'."""
        changes = [world.create("t-1"), world.wrong("t-2"), world.create("t-3")]
        outcomes = world.target.send(world.entity, changes)
        assert [type(outcome) for outcome in outcomes] == [Done, Refused, Done]
        keys = [one.key for one in outcomes if isinstance(one, Done)]
        assert keys == [key_of(found(world, r)) for r in ("t-1", "t-3")]

    def test_what_is_refused_has_a_code_and_left_nothing(self, world: Destination) -> None:
        """It may be corrected and sent again."""
        refused = sent(world, world.wrong("t-1"))
        assert isinstance(refused, Refused)
        assert refused.code
        assert world.count() == 0

    def test_a_system_that_is_away_is_an_outcome(self, world: Destination) -> None:
        """Send raises nothing, and what was surely not executed is told so."""
        world.trouble("away")
        assert isinstance(sent(world, world.create("t-1")), Away)
        assert world.count() == 0

    def test_wrong_credentials_are_an_outcome(self, world: Destination) -> None:
        """Surely not executed either."""
        world.trouble("denied")
        assert isinstance(sent(world, world.create("t-1")), Denied)
        assert world.count() == 0

    def test_a_lost_reply_is_a_doubt_and_sent_once(self, world: Destination) -> None:
        """What may have happened is neither a success nor a failure, and is not tried again."""
        world.trouble("lost_reply")
        assert isinstance(sent(world, world.create("t-1")), InDoubt)
        assert world.count() == 1

    def test_nothing_is_written_after_its_time(self, world: Destination) -> None:
        """S3: somebody else may have it in hand by then."""
        late = replace(world.create("t-1"), send_before=world.now() - timedelta(seconds=1))
        assert isinstance(sent(world, late), NotSent)
        assert world.count() == 0

    def test_a_stale_version_writes_nothing(self, world: Destination) -> None:
        """What somebody changed there is not overwritten."""
        done = made(world, "t-1")
        assert sent(world, world.update(done.key, "lost", "987654")) == Stale()
        assert value(world, done.key) != "lost"

    def test_the_version_told_is_the_one_to_write_on(self, world: Destination) -> None:
        """Otherwise every second update would be stale."""
        version = made(world, "t-1").version
        key = key_of(found(world, "t-1"))
        for text in ("one", "two"):
            done = sent(world, world.update(key, text, version))
            assert isinstance(done, Done)
            version = done.version
        assert value(world, key) == "two"

    def test_an_update_of_what_is_gone_says_so(self, world: Destination) -> None:
        """It does not make it anew."""
        assert sent(world, world.update("X-404", "new")) == Gone()
        assert world.count() == 0

    def test_an_update_changes_what_it_names_alone(self, world: Destination) -> None:
        """What is not in the payload stays."""
        done = made(world, "t-1")
        before = got(world, done.key)
        sent(world, world.update(done.key, "new"))
        after = got(world, done.key)
        assert isinstance(before, Seen)
        assert isinstance(after, Seen)
        assert {**before.there, world.field: "new"} == after.there

    def test_a_total_is_told_to_the_cent(self, world: Destination) -> None:
        """By the system's own reckoning, as a Decimal."""
        total = made(world, "t-1").total
        assert isinstance(total, Decimal)
        assert total == Decimal("11.90")

    def test_a_create_that_stops_halfway_is_told_and_resumed(self, world: Destination) -> None:
        """Done with a step left, also by find; resuming does that step and makes nothing new."""
        world.trouble("second_step")
        half = made(world, "t-1")
        seen = found(world, "t-1")
        assert isinstance(seen, Seen)
        assert half.steps_left == seen.steps_left != ()
        rest = replace(world.create("t-1"), key=half.key, steps=half.steps_left)
        whole = sent(world, rest)
        assert isinstance(whole, Done)
        assert whole.steps_left == ()
        assert world.count() == 1
        after = found(world, "t-1")
        assert isinstance(after, Seen)
        assert after.steps_left == ()


class TargetContract(Looking, Sending):
    """Everything that a `Target` promises; `world` is a `Destination`."""


def sent(world: Destination, change: Change) -> Outcome:
    """The outcome of one change."""
    [outcome] = world.target.send(world.entity, [change])
    return outcome


def made(world: Destination, reference: str, natural: str = "a@example.org") -> Done:
    """A document that was made."""
    outcome = sent(world, world.create(reference, natural))
    assert isinstance(outcome, Done)
    return outcome


def found(world: Destination, reference: str) -> Seen | Absent | Ambiguous:
    """What carries *reference*."""
    return world.target.find(world.entity, [reference])[reference]


def got(world: Destination, key: str) -> Seen | Absent:
    """What stands under *key*."""
    return world.target.get(world.entity, [key])[key]


def key_of(seen: Seen | Absent | Ambiguous) -> str:
    """The key of what was seen."""
    assert isinstance(seen, Seen)
    return seen.key


def value(world: Destination, key: str) -> object:
    """The field that updates write."""
    seen = got(world, key)
    assert isinstance(seen, Seen)
    return seen.there.get(world.field)


def reads(world: Destination) -> list[Callable[[], object]]:
    """Every way of reading."""
    target = world.target
    every: list[Callable[[], object]] = [
        lambda: target.find(world.entity, ["t-1"]),
        lambda: target.get(world.entity, ["X-1"]),
    ]
    if world.natural:
        every.append(lambda: target.match(world.entity, world.natural, ["a@example.org"]))
    return every
