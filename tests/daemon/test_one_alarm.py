"""One cause, one alarm: what follows from an outage, or what nothing needs, is not told."""

from __future__ import annotations

from contextlib import suppress

import pytest
from company import Company
from test_alarms import Inbox, alerting, inbox, rounds

from connector.errors import ConnectorError
from connector.sandbox import edit, shop_catalog

__all__ = ["inbox"]


@pytest.mark.parametrize(
    ("down", "told"),
    [("connection_down > 15m", ["erp unreachable"]), ("connection_down > 9h", ["orders is stale"])],
)
def test_an_outage_that_is_told_makes_no_flow_stale(
    company: Company, inbox: Inbox, down: str, told: list[str]
) -> None:
    """One cause, one alarm, and none when it is back; who does not hear the cause hears of it."""
    alerting(company, inbox, down, "stale", fresh={"orders": "30m"})
    company.sync()
    company.order()
    company.erp.faults([{"fault": "unavailable"}])
    for _ in range(100):
        company.pass_(100)
        with suppress(ConnectorError):
            company.sync()
        rounds(company)
    assert [title.partition(" since")[0] for title in inbox.titles] == told
    company.erp.faults([])
    company.pass_(300)
    company.app.meet(["erp"])
    rounds(company)
    assert len(inbox.titles) == (2 if told == ["erp unreachable"] else 1)
    company.settle()
    rounds(company)
    assert inbox.titles[1].endswith("is over")


def test_what_only_links_is_told_once_something_needs_it(company: Company, inbox: Inbox) -> None:
    """A shop sells what the ERP need not know: parents of variations, gift cards."""
    alerting(company, inbox, "held")
    with edit.desk(company.shop_file) as shop:
        given = {"name": "Unknown there", "sku": "NOT-IN-THE-ERP", "regular_price": "9.90"}
        shop_catalog.create(shop, given)
    company.sync("products")
    rounds(company)
    assert inbox.titles == []
    company.order(sku="NOT-IN-THE-ERP")
    company.settle()
    rounds(company)
    assert inbox.titles == ["products: 1 record held"]
