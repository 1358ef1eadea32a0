"""Workers as an administrator starts them: processes that share one PostgreSQL ledger."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psycopg
from company import Company
from psycopg.rows import dict_row

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
