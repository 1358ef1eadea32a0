"""`make bench-quick`: six figures in less than a minute, each a ratio or a share of one run.

Short runs on a machine that does other things say little: `make bench` is the one to quote.
"""

from __future__ import annotations

from benchmarks.shares import CAPACITY, far, httpclient, unchanged
from benchmarks.trial import Plan, marginal

PLAN = Plan(small=200, large=900, warm=100, slots=16, latency=0.0, rounds=1)
FAR_ORDERS = 1600
POSTED = 4000


def measure(plan: Plan, far_orders: int, posted: int) -> str:
    """Measure; the line that is printed."""
    naive, theirs = marginal("naive", plan)
    ours, brought = marginal("ours", plan)
    assert theirs == brought, "the two delivered different sums"
    raw = httpclient(posted, plan.slots)
    share, rejected = far(plan, far_orders)
    again = unchanged(plan)
    return (
        f"an ERP of {CAPACITY} calls at once, unknown to us: {rejected:.1%} rejected\n"
        f"bench: naive={ours.rate / naive.rate:.2f} httpclient={ours.rate / raw:.3f}"
        f" cpu_ms={ours.cpu_ms:.2f} latency100={share:.2f} unchanged={again:.0f}"
        f" rss_mb={ours.rss:.0f}"
    )


def main() -> None:
    """Measure and print."""
    print(measure(PLAN, FAR_ORDERS, POSTED))


if __name__ == "__main__":
    main()
