"""Release after create: whatever becomes of the second step, the order is there once, released."""

from __future__ import annotations

import pytest
from company import Company

from adapters import wire

RELEASE = ("ReleaseSalesOrder",)


@pytest.fixture
def ready(company: Company) -> Company:
    """A company whose find is proven and whose first customer and item are linked."""
    company.connection("erp", limits={"timeout": "1s"})
    company.order()
    company.sync()
    company.sync()
    return company


def both_are_there_once_and_released(company: Company) -> bool:
    """Two orders, two references, both released, nothing open."""
    there = company.books()
    ended = {s for s, _ in company.states().values()} == {"done"}
    return ended and len({b["reference"] for b in there}) == 2 and all(b["released"] for b in there)


@pytest.mark.parametrize("fault", ["commit_then_hang", "commit_then_cut", "refuse", "unavailable"])
def test_a_second_step_without_an_answer_is_looked_up_and_only_it_is_done_again(
    ready: Company, fault: str
) -> None:
    """The create that surely happened is never made twice because its release is in doubt."""
    ready.erp.faults([{"fault": fault, "ops": RELEASE, "count": 1}])
    number = ready.order()
    ready.sync()
    assert ready.standing("order", number) == "in_doubt"
    ready.settle()
    assert both_are_there_once_and_released(ready)
    assert len(ready.calls("CreateSalesOrder")) == 2


def test_a_refused_second_step_leaves_a_link_and_a_step_to_do(ready: Company) -> None:
    """Refused: the order is linked and waits with its release left; later only that is sent."""
    ready.erp.faults([{"fault": "fault", "code": "invalid", "ops": RELEASE, "count": 2}])
    number = ready.order()
    ready.sync()
    [link] = ready.rows(f"SELECT * FROM link WHERE entity='order' AND source_key='{number}'")
    assert link["steps_left"] == "confirm"
    assert not ready.books()[-1]["released"]
    ready.settle()
    assert both_are_there_once_and_released(ready)
    assert len(ready.calls("CreateSalesOrder")) == 2


@pytest.mark.parametrize(
    "point",
    [
        "send.half_written",
        "send.before_reply",
        "step1.before_step2",
        "intent.none_sent",
        "started.before_send",
        "reply.before_outcome",
        "outcome.before_commit",
    ],
)
def test_a_process_that_dies_on_the_wire_leaves_one_released_order(
    ready: Company, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a request, no reply read, or between both steps: the next process finishes it once."""
    number = ready.order()
    monkeypatch.setattr(wire, "AT_ONCE", 1000)  # only the order does not go out in one piece
    nth = {"send.before_reply": 4}.get(point, 1)
    before = len(ready.calls("CreateSalesOrder"))
    assert ready.dies_at(point, nth=nth)
    assert ready.record("order", number)["state"] == "running"
    assert point != "send.half_written" or len(ready.calls("CreateSalesOrder")) == before
    ready.sync()
    assert ready.standing("order", number) == "in_doubt"
    ready.settle()
    assert both_are_there_once_and_released(ready)
