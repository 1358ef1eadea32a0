"""Workers that die where two of them meet (protocol §8): one truth all the same."""

from __future__ import annotations

import signal
from collections import Counter

from company import until
from crew import Crew

SLOTS = "SELECT flow, slot, count(*) AS n FROM run WHERE slot IS NOT NULL GROUP BY flow, slot"
DOING = "SELECT worker_id FROM procrastinate_jobs WHERE status = 'doing'"


def once_each(crew: Crew, count: int) -> bool:
    """Are all orders done, each in the ERP once?"""
    found = crew.rows("SELECT state FROM record WHERE entity = 'order'")
    there = Counter(crew.company.references())
    done = len(found) == count and {row["state"] for row in found} == {"done"}
    return done and len(there) == count and set(there.values()) == {1}


def test_who_dies_with_a_scheduled_time_in_hand_leaves_it_to_the_others(crew: Crew) -> None:
    """It was asked for in a transaction that never was: another asks for it, and one runs it."""
    crew.company.order()
    crew.hire(2, dies_at="tick.two_at_once")
    assert {process.wait(120) for process in crew.processes} == {-signal.SIGKILL}
    crew.processes.clear()
    assert crew.rows(SLOTS) == []
    crew.hire(2)
    until(lambda: once_each(crew, 1), 180)
    assert {row["n"] for row in crew.rows(SLOTS)} == {1}
    assert crew.dismiss() == [0, 0]


def test_a_job_that_is_taken_for_a_dead_ones_runs_twice_and_does_nothing_twice(crew: Crew) -> None:
    """One stands still in the middle of it, who takes it over dies of that, a third takes it over;

    then the first goes on. Whatever jobs say, the ledger lets one of them act.
    """
    count = 6
    for _ in range(count):
        crew.company.order()
    crew.company.erp.faults([{"fault": "slow", "ops": ["CreateSalesOrder"], "seconds": 1}])
    crew.hire()
    until(lambda: crew.company.calls("CreateSalesOrder"), 120)
    still = crew.processes[0]
    still.send_signal(signal.SIGSTOP)
    [held] = crew.rows(DOING)
    crew.hire(dies_at="job.rescued_while_running", dead=1.0)
    assert crew.processes[1].wait(120) == -signal.SIGKILL
    assert held in crew.rows(DOING), "its transaction ended"
    del crew.processes[1]
    crew.hire(dead=1.0)
    until(lambda: held not in crew.rows(DOING), 120)
    until(lambda: once_each(crew, count), 180)  # what he holds lapses, and is looked up
    still.send_signal(signal.SIGCONT)
    crew.company.order()
    until(lambda: once_each(crew, count + 1), 180)
    # He finds that his job is another's, and may end for it: his service starts him again.
    assert crew.dismiss()[-1] == 0
    assert once_each(crew, count + 1)
