"""How fast calls may follow each other: at most so many in any second."""

from __future__ import annotations

import threading
from collections import deque

SECOND = 1.0


class Pace:
    """Books the beginnings of calls, at most *per_second* in any second; None: any number."""

    def __init__(self, per_second: int | None) -> None:
        self._begun: deque[float] | None = deque(maxlen=per_second) if per_second else None
        self._alone = threading.Lock()

    def book(self, now: float) -> float:
        """Take the next place; how many seconds after *now* the call may begin."""
        if self._begun is None:
            return 0.0
        with self._alone:
            full = len(self._begun) == self._begun.maxlen
            begin = max(now, self._begun[0] + SECOND) if full else now
            self._begun.append(begin)
        return begin - now

    def within(self, seconds: float, calls: int | None) -> int | None:
        """How many of so many *calls* may begin in *seconds*, a second's at least; None: any."""
        if self._begun is None or self._begun.maxlen is None:
            return calls
        most = int(self._begun.maxlen * max(SECOND, seconds))
        return most if calls is None else min(calls, most)
