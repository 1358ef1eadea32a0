"""The connector in a time of the test's own: `python hours.py FILE WORDS…` runs a command in it.

The hours stand in a small file that all processes map. A daemon notes there up to which hour
everything that was due has been begun and has ended, so that nobody needs to guess.
"""

from __future__ import annotations

import mmap
import struct
import sys
import time
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

NAMES = ("wall", "boot", "done")  # seconds ahead of the machine's clocks; `done`: of the boot clock
LOOK, REST = 0.02, 0.5


class Hours:
    """What the file says; written by whoever holds it."""

    def __init__(self, file: Path) -> None:
        if not file.exists():
            file.write_bytes(bytes(8 * len(NAMES)))
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), 8 * len(NAMES))

    def __getitem__(self, name: str) -> float:
        (value,) = struct.unpack_from("d", self._map, 8 * NAMES.index(name))
        return float(value)

    def __setitem__(self, name: str, value: float) -> None:
        struct.pack_into("d", self._map, 8 * NAMES.index(name), value)

    def now(self) -> datetime:
        """The wall clock."""
        return datetime.now(UTC) + timedelta(seconds=self["wall"])

    def boottime(self) -> float:
        """Seconds since boot."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) + self["boot"]

    def pass_(self, seconds: float) -> None:
        """Let time go by."""
        self["wall"] += seconds
        self["boot"] += seconds


def live(hours: Hours) -> None:
    """Put every clock of this process to *hours*: ours, and that of the scheduler."""
    from apscheduler.schedulers import base
    from apscheduler.triggers import date, interval

    from connector import daemon, schedule
    from connector.cli import init
    from connector.clock import SystemClock

    class AnyTime(type):
        def __instancecheck__(cls, one: object) -> bool:
            return isinstance(one, datetime)

    class Shifted(datetime, metaclass=AnyTime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return hours.now().astimezone(tz)

    SystemClock.now = lambda _: hours.now()  # type: ignore[method-assign]
    SystemClock.boottime = lambda _: hours.boottime()  # type: ignore[method-assign]
    for module in (base, date, interval, schedule, init):
        module.datetime = Shifted  # type: ignore[attr-defined]
    daemon.LOOK, daemon.SWEEP = LOOK, 0.0
    _watch(hours, daemon.Daemon, base.BaseScheduler)


def _watch(hours: Hours, daemon: Any, scheduler: Any) -> None:
    """Note up to which hour nothing is due any more: planned, swept, and nobody has a turn."""
    planned = [-1.0]
    sweep, process = daemon._sweep, scheduler._process_jobs
    looked = [0.0]
    quiet = [-1.0, 0.0]  # up to which hour, and how many looks it has been so

    def process_jobs(self: Any) -> float:
        at = hours["boot"]
        wait = process(self)
        planned[0] = at
        return LOOK if wait is None else min(wait, LOOK)

    def swept(self: Any) -> None:
        at = planned[0]
        busy = self.turns._busy or any(self.turns._wants.line.values())
        if busy and time.monotonic() - looked[0] < REST:
            return  # whoever works has the machine for himself meanwhile
        looked[0] = time.monotonic()
        sweep(self)
        busy = self.turns._busy or any(self.turns._wants.line.values())
        quiet[:] = [at, quiet[1] + 1 if at == quiet[0] and not busy else 0]
        if quiet[1] >= 2:
            hours["done"] = at

    daemon._sweep, scheduler._process_jobs = swept, process_jobs


if __name__ == "__main__":
    live(Hours(Path(sys.argv[1])))
    from connector.cli import main

    sys.argv[:] = ["connector", *sys.argv[2:]]
    main()
