"""How fast calls may follow each other."""

from __future__ import annotations

import pytest

from connector.pace import Pace


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
