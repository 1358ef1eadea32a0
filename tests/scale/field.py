"""What workers work on: a bench shop and ERP, a ledger on PostgreSQL, and their processes."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import yaml
from psycopg.rows import dict_row

from benchmarks import shop_data
from benchmarks.ours import warm_up
from benchmarks.prepared import prepare
from benchmarks.trial import AGE, asked, served
from connector.app import opened
from connector.cli import run
from connector.flow.pull import pull

from .ground import Ground, cpu

LOOK = 0.05  # seconds between looks
WARM = 100  # orders that come before: they name every customer and product
CALLS = 4  # of one worker at once
BUDGET = 16  # of all of them
LATENCY = 100.0  # of the ERP, in milliseconds
TIMEOUT, SETTLE = 2, 8  # seconds: what a death leaves is looked up soon
LEASE = 3 * TIMEOUT + SETTLE
COMMAND = "from connector.cli import main; main()"
Words = Sequence[str]


class Late(AssertionError):
    """What was waited for did not come."""


class Field:
    """One company and its workers; `close` ends them all."""

    def __init__(self, ground: Ground, folder: Path, orders: int, *, every: str = "5m") -> None:
        self.folder, self.total = folder, WARM + orders
        folder.mkdir(parents=True)
        self.ledger, self._ground = ground.database(), ground
        self.born = datetime.now(UTC).replace(microsecond=0) - AGE
        self.first = self.born + timedelta(seconds=5)
        self.workers: list[subprocess.Popen[bytes]] = []
        self.url, self._every = "", every

    @contextmanager
    def open(self, *words: str) -> Iterator[Field]:
        """Serve the shop and the ERP (*words*: more for its command line), for a `with`."""
        words = ("--latency", str(LATENCY), "--keeps", *words)
        with served(self.total, self.first, *words) as self.url:
            try:
                self._configure()
                yield self
            finally:
                self._end()

    def _configure(self) -> None:
        config = prepare(self.folder, self.url, self.born, BUDGET, self.ledger)
        told = yaml.safe_load(config.read_text())
        told["connections"]["erp"]["limits"]["timeout"] = f"{TIMEOUT}s"
        told["connections"]["erp"]["settle"] = f"{SETTLE}s"
        told["connections"]["shop"]["limits"]["timeout"] = "5s"
        told["flows"]["orders"]["every"] = self._every
        config.write_text(yaml.safe_dump(told))

    @property
    def config(self) -> Path:
        """Its configuration."""
        return self.folder / "config.yaml"

    def prepare(self, *, staged: bool = True) -> None:
        """Deliver what needs be known before; *staged*: and read all orders, delivering none."""
        with opened(self.config) as app:
            flow = app.flows["orders"]
            # As few calls at once as one worker makes: so that the most at once are the workers'.
            app.gate("erp").slots.lend(CALLS, 600)
            warm_up(app, flow, WARM)
            self.wait(lambda: app.catch_up(flow) and self.came() >= WARM, 60, "the first orders")
            if staged:
                pull(app.system("shop"), flow, app.ledger, app.clock)

    def say(self, *words: str) -> None:
        """A command of the administrator's."""
        with redirect_stdout(io.StringIO()):
            code = run([*words, "--config", str(self.config), "--json"])
        if code:
            raise AssertionError(f"connector {words[0]} ends with {code}")

    # ── workers ─────────────────────────────────────────────────────────────────────────────────

    def hire(self, count: int, *, before: Words = (), calls: int = CALLS) -> None:
        """Start workers and wait until they are ready; *before*: what stands before the command."""
        words = [*before, sys.executable, "-c", COMMAND, "worker", "--json"]
        words += ["--calls", str(calls), "--config", str(self.config)]
        environ = {**os.environ, "TMPDIR": str(self.folder)}
        ready = self.said("worker ready") + count
        for _ in range(count):
            with self.log.open("ab") as out:
                self.workers.append(subprocess.Popen(words, stdout=out, stderr=out, env=environ))
        self.wait(lambda: self.said("worker ready") >= ready, 90, "workers that are ready")

    def kill(self, count: int) -> None:
        """So many of them die, all at once, in the middle of whatever they do."""
        dying = [self.workers.pop(0) for _ in range(count)]
        for process in dying:
            process.send_signal(signal.SIGKILL)
        for process in dying:
            process.wait(10)

    def dismiss(self) -> list[int]:
        """SIGTERM for all; how they ended."""
        for process in self.workers:
            process.terminate()
        ended = [process.wait(40) for process in self.workers]
        self.workers.clear()
        return ended

    def _end(self) -> None:
        for process in self.workers:
            process.kill()
            process.wait(10)

    # ── what is seen ────────────────────────────────────────────────────────────────────────────

    @property
    def log(self) -> Path:
        """What the workers say."""
        return self.folder / "workers.log"

    def said(self, word: str) -> int:
        """How often the log says it."""
        return self.log.read_text().count(word) if self.log.exists() else 0

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Rows of the ledger."""
        address = self.ledger.replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(address, row_factory=dict_row) as db:
            return db.execute(query.encode()).fetchall()

    def came(self) -> int:
        """Orders in the ERP."""
        return int(asked(self.url)["orders"])

    def left(self) -> int:
        """Orders that are not done."""
        done = "SELECT count(*) AS n FROM record WHERE entity = 'order' AND state = 'done'"
        return self.total - int(self.rows(done)[0]["n"])

    def wait(self, condition: Callable[[], object], seconds: float, what: str) -> float:
        """Wait for it; how long it took. Raises Late."""
        began = time.monotonic()
        while not condition():
            if time.monotonic() - began > seconds:
                raise Late(f"{what}: not within {seconds:g} s; see {self.log}")
            time.sleep(LOOK)
        return time.monotonic() - began

    def cpu(self) -> tuple[float, float]:
        """CPU seconds of the workers, and of PostgreSQL."""
        return sum(cpu(process.pid) for process in self.workers), self._ground.cpu()

    def count(self) -> dict[str, int]:
        """What came of it: lost, doubled, cents too many or too few, the most calls at once."""
        stats = asked(self.url)
        return {
            "lost": self.total - int(stats["orders"]),
            "duplicated": int(stats["duplicates"]),
            "cents": int(stats["cents"]) - cents(self.total, self.first),
            "left": self.left(),
            "peak": int(stats["peak"]),
        }


def cents(orders: int, first: datetime) -> int:
    """What the shop says that so many orders come to."""
    rows = shop_data.orders(orders, seed=1, first=first)
    totals = (json.loads(row.raw)["total"].replace(".", "") for row in rows)
    return sum(int(total) for total in totals)
