"""Many workers of one company whose ledger is a real PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from company import Company
from postgres import database as database
from postgres import server as server
from psycopg.rows import dict_row

from connector.clock import SystemClock
from connector.jobs import prepare
from connector.ledger import migrate
from connector.ledger.store import Ledger
from connector.places import migrations_folder

WORK = "from pathlib import Path; from connector import worker, logs; import sys; "
WORK += "logs.start(as_json=True, level='info'); "
WORK += "worker.run(Path(sys.argv[1]), 2, once=sys.argv[2] == 'once')"


class Crew:
    """A company with a PostgreSQL ledger, and processes that work on it."""

    def __init__(self, company: Company, url: str) -> None:
        self.company, self.url = company, url
        self.log = company.folder / "workers.log"
        self.processes: list[subprocess.Popen[bytes]] = []

    def hire(self, count: int = 1, *, once: bool = True) -> None:
        """Start workers."""
        for _ in range(count):
            with self.log.open("ab") as out:
                self.processes.append(
                    subprocess.Popen(
                        [sys.executable, "-c", WORK, str(self.company.folder / "config.yaml"),
                         "once" if once else "often"],
                        stdout=out, stderr=out,
                        env={**os.environ, "TMPDIR": str(self.company.folder)},
                    )
                )  # fmt: skip

    def kill(self) -> None:
        """One of them dies, in the middle of whatever it does."""
        process = self.processes.pop()
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    def dismiss(self) -> list[int]:
        """SIGTERM for all; how they ended."""
        for process in self.processes:
            process.terminate()
        ended = [process.wait(30) for process in self.processes]
        self.processes.clear()
        return ended

    def rows(self, query: str) -> list[dict[str, object]]:
        """Rows of the ledger."""
        address = self.url.replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(address, row_factory=dict_row) as db:
            return db.execute(query.encode()).fetchall()

    def said(self, word: str) -> int:
        """How often the log says it."""
        return self.log.read_text().count(word) if self.log.exists() else 0


@pytest.fixture
def crew(
    company: Company,
    database: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Crew]:
    """A company of now, with an empty ledger on PostgreSQL, every call and wait short."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    url = database("template1").replace("postgresql://", "postgresql+psycopg://")
    company.pass_(-company.clock.ahead.total_seconds())
    company.config(ledger=url)
    company.connection("erp", limits={"concurrency": "4", "timeout": "2s"}, settle="2s")
    company.connection("shop", limits={"concurrency": "2", "timeout": "5s"})
    company.flow("orders", start=(company.born - timedelta(seconds=5)).isoformat(), every="1s")
    ledger = Ledger(url)
    migrate.upgrade(ledger, migrations_folder(), SystemClock().now())
    with ledger.begin() as db:
        prepare(db)
    ledger.close()
    made = Crew(company, url)
    yield made
    for process in made.processes:
        process.kill()
        process.wait(10)
