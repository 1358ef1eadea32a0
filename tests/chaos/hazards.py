"""What can go wrong, kind by kind: each is begun by `with` and ended by its end.

Each yields how to ask whether it has struck: a misfortune that nobody met has not happened.
"""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from sqlalchemy import create_engine

from connector.sandbox import edit

from .daemon import KILLS_PAGER, KILLS_READER, KILLS_SENDER
from .world import World

HOUR = 3600.0
RESUMED = 0.8  # of the outages are ended by somebody who lets the connection go on
Struck = Callable[[], bool]
Course = Callable[[World], Iterator[Struck]]


def done() -> bool:
    """It has happened with its beginning."""
    return True


@dataclass(frozen=True, kw_only=True)
class Hazard:
    """One kind of misfortune and how long it lasts, in seconds."""

    name: str
    begin: Callable[[World], AbstractContextManager[Struck]]
    least: float
    most: float
    once: bool = False
    on: str = ""  # "sqlite" or "postgresql": only where the ledger is there

    def fits(self, world: World) -> bool:
        """Can it happen to that world?"""
        return self.on in ("", "sqlite" if world.bank is None else "postgresql")


HAZARDS: dict[str, Hazard] = {}


def hazard(
    least: float, most: float, *, once: bool = False, on: str = ""
) -> Callable[[Course], Course]:
    """Enter a kind of misfortune into the list."""

    def enter(act: Course) -> Course:
        name = act.__name__
        HAZARDS[name] = Hazard(
            name=name, begin=contextmanager(act), least=least, most=most, once=once, on=on
        )
        return act

    return enter


# ── ourselves ───────────────────────────────────────────────────────────────────────────────────


@hazard(0, 0)
def kill(world: World) -> Iterator[Struck]:
    """SIGKILL wherever it is."""
    alive = world.daemon is not None
    world.kill()
    yield lambda: alive


@hazard(0, 0)
def reloaded(world: World) -> Iterator[Struck]:
    """An administrator has the configuration read again."""
    alive = world.ready()
    world.reload()
    yield lambda: alive


@hazard(0, 0)
def sigterm(world: World) -> Iterator[Struck]:
    """An administrator restarts it."""
    alive = world.daemon is not None
    world.stop()
    yield lambda: alive


@hazard(1, 4)
def stopped_past_the_lease(world: World) -> Iterator[Struck]:
    """SIGSTOP, and when it goes on its lease is over by both clocks."""
    alive = world.ready()
    world.send(signal.SIGSTOP)
    yield lambda: alive
    world.pass_(60)
    world.send(signal.SIGCONT)


@hazard(3, 6, on="sqlite")
def disk_full(world: World) -> Iterator[Struck]:
    """The ledger cannot grow by a page."""
    world.levers["full"] = 1
    yield world.counting("met_full")
    world.levers["full"] = 0


@hazard(2, 5, on="postgresql")
def ledger_cut(world: World) -> Iterator[Struck]:
    """A power cut of the ledger's server."""
    struck = world.counting("met_away")
    if world.bank is not None:
        world.bank.cut()
    yield struck
    if world.bank is not None:
        world.bank.start()


@hazard(3, 6, on="postgresql")
def ledger_held(world: World) -> Iterator[Struck]:
    """Somebody else holds the table of records."""
    waiting = "SELECT count(*) AS n FROM pg_locks WHERE NOT granted"
    engine = create_engine(world.bank.url if world.bank else "")
    with engine.connect() as db:
        db.exec_driver_sql("LOCK TABLE record IN ACCESS EXCLUSIVE MODE")
        yield lambda: bool(world.rows(waiting)[0]["n"])
        db.rollback()
    engine.dispose()


@hazard(3, 6, on="sqlite")
def ledger_locked(world: World) -> Iterator[Struck]:
    """Somebody else writes, for longer than is waited."""
    db = sqlite3.connect(world.folder / "ledger.db", isolation_level=None, timeout=10)
    try:
        db.execute("BEGIN IMMEDIATE")
        yield world.counting("met_locked")
        db.execute("ROLLBACK")
    finally:
        db.close()


@hazard(2, 5)
def no_names(world: World) -> Iterator[Struck]:
    """The name service is gone."""
    world.levers["nameless"] = 1
    for proxy in world.proxies.values():
        proxy.reset()  # a connection that is open needs no name
    yield world.counting("met_nameless")
    world.levers["nameless"] = 0


@hazard(2, 4)
def clock_ahead(world: World) -> Iterator[Struck]:
    """The wall clock jumps an hour ahead and comes back."""
    with world.jumped(HOUR):
        yield world.counting("met_jumped")


