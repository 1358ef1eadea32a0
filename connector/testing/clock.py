"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class TestClock:
    """A `Clock` whose hours pass by call; wall and boot clock move together unless told."""

    __test__ = False

    def __init__(self, start: datetime = datetime(2026, 11, 23, 8, tzinfo=UTC)) -> None:
        self._now = start
        self._boot = 1000.0

    def now(self) -> datetime:
        """The wall clock: aware, UTC."""
        return self._now

    def boottime(self) -> float:
        """Seconds since boot."""
        return self._boot

    def pass_(self, span: timedelta) -> None:
        """Let *span* go by."""
        self._now += span
        self._boot += span.total_seconds()

    def set_wall(self, now: datetime) -> None:
        """Set the wall clock alone, as an administrator or NTP does."""
        self._now = now
