"""`make scale`: one worker against four, deaths, a PostgreSQL that dies; figures, and a last line.

SCALE_ORDERS (1200): orders a worker. Exits 0 only if nothing was lost, doubled or too slow.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from . import courses
from .courses import Found
from .ground import Ground

OWED = 3.5  # times one worker that four must be
MOST = 4
LEAST = 100  # orders: fewer say nothing of a rate
Course = Callable[[Ground, Path], Found]


def say(line: str) -> None:
    """Tell whoever waits."""
    print(line, flush=True)  # noqa: T201


def told(name: str, found: Found) -> str:
    """A course in a line."""
    figures = (
        f"{k}={v:.1f}" if isinstance(v, float) else f"{k}={v}" for k, v in found.figures.items()
    )
    return f"{name}: {' '.join(figures)}"


@dataclass(frozen=True)
class Verdict:
    """What all courses came to."""

    found: Mapping[str, Found]

    @property
    def ratio(self) -> float:
        """Times one worker that four are."""
        return self.found["four"].figures["rate"] / self.found["one"].figures["rate"]

    def harm(self) -> list[str]:
        """What should not be."""
        wrong = [f"{name}: {one}" for name, at in self.found.items() for one in at.wrong]
        slow = f"four are {self.ratio:.2f} times one, and owe {OWED}"
        return wrong + [slow] * (self.ratio < OWED)

    def line(self) -> str:
        """The last line."""
        at = {name: one.figures for name, one in self.found.items()}
        lost, doubled = (sum(one[n] for one in at.values()) for n in ("lost", "duplicated"))
        killed, restarted, ticked = at["killed"], at["restarted"], at["ticked"]
        return (
            f"scale: one={at['one']['rate']:.1f} four={at['four']['rate']:.1f}"
            f" ratio={self.ratio:.2f} peak={at['four']['peak']} killed={killed['killed']}"
            f" restarts=1 lost={lost} duplicated={doubled}"
            f" back_s={killed['back_s']:.1f} of {killed['limit_s']}"
            f" again_s={restarted['again_s']:.1f}"
            f" ticks={ticked['ticks']} twice={ticked['ticked_twice']}"
        )


def plan(orders: int) -> dict[str, Course]:
    """All courses; *orders*: for each worker."""
    return {
        "one": partial(courses.rate, workers=1, orders=orders),
        "four": partial(courses.rate, workers=MOST, orders=MOST * orders),
        "killed": partial(courses.killed, workers=MOST, deaths=2, orders=2 * orders),
        "restarted": partial(courses.restarted, workers=MOST, orders=2 * orders),
        "ticked": partial(courses.ticked, workers=MOST, seconds=20.0),
    }


def play(folder: Path, orders: int) -> Verdict:
    """All courses in turn."""
    ground, found = Ground(), {}
    try:
        for name, course in plan(orders).items():
            found[name] = course(ground, folder / name)
            say(told(name, found[name]))
    finally:
        ground.close()
    return Verdict(found)


def main() -> int:
    """Run, in a folder that is kept."""
    orders = int(os.environ.get("SCALE_ORDERS", "1200"))
    if orders < LEAST:
        say(f"SCALE_ORDERS: at least {LEAST}")
        return 2
    given = os.environ.get("SCALE_DIR")
    folder = Path(given).absolute() if given else Path(tempfile.mkdtemp(prefix="scale-"))
    say(f"scale: {orders} orders a worker, in {folder}")
    verdict = play(folder, orders)
    for line in verdict.harm():
        say(f"harm: {line}")
    say(verdict.line())
    return 1 if verdict.harm() else 0


if __name__ == "__main__":
    sys.exit(main())
