"""What can go wrong, kind by kind: each is begun by `with` and ended by its end."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from connector.sandbox import edit

from .world import World

HOUR = 3600.0


@dataclass(frozen=True, kw_only=True)
class Hazard:
    """One kind of misfortune and how long it lasts, in seconds."""

    name: str
    begin: Callable[[World], AbstractContextManager[None]]
    least: float
    most: float


HAZARDS: dict[str, Hazard] = {}


def hazard(
    least: float, most: float
) -> Callable[[Callable[[World], Iterator[None]]], Callable[[World], Iterator[None]]]:
    """Enter a kind of misfortune into the list."""

    def enter(act: Callable[[World], Iterator[None]]) -> Callable[[World], Iterator[None]]:
        name = act.__name__
        HAZARDS[name] = Hazard(name=name, begin=contextmanager(act), least=least, most=most)
        return act

    return enter


# ── ourselves ───────────────────────────────────────────────────────────────────────────────────


@hazard(0, 0)
def kill(world: World) -> Iterator[None]:
    """SIGKILL wherever it is."""
    world.kill()
    yield


@hazard(0, 0)
def sigterm(world: World) -> Iterator[None]:
    """An administrator restarts it."""
    world.stop()
    yield


@hazard(1, 4)
def stopped_past_the_lease(world: World) -> Iterator[None]:
    """SIGSTOP, and when it goes on its lease is over by both clocks."""
    world.send(signal.SIGSTOP)
    yield
    world.pass_(60)
    world.send(signal.SIGCONT)


@hazard(3, 6)
def disk_full(world: World) -> Iterator[None]:
    """The ledger cannot grow by a page."""
    world.levers["full"] = 1
    yield
    world.levers["full"] = 0


@hazard(3, 6)
def ledger_locked(world: World) -> Iterator[None]:
    """Somebody else writes, for longer than is waited."""
    db = sqlite3.connect(world.folder / "ledger.db", isolation_level=None, timeout=10)
    try:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("ROLLBACK")
    finally:
        db.close()


@hazard(2, 5)
def no_names(world: World) -> Iterator[None]:
    """The name service is gone."""
    world.levers["nameless"] = 1
    yield
    world.levers["nameless"] = 0


@hazard(2, 4)
def clock_ahead(world: World) -> Iterator[None]:
    """The wall clock jumps an hour ahead and comes back."""
    world.levers["wall"] += HOUR
    yield
    world.levers["wall"] -= HOUR


@hazard(2, 4)
def clock_behind(world: World) -> Iterator[None]:
    """The wall clock jumps an hour back and comes back."""
    world.levers["wall"] -= HOUR
    yield
    world.levers["wall"] += HOUR


# ── the systems ─────────────────────────────────────────────────────────────────────────────────


@hazard(2, 5)
def erp_down(world: World) -> Iterator[None]:
    """A power cut of the ERP; an hour passes until it is back."""
    world.shut("erp")
    yield
    world.open("erp")
    world.pass_(HOUR)


@hazard(2, 5)
def shop_down(world: World) -> Iterator[None]:
    """A power cut of the shop."""
    world.shut("shop")
    yield
    world.open("shop")
    world.pass_(0)


@hazard(2, 5)
def erp_revoked(world: World) -> Iterator[None]:
    """The ERP no longer takes our password, and takes it again."""
    world.rule("erp", "revoked", [{"fault": "unauthorized"}])
    yield
    world.rule("erp", "revoked", [])


@hazard(2, 5)
def shop_revoked(world: World) -> Iterator[None]:
    """The shop's key is revoked and restored."""
    world.rule("shop", "revoked", [{"fault": "unauthorized"}])
    yield
    world.rule("shop", "revoked", [])


@hazard(0, 0)
def rush(world: World) -> Iterator[None]:
    """Most orders change within a second or two: rows move while one pages."""
    orders = list(world.shopping.orders)
    world.dice.shuffle(orders)
    with edit.desk(world.folder / "shop.db") as shop:
        for n, order in enumerate(orders[:90]):
            edit.change_at(shop, order, customer_note=f"rush {n} {world.dice.random():.6f}")
    yield


# ── the wire ────────────────────────────────────────────────────────────────────────────────────


def _behaves(name: str, kind: str, mode: str, least: float, most: float) -> None:
    def begin(world: World) -> Iterator[None]:
        world.proxies[kind].become(mode)
        yield
        world.proxies[kind].become("plain")
        world.proxies[kind].reset()

    begin.__name__ = name
    hazard(least, most)(begin)


for _kind in ("shop", "erp"):
    _behaves(f"{_kind}_unreachable", _kind, "closed", 2, 5)
    _behaves(f"{_kind}_swallowed", _kind, "hole", 2, 4)
    _behaves(f"{_kind}_mute", _kind, "mute", 2, 4)
    _behaves(f"{_kind}_cut", _kind, "cutting", 1, 3)


@hazard(3, 5)
def half_open(world: World) -> Iterator[None]:
    """The ERP is restarted, and no connection hears of its end."""
    proxy = world.proxies["erp"]
    proxy.become("deaf")
    world.shut("erp")
    world.open("erp")
    world.pass_(0)
    yield
    proxy.become("plain")
