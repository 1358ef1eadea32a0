"""The window of open intents rolls: calls are always on the wire, and never more than S2 says."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from connector.congestion import START
from connector.errors import LedgerAway
from connector.flow import deliver as delivering
from connector.flow.deliver import PAGE, deliver
from connector.flow.pull import pull
from connector.gate import ThreadGate
from connector.testing.memory import Paper
from connector.testing.rig import Rig, order
from connector.values import Change, InDoubt, Outcome, Unavailable

LONG = 20.0
SECOND = timedelta(seconds=1)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A rig whose find is proven, with two slots."""
    rig = Rig(tmp_path)
    rig.flow(slots=2)
    rig.memory[0].put("order", "0", order("0"))
    rig.cycle()
    rig.cycle()
    yield rig
    rig.kill()


def put(rig: Rig, most: int) -> None:
    """Orders 1 to *most* in the shop."""
    for number in range(1, most + 1):
        rig.memory[0].put("order", str(number), order(str(number)))


def before_each(rig: Rig, look: Callable[[int], None]) -> None:
    """Have *look* called, with the order's number, before each call reaches the ERP."""
    _, erp = rig.memory
    original = erp._send

    def send(entity: str, change: Change) -> Outcome:
        look(int(change.reference.rpartition("-")[2]))
        return original(entity, change)

    erp._send = send  # type: ignore[method-assign]


def count(rig: Rig, where: str) -> int:
    """How many attempts there are now, as another process sees them."""
    with sqlite3.connect(rig.folder / "ledger.db") as db:
        found: int = db.execute(f"SELECT count(*) FROM attempt WHERE {where}").fetchone()[0]
    db.close()
    return found


def test_a_slow_call_does_not_hold_up_the_next_page(rig: Rig) -> None:
    """While one call of the first page is on the wire, those of the next pages are made."""
    begun, in_time = threading.Event(), []
    put(rig, PAGE + 50)

    def look(number: int) -> None:
        if number == 1:
            in_time.append(begun.wait(LONG))
        elif number > PAGE + 10:
            begun.set()

    before_each(rig, look)
    rig.cycle()
    assert in_time == [True]
    assert len(rig.books()) == PAGE + 51


def test_no_more_intents_are_open_than_a_page(rig: Rig) -> None:
    """S2: what a crash can leave in doubt is a page, however long the delivery."""
    put(rig, 3 * PAGE)
    seen: list[int] = []
    before_each(rig, lambda number: seen.append(count(rig, "outcome IS NULL")))
    rig.cycle()
    assert len(seen) == 3 * PAGE
    assert PAGE // 2 < max(seen) <= PAGE


