"""The course of the demo: storm, changes, a SIGKILL, a restart, calm, the count."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, func, select

from connector.demo.count import count, stock_wrong
from connector.demo.scene import (
    BUFFER,
    DEMO,
    LATER,
    ORDERS,
    Sandbox,
    Shelves,
    Shopping,
    configure,
    prepare,
    start_sandbox,
    storm,
)
from connector.flow.audit import Audit
from connector.ledger import confirmations, hints
from connector.ledger.schema import attempt, record
from connector.ledger.store import Ledger
from connector.sandbox.books import calls, erp_orders, hooks_taken

Say = Callable[[str], None]
DIES_AFTER = 25  # groups of outcomes
STORM = (25.0, 60.0)  # seconds with faults and changes, at least and at most
THERE = 0.95  # of the orders, before the storm ends
LAG = timedelta(seconds=3)  # for which the shop's newest changes are not read yet
PATIENCE = 60.0  # seconds for everything to settle afterwards


class Worker:
    """The daemon in a process of its own."""

    def __init__(self, folder: Path, die_after: int | None = None) -> None:
        words = [str(folder)] + ([str(die_after)] if die_after else [])
        command = [sys.executable, "-m", "connector.demo.worker", *words]
        with (folder / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603

    def end(self) -> None:
        """End it as an administrator does."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


def play(folder: Path, seed: int, say: Say) -> int:
    """Play the demo in *folder*; returns the exit code: 0 if nothing was lost or doubled."""
    started = time.monotonic()
    seeded = prepare(folder, seed)
    say(f"{len(seeded.orders)} orders in the shop, none in the ERP; seed {seed}; {folder}")
    shop, erp = start_sandbox("shop", folder / "shop.db"), start_sandbox("erp", folder / "erp.db")
    shelves = Shelves(folder / "erp.db", len(seeded.skus), seed)
    try:
        configure(folder, shop.url, erp.url, DEMO, listen=f"127.0.0.1:{free_port()}")
        shopping = Shopping(folder / "shop.db", seeded, seed)
        shop.hooks(doubled=0.3, shuffled=True, patience=1_000_000)
        course(folder, erp, shopping, shelves, seed, say)
    finally:
        shelves.close()
        shop.end()
        erp.end()
    told = f"{shopping.placed} more orders, {shopping.changed} changes"
    say(f"meanwhile {told}, {shopping.cancelled} cancelled, {shopping.refunded} refunded,")
    taken = hooks_taken(folder / "shop.db")
    say(f"{shelves.counted} shelves counted; {taken} webhooks taken, late, twice and in no order")
    say(faults_met(folder / "erp.db"))
    show_a_doubt(folder, say)
    result = count(folder / "shop.db", folder / "erp.db")
    show(result, say)
    wrong = stock_wrong(folder / "shop.db", folder / "erp.db", BUFFER)
    say(f"  {'SKUs':26} {len(seeded.skus):6}\n  {'offered wrongly':26} {len(wrong):6}")
    for one in wrong[:20]:
        say(f"  stock: {one}")
    say(f"took {time.monotonic() - started:.0f} s")
    return verdict(result, len(wrong), say)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


def course(
    folder: Path, erp: Sandbox, shopping: Shopping, shelves: Shelves, seed: int, say: Say
) -> None:
    """Deliver through the storm, die once, go on, and settle."""
    connector(folder, "check", "--fix-webhooks")
    erp.faults(storm(seed))
    worker = Worker(folder, DIES_AFTER)
    begun, died = time.monotonic(), False
    while storming(folder, time.monotonic() - begun, shopping):
        shopping.act(time.monotonic())
        shelves.act()
        time.sleep(0.05)
        if not died and worker.process.poll() is not None:
            died = worker.process.returncode == -signal.SIGKILL
            how = "SIGKILL" if died else f"exit {worker.process.returncode}: see daemon.log"
            say(f"the daemon died ({how}) and is started again")
            worker = Worker(folder)
    if not died:
        worker.process.kill()
        worker.process.wait()
        say("the daemon was killed (SIGKILL) and is started again")
        worker = Worker(folder)
    shopping.finish()
    erp.faults([])
    say("the storm is over; what is in doubt is looked up")
    end, calm = time.monotonic() + PATIENCE, Calm(folder, datetime.now(UTC) + LAG)
    while not calm.settled() and time.monotonic() < end and worker.process.poll() is None:
        time.sleep(0.2)
    worker.end()


