"""Which settings of the configuration a test shows to matter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Test = TypeVar("Test", bound=Callable[..., Any])
COVERED: dict[str, list[str]] = {}


def covers(*keys: str) -> Callable[[Test], Test]:
    """Say that a test runs with two values of each of *keys* and sees a difference."""

    def mark(test: Test) -> Test:
        for key in keys:
            COVERED.setdefault(key, []).append(test.__name__)
        return test

    return mark
