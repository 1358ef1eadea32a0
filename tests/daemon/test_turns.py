"""Whose turn it is: also for a run that needs the turn of another flow beside its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from company import Company

from connector import stockroom
from connector.errors import NotSent
from connector.turns import Turns


@pytest.fixture
def turns(company: Company) -> Iterator[Turns]:
    """A company with orders to the ERP and stock from it."""
    company.config(flows={"stock": {"entity": "stock", "from": "erp", "to": "shop"}})
    made = Turns(company.app)
    yield made
    made.stop()


def waiting(turns: Turns, name: str, ended: list[str]) -> threading.Thread:
    """Somebody who waits for the turn of a flow beside his own."""

    def work() -> None:
        try:
            with turns.beside(name):
                ended.append("had it")
        except NotSent:
            ended.append("stopped")

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_beside_waits_while_the_flow_itself_has_its_turn(turns: Turns) -> None:
    """P3: one puller at a time."""
    ended: list[str] = []
    with turns.turn("orders"):
        thread = waiting(turns, "orders", ended)
        thread.join(0.05)
        assert ended == []
    thread.join(5)
    assert ended == ["had it"]


def test_while_somebody_reads_orders_beside_the_flow_waits(turns: Turns) -> None:
    """And the stock flow's own turn is untouched."""
    with turns.turn("stock"), turns.beside("orders"):
        assert not turns.idle("orders")
    assert turns.idle("orders")


def test_a_configuration_that_waits_for_us_does_not_stop_us(turns: Turns, company: Company) -> None:
    """Or both would wait for ever: it for our end, we for its beginning."""
    ended: list[str] = []
    with turns.turn("stock"):
        turns.replace(company.app)
        waiting(turns, "orders", ended).join(5)
    assert ended == ["had it"]


def test_who_waits_is_told_of_a_stop(turns: Turns) -> None:
    """Nothing begins any more."""
    ended: list[str] = []
    with turns.turn("orders"):
        thread = waiting(turns, "orders", ended)
        turns.stop()
        thread.join(5)
    assert ended == ["stopped"]


def test_a_stock_run_of_the_daemon_reads_orders_in_their_turn(
    turns: Turns, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has that turn while it reads them, and gives it back."""
    free: list[bool] = []
    real = stockroom.pull

    def pull(*given: Any) -> Any:
        free.append(turns.idle("orders"))
        return real(*given)

    monkeypatch.setattr(stockroom, "pull", pull)
    company.sync("products")
    with turns.turn("stock") as (app, flow):
        app.sync(flow)
    assert free == [False]
    assert turns.idle("orders")
