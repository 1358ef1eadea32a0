"""The course of the demo: storm, changes, a SIGKILL, a restart, calm, the count."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, func, select

from connector.demo.count import count, stock_wrong
from connector.demo.promised import Course, faults_met, not_kept, told
from connector.demo.scene import (
    BUFFER,
    DEMO,
    LATER,
    ORDERS,
    OUTAGE,
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
from connector.sandbox.books import (
    erp_available,
    erp_order_count,
    erp_orders,
    hooks_taken,
    last_call,
)

Say = Callable[[str], None]
DIES_AFTER = 25  # groups of outcomes
AWAY_AT, DIES_AT = 80, 150  # orders in the ERP: its outage; ours at the latest
REGRETTED = 10  # delivered orders that are cancelled for certain, unless they are already
STORM = (25.0, 240.0)  # seconds with faults and changes, at least and at most
THERE = 0.95  # of the orders, before the storm ends
LAG = timedelta(seconds=3)  # for which the shop's newest changes are not read yet
PATIENCE = 60.0  # seconds for everything to settle afterwards
STOPS = 20.0  # seconds in which a daemon ends when it is told to


class Worker:
    """The daemon in a process of its own."""

    def __init__(self, folder: Path, die_after: int | None = None) -> None:
        words = [str(folder)] + ([str(die_after)] if die_after else [])
        command = [sys.executable, "-m", "connector.demo.worker", *words]
        with (folder / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603

    def end(self) -> int:
        """End it as an administrator does, and one that does not end by force; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            return self.process.wait(STOPS)
        self.process.kill()
        return self.process.wait()


def play(folder: Path, seed: int, say: Say) -> int:
    """Play the demo in *folder*; returns the exit code: 0 if nothing was lost or doubled."""
    started = time.monotonic()
    seeded = prepare(folder, seed)
    (folder / "daemon.log").unlink(missing_ok=True)  # of an earlier course
    say(f"{len(seeded.orders)} orders in the shop, none in the ERP; seed {seed}; {folder}")
    shop, erp = start_sandbox("shop", folder / "shop.db"), start_sandbox("erp", folder / "erp.db")
    shelves = Shelves(folder / "erp.db", len(seeded.skus), seed)
    try:
        configure(folder, shop.url, erp.url, DEMO, listen=f"127.0.0.1:{free_port()}")
        shopping = Shopping(folder / "shop.db", seeded, seed)
        shop.hooks(doubled=0.3, shuffled=True, patience=1_000_000)
        done = course(folder, erp, shopping, shelves, seed, say)
    finally:
        shelves.close()
        shop.end()
        erp.end()
    more = f"{shopping.placed} more orders, {shopping.changed} changes"
    say(f"meanwhile {more}, {shopping.cancelled} cancelled, {shopping.refunded} refunded,")
    taken = hooks_taken(folder / "shop.db")
    say(f"{shelves.counted} shelves counted; {taken} webhooks taken, late, twice and in no order")
    met = faults_met(folder / "erp.db", done.last_call)
    say(told(met))
    show_a_doubt(folder, say)
    result = count(folder / "shop.db", folder / "erp.db")
    show(result, say)
    wrong = stock_wrong(folder / "shop.db", folder / "erp.db", BUFFER)
    done.skus = len(seeded.skus)
    compared = len(erp_available(folder / "erp.db"))
    say(f"  {'SKUs compared':26} {compared:6}\n  {'offered wrongly':26} {len(wrong):6}")
    for one in wrong[:20]:
        say(f"  stock: {one}")
    say(f"took {time.monotonic() - started:.0f} s")
    return verdict(result, len(wrong), not_kept(folder, done, met), say)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


def course(
    folder: Path, erp: Sandbox, shopping: Shopping, shelves: Shelves, seed: int, say: Say
) -> Course:
    """Deliver through the storm, die once, go on, and settle."""
    connector(folder, "check", "--fix-webhooks")
    bad = Storm(folder, erp, seed, say)
    try:
        while bad.goes_on(shopping):
            shopping.act(time.monotonic())
            shelves.act()
            bad.act(shopping)
            time.sleep(0.05)
        shopping.finish()
        erp.faults([])
        bad.course.last_call = last_call(folder / "erp.db")
        say("the storm is over; what is in doubt is looked up")
        settle(folder, bad.worker)
    finally:
        code = bad.worker.end()
    done = bad.course
    if code:
        done.odd.append(f"the daemon ended with {code}")
    done.counted, done.changed, done.refunded = shelves.counted, shopping.changed, shopping.refunded
    return done


def settle(folder: Path, worker: Worker) -> None:
    """Wait until everything has come to rest, as long as there is patience and a daemon."""
    end, calm = time.monotonic() + PATIENCE, Calm(folder, datetime.now(UTC) + LAG)
    while not calm.settled() and time.monotonic() < end and worker.process.poll() is None:
        time.sleep(0.2)


class Storm:
    """Faults all the time; an outage and a SIGKILL when enough orders are there to meet them."""

    def __init__(self, folder: Path, erp: Sandbox, seed: int, say: Say) -> None:
        self.course = Course()
        self._folder, self._erp, self._seed, self._say = folder, erp, seed, say
        erp.faults(storm(seed))
        self.worker = Worker(folder, DIES_AFTER)
        self._begun = time.monotonic()
        self._regretted = False  # orders that are delivered are cancelled
        self._last = False  # the last changes are made
        self._back: float | None = None  # when the ERP is there again

    def act(self, shopping: Shopping) -> None:
        """See to the daemon, and let come what is due."""
        there = self._there()
        if there >= DIES_AT and not self._regretted:
            self._regretted = True
            for row in erp_orders(self._folder / "erp.db")[:REGRETTED]:
                shopping.cancel(int(row["shop_number"]))
        if not self.course.kills and there >= DIES_AT:
            self.worker.process.kill()
            self.worker.process.wait()
        if self.worker.process.poll() is not None:
            self._again(self.worker.process.returncode)
        if self._back is None and there >= AWAY_AT:
            self._erp.faults([OUTAGE, *storm(self._seed)])
            self._back = time.monotonic() + OUTAGE["seconds"]

    def goes_on(self, shopping: Shopping) -> bool:
        """Until nearly every order met it, the ERP was away, and many changed while they were sent;

        at least and at most so long.
        """
        now = time.monotonic()
        least, most = STORM
        if not least < now - self._begun < most:
            return now - self._begun <= least
        if self._back is None or now < self._back or not self.course.kills:
            return True
        if shopping.placed < LATER or self._there() < THERE * (ORDERS - shopping.cancelled):
            return True
        if not self._last:
            self._last = True
            shopping.think_again(now)
        return shopping.thinks

    def _there(self) -> int:
        return erp_order_count(self._folder / "erp.db")

    def _again(self, code: int) -> None:
        meant = code == -signal.SIGKILL and not self.course.kills
        how = "SIGKILL" if meant else f"exit {code}: see daemon.log"
        self._say(f"the daemon died ({how}) and is started again")
        if meant:
            self.course.kills = 1
        else:
            self.course.odd.append(f"the daemon ended with {code}")
        self.worker = Worker(self._folder)


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


def verdict(result: Audit, stock: int, broken: Sequence[str], say: Say) -> int:
    """The last line, and the exit code that goes with it; *broken*: promises of the course."""
    for one in broken:
        say(f"not as promised: {one}")
    lost = result.count("lost") + result.count("stale")
    doubled = result.count("doubled") + result.count("stray")
    fine = result.clean and result.checked == ORDERS and not stock and not broken
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
