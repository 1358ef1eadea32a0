"""`make bench-quick`: six figures in less than a minute, each a ratio or a share of one run.

Short runs on a machine that does other things say little: `make bench` is the one to quote.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

from benchmarks.__main__ import AGE, Plan, asked, marginal, run, served

PLAN = Plan(small=200, large=900, warm=100, slots=16, latency=0.0, rounds=1)
LATENCY = 100.0  # of the ERP, in milliseconds
CAPACITY = 16  # calls that the far ERP does at once; we may make four times as many
FAR_ORDERS = 1600
POSTED = 4000


def httpclient(orders: int) -> float:
    """Orders a second that http.client posts, written beforehand, with as many connections."""
    with served(1, datetime.now(UTC).replace(microsecond=0) - AGE) as url:
        command = [sys.executable, "-m", "benchmarks.client", "--url", url]
        command += ["--orders", str(orders), "--slots", str(PLAN.slots)]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        came = asked(url)["orders"]
        assert came == orders, f"http.client: {came} of {orders} orders came"
    return orders / float(json.loads(out)["seconds"])


def measure(plan: Plan, far_orders: int, posted: int) -> str:
    """Measure; the line that is printed."""
    naive, theirs = marginal("naive", plan)
    ours, brought = marginal("ours", plan)
    assert theirs == brought, "the two delivered different sums"
    raw = httpclient(posted)
    beyond = replace(plan, latency=LATENCY, capacity=CAPACITY, slots=4 * CAPACITY)
    far = run("ours", far_orders, beyond)
    share = far_orders / far["seconds"] / (CAPACITY / (LATENCY / 1000))
    again = run("ours", plan.large, plan, again=True)
    rejected = 100 * far["rejected"] / far["calls"]
    return (
        f"an ERP of {CAPACITY} calls at once, unknown to us: {rejected:.1f} % rejected\n"
        f"bench: naive={ours.rate / naive.rate:.2f} httpclient={ours.rate / raw:.3f}"
        f" cpu_ms={ours.cpu_ms:.2f} latency100={share:.2f} unchanged={again['again']:.0f}"
        f" rss_mb={ours.rss:.0f}"
    )


def main() -> None:
    """Measure and print."""
    print(measure(PLAN, FAR_ORDERS, POSTED))


if __name__ == "__main__":
    main()
