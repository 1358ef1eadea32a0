"""The course of the demo: storm, changes, a SIGKILL, a restart, calm, the count."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, select

from connector.demo.count import count
from connector.demo.scene import (
    LATER,
    ORDERS,
    Sandbox,
    Shopping,
    configure,
    prepare,
    start_sandbox,
    storm,
)
from connector.flow.audit import Audit
from connector.ledger.schema import attempt, record
from connector.ledger.store import Ledger
from connector.sandbox.books import calls, erp_orders

Say = Callable[[str], None]
DIES_AFTER = 25  # groups of outcomes
STORM = (15.0, 50.0)  # seconds with faults and changes, at least and at most
THERE = 0.95  # of the orders, before the storm ends
PATIENCE = 60.0  # seconds for everything to settle afterwards


class Worker:
    """The worker process, and the last thing it said."""

    def __init__(self, folder: Path, die_after: int | None = None) -> None:
        words = [str(folder)] + ([str(die_after)] if die_after else [])
        command = [sys.executable, "-m", "connector.demo.worker", *words]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
        self.quiet = 0
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def _listen(self) -> None:
        """Count how often in a row nothing was waiting."""
        for line in self.process.stdout or ():
            word, _, value = line.partition(" ")
            self.quiet = self.quiet + 1 if (word, value.strip()) == ("pulled", "0") else 0

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
    try:
        configure(folder, shop.url, erp.url)
        shopping = Shopping(folder / "shop.db", seeded, seed)
        course(folder, erp, shopping, seed, say)
    finally:
        shop.end()
        erp.end()
    told = f"{shopping.placed} more orders, {shopping.changed} changes"
    say(f"meanwhile {told}, {shopping.cancelled} cancelled, {shopping.refunded} refunded")
    say(faults_met(folder / "erp.db"))
    show_a_doubt(folder, say)
    result = count(folder / "shop.db", folder / "erp.db")
    show(result, say)
    say(f"took {time.monotonic() - started:.0f} s")
    return verdict(result, say)


def course(folder: Path, erp: Sandbox, shopping: Shopping, seed: int, say: Say) -> None:
    """Deliver through the storm, die once, go on, and settle."""
    erp.faults(storm(seed))
    worker = Worker(folder, DIES_AFTER)
    begun, died = time.monotonic(), False
    while storming(folder, time.monotonic() - begun, shopping):
        shopping.act(time.monotonic())
        time.sleep(0.05)
        if not died and worker.process.poll() is not None:
            died = True
            say(f"the worker died ({-worker.process.returncode}: SIGKILL) and is started again")
            worker = Worker(folder)
    if not died:
        worker.process.kill()
        worker.process.wait()
        say("the worker was killed (SIGKILL) and is started again")
        worker = Worker(folder)
    shopping.finish()
    erp.faults([])
    say("the storm is over; what is in doubt is looked up")
    end = time.monotonic() + PATIENCE
    while worker.quiet < 12 and time.monotonic() < end and worker.process.poll() is None:
        time.sleep(0.1)
    worker.end()


def storming(folder: Path, since: float, shopping: Shopping) -> bool:
    """Goes on until nearly every order met it: at least and at most so long."""
    least, most = STORM
    if not least < since < most:
        return since <= least
    wanted = ORDERS - shopping.cancelled
    return shopping.placed < LATER or len(erp_orders(folder / "erp.db")) < THERE * wanted


def show_a_doubt(folder: Path, say: Say) -> None:
    """Trace an order whose creation was in doubt and was found, if there is one."""
    ledger = Ledger(f"sqlite:///{folder / 'ledger.db'}")
    key = ledger.read(doubted)
    ledger.close()
    if key is None:
        return
    say(f"\n$ connector trace order {key}")
    script = "from connector.cli import main; main()"
    config = str(folder / "config.yaml")
    command = [sys.executable, "-c", script, "trace", "order", key, "-c", config]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    say(done.stdout + done.stderr)


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


def verdict(result: Audit, say: Say) -> int:
    """The last line, and the exit code that goes with it."""
    lost = result.count("lost") + result.count("stale")
    doubled = result.count("doubled") + result.count("stray")
    fine = result.clean and result.checked == ORDERS
    word = "ok" if fine else "FAILED"
    line = f"orders={result.checked} lost={lost} duplicated={doubled}"
    say(f"demo: {word} {line} difference={result.difference:.2f}")
    return 0 if fine else 1


def folder_of(environ: dict[str, str]) -> Path:
    """DEMO_DIR, where the databases stay for whoever wants to count himself, or a new folder."""
    given = environ.get("DEMO_DIR")
    return Path(given).absolute() if given else Path(tempfile.mkdtemp(prefix="connector-demo-"))


def main(say: Say) -> int:
    """Play with DEMO_SEED and DEMO_DIR of the environment (DEMO_BREAK is the worker's)."""
    environ = dict(os.environ)
    return play(folder_of(environ), int(environ.get("DEMO_SEED", "1")), say)
