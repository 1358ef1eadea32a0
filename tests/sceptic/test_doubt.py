"""Calls whose end is unknown: the order is there exactly once, and on the way it is in doubt."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from company import Company, until

CREATE = ("CreateSalesOrder",)
SETTLE = 10.0
EXECUTED = {
    "hang": {"fault": "commit_then_hang"},
    "cut": {"fault": "commit_then_cut"},
    "202 with HTML": {"fault": "accepted_html"},
    "garbage": {"fault": "garbage"},
    "half a reply": {"fault": "half_reply"},
}
LOST = {
    "reset before anything": {"fault": "refuse"},
    "503": {"fault": "unavailable"},
    "503 with Retry-After": {"fault": "unavailable", "retry_after": 1},
    "a server's fault": {"fault": "fault", "code": "internal"},
}


@pytest.fixture
def ready(company: Company) -> Iterator[Company]:
    """A company whose first order has proven find, with a short patience for replies."""
    company.connection("erp", limits={"timeout": "1s"})
    company.order()
    company.sync()
    company.sync()
    assert len(company.books()) == 1
    return company


def strike(company: Company, **rule: object) -> str:
    """Send a new order into one *rule*; its number."""
    company.erp.faults([{"ops": CREATE, "count": 1} | rule])
    number = company.order()
    company.sync()
    return number


def ops(company: Company, number: int) -> list[str]:
    """The names of the ERP's calls about orders from the *number*-th on."""
    return [c["op"] for c in company.calls() if c["n"] > number and "SalesOrder" in c["op"]]


def is_there_once(company: Company) -> bool:
    """Are all orders of the shop in the ERP, each once, released?"""
    shop = [f"DE-{key}" for entity, key in company.states() if entity == "order"]
    return company.references() == sorted(shop) and all(b["released"] for b in company.books())


@pytest.mark.parametrize("fault", EXECUTED)
def test_an_executed_create_without_a_reply_is_found_and_never_repeated(
    ready: Company, fault: str
) -> None:
    """It is in doubt until it is found, is released there, and was created once."""
    number = strike(ready, **EXECUTED[fault])
    assert ready.standing("order", number) == "in_doubt"
    ready.settle()
    assert is_there_once(ready)
    assert len(ready.calls("CreateSalesOrder")) == 2
    assert ready.standing("order", number).startswith("done")


@pytest.mark.parametrize("fault", LOST)
def test_a_create_that_was_lost_is_made_again_only_after_settle_and_a_look(
    ready: Company, fault: str
) -> None:
    """Not there counts only once the settle time has passed; then it is made a second time."""
    before = len(ready.calls())
    number = strike(ready, **LOST[fault])
    assert ready.standing("order", number) == "in_doubt"
    ready.pass_(SETTLE / 2)
    ready.sync()
    assert ops(ready, before).count("CreateSalesOrder") == 1
    ready.settle()
    made = ops(ready, before)
    assert ("FindSalesOrders", "CreateSalesOrder") in pairwise(made)
    assert made.count("CreateSalesOrder") == 2
    assert is_there_once(ready)


def test_a_late_commit_inside_settle_makes_no_second_order(ready: Company) -> None:
    """The ERP executes after we gave up: not found until then, never created again."""
    number = strike(ready, fault="late_commit", seconds=1.5)
    ready.pass_(SETTLE / 2)
    ready.sync()
    assert ready.standing("order", number) == "in_doubt"
    until(lambda: ready.calls("CreateSalesOrder")[-1]["executed"])
    ready.settle()
    assert is_there_once(ready)
    assert len(ready.calls("CreateSalesOrder")) == 2


def test_text_before_the_envelope_is_doubt_and_not_failure(ready: Company) -> None:
    """A warning printed before the envelope hides nothing: the order is there once."""
    number = strike(ready, fault="text_before")
    assert ready.standing("order", number) in ("in_doubt", "done(sent)")
    ready.settle()
    assert is_there_once(ready)
    assert len(ready.calls("CreateSalesOrder")) == 2


