"""Slots whose number changes while calls are on the wire."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from connector.slots import Slots


@contextmanager
def holding(slots: Slots, stopped: Callable[[], bool]) -> Iterator[bool]:
    """One slot, for a `with`; whether there was one."""
    free = slots.take(stopped)
    try:
        yield free
    finally:
        slots.give()


def never() -> bool:
    """Nobody stops."""
    return False


def test_no_more_hold_one_than_are_allowed() -> None:
    """Also when they are fewer than before."""
    slots, most, gate = Slots(3), [], threading.Barrier(3)

    def call() -> None:
        with holding(slots, never):
            most.append(slots.in_use)
            gate.wait(10)

    with ThreadPoolExecutor(9) as pool:
        for ended in [pool.submit(call) for _ in range(9)]:
            ended.result()
    assert max(most) == 3
    slots.lend(1, 60)
    with holding(slots, never):
        assert (slots.in_use, slots.allowed) == (1, 1)


def test_what_is_lent_is_none_when_its_time_is_over() -> None:
    """A worker that was asleep begins no call on a share that others have by now."""
    slots = Slots(4)
    slots.lend(4, 0)
    assert slots.allowed == 0
    stop = threading.Event()

    def call() -> bool:
        with holding(slots, stop.is_set):
            return stop.is_set()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(call)
        assert not waiting.done()
        stop.set()
        assert waiting.result() is True


def test_who_waits_goes_on_when_more_are_lent(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once: nobody waits for the next look."""
    monkeypatch.setattr("connector.slots.LOOK", 60.0)
    slots = Slots(1)
    slots.lend(0, 60)
    with ThreadPoolExecutor(1) as pool:
        begun = threading.Event()

        def call() -> None:
            with holding(slots, never):
                begun.set()

        ended = pool.submit(call)
        assert not begun.is_set()
        slots.lend(1, 60)
        ended.result(10)
    assert begun.is_set()


def test_nobody_waits_for_ever_where_others_have_all_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two workers and one call at once: the second comes again later, its threads are free."""
    monkeypatch.setattr("connector.slots.DRY", 0.0)
    slots = Slots(1)
    slots.lend(0, 60)
    with holding(slots, never) as free:
        assert not free
    slots.lend(1, 60)
    with holding(slots, never) as free:
        assert free


def test_what_shrinks_lets_nothing_begin_that_is_not_counted() -> None:
    """Between the count and the writing of a share no call may begin on the old one."""
    slots = Slots(4)
    with holding(slots, never), holding(slots, never):
        assert slots.shrink(1) == 2
        assert slots.allowed == 1
    slots.lend(4, 60)
    assert slots.allowed == 4
