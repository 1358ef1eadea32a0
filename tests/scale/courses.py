"""The courses: how fast workers are together, and what becomes of it when some of them die."""

from __future__ import annotations

import time
from collections.abc import Set
from dataclasses import dataclass, field
from pathlib import Path

from .field import BUDGET, LEASE, SETTLE, WARM, Field
from .ground import Ground

DOWN = 3.0  # seconds without PostgreSQL


@dataclass(kw_only=True)
class Found:
    """What a course found: figures, and what should not be."""

    figures: dict[str, float] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def check(self, count: dict[str, int], budget: int = BUDGET) -> None:
        """Nothing lost, nothing doubled, to the cent, and never more calls than allowed."""
        self.figures |= count
        harm = [f"{name}={n}" for name, n in count.items() if name != "peak" and n]
        self.wrong += harm + [f"peak={count['peak']}"] * (count["peak"] > budget)


def rate(ground: Ground, folder: Path, workers: int, orders: int) -> Found:
    """Orders a second of so many workers, from the first of them that comes to the last.

    All are staged before, and the workers are ready: they wait for the connection to be resumed.
    """
    found, at = Found(), Field(ground, folder, orders)
    with at.open():
        at.prepare()
        at.say("pause", "erp")
        at.hire(workers)
        at.say("resume", "erp")
        at.wait(lambda: at.came() > WARM, 60, "the first order")
        began, before, cpu = time.monotonic(), at.came(), at.cpu()
        at.wait(lambda: at.came() >= at.total, 60 + orders, "the last order")
        made, took = at.total - before, time.monotonic() - began
        ours, theirs = (1000 * (b - a) / made for a, b in zip(cpu, at.cpu(), strict=True))
        found.figures |= {"rate": made / took, "cpu_ms": ours, "postgres_ms": theirs}
        at.wait(lambda: not at.left(), 30, "all of them done")
        found.check(at.count(), workers * 4)
        found.wrong += [f"a worker ended with {code}" for code in at.dismiss() if code]
    return found


def killed(ground: Ground, folder: Path, workers: int, deaths: int, orders: int) -> Found:
    """Some die with -9 in the middle: the others finish, what the dead held within its time."""
    found, at = Found(), Field(ground, folder, orders, every="1s")
    with at.open():
        at.prepare(staged=False)
        at.hire(workers)
        at.wait(lambda: at.came() > WARM + orders // 3, 60 + orders, "a third of the orders")
        at.kill(deaths)
        living = {process.pid for process in at.workers}
        began, held = time.monotonic(), held_by(at, living)
        found.figures |= {"killed": deaths, "held": len(held)}
        found.wrong += ["the dead held nothing: this shows nothing"] * (not held)
        at.wait(lambda: not held & undone(at), 10 * (LEASE + SETTLE), "what the dead held")
        back, limit = time.monotonic() - began, LEASE + SETTLE
        found.figures |= {"back_s": back, "limit_s": limit}
        found.wrong += [f"it took {back:.1f} s, not {limit}"] * (back > limit)
        at.wait(lambda: not at.left(), 60 + orders, "all of them done")
        found.check(at.count())
        found.wrong += [f"a worker ended with {code}" for code in at.dismiss() if code]
    return found


def held_by(at: Field, living: Set[int]) -> set[int]:
    """The records in hand of who is not among *living* (pids)."""
    rows = at.rows("SELECT id, owner FROM record WHERE state = 'running'")
    return {row["id"] for row in rows if int(row["owner"].split(":")[1]) not in living}


def undone(at: Field) -> set[int]:
    """The records that are not done."""
    return {row["id"] for row in at.rows("SELECT id FROM record WHERE state <> 'done'")}


def restarted(ground: Ground, folder: Path, workers: int, orders: int) -> Found:
    """PostgreSQL dies and comes back: the workers wait for it, and go on by themselves."""
    found, at = Found(), Field(ground, folder, orders, every="1s")
    with at.open():
        at.prepare(staged=False)
        at.hire(workers)
        at.wait(lambda: at.came() > WARM + orders // 3, 60 + orders, "a third of the orders")
        ground.stop()
        time.sleep(DOWN)
        ground.start()
        came = at.came()
        found.figures["again_s"] = at.wait(lambda: at.came() > came, 120, "an order after it")
        at.wait(lambda: not at.left(), 120 + orders, "all of them done")
        found.check(at.count())
        found.wrong += [f"a worker ended with {code}" for code in at.dismiss() if code]
    return found


def ticked(ground: Ground, folder: Path, workers: int, seconds: float) -> Found:
    """Every worker ticks: each scheduled time is one run, and none is left out."""
    found, at = Found(), Field(ground, folder, 1, every="1s")
    with at.open():
        at.prepare(staged=False)
        at.hire(workers)
        time.sleep(seconds)
        found.wrong += [f"a worker ended with {code}" for code in at.dismiss() if code]
        found.check(at.count())
        rows = at.rows("SELECT slot, count(*) AS n FROM run WHERE flow = 'orders' GROUP BY slot")
        twice = sum(row["n"] > 1 for row in rows)
        found.figures |= {"ticks": len(rows), "ticked_twice": twice}
        found.wrong += ["a time was run twice"] * bool(twice)
        few = len(rows) < seconds - 2
        found.wrong += [f"{len(rows)} times in {seconds:g} s"] * few
    return found