def test_a_slow_reply_inside_the_timeout_is_waited_for(ready: Company) -> None:
    """Slow is not broken: one call, done at once."""
    number = strike(ready, fault="slow", seconds=0.3)
    assert ready.standing("order", number) == "done(sent)"
    assert is_there_once(ready)


def test_a_refusal_by_code_is_tried_again_as_the_pattern_says_and_then_held(
    ready: Company,
) -> None:
    """A business error did nothing: it is repeated `most` times, then a person must look."""
    before = len(ready.calls())
    number = strike(ready, fault="fault", code="unknown_item", count=99)
    assert ready.standing("order", number) == "prepared"
    ready.settle(rounds=12)
    assert ready.standing("order", number) == "held(refused)"
    assert ops(ready, before).count("CreateSalesOrder") == 5
    assert "unknown_item" in ready.record("order", number)["needs"]
    ready.erp.faults([])
    ready.retry("order", number)
    ready.sync()
    assert is_there_once(ready)


def test_a_doubt_that_cannot_be_asked_stays_a_doubt(ready: Company) -> None:
    """While find fails the order waits in doubt, however long; nothing is created meanwhile."""
    ready.erp.faults(
        [
            {"fault": "commit_then_cut", "ops": CREATE, "count": 1},
            {"fault": "unavailable", "ops": ("FindSalesOrders",)},
        ]
    )
    number = ready.order()
    for _ in range(3):
        ready.sync()
        ready.pass_(60)
    assert ready.standing("order", number) == "in_doubt"
    ready.erp.faults([])
    ready.settle()
    assert is_there_once(ready)
    assert len(ready.calls("CreateSalesOrder")) == 2


def test_a_change_in_the_shop_does_not_end_a_doubt(ready: Company) -> None:
    """R4: the newer content waits until the call in doubt is found; then it is an update."""
    number = strike(ready, fault="commit_then_cut")
    ready.change(number, customer_note="come by noon")
    ready.sync()
    assert ready.standing("order", number) == "in_doubt"
    ready.settle()
    assert is_there_once(ready)
    assert ready.books()[-1]["note"] == "come by noon"
    assert len(ready.calls("CreateSalesOrder")) == 2


def test_an_unanswered_update_is_decided_again(ready: Company) -> None:
    """An update whose reply was lost is read back, and the ERP ends as the shop is."""
    number = ready.order()
    ready.sync()
    ready.erp.faults([{"fault": "commit_then_cut", "ops": ["UpdateSalesOrder"], "count": 1}])
    ready.change(number, customer_note="B")
    ready.sync()
    assert ready.standing("order", number) == "in_doubt"
    ready.settle()
    assert ready.books()[-1]["note"] == "B"
    assert ready.standing("order", number).startswith("done")


def test_an_outage_of_the_erp_loses_and_doubles_nothing(ready: Company) -> None:
    """Orders that meet an outage are delivered when it is over, each once."""
    ready.erp.faults([{"fault": "outage", "ops": CREATE, "seconds": 3600}])
    for _ in range(4):
        ready.order()
    ready.sync()
    assert len(ready.books()) == 1
    ready.erp.faults([])
    ready.settle()
    assert is_there_once(ready)


def test_credentials_refused_burn_no_attempt_and_lose_nothing(ready: Company) -> None:
    """Unauthorized: the connection stops, the order waits, and goes once they are right."""
    ready.order()
    (ready.folder / ".env").write_text(
        (ready.folder / ".env").read_text().replace("ERP_PASSWORD=sandbox", "ERP_PASSWORD=no")
    )
    ready.stop()
    with pytest.raises(Exception, match="401"):
        ready.sync()
    (ready.folder / ".env").write_text(
        (ready.folder / ".env").read_text().replace("ERP_PASSWORD=no", "ERP_PASSWORD=sandbox")
    )
    ready.stop()
    ready.pass_(2)  # refused credentials are tried once more after a second
    ready.sync()
    assert is_there_once(ready)
    assert {r["attempts"] for r in ready.rows("SELECT attempts FROM record")} == {0}
