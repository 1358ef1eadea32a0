"""Runs of stock flows: what they work with, and orders read in the turn of their own flow (P3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import structlog

from connector.errors import NotNow
from connector.flow import stock
from connector.flow.flows import Flow
from connector.flow.pull import pull
from connector.flow.stock import Stocked
from connector.flow.stocking import Stocking, rules_of
from connector.gate import ThreadGate
from connector.guarded import System
from connector.ledger.store import Ledger
from connector.ports import Clock

TRIES = 3
Beside = Callable[[str], AbstractContextManager[object]]


class Opened(Protocol):
    """What a run needs of the opened connector. *beside*: the turn of another flow."""

    @property
    def ledger(self) -> Ledger: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def flows(self) -> Mapping[str, Flow]: ...
    @property
    def beside(self) -> Beside: ...
    def system(self, name: str) -> System: ...
    def gate(self, name: str) -> ThreadGate: ...
    def meet(self, names: Sequence[str]) -> object: ...
    def ready(self, flow: Flow) -> None: ...


def run(app: Opened, flow: Flow, only: Sequence[str]) -> Stocked:
    """Bring the shop up to date: of all articles, or of *only* these; raises as `App.sync` does."""
    app.ready(flow)
    app.meet(_other_shops(app, flow))
    return told(stock.take_stock(_stocking(app, flow), only))


def catch_up(app: Opened, flow: Flow) -> Stocked:
    """Offer anew what is due between readings; raises as `App.sync` does."""
    app.ready(flow)
    app.meet(_other_shops(app, flow))
    return told(stock.catch_up(_stocking(app, flow)))


def told(done: Stocked) -> Stocked:
    """Say which orders are subtracted nowhere, or not wholly: by their keys."""
    for name, key in done.unknown:
        structlog.get_logger().warning("order takes unknown goods", flow=name, key=key)
    return done


def _other_shops(app: Opened, flow: Flow) -> list[str]:
    """The shops of the orders that a run subtracts, beside its own two ends."""
    orders = (app.flows[name] for name in rules_of(flow).orders)
    return sorted({one.source for one in orders} - {flow.source, flow.target})


def _up_to_now(app: Opened, orders: Flow) -> None:
    """Read on where the scope stands by now: another process may have read it meanwhile."""
    for left in reversed(range(TRIES)):
        try:
            pull(app.system(orders.source), orders, app.ledger, app.clock)
        except NotNow as error:
            if error.code != "read_elsewhere" or not left:
                raise
        else:
            return


def _stocking(app: Opened, flow: Flow) -> Stocking:
    def pull_orders(orders: Flow) -> None:
        with app.beside(orders.name):
            _up_to_now(app, orders)

    return Stocking(
        flow=flow,
        source=app.system(flow.source),
        books=app.system(flow.source),
        shop=app.system(flow.target),
        ledger=app.ledger,
        gate=app.gate(flow.target),
        clock=app.clock,
        orders={name: app.flows[name] for name in rules_of(flow).orders},
        pull=pull_orders,
    )
