"""How many calls at once a system takes well: found by trying, as TCP finds its window (AIMD).

It grows while calls end well and all of it is used, and shrinks when the system says that it is
busy, or takes much longer than it does when it is at ease.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from connector.values import Change, Done, InDoubt, NotSent, Outcome, Unauthorized, Unavailable

START = 4  # calls at once before anything is known
FEW = 8  # calls of one operation whose median says something
SLOW = 1.6  # times what an operation takes at ease: more calls at once bring nothing
FORGET = 1.01  # what "at ease" may rise by from one median to the next
EASE, HALVE = 0.75, 0.5

# A doubt says nothing: a line that broke is no crowd, and a lossy one would end with one call.
SILENT = Unavailable | Unauthorized | NotSent | InDoubt
Kind = tuple[str, str, bool]  # entity, action, whether many in one call
End = Literal["well", "busy"]


@dataclass(slots=True)
class Operation:
    """How long one operation takes: lately, usually, and at ease."""

    lately: list[float] = field(default_factory=list)
    usual: float | None = None
    floor: float | None = None


class _Last(threading.local):
    """The calls of this thread's change: when they began (monotonic), how long all took, whether

    one was full.
    """

    began, took, full = float("-inf"), 0.0, False
    over = True  # what comes next is another's


class Congestion:
    """The window of one connection, between 1 and *most*; what has ended moves it."""

    def __init__(self, most: int, now: Callable[[], float] = time.monotonic) -> None:
        self._most, self._now = most, now
        self._least_slow = float(min(START, most))
        self._window, self._starting = self._least_slow, True
        self._eased_at, self._well = float("-inf"), True
        self._operations: dict[Kind, Operation] = {}
        self._alone, self._last = threading.Lock(), _Last()

    @property
    def window(self) -> int:
        """How many calls may be on the wire now."""
        return int(self._window)

    def timed(self, began: float, took: float, *, full: bool) -> None:
        """Note a call of this thread: when it began (monotonic), how long it took; *full*: with it

        as many were on the wire as may be. The steps of one change count as one.
        """
        last = self._last
        if last.over:
            last.began, last.took, last.full, last.over = began, 0.0, False, False
        last.took, last.full = last.took + took, last.full or full

    def room(self, entity: str, seconds: float) -> int | None:
        """How many calls for *entity* begin within *seconds*, at least two for each at once.

        None: nothing is known yet. In no time: those that may be on the wire.
        """
        if not seconds:
            return self.window
        with self._alone:
            known = [o.usual for (of, *_), o in self._operations.items() if of == entity]
            usual = max((one for one in known if one), default=None)
            begin = self.window * seconds / usual if usual else None
            return None if begin is None else max(2 * self.window, int(begin))

    def hear(
        self, entity: str, changes: Sequence[Change], outcomes: Sequence[Outcome]
    ) -> Sequence[Outcome]:
        """Learn from a call of this thread; its outcomes: what was not one of too many calls

        found nobody, whatever the system says.
        """
        end, last = end_of(outcomes), self._last
        last.over = True
        if end is None:
            return outcomes
        took = last.took if all(isinstance(one, Done) for one in outcomes) else None
        operation = (entity, changes[0].action, len(changes) > 1)
        if self.ended(operation, last.began, took, end, full=last.full) or end != "busy":
            return outcomes
        return [_away(one) for one in outcomes]

    def ended(
        self, operation: Kind, began: float, seconds: float | None, end: End, *, full: bool
    ) -> bool:
        """Learn from a call that began at *began* (monotonic) and took *seconds*, if that counts.

        *full*: as many were on the wire as may be. True: it was one of too many, and tells nothing
        of whether the system is there. What began before the window shrank says nothing of it now.
        """
        with self._alone:
            many = self.window > 1
            if began < self._eased_at:
                return end == "busy"
            if end == "busy":
                self._ease()
                return many
            self._well = True
            if full:
                self._window += 0.5 if self._starting else 1 / self._window
                self._window = min(self._window, float(self._most))
            if seconds is not None:
                self._compare(self._operations.setdefault(operation, Operation()), seconds)
        return False

    def _compare(self, at: Operation, seconds: float) -> None:
        at.lately.append(seconds)
        if len(at.lately) < max(FEW, self.window):
            return
        usual = at.usual = median(at.lately)
        at.lately.clear()
        at.floor = usual if at.floor is None else min(at.floor * FORGET, usual)
        if usual > at.floor * SLOW and self._window > self._least_slow:
            self._ease()
            self._window = max(self._window, self._least_slow)

    def _ease(self) -> None:
        self._window = max(1.0, self._window * (EASE if self._well else HALVE))
        self._starting = self._window == 1.0  # as after an outage
        self._eased_at, self._well = self._now(), False
        for one in self._operations.values():
            one.lately.clear()


def is_busy(outcome: Outcome) -> bool:
    """Did the system answer that it takes no more calls just now?"""
    return isinstance(outcome, Unavailable) and outcome.busy


def _away(outcome: Outcome) -> Outcome:
    if isinstance(outcome, Unavailable) and outcome.busy:
        return Unavailable(wait=outcome.wait, why=outcome.why)
    return outcome


def end_of(outcomes: Sequence[Outcome]) -> End | None:
    """How a call ended; None: it says nothing of how many the system takes."""
    if any(is_busy(one) for one in outcomes):
        return "busy"
    silent = all(isinstance(one, SILENT) for one in outcomes)
    return None if silent else "well"
