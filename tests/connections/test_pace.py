"""How fast calls may follow each other."""

from __future__ import annotations

import time
from datetime import timedelta
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_what_is_lent_of_a_pace_may_be_less_and_none() -> None:
    """From then on no second has more; None: no call begins at all."""
    pace = Pace(4)
    assert [pace.book(0.0) for _ in range(4)] == [0.0] * 4
    pace.lend(2)
    assert [pace.book(0.5) for _ in range(3)] == [0.5, 0.5, 1.5]
    pace.lend(0)
    assert pace.book(9.0) is None
    assert pace.within(10.0, None) == 0


def test_what_shrinks_tells_the_busiest_second_that_is_booked() -> None:
    """What was booked on the old share is not another's before its second is over."""
    pace, now = Pace(4), time.monotonic()
    for _ in range(6):
        pace.book(now)
    assert pace.shrink(1) == 4
    assert pace.book(now) == pytest.approx(2.0, abs=0.01)
    late = Pace(4)
    late.book(now - 5)
    assert late.shrink(1) == 0


@given(
    rates=st.lists(st.integers(1, 6), min_size=2, max_size=8),
    calls=st.lists(st.integers(0, 5), min_size=2, max_size=8),
)
def test_two_that_share_a_pace_never_make_more_calls_in_a_second(
    rates: list[int], calls: list[int]
) -> None:
    """However they take and give: the sum of what both may is never more, whenever one looks."""
    most, moment = 6, [1000.0]
    both, told = (Pace(most), Pace(most)), [0, 0]
    both[1].lend(0)
    both[0].lend(most)
    told[0] = most
    begun: list[float] = []
    for turn, (rate, count) in enumerate(zip(rates, calls, strict=False)):
        one = turn % 2
        fair = max(min(rate, most - told[1 - one]), 0)
        with patch("time.monotonic", lambda: moment[0]):
            told[one] = max(fair, both[one].shrink(fair))
        both[one].lend(told[one])
        for pace in both:
            booked = (pace.book(moment[0]) for _ in range(count))
            begun += [moment[0] + wait for wait in booked if wait is not None]
        moment[0] += 0.3
    assert all(sum(first <= at < first + 1 for at in begun) <= most for first in begun)
