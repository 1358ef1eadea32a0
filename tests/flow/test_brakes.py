"""Brakes: what waits for a person, what goes on, and what one approval lets go."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from connector.errors import ConnectorError
from connector.flow.brakes import Brakes
from connector.ledger import brakes
from connector.testing.rig import Rig, order


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A rig that has delivered nothing yet."""
    rig = Rig(tmp_path)
    yield rig
    rig.kill()


def sell(rig: Rig, first: int, last: int) -> None:
    """Orders of these numbers in the shop."""
    for number in range(first, last + 1):
        rig.memory[0].put("order", str(number), order(str(number)))


def settle(rig: Rig) -> None:
    """Let time pass, but not the hour after which what waits is looked at anew."""
    rig.settle(rounds=8, step=timedelta(seconds=20))


def approve(rig: Rig, mark: str | None = None) -> int:
    """A person lets the one open brake go; how many records that were."""
    ledger = rig.start()
    [at] = ledger.read(brakes.opened)
    with ledger.begin() as db:
        return len(brakes.approve(db, at.run, "ada", rig.clock.now(), mark)[1])


def engaged(rig: Rig) -> list[str]:
    """The brakes that wait for a person."""
    return [one.name for one in rig.start().read(brakes.opened)]


def proven(rig: Rig) -> None:
    """One order went through before there were brakes, so that find is proven."""
    sell(rig, 1, 1)
    settle(rig)
    assert len(rig.books()) == 1


def test_the_first_creates_of_a_flow_wait_for_one_approval(rig: Rig) -> None:
    """Nothing is created before; afterwards those that waited and all that come."""
    rig.flow(brakes=Brakes(first=20))
    sell(rig, 1, 5)
    settle(rig)
    assert rig.books() == []
    assert engaged(rig) == ["first"]
    assert set(rig.states().values()) == {("prepared", None)}
    assert approve(rig) == 5
    settle(rig)
    assert len(rig.books()) == 5
    sell(rig, 6, 60)
    settle(rig)
    assert len(rig.books()) == 60
    assert engaged(rig) == []


def test_what_waits_for_an_approval_may_still_change_and_end(rig: Rig) -> None:
    """The newest content goes, and a change of what is there already waits for nobody."""
    proven(rig)
    rig.flow(brakes=Brakes(first=20))
    sell(rig, 2, 3)
    settle(rig)
    rig.memory[0].put("order", "1", order("1", note="changed"))
    rig.memory[0].put("order", "2", order("2", note="changed"))
    settle(rig)
    assert [note for _, _, note in rig.books()] == ["changed"]
    approve(rig)
    settle(rig)
    assert sorted(str(note) for _, _, note in rig.books()) == ["None", "changed", "changed"]


def test_a_flow_that_has_created_enough_already_is_not_new(rig: Rig) -> None:
    """Who upgrades with a running flow is not stopped."""
    sell(rig, 1, 4)
    settle(rig)
    rig.flow(brakes=Brakes(first=4))
    sell(rig, 5, 9)
    settle(rig)
    assert len(rig.books()) == 9
    assert engaged(rig) == []


def test_more_creates_in_an_hour_than_usual_wait(rig: Rig) -> None:
    """Ten an hour: the rest of thirty waits, however many hours pass, until a person lets it go."""
    proven(rig)
    rig.clock.pass_(timedelta(hours=2))
    rig.flow(brakes=Brakes(per_hour=10))
    sell(rig, 2, 31)
    settle(rig)
    assert len(rig.books()) == 11
    assert engaged(rig) == ["per_hour"]
    for _ in range(3):
        rig.clock.pass_(timedelta(hours=1))
        rig.cycle()
    assert len(rig.books()) == 11
    assert approve(rig) == 20
    settle(rig)
    assert len(rig.books()) == 31


