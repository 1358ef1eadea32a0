"""A daemon that dies while its new configuration waits for a run to end (protocol §8)."""

from __future__ import annotations

import signal
from collections.abc import Callable

from company import Company
from service import Service, until

ORDERS = 6


def test_who_dies_at_a_reload_in_the_middle_of_a_batch_loses_and_doubles_nothing(
    company: Company, serve: Callable[..., Service]
) -> None:
    """The next life has the new configuration alone, and looks up what was under way."""
    slow = {"fault": "slow", "ops": ["CreateSalesOrder"], "seconds": 1}
    company.connection("erp", limits={"concurrency": "2", "timeout": "3s"}, settle="3s")
    company.flow("orders", every="1s")
    orders = [company.order() for _ in range(ORDERS)]
    company.erp.faults([slow])
    first = serve(dies_at="reload.mid_batch")
    until(lambda: company.calls("CreateSalesOrder"))
    assert len(company.books()) < ORDERS
    company.flow("orders", every="2s")
    first.process.send_signal(signal.SIGHUP)
    assert first.process.wait(20) == -signal.SIGKILL, "it was not reached"
    first.close()
    company.erp.faults([])
    second = serve()
    until(lambda: len(company.references()) == ORDERS)
    until(lambda: {state for state, _ in company.states().values()} == {"done"}, 60)
    assert sorted(company.references()) == sorted(f"DE-{order}" for order in orders)
    assert second.stop() < 10
