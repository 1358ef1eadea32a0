"""How many calls at once a system takes well is found by trying, whatever the system is like."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from connector.congestion import FEW, START, Congestion, end_of
from connector.values import Change, Done, InDoubt, Refused, Unauthorized, Unavailable

LATER = datetime(2038, 1, 1, tzinfo=UTC)
CREATE, UPDATE = ("order", "create", False), ("order", "update", False)
BUSY = Unavailable(why="http_503", busy=True)
CHANGE = Change(id=1, action="create", reference="R", payload={}, send_before=LATER)


@dataclass
class Server:
    """Answers *slots* calls at once, each after *takes*; *queue* wait, others are told 503.

    Time is simulated: a client with work without end sends as many calls as its window lets.
    """

    slots: int
    queue: int
    most: int
    takes: Callable[[int], float]
    now: float = 0.0
    done: list[float] = field(default_factory=list)
    rejected: list[float] = field(default_factory=list)
    windows: list[int] = field(default_factory=list)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        at = Congestion(self.most, lambda: self.now)
        ends: list[tuple[float, int, float, bool, bool]] = []  # when, nth, began, full, rejected
        free = [0.0] * self.slots
        nth, out = itertools.count(), 0
        while self.now < seconds:
            while out < at.window:
                out += 1
                waiting = sum(f > self.now for f in free)
                begins = max(self.now, heapq.heappop(free))
                rejected = sum(not e[4] for e in ends) >= self.slots + self.queue
                ends_at = self.now + 0.001 if rejected else begins + self.takes(waiting + 1)
                heapq.heappush(free, begins if rejected else ends_at)
                heapq.heappush(ends, (ends_at, next(nth), self.now, out >= at.window, rejected))
            self.now, _, began, full, rejected = heapq.heappop(ends)
            out -= 1
            at.ended(CREATE, began, self.now - began, "busy" if rejected else "well", full=full)
            (self.rejected if rejected else self.done).append(self.now)
            self.windows.append(at.window)


@pytest.mark.parametrize("slots", [16, 32, 64])
def test_the_capacity_of_an_erp_is_found(slots: int) -> None:
    """Allowed four times as much: over 0.90 of what it can, under 2 % rejected."""
    server = Server(slots=slots, queue=slots // 2, most=4 * slots, takes=lambda _: 0.1)
    server.run(30)
    assert len(server.done) / (30 * slots / 0.1) >= 0.90
    assert len(server.rejected) / len(server.done) < 0.02
    assert min(server.windows[len(server.windows) // 2 :]) >= slots


def test_it_never_passes_what_is_allowed() -> None:
    """The limit of the configuration is a limit."""
    server = Server(slots=64, queue=64, most=10, takes=lambda _: 0.1)
    server.run(20)
    assert max(server.windows) == 10
    assert not server.rejected
    assert len(server.done) >= 0.95 * 10 * 200 - 100


def test_a_shop_that_only_queues_is_not_crowded() -> None:
    """A system that answers slower, the more calls there are, gets hardly more than it works on."""
    server = Server(slots=4, queue=10_000, most=200, takes=lambda _: 0.1)
    server.run(60)
    settled = server.windows[len(server.windows) // 2 :]
    assert 4 <= sum(settled) / len(settled) <= 12
    assert len(server.done) >= 0.95 * 60 * 40 - 100


def test_one_at_a_time_stays_one_at_a_time() -> None:
    """Where one call is allowed, a system that is busy counts as one that is not there."""
    at = Congestion(1)
    assert at.window == 1
    assert not at.ended(CREATE, at._now(), 0.1, "busy", full=True)
    assert at.window == 1


def test_a_system_that_is_busy_for_everybody_ends_with_one_call_and_then_counts() -> None:
    """Calls that were too many tell nothing; one alone tells that nobody is there."""
    now = itertools.count()
    at = Congestion(64, lambda: float(next(now)))
    counted = [at.ended(CREATE, float(next(now)), 0.1, "busy", full=True) for _ in range(6)]
    assert counted == [True, True, False, False, False, False]
    assert at.window == 1


def test_after_an_outage_it_is_found_again_quickly() -> None:
    """From one call at once it starts anew, not by a call each round."""
    now = itertools.count()
    at = Congestion(64, lambda: float(next(now)))
    for _ in range(6):
        at.ended(CREATE, float(next(now)), 0.1, "busy", full=True)
    assert at.window == 1
    for _ in range(30):
        at.ended(CREATE, float(next(now)), 0.1, "well", full=True)
    assert at.window == 16


def test_a_window_that_is_not_used_does_not_grow() -> None:
    """A few calls now and then say nothing of many at once."""
    at = Congestion(64)
    for _ in range(100):
        at.ended(CREATE, at._now(), 0.1, "well", full=False)
    assert at.window == START


def test_calls_of_before_the_last_step_say_nothing_of_now() -> None:
    """One outage of twenty calls is one sign, not twenty."""
    at = Congestion(64)
    began = at._now()
    for _ in range(24):
        at.ended(CREATE, began, 0.1, "well", full=True)
    assert at.window == 16
    assert [at.ended(CREATE, began, 0.1, "busy", full=True) for _ in range(16)] == [True] * 16
    assert at.window == 12


def test_each_operation_has_its_own_ease() -> None:
    """A slow operation beside a quick one is no sign of a crowd."""
    at = Congestion(64)
    for _ in range(200):
        at.ended(UPDATE, at._now(), 0.01, "well", full=True)
        at.ended(CREATE, at._now(), 2.0, "well", full=True)
    assert at.window == 64


def test_how_a_call_ended() -> None:
    """Refusals are answers; what was not sent says nothing."""
    assert end_of([Done(key="1"), BUSY]) == "busy"
    assert end_of([InDoubt(why="timeout"), Done(key="1")]) == "well"
    assert end_of([InDoubt(why="timeout")]) is None
    assert end_of([Refused(code="x")]) == "well"
    assert end_of([Unavailable(why="dns"), Unauthorized(why="x")]) is None


def test_what_was_one_of_too_many_is_no_failure_of_the_system() -> None:
    """It stays busy; a call that was alone found nobody, and the breaker hears it."""
    away = Unavailable(why="dns")
    for most, heard in ((64, BUSY), (1, Unavailable(why="http_503"))):
        at = Congestion(most)
        at.timed(at._now(), 0.1, full=True)
        assert at.hear("order", [CHANGE], [BUSY]) == [heard]
        assert at.hear("order", [CHANGE], [away]) == [away]


def test_what_begins_in_time_follows_the_slowest_operation() -> None:
    """Twice the calls at once at least; nothing is said before anything is known."""
    at = Congestion(4)
    assert at.room("order", 10.0) is None
    for _ in range(8):
        at.ended(UPDATE, at._now(), 0.1, "well", full=False)
    assert at.room("order", 10.0) == 4 * 100
    for _ in range(8):
        at.ended(CREATE, at._now(), 2.0, "well", full=False)
    assert at.room("order", 10.0) == 4 * 5
    assert at.room("order", 1.0) == 4 * 2
    assert at.room("customer", 10.0) is None


def test_the_steps_of_a_change_count_as_one() -> None:
    """A quick last step once hid a slow first one: far more were prepared than could begin."""
    at = Congestion(2)
    for _ in range(2 * FEW):
        at.timed(at._now(), 0.4, full=False)
        at.timed(at._now(), 0.1, full=False)
        at.hear("order", [CHANGE], [Done(key="1")])
    assert at.room("order", 5.0) == 20