@pytest.mark.parametrize(("takes", "each"), [(0, 99), (0.6, 2), (150, 1)])
def test_a_long_delivery_says_that_we_watch_once_a_second(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, takes: float, each: int
) -> None:
    """A gap of two minutes would end our watch (S1); with each page it would cost a commit."""
    put(rig, 3 * PAGE)
    pull(rig.shop, rig.flows["orders"], ledger := rig.start(), rig.clock)
    pages: list[bool] = []  # was there a beat with it?
    settle, heard = delivering.settle_doubts, []

    def page(*args: object) -> None:
        pages.append(bool(heard))
        heard.clear()
        rig.clock.pass_(takes * SECOND)
        settle(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(delivering, "settle_doubts", page)
    monkeypatch.setattr(ledger, "beat", lambda *at: heard.append(at))
    deliver(rig.erp, rig.flows["orders"], ledger, rig.open_gate(rig.flows["orders"]), rig.clock)
    assert len(rig.books()) == 3 * PAGE + 1
    assert 3 < len(pages) < 99
    assert pages == [place % each == 1 % each and place > 0 for place in range(len(pages))]


def test_what_became_doubtful_is_looked_up_while_it_rolls(rig: Rig) -> None:
    """A day's orders may be before it: neither the doubt nor a dead worker's waits for the last."""
    put(rig, 3 * PAGE)
    rig.flow(slots=2, settle=8 * SECOND)
    _, erp = rig.memory
    original, found = erp._send, []

    def send(entity: str, change: Change) -> Outcome:
        number = int(change.reference.rpartition("-")[2])
        made = original(entity, change)
        if number == PAGE:
            rig.clock.pass_(SECOND)
        if number == 3 * PAGE:
            found.append(count(rig, "outcome = 'found'"))
        return InDoubt(why="cut") if number == 1 else made

    erp._send = send  # type: ignore[method-assign]
    rig.cycle()
    assert found == [1]
    assert len(rig.books()) == 3 * PAGE + 1


def test_a_clock_that_jumps_while_it_rolls_settles_no_doubt(rig: Rig) -> None:
    """O3: the call may commit for as long as ever; it was sent again at once, and came twice."""
    put(rig, 3 * PAGE)
    rig.flow(slots=2, settle=60 * SECOND, timeout=300 * SECOND)
    _, erp = rig.memory
    original = erp._send

    def send(entity: str, change: Change) -> Outcome:
        number = int(change.reference.rpartition("-")[2])
        if number == PAGE:
            rig.clock.set_wall(rig.clock.now() + 90 * SECOND)
        return InDoubt(why="late") if number == 1 else original(entity, change)

    erp._send = send  # type: ignore[method-assign]
    rig.cycle()
    assert count(rig, "outcome = 'absent'") == 0
    assert count(rig, "outcome IS NULL") == 1


def test_what_may_have_killed_a_worker_goes_in_no_greater_number(rig: Rig) -> None:
    """R12: of suspects only so many are on the wire as there are slots, also when it rolls."""
    put(rig, PAGE)
    rig.kill_at("intent.none_sent")
    assert rig.run_until_killed()
    seen: list[int] = []
    begun = "outcome IS NULL AND started_at IS NOT NULL"
    before_each(rig, lambda number: seen.append(count(rig, begun)))
    rig.settle(rounds=9)  # and what a death leaves does not wait for rounds and rounds
    assert len(rig.books()) == PAGE + 1
    assert 0 < max(seen) <= 2


def test_what_is_blamed_for_a_death_goes_alone_also_when_it_rolls(rig: Rig) -> None:
    """R12: with others on the wire the killer would take them along."""
    put(rig, PAGE)
    rig.kill_at("intent.none_sent")
    assert rig.run_until_killed()
    with sqlite3.connect(rig.folder / "ledger.db") as db:
        last = db.execute("SELECT max(record) FROM attempt WHERE outcome IS NULL").fetchone()[0]
        db.execute("UPDATE record SET attempts = 1 WHERE id = ?", (last,))
    db.close()
    begun = "outcome IS NULL AND started_at IS NOT NULL"
    beside: list[int] = []

    def look(_: int) -> None:
        if count(rig, f"{begun} AND record = {last}"):
            beside.append(count(rig, begun))

    before_each(rig, look)
    rig.settle(rounds=12)
    assert len(rig.books()) == PAGE + 1
    assert set(beside) == {1}


@pytest.mark.parametrize("finds", [True, False])
def test_no_more_are_begun_at_once_than_the_gate_lets_begin(rig: Rig, finds: bool) -> None:
    """R12, S2: where fewer are tried than allowed, the rest would be blamed or in doubt, unsent."""
    put(rig, PAGE)
    rig.flow(slots=64, finds=finds)
    rig.kill_at("intent.none_sent")
    assert rig.run_until_killed()
    assert count(rig, "started_at IS NOT NULL AND outcome IS NULL") <= START
    if finds:
        seen: list[int] = []
        begun = "outcome IS NULL AND started_at IS NOT NULL"
        before_each(rig, lambda number: seen.append(count(rig, begun)))
        rig.settle(rounds=60)
        assert len(rig.books()) == PAGE + 1
        assert 1 < max(seen) <= START


def test_while_find_is_unproven_one_order_goes_alone(tmp_path: Path) -> None:
    """S7: the first create of a ledger is followed by none before it was found again."""
    rig = Rig(tmp_path)
    rig.flow(slots=2)
    put(rig, PAGE)
    seen: list[int] = []
    before_each(rig, lambda number: seen.append(number))
    rig.cycle()
    assert len(seen) == 1
    rig.kill()


def test_an_erp_that_goes_away_is_sent_no_further_page(rig: Rig) -> None:
    """The outcome that says so stops the rolling: what was not prepared stays due."""
    put(rig, 3 * PAGE)

    def away(entity: str, change: Change) -> Outcome:
        return Unavailable(why="503")

    rig.memory[1]._send = away  # type: ignore[method-assign]
    rig.cycle()
    assert count(rig, "outcome <> 'done'") == PAGE // 2
    assert len(rig.books()) == 1


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        ("deliver.take", LedgerAway("gone")),
        ("ledger.beat", LedgerAway("gone")),
        ("deliver.compose_all", RuntimeError("a bug")),
        ("deliver.verify", LedgerAway("gone")),
    ],
)
def test_what_goes_wrong_meanwhile_loses_no_outcome(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, broken: str, error: Exception
) -> None:
    """S10: what is on the wire is heard and written, then the failure is told."""
    put(rig, PAGE)
    where, name = broken.split(".")
    at = delivering if where == "deliver" else rig.start()
    original, done = getattr(at, name), []

    def breaks(*args: object) -> object:
        done.append(name)
        if len(done) == 2:
            raise error
        return original(*args)

    monkeypatch.setattr(at, name, breaks)
    with pytest.raises(type(error)):
        rig.cycle()
    assert rig.open_intents() == 0
    made = [p for p in rig.memory[1].papers if isinstance(p, Paper)]
    assert PAGE // 2 < len(made) == len(rig.links())


