"""`make bench-quick`: six figures in less than a minute, each a ratio or a share of one run.

Short runs on a machine that does other things say little: `make bench` is the one to quote.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

from benchmarks.__main__ import AGE, Plan, marginal, run, served

PLAN = Plan(small=200, large=900, warm=100, slots=16, latency=0.0, rounds=1)
FAR = replace(PLAN, latency=100.0)
FAR_ORDERS = 640
POSTED = 4000


def httpclient() -> float:
    """Orders a second that http.client posts, written beforehand, with as many connections."""
    with served(1, datetime.now(UTC).replace(microsecond=0) - AGE, 0.0) as url:
        command = [sys.executable, "-m", "benchmarks.client", "--url", url]
        command += ["--orders", str(POSTED), "--slots", str(PLAN.slots)]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return POSTED / float(json.loads(out)["seconds"])


def main() -> None:
    """Measure and print."""
    naive, theirs = marginal("naive", PLAN)
    ours, brought = marginal("ours", PLAN)
    assert theirs == brought, "the two delivered different sums"
    raw = httpclient()
    far = run("ours", FAR_ORDERS, FAR)
    share = FAR_ORDERS / far["seconds"] / (FAR.slots / (FAR.latency / 1000))
    again = run("ours", PLAN.large, PLAN, again=True)
    unchanged = PLAN.large / again["again"]
    print(
        f"bench: naive={ours.rate / naive.rate:.2f} httpclient={ours.rate / raw:.3f}"
        f" cpu_ms={ours.cpu_ms:.2f} latency100={share:.2f} unchanged={unchanged:.0f}"
        f" rss_mb={ours.rss:.0f}"
    )


if __name__ == "__main__":
    main()
