"""`connector run` as it is, under a hand: its clocks, its disk, its names, the point of its death.

Its environment: CHAOS_LEVERS (a file), CHAOS_POINT (`name:n`: die when the point is reached for the
n-th time), CHAOS_BREAK (rules switched off).
"""

from __future__ import annotations

import _socket
import os
import signal
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, ExceptionContext, event

import connector.daemon
from adapters import wire
from adapters.rest import RestDialect
from adapters.system import System
from connector import points
from connector.cli import run
from connector.clock import SystemClock
from connector.ledger import store
from connector.testing.mutants import broken

from .levers import Levers

PATIENCE = "PRAGMA busy_timeout=1500"  # milliseconds, so that a locked ledger is met in time
LOADED = connector.daemon  # what the command line imports when it is needed: here before the fork
PIECE = 1000  # bytes of a request written at once: death finds some half written
KILLS_READER, KILLS_SENDER = "kills-its-reader", "kills-its-sender"
KILLS_PAGER = "kills-who-cuts-its-page"
NO_LIMIT = 1_073_741_823  # pages


def shift_clocks(levers: Levers) -> None:
    """Let both clocks of the machine show what the levers add."""

    def now(_: SystemClock) -> datetime:
        levers["met_jumped"] += levers["jumped"]
        return datetime.now(UTC) + timedelta(seconds=levers["wall"])

    def boottime(_: SystemClock) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME) + levers["boot"]

    SystemClock.now = now  # type: ignore[method-assign]
    SystemClock.boottime = boottime  # type: ignore[method-assign]


def limit_disk(levers: Levers) -> None:
    """A ledger that cannot grow while the lever says so, and that is not waited for long."""
    store.PRAGMAS = (*store.PRAGMAS[:-1], PATIENCE)

    @event.listens_for(Engine, "begin")
    def _limit(db: Connection) -> None:
        if db.dialect.name == "sqlite":
            pages = db.exec_driver_sql("PRAGMA page_count").scalar() if levers["full"] else NO_LIMIT
            db.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    @event.listens_for(Engine, "handle_error")
    def _count(context: ExceptionContext) -> None:
        error = context.original_exception
        why = getattr(error, "sqlite_errorname", "")
        levers["met_away"] += isinstance(error, psycopg.OperationalError)
        levers["met_full"] += why == "SQLITE_FULL"
        levers["met_locked"] += why.startswith("SQLITE_BUSY")


def take_names(levers: Levers) -> None:
    """No name can be resolved while the lever says so."""
    resolve = socket.getaddrinfo

    def getaddrinfo(*args: Any, **kwargs: Any) -> Any:
        if levers["nameless"]:
            levers["met_nameless"] += 1
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return resolve(*args, **kwargs)

    socket.getaddrinfo = getaddrinfo


def count_unreachable(levers: Levers) -> None:
    """Count how often nobody listened where we called."""

    def connect(self: socket.socket, address: Any) -> None:
        try:
            _socket.socket.connect(self, address)
        except ConnectionRefusedError:
            levers["met_unreachable"] += 1
            raise

    socket.socket.connect = connect  # type: ignore[method-assign]


def die_of(document: str, told: Path) -> None:
    """Kill this process: *document* does it every time."""
    told.write_text(document)
    os.kill(os.getpid(), signal.SIGKILL)


def poison(told: Path) -> None:
    """Some documents kill whoever reads them, cuts a page with them, or sends them."""
    decode, sendall, slices = System.decode, wire.Wire.sendall, RestDialect.slices

    def deadly_decode(self: System, entity: str, raw: bytes) -> Any:
        if KILLS_READER.encode() in raw:
            die_of(KILLS_READER, told)
        return decode(self, entity, raw)

    def deadly_sendall(self: wire.Wire, data: bytes) -> None:
        if KILLS_SENDER.encode() in data:
            die_of(KILLS_SENDER, told)
        sendall(self, data)

    def deadly_slices(self: RestDialect, action: Any, answer: Any, *asked: Any) -> Any:
        if action.name == "list" and KILLS_PAGER.encode() in answer.http.body:
            die_of(KILLS_PAGER, told)
        return slices(self, action, answer, *asked)

    System.decode = deadly_decode  # type: ignore[method-assign]
    RestDialect.slices = deadly_slices  # type: ignore[method-assign]
    wire.Wire.sendall = deadly_sendall  # type: ignore[method-assign]


def die_at(wanted: str, told: Path) -> None:
    """Kill this process when it comes to the point for the n-th time."""
    name, _, nth = wanted.partition(":")
    left, guard = [int(nth or 1)], threading.Lock()

    def on_reach(point: str) -> None:
        if point != name:
            return
        with guard:
            left[0] -= 1
            due = left[0] == 0
        if due:
            told.write_text(point)
            os.kill(os.getpid(), signal.SIGKILL)

    points.on_reach = on_reach


def serve(config: Path) -> int:
    """Run the daemon on *config*; its exit code."""
    levers = Levers(Path(os.environ["CHAOS_LEVERS"]))
    shift_clocks(levers)
    limit_disk(levers)
    take_names(levers)
    count_unreachable(levers)
    wire.AT_ONCE = PIECE
    poison(config.parent / "reached")
    if point := os.environ.get("CHAOS_POINT"):
        die_at(point, config.parent / "reached")
    with broken(os.environ.get("CHAOS_BREAK", "")):
        return run(["run", "--json", "--config", str(config)])
