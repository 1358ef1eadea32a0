"""A long delivery gives way: an ERP works off a night for hours, and the day goes on meanwhile."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from company import Company
from service import Service, until

ORDERS = 100


@pytest.fixture
def night(company: Company) -> Company:
    """An ERP that takes one order at a time, a third of a second each, and has many before it."""
    company.pass_(-company.clock.ahead.total_seconds() - 60)
    company.stop()
    for file in company.folder.glob("ledger.db*"):
        file.unlink()
    company.new_ledger()  # it has watched for longer than `settle`, by the clock of a daemon
    company.pass_(60)
    company.connection("erp", limits={"concurrency": "1"})
    company.flow("orders", every="1s")
    company.config(flows={"stock": {"entity": "stock", "from": "erp", "to": "shop", "every": "1s"}})
    company.erp.faults([{"fault": "slow", "seconds": 0.3, "ops": ["CreateSalesOrder"]}])
    return company


def confirmed(company: Company) -> int:
    """When stock was confirmed last."""
    rows = company.rows("SELECT at FROM confirmed WHERE flow = 'stock'")
    return max((int(row["at"]) for row in rows), default=0)


def test_what_is_new_is_read_and_stock_counted_while_it_works_off_a_night(
    night: Company, serve: Callable[[], Service]
) -> None:
    """Or the shop would sell what is gone, the flow be called stale, and no mistake be mended."""
    for _ in range(ORDERS):
        night.order()
    service = serve()
    until(lambda: len(night.books()) >= ORDERS * 4 // 10)  # what is sent in time is known by now
    last, before = night.order(), confirmed(night)
    service.process.send_signal(signal.SIGHUP)
    until(lambda: service.lines("reloaded"))
    until(lambda: night.rows(f"SELECT id FROM record WHERE key = '{last}'"))
    until(lambda: confirmed(night) > before)
    assert len(night.books()) < ORDERS
    until(lambda: len(night.books()) > ORDERS, 90)
    service.stop()
    assert len(set(night.references())) == len(night.references()) == ORDERS + 1
    assert not service.log.read_text().count("skipped")  # a time that passes meanwhile is no news
