"""The bench measures what it says: both tools deliver every order once, and the same sums."""

from benchmarks.__main__ import Plan, run

PLAN = Plan(small=5, large=10, warm=100, slots=4, latency=0.0, rounds=1)


def test_both_tools_deliver_every_order_once_with_one_call_each_and_the_same_sum():
    """What is compared is the same work: `run` itself refuses lost and doubled orders."""
    naive = {n: run("naive", n, PLAN) for n in (PLAN.small, PLAN.large)}
    ours = {n: run("ours", n, PLAN) for n in (PLAN.small, PLAN.large)}

    assert {n: r["cents"] for n, r in naive.items()} == {n: r["cents"] for n, r in ours.items()}
    for took in (naive, ours):
        assert took[PLAN.large]["calls"] - took[PLAN.small]["calls"] == PLAN.large - PLAN.small
