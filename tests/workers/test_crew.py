"""Threads that work off one line of tasks."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from connector.crew import Crew


def test_no_more_work_at_once_than_there_may_be() -> None:
    """And as many as there may be: three meet at the barrier, each time."""
    crew, meeting, alone = Crew(3), threading.Barrier(3), threading.Lock()
    at_work, most = 0, 0

    def task() -> None:
        nonlocal at_work, most
        with alone:
            at_work += 1
            most = max(most, at_work)
        meeting.wait(10)
        with alone:
            at_work -= 1

    crew.give(task, 5)
    crew.give(task, 4)
    crew.close()
    assert (most, at_work, meeting.broken) == (3, 0, False)


def test_what_comes_first_is_done_first() -> None:
    """Two flows that share a connection take turns as they came."""
    crew, done, go = Crew(1), [], threading.Event()
    crew.give(lambda: (go.wait(10), done.append(0))[1])
    for place in range(1, 50):
        crew.give(lambda place=place: done.append(place))
    go.set()
    crew.close()
    assert done == list(range(50))


def test_no_thread_is_begun_without_work_and_none_is_left() -> None:
    """A connection that makes one call costs one thread, for as long as it is open."""
    before, names = threading.active_count(), []
    crew = Crew(16)
    assert threading.active_count() == before
    crew.give(lambda: names.append(threading.current_thread().name))
    crew.close()
    crew.close()
    assert (threading.active_count(), names) == (before, ["gate"])


def test_a_closed_crew_still_does_what_it_is_given() -> None:
    """Else who waits for the end of a task would wait for ever."""
    crew, done = Crew(2), threading.Event()
    crew.close()
    crew.give(done.set)
    assert done.wait(10)
    crew.close()


def test_a_thread_that_the_system_refused_is_begun_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else nobody would do what is given from then on, and who waits for it would for ever."""
    start, refusals, done = threading.Thread.start, [RuntimeError("no thread")], threading.Event()

    def begin(thread: Any) -> None:
        if refusals:
            raise refusals.pop()
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", begin)
    crew = Crew(1)
    with pytest.raises(RuntimeError):
        crew.give(done.set)
    crew.give(done.set)
    assert done.wait(10)
    crew.close()
