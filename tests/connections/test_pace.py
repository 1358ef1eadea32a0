"""How fast calls may follow each other."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.clock import SystemClock
from connector.gate import ThreadGate
from connector.pace import Pace
from connector.profile import Limits


def begun(per_second: int | None, asked: list[float]) -> list[float]:
    """When calls begin that are asked for at these times."""
    pace = Pace(per_second)
    return [at + pace.book(at) for at in asked]


@pytest.mark.parametrize("per_second", [1, 3, 7])
def test_no_second_has_more_calls_than_allowed(per_second: int) -> None:
    """In every second, wherever it begins, at most so many calls begin, and none is early."""
    asked = [0.0] * 9 + [0.5, 0.9, 0.95, 4.0, 4.0, 4.0, 4.999, 5.0] + [5.0] * 9
    times = begun(per_second, asked)
    assert all(at >= wanted for at, wanted in zip(times, asked, strict=True))
    for first in times:
        assert sum(first <= at < first + 1 for at in times) <= per_second


def test_a_call_that_is_allowed_is_not_made_to_wait() -> None:
    """The limit costs nothing below it, and what was idle is not paid back."""
    assert begun(2, [0.0, 0.1, 1.0, 1.1, 9.0, 9.0]) == [0.0, 0.1, 1.0, 1.1, 9.0, 9.0]
    assert begun(None, [0.0] * 1000) == [0.0] * 1000


def test_no_more_is_said_to_begin_in_time_than_the_pace_lets() -> None:
    """Else a page of intents is opened, and most of it withdrawn as too late, again and again."""
    for per_second, room in ((2, 2 * 30), (None, None)):
        limits = Limits(concurrency=4, per_second=per_second, timeout=timedelta(seconds=30))
        gate = ThreadGate(SystemClock(), limits)
        assert gate.room("order", 30.0) == room
        for _ in range(8):
            gate.congestion.ended(("order", "create", False), 1e9, 0.1, "well", full=False)
        assert gate.room("order", 30.0) == (room or 4 * 300)
        assert gate.room("order", 0.1) == (2 if per_second else 2 * 4)
        assert gate.room("order", 0) == (2 if per_second else 4)
