"""Workers: any number of processes, one truth; whoever dies, nothing is lost and nothing twice."""

from __future__ import annotations

from collections import Counter

import pytest
from company import until
from crew import Crew

ORDERS = 20


def delivered(crew: Crew) -> Counter[str]:
    """How often each order stands in the ERP."""
    return Counter(crew.company.references())


def settled(crew: Crew) -> bool:
    """Is every record of an order done?"""
    found = crew.rows("SELECT state FROM record WHERE entity = 'order'")
    return len(found) == ORDERS and {row["state"] for row in found} == {"done"}


@pytest.mark.parametrize("once", [True, False])
def test_of_three_workers_one_dies_and_every_order_is_there_once(crew: Crew, once: bool) -> None:
    """With jobs queued once or as often as it comes: nothing rests on procrastinate's locks."""
    for _ in range(ORDERS):
        crew.company.order()
    crew.hire(3, once=once)
    until(lambda: len(delivered(crew)) >= ORDERS // 5, 60)
    crew.kill()
    until(lambda: settled(crew), 80)
    assert set(delivered(crew).values()) == {1}
    assert len(delivered(crew)) == ORDERS
    assert crew.dismiss() == [0, 0]


def test_the_same_scheduled_time_is_run_by_one_of_them(crew: Crew) -> None:
    """Every worker looks; the ledger lets one ask."""
    crew.hire(3)
    until(
        lambda: len(crew.rows("SELECT id FROM run WHERE flow = 'orders' AND state = 'ended'")) > 3,
        60,
    )
    crew.dismiss()
    runs = crew.rows("SELECT flow, slot, count(*) AS n FROM run GROUP BY flow, slot")
    assert {row["n"] for row in runs} == {1}
    assert crew.said('"bug"') == 0


def test_two_workers_share_one_call_at_once(crew: Crew) -> None:
    """The one that has none holds nothing up, and takes nothing that it cannot do."""
    crew.company.connection("erp", limits={"concurrency": "1", "timeout": "2s"})
    for _ in range(4):
        crew.company.order()
    crew.hire(2)
    until(lambda: len(delivered(crew)) == 4, 80)
    assert set(delivered(crew).values()) == {1}
    assert crew.dismiss() == [0, 0]