def test_an_approval_of_a_rush_does_not_let_the_next_one_go(rig: Rig) -> None:
    """Twenty were let go; the twenty-first to thirty-fifth within the hour are another rush."""
    proven(rig)
    rig.clock.pass_(timedelta(hours=2))
    rig.flow(brakes=Brakes(per_hour=10))
    sell(rig, 2, 31)
    settle(rig)
    approve(rig)
    settle(rig)
    sell(rig, 32, 40)
    settle(rig)
    assert len(rig.books()) == 31
    assert engaged(rig) == ["per_hour"]


def test_one_refusal_over_and_over_stops_the_flow_with_one_brake(rig: Rig) -> None:
    """Four hundred orders, one mistake: a few are refused, none is dead, and all go when mended."""
    proven(rig)
    rig.flow(brakes=Brakes(same_error=10), slots=4)
    rig.memory[1].fault = lambda _: "refuse"
    sell(rig, 2, 400)
    settle(rig)
    tried = [reference for word, reference in rig.memory[1].calls if word == "create"]
    assert 10 <= len(set(tried)) - 1 <= 10 + 2 * 4
    assert engaged(rig) == ["same_error"]
    assert {state for state, _ in rig.states().values()} == {"prepared", "done"}
    [at] = rig.start().read(brakes.opened)
    assert at.detail == "invalid"
    calls = len(rig.memory[1].calls)
    rig.clock.pass_(timedelta(hours=9))
    rig.cycle()
    assert len(rig.memory[1].calls) == calls
    rig.memory[1].fault = lambda _: None
    approve(rig)
    rig.clock.pass_(timedelta(hours=2))
    settle(rig)
    assert len(rig.books()) == 400


def test_refusals_of_one_record_or_with_answers_between_stop_nothing(rig: Rig) -> None:
    """One bad order refused again and again is its own affair, and so are some among many good."""
    proven(rig)
    rig.flow(brakes=Brakes(same_error=5))
    rig.memory[1].fault = lambda change: "refuse" if change.reference.endswith("7") else None
    sell(rig, 7, 7)
    rig.settle(rounds=12, step=timedelta(minutes=15))
    assert [word for word, _ in rig.memory[1].calls].count("create") > 3
    sell(rig, 10, 40)
    settle(rig)
    assert engaged(rig) == []
    assert len(rig.books()) == 1 + 28


def test_an_approval_counts_for_what_was_seen(rig: Rig) -> None:
    """R16: what changed since is refused; what came later is let go by nobody, but by the flow."""
    rig.flow(brakes=Brakes(first=20))
    sell(rig, 1, 3)
    settle(rig)
    ledger = rig.start()
    [at] = ledger.read(brakes.opened)
    mark = brakes.seen(ledger.read(brakes.waiting, at))
    rig.memory[0].put("order", "2", order("2", note="changed"))
    settle(rig)
    with pytest.raises(ConnectorError) as told:
        approve(rig, mark)
    assert told.value.code == "seq_moved"
    mark = brakes.seen(ledger.read(brakes.waiting, at))
    sell(rig, 4, 5)
    settle(rig)
    assert approve(rig, mark) == 3
    settle(rig)
    assert len(rig.books()) == 5  # more than the first ones are held by no brake


def test_what_comes_after_what_was_seen_is_judged_anew(rig: Rig) -> None:
    """R16: three were shown in a rush, and three more came before somebody said so."""
    proven(rig)
    rig.flow(brakes=Brakes(per_hour=2))
    sell(rig, 10, 14)
    settle(rig)
    made = len(rig.books())
    ledger = rig.start()
    [at] = ledger.read(brakes.opened)
    shown = ledger.read(brakes.waiting, at)
    sell(rig, 15, 17)
    settle(rig)
    assert approve(rig, brakes.seen(shown)) == len(shown)
    settle(rig)
    assert len(rig.books()) == made + len(shown)
    [again] = ledger.read(brakes.opened)
    assert again.id != at.id
    assert len(ledger.read(brakes.waiting, again)) == 3
