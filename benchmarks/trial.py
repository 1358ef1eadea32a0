"""One tool against one bench server: what an order costs it, and that each came exactly once.

Every run has a fresh server, process and ledger. The figures are marginal, (large run - small run)
/ their difference in orders, so that start-up is excluded.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks import peers

CONNECTOR = [sys.executable, "-c", "from connector.cli import main; main()"]
AGE = timedelta(seconds=90)  # of the ledger: all orders are younger, none is dated ahead


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is measured."""

    small: int
    large: int
    warm: int
    slots: int
    latency: float
    rounds: int
    capacity: int = 0  # calls that the ERP does at once, unknown to us; 0: any number


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """What one more order costs, and the most memory of the large run."""

    rate: float
    cpu_ms: float
    calls: float
    rss: float


@contextmanager
def served(orders: int, first: datetime, *words: str) -> Iterator[str]:
    """A bench server with *orders* from *first* on, in a process of its own; gives its address.

    *words*: more for its command line.
    """
    command = [sys.executable, "-m", "benchmarks.server", "--orders", str(orders)]
    command += ["--first", first.isoformat(), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            yield line.strip().removeprefix("url=")
        finally:
            process.terminate()


def asked(url: str) -> dict[str, Any]:
    """The server's count."""
    with urllib.request.urlopen(f"{url}/stats", timeout=10) as reply:
        found: dict[str, Any] = json.load(reply)
    return found


def run(tool: str, orders: int, plan: Plan, *, again: bool = False) -> dict[str, Any]:
    """Let *tool* deliver *orders* and those before; raises AssertionError if not all came once.

    *again*: ours then reads all of them once more; `again` is how many of them a second.
    """
    born = datetime.now(UTC).replace(microsecond=0) - AGE
    total = orders + plan.warm
    erp = ("--latency", str(plan.latency), "--slots", str(plan.capacity))
    with (
        served(total, born + timedelta(seconds=5), *erp) as url,
        tempfile.TemporaryDirectory() as folder,
    ):
        words = ["--folder", folder, "--born", born.isoformat()]
        words += ["--warm", str(plan.warm), "--slots", str(plan.slots), *["--again"] * again]
        if tool in peers.PEERS:
            took = peers.run(tool, url, folder)
        else:
            took = _run(tool, url, words if tool == "ours" else [])
        stats = asked(url)
    took.setdefault("seconds", stats["span"])
    assert (stats["orders"], stats["duplicates"]) == (total, 0), f"{tool}: {stats}"
    return {**took, "cents": stats["cents"], "calls": sum(stats["calls"].values()),
            "peak": stats["peak"], "rejected": stats["rejected"]}  # fmt: skip


def _run(tool: str, url: str, words: list[str]) -> dict[str, Any]:
    command = [sys.executable, "-m", f"benchmarks.{tool}", "--url", url, *words]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    took: dict[str, Any] = json.loads(out.splitlines()[-1])
    return took


def marginal(tool: str, plan: Plan) -> tuple[Figures, tuple[int, int]]:
    """The figures of *tool*, and the sums that its runs brought, for comparison."""
    small, large = (run(tool, orders, plan) for orders in (plan.small, plan.large))
    more = plan.large - plan.small
    figures = Figures(
        rate=more / (large["seconds"] - small["seconds"]),
        cpu_ms=(large["cpu"] - small["cpu"]) / more * 1000,
        calls=(large["calls"] - small["calls"]) / more,
        rss=large["rss"],
    )
    return figures, (small["cents"], large["cents"])