@hazard(2, 4)
def clock_behind(world: World) -> Iterator[Struck]:
    """The wall clock jumps an hour back and comes back."""
    with world.jumped(-HOUR):
        yield world.counting("met_jumped")


@hazard(0, 0, once=True)
def document_kills_reader(world: World) -> Iterator[Struck]:
    """An order ends every process that reads it, until somebody corrects it after the storm."""
    world.poison(KILLS_READER)
    yield done  # that it is held for it in the end shows that it did (World.heal)


@hazard(0, 0, once=True)
def page_kills_reader(world: World) -> Iterator[Struck]:
    """An order ends every process that cuts a page on which it stands, before it has a key."""
    world.poison(KILLS_PAGER)
    yield done


@hazard(0, 0, once=True)
def document_kills_sender(world: World) -> Iterator[Struck]:
    """An order ends every process that sends it."""
    world.poison(KILLS_SENDER)
    yield done


# ── the systems ─────────────────────────────────────────────────────────────────────────────────


@hazard(2, 5)
def erp_down(world: World) -> Iterator[Struck]:
    """A power cut of the ERP; an hour passes until it is back."""
    struck = world.striking("erp")
    world.shut("erp")
    yield struck
    world.open("erp")
    world.pass_(HOUR)


@hazard(2, 5)
def shop_down(world: World) -> Iterator[Struck]:
    """A power cut of the shop."""
    struck = world.striking("shop")
    world.shut("shop")
    yield struck
    world.open("shop")
    world.pass_(0)
    world.resume("shop")


@hazard(2, 5)
def erp_revoked(world: World) -> Iterator[Struck]:
    """The ERP no longer takes our password, and takes it again."""
    world.rule("erp", "revoked", [{"fault": "unauthorized"}])
    yield world.met("erp", "unauthorized")
    world.rule("erp", "revoked", [])
    world.resume("erp")  # as he does who renewed them: we ourselves would try again in minutes


@hazard(2, 5)
def shop_revoked(world: World) -> Iterator[Struck]:
    """The shop's key is revoked and restored."""
    world.rule("shop", "revoked", [{"fault": "unauthorized"}])
    yield world.met("shop", "unauthorized")
    world.rule("shop", "revoked", [])
    world.resume("shop")  # as he does who renewed them: we ourselves would try again in minutes


@hazard(2, 4, once=True)
def contract_changed(world: World) -> Iterator[Struck]:
    """The ERP is upgraded: it takes no order, and says more than it did; then we get its new WSDL.

    What it refused too often meanwhile somebody lets go on.
    """
    orders = {"ops": ["CreateSalesOrder", "UpdateSalesOrder"], "fault": "fault"}
    grown = {"fault": "grown", "share": 0.5, "seed": world.seed}
    more, refused = world.met("erp", "grown"), world.met("erp", "fault")
    demanding = [orders | {"code": "invalid", "share": 0.5}, orders | {"code": "no operation"}]
    world.rule("erp", "contract", [*demanding, grown])
    yield lambda: more() and refused()
    world.rule("erp", "contract", [grown])
    world.new_contract()
    world.retry("refused")


@hazard(0, 0)
def rush(world: World) -> Iterator[Struck]:
    """Most orders change within a second or two: rows move while one pages."""
    orders = list(world.shopping.orders)
    world.dice.shuffle(orders)
    with edit.desk(world.folder / "shop.db") as shop:
        for n, order in enumerate(orders[:90]):
            edit.change_at(shop, order, customer_note=f"rush {n} {world.dice.random():.6f}")
    yield done


# ── the wire ────────────────────────────────────────────────────────────────────────────────────


def _behaves(name: str, kind: str, mode: str, least: float, most: float) -> None:
    def begin(world: World) -> Iterator[Struck]:
        struck = world.striking(kind)
        world.proxies[kind].become(mode)
        yield struck
        world.proxies[kind].become("plain")
        world.proxies[kind].reset()
        if world.dice.random() < RESUMED:
            world.resume(kind)

    begin.__name__ = name
    hazard(least, most)(begin)


for _kind in ("shop", "erp"):
    _behaves(f"{_kind}_unreachable", _kind, "closed", 2, 5)
    _behaves(f"{_kind}_swallowed", _kind, "hole", 2, 4)
    _behaves(f"{_kind}_mute", _kind, "mute", 2, 4)
    _behaves(f"{_kind}_cut", _kind, "cutting", 1, 3)


@hazard(3, 5)
def half_open(world: World) -> Iterator[Struck]:
    """The ERP is restarted, and no connection hears of its end."""
    struck = world.striking("erp")
    proxy = world.proxies["erp"]
    proxy.become("deaf")
    world.shut("erp")
    world.open("erp")
    world.pass_(0)
    yield struck
    proxy.become("plain")