class Calm:
    """What must be so before anybody counts: orders read, then stock, all of it delivered."""

    def __init__(self, folder: Path, since: datetime) -> None:
        self._ledger, self._since = f"sqlite:///{folder / 'ledger.db'}", since
        self._quiet: datetime | None = None

    def settled(self) -> bool:
        """Has everything come to rest? Stock was read after the last order was."""
        ledger = Ledger(self._ledger)
        try:
            read = ledger.read(confirmations.times)
            orders = ledger.read(waiting, ("order", "customer"))
            shelves = ledger.read(waiting, ("stock",))
        finally:
            ledger.close()
        if orders or read.get("orders", self._since) <= self._since:
            self._quiet = None
            return False
        self._quiet = self._quiet or datetime.now(UTC)
        return not shelves and read.get("stock", self._quiet) > self._quiet


def waiting(db: Connection, entities: Sequence[str]) -> int:
    """How many records of these are on their way or in doubt, and documents that were spoken of."""
    busy = record.c.state.in_(("prepared", "running", "in_doubt"))
    mine = record.c.entity.in_(entities)
    under_way = db.scalar(select(func.count()).select_from(record).where(busy, mine)) or 0
    return under_way + sum(hints.waiting(db).values())


def storming(folder: Path, since: float, shopping: Shopping) -> bool:
    """Goes on until nearly every order met it: at least and at most so long."""
    least, most = STORM
    if not least < since < most:
        return since <= least
    wanted = ORDERS - shopping.cancelled
    return shopping.placed < LATER or len(erp_orders(folder / "erp.db")) < THERE * wanted


def connector(folder: Path, *words: str) -> str:
    """What a command says on the demo's configuration."""
    script = "from connector.cli import main; main()"
    command = [sys.executable, "-c", script, *words, "-c", str(folder / "config.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout + done.stderr


def show_a_doubt(folder: Path, say: Say) -> None:
    """Trace an order whose creation was in doubt and was found, if there is one."""
    ledger = Ledger(f"sqlite:///{folder / 'ledger.db'}")
    key = ledger.read(doubted)
    ledger.close()
    if key is None:
        return
    say(f"\n$ connector trace order {key}")
    say(connector(folder, "trace", "order", key))


def doubted(db: Connection) -> str | None:
    """The key of an order whose create was in doubt and then found."""
    found: str | None = db.scalar(
        select(record.c.key)
        .join_from(attempt, record, attempt.c.record == record.c.id)
        .where(
            record.c.entity == "order",
            attempt.c.action == "create",
            attempt.c.outcome == "found",
        )
        .limit(1)
    )
    return found


def show(result: Audit, say: Say) -> None:
    """The audit's table."""
    say("audit: shop orders against ERP documents, from the sandboxes' own databases")
    rows = {
        "orders in the shop": result.checked,
        "there exactly once": result.matched,
        **dict(result.excused),
        "lost": result.count("lost"),
        "doubled": result.count("doubled"),
        "different total": result.count("different_total"),
        "stale": result.count("stale"),
        "stray": result.count("stray"),
    }
    for name, number in rows.items():
        say(f"  {name:26} {number:6}")
    for finding in result.findings[:20]:
        say(f"  {finding.kind}: order {finding.number} {finding.detail}".rstrip())


def faults_met(erp: Path) -> str:
    """What the ERP's own journal says of the calls that write orders."""
    met = Counter(calls(erp, ("CreateSalesOrder", "UpdateSalesOrder", "ReleaseSalesOrder")))
    whole = sum(met.values())
    shares = [f"{name} {n} ({100 * n / whole:.0f} %)" for name, n in met.most_common() if name]
    return f"of {whole} calls that write orders: {', '.join(shares)}"


def verdict(result: Audit, stock: int, say: Say) -> int:
    """The last line, and the exit code that goes with it."""
    lost = result.count("lost") + result.count("stale")
    doubled = result.count("doubled") + result.count("stray")
    fine = result.clean and result.checked == ORDERS and not stock
    word = "ok" if fine else "FAILED"
    line = f"orders={result.checked} lost={lost} duplicated={doubled}"
    say(f"demo: {word} {line} difference={result.difference:.2f} stock_wrong={stock}")
    return 0 if fine else 1


def folder_of(environ: dict[str, str]) -> Path:
    """DEMO_DIR, where the databases stay for whoever wants to count himself, or a new folder."""
    given = environ.get("DEMO_DIR")
    return Path(given).absolute() if given else Path(tempfile.mkdtemp(prefix="connector-demo-"))


def main(say: Say) -> int:
    """Play with DEMO_SEED and DEMO_DIR of the environment (DEMO_BREAK is the worker's)."""
    environ = dict(os.environ)
    return play(folder_of(environ), int(environ.get("DEMO_SEED", "1")), say)
