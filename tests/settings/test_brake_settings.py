"""The brakes of a flow that creates documents, each with two values."""

from __future__ import annotations

import pytest
from company import Company
from covering import covers

from connector.errors import ConfigError

CREATE = "CreateSalesOrder"


def sold(company: Company, orders: int) -> None:
    """So many orders, and one sync."""
    for _ in range(orders):
        company.order()
    company.pass_(5)
    company.sync()


@covers("flows.*.brakes.first")
@pytest.mark.parametrize(("first", "made"), [("20", 0), ("0", 1)])
def test_first_is_how_many_creates_wait_for_one_approval(
    company: Company, first: str, made: int
) -> None:
    """A new flow creates nothing unseen, or at once."""
    company.flow("orders", brakes={"first": first})
    sold(company, 1)
    assert len(company.books()) == made


@covers("flows.*.brakes.per_hour")
@pytest.mark.parametrize("most", [2, 100])
def test_per_hour_is_how_many_are_created_in_an_hour(company: Company, most: int) -> None:
    """The third of five waits, or none does."""
    company.flow("orders", brakes={"per_hour": str(most)})
    sold(company, 1)
    company.settle()
    sold(company, 4)
    company.settle()
    assert len(company.books()) == min(most, 5)


@covers("flows.*.brakes.same_error")
@pytest.mark.parametrize("most", [3, 100])
def test_same_error_is_how_many_refusals_stop_the_flow(company: Company, most: int) -> None:
    """Three of twelve are refused and the rest is not asked, or all are asked."""
    sold(company, 1)
    company.settle()
    company.connection("erp", limits={"concurrency": "1"})
    company.flow("orders", brakes={"same_error": str(most)})
    company.erp.faults([{"fault": "fault", "code": "invalid", "ops": [CREATE]}])
    before = len(company.calls(CREATE))
    sold(company, 12)
    asked = len(company.calls(CREATE)) - before
    assert (asked <= 4) is (most == 3)


def test_a_brake_that_does_nothing_in_a_flow_is_a_mistake(company: Company) -> None:
    """Shares are for stock, creates for what is created; each is told at its line."""
    company.flow("orders", brakes={"zeroed": "5%"})
    with pytest.raises(ConfigError, match="`zeroed` does nothing in a flow of order"):
        _ = company.app
    company.flow("orders", brakes=None)
    company.flow("products", brakes={"first": "5"})
    with pytest.raises(ConfigError, match="`brakes` does nothing in mode link_only"):
        _ = company.app