@pytest.mark.parametrize("slots", [1, 64])
def test_an_erp_that_is_busy_for_everybody_is_left_in_peace(rig: Rig, slots: int) -> None:
    """A few calls open its breaker, and no page after page of intents is written meanwhile."""
    put(rig, 5 * PAGE)
    rig.flow(slots=slots)
    pull(rig.shop, rig.flows["orders"], rig.start(), rig.clock)
    rig.memory[1].fault = lambda _: "busy"
    before = len(rig.memory[1].calls)
    gate = rig.open_gate(rig.flows["orders"])
    done = deliver(rig.erp, rig.flows["orders"], rig.start(), gate, rig.clock)
    assert gate.standing().state == "away"
    assert 3 <= len(rig.memory[1].calls) - before <= 10
    assert done.stopped
    assert done.claimed <= PAGE


def test_an_erp_that_is_always_busy_for_one_order_is_not_asked_every_second(rig: Rig) -> None:
    """What was no call too many waits as after any outage, and the others go on."""
    rig.memory[1].fault = lambda change: "busy" if change.reference.endswith("-1") else None
    put(rig, 1)
    rig.flow(slots=1)
    for number in range(60):
        rig.memory[0].put("order", str(10 + number), order(str(10 + number)))
        rig.clock.pass_(SECOND)
        rig.cycle()
    asked = [reference for _, reference in rig.memory[1].calls if reference.endswith("-1")]
    assert 4 <= len(asked) <= 7
    assert len(rig.books()) == 61


def test_what_could_not_begin_in_time_is_not_taken_in_hand(rig: Rig) -> None:
    """A slow ERP is given as many intents as begin in half their time, again and again."""
    put(rig, 60)
    seen: list[int] = []
    before_each(rig, lambda number: seen.append(count(rig, "outcome IS NULL")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ThreadGate, "room", lambda *_: 8)
        rig.cycle()
    assert len(rig.books()) == 61
    assert 4 < max(seen) <= 8
