"""What is measured of one connection while we run: calls, how long they took, what came of them."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

# Upper bounds in seconds; a call of a shop takes 0.05 to 10.
BOUNDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One reading; *under* has a number for each of BOUNDS and one for what took longer."""

    slots: int
    in_use: int
    calls: int
    seconds: float
    under: tuple[int, ...]
    ended: dict[tuple[str, str], int]


@dataclass(slots=True)
class Meter:
    """Counters of one connection, from the start of this process or its last reload."""

    slots: int
    _in_use: int = 0
    _seconds: float = 0.0
    _under: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    _ended: Counter[tuple[str, str]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> float:
        """A call goes on the wire; what `end` must be told."""
        with self._lock:
            self._in_use += 1
        return time.monotonic()

    def end(self, began: float) -> float:
        """It ended, whatever came of it; how long it took."""
        took = time.monotonic() - began
        with self._lock:
            self._in_use -= 1
            self._seconds += took
            self._under[bisect_left(BOUNDS, took)] += 1
        return took

    def ended(self, entity: str, outcome: str) -> None:
        """Count an attempt by the class of its outcome."""
        with self._lock:
            self._ended[entity, outcome] += 1

    def read(self) -> Measured:
        """All counters at one moment."""
        with self._lock:
            return Measured(
                slots=self.slots,
                in_use=self._in_use,
                calls=sum(self._under),
                seconds=self._seconds,
                under=tuple(self._under),
                ended=dict(self._ended),
            )
