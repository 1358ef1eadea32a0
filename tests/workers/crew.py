"""Workers as an administrator starts them: processes that share one PostgreSQL ledger."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
from company import Company
from psycopg.rows import dict_row

from connector import jobs

DIES = """
import os, signal
from connector import jobs, points
jobs.DEAD = {dead}
points.on_reach = lambda name: name == {point!r} and os.kill(os.getpid(), signal.SIGKILL)
"""
WORK = "from pathlib import Path; from connector import worker, logs; import sys; "
WORK += "logs.start(as_json=True, level='info'); "
WORK += "worker.run(Path(sys.argv[1]), 2, once=sys.argv[2] == 'once')"
COMMAND = "from connector.cli import main; main()"
SHIFTED = """
from datetime import UTC, datetime, timedelta
from pathlib import Path
from connector.clock import SystemClock

def now(_):
    return datetime.now(UTC) + timedelta(hours=Path({file!r}).exists())

SystemClock.now = now
"""


class Crew:
    """A company with a PostgreSQL ledger, and processes that work on it."""

    def __init__(self, company: Company, url: str) -> None:
        self.company, self.url = company, url
        self.log = company.folder / "workers.log"
        self.processes: list[subprocess.Popen[bytes]] = []

    def hire(
        self, count: int = 1, *, once: bool = True, dies_at: str = "", dead: float = jobs.DEAD
    ) -> None:
        """Start workers; at that crash point SIGKILL ends them.

        *dead*: seconds without a beat after which they take another's jobs for forgotten.
        """
        dies = DIES.format(point=dies_at, dead=dead) if dies_at or dead != jobs.DEAD else ""
        for _ in range(count):
            self._start(
                dies + WORK, str(self.company.folder / "config.yaml"), "once" if once else "often"
            )

    def command(self, *, ahead_while: Path | None = None) -> str:
        """Start a worker as an administrator does, and give its address.

        *ahead_while*: its clock is an hour ahead as long as this file is there.
        """
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        line = ("--listen", port, "--json", "--config", str(self.company.folder / "config.yaml"))
        shifted = "" if ahead_while is None else SHIFTED.format(file=str(ahead_while))
        self._start(shifted + COMMAND, "worker", *line)
        return f"http://127.0.0.1:{port}"

    def daemon(self) -> None:
        """Start `connector run` on the same ledger."""
        config = str(self.company.folder / "config.yaml")
        self._start(COMMAND, "run", "--json", "--config", config)

    def _start(self, code: str, *words: str) -> None:
        environ = {**os.environ, "TMPDIR": str(self.company.folder)}
        with self.log.open("ab") as out:
            self.processes.append(
                subprocess.Popen(
                    [sys.executable, "-c", code, *words], stdout=out, stderr=out, env=environ
                )
            )

    def at_work(self) -> int:
        """How many have said that they live."""
        return len(self.rows("SELECT DISTINCT owner FROM share"))

    def kill(self, pid: int | None = None) -> None:
        """One of them dies, in the middle of whatever it does: the last, or the one with *pid*."""
        at = [process.pid for process in self.processes].index(pid) if pid is not None else -1
        process = self.processes.pop(at)
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
