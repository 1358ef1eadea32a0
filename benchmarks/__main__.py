"""`python -m benchmarks`: the naive loop and the product, in turn, on one bench server each.

Every run has a fresh server, process and ledger.  The figures are marginal, (large run - small
run) / their difference in orders, so that start-up is excluded; the table shows their medians.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

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
    command = [sys.executable, "-m", f"benchmarks.{tool}"]
    erp = ("--latency", str(plan.latency), "--slots", str(plan.capacity))
    with (
        served(total, born + timedelta(seconds=5), *erp) as url,
        tempfile.TemporaryDirectory() as folder,
    ):
        command += ["--url", url]
        if tool == "ours":
            command += ["--folder", folder, "--born", born.isoformat()]
            command += ["--warm", str(plan.warm), "--slots", str(plan.slots)]
            command += ["--again"] * again
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        stats = asked(url)
    took: dict[str, Any] = json.loads(out.splitlines()[-1])
    assert (stats["orders"], stats["duplicates"]) == (total, 0), f"{tool}: {stats}"
    return {**took, "cents": stats["cents"], "calls": sum(stats["calls"].values()),
            "peak": stats["peak"], "rejected": stats["rejected"]}  # fmt: skip


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


def compare(plan: Plan) -> dict[str, list[Figures]]:
    """Measure both in turn, *rounds* times; raises AssertionError if they delivered other sums."""
    found: dict[str, list[Figures]] = {"naive": [], "ours": []}
    for n in range(plan.rounds):
        sums = set()
        for tool, rounds in found.items():
            figures, brought = marginal(tool, plan)
            rounds.append(figures)
            sums.add(brought)
            print(f"round {n + 1} {tool:5}  {line(figures)}", flush=True)
        assert len(sums) == 1, f"the two delivered different sums: {sums}"
    return found


def line(f: Figures) -> str:
    """The figures as a row."""
    return f"{f.rate:8.0f} {f.cpu_ms:10.2f} {f.calls:11.3f} {f.rss:8.0f}"


def table(found: dict[str, list[Figures]], plan: Plan) -> str:
    """The medians, and the ratio that we owe."""
    middle = {
        tool: Figures(**{name: median(getattr(f, name) for f in rounds)
                         for name in Figures.__slots__})
        for tool, rounds in found.items()
    }  # fmt: skip
    ours = middle["ours"]
    ratio = median(o.rate / n.rate for o, n in zip(found["ours"], found["naive"], strict=True))
    return "\n".join((
        f"median of {plan.rounds} rounds, marginal ({plan.large} - {plan.small} orders),",
        f"5 lines an order, {plan.slots} slots, ERP latency {plan.latency:g} ms",
        f"{'':14} orders/s  CPU ms/ord  calls/order  RSS MB",
        f"naive loop     {line(middle['naive'])}",
        f"connector      {line(ours)}",
        f"bench: ratio={ratio:.2f} calls={ours.calls:.3f} cpu_ms={ours.cpu_ms:.2f}",
    ))  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--small", type=int, default=500)
    parser.add_argument("--large", type=int, default=2000)
    parser.add_argument("--warm", type=int, default=100, help="orders delivered unmeasured before")
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.0, help="of the ERP, in milliseconds")
    plan = Plan(**vars(parser.parse_args()))
    print(table(compare(plan), plan))


if __name__ == "__main__":
    main()
