"""How fast calls may follow each other: at most so many in any second."""

from __future__ import annotations

import threading
import time
from collections import deque

SECOND = 1.0


class Pace:
    """Books the beginnings of calls, at most *per_second* in any second; None: any number.

    Of what is shared with other processes less may be lent.
    """

    def __init__(self, per_second: int | None) -> None:
        self._most = self._lent = per_second
        self._begun: deque[float] = deque()
        self._alone = threading.Lock()

    def book(self, now: float) -> float | None:
        """Take the next place; how many seconds after *now* the call may begin, None: never."""
        if self._lent is None:
            return 0.0
        with self._alone:
            if not self._lent:
                return None
            full = len(self._begun) >= self._lent
            begin = max(now, self._begun[-self._lent] + SECOND) if full else now
            self._begun.append(begin)
            while len(self._begun) > (self._most or 0) and self._begun[0] <= now - SECOND:
                self._begun.popleft()
        return begin - now

    def lend(self, per_second: int) -> None:
        """Let so many begin in any second from now on."""
        with self._alone:
            self._lent = per_second

    def shrink(self, per_second: int) -> int:
        """Let no more begin from now on; how many are booked in the busiest second of the last one

        and of those to come.
        """
        with self._alone:
            self._lent = min(self._lent or 0, per_second)
            last = time.monotonic() - SECOND
            booked = [at for at in self._begun if at > last]
            return max((_within(booked, at) for at in booked), default=0)

    def within(self, seconds: float, calls: int | None) -> int | None:
        """How many of so many *calls* may begin in *seconds*, a second's at least; None: any."""
        if self._lent is None:
            return calls
        most = int(self._lent * max(SECOND, seconds))
        return most if calls is None else min(calls, most)


def _within(booked: list[float], begin: float) -> int:
    return sum(begin <= at < begin + SECOND for at in booked)
