"""`connector worker`: one of any number of processes, on any machines, that work on one ledger.

None leads. Every worker looks twice a second what is due and which scheduled times have come, and
defers jobs for it; whichever is free takes one. The ledger guards what each job does (O2), and the
calls of a connection are divided among the workers that live (O3).
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from queue import Empty, SimpleQueue

import structlog
from sqlalchemy import Connection

from connector import jobs
from connector.app import App, open_app
from connector.building import unattended
from connector.daemon import Work, runs_itself
from connector.errors import ConnectorError, LedgerAway
from connector.jobs import Jobs
from connector.ledger import hints, records, runs, shares
from connector.ledger.life import DRIFT
from connector.notify import notify
from connector.schedule import passed
from connector.turns import Turns

LOOK = 0.5  # seconds between looks for what is due
BEAT = 5.0  # seconds between beats, and looks for jobs of dead workers
LENT = timedelta(seconds=10)  # for which a share of a connection's calls is taken
STOP_WITHIN = 8.0
CURE = (
    "set `ledger: postgresql+psycopg://…`, then `connector ledger upgrade`;"
    " on one machine `connector run` is all you need"
)
END: tuple[int, ...] = (signal.SIGTERM, signal.SIGINT)


class Worker:
    """One process: a loop that derives jobs, and threads that do them."""

    def __init__(self, app: App, *, most: int, calls: int | None = None, once: bool = True) -> None:
        self.work = Work(app)
        self.app, self._calls = app, calls
        self._once = once  # jobs are queued once; correctness does not rest on it
        self._log = structlog.get_logger()
        self._signals: SimpleQueue[int] = SimpleQueue()
        self._looked: datetime | None = None
        self._beaten = 0.0
        self._clock_is_right = True
        tasks: dict[str, Callable[..., None]] = {
            "drain": self.drain,
            "hear": self.hear,
            "run": self.run,
        }
        self._probing = ThreadPoolExecutor(1, thread_name_prefix="probe")
        self._jobs = Jobs(conninfo(app), tasks, most=most)

    def serve(self) -> bool:
        """Work until SIGTERM or SIGINT; True if every call on the wire had ended by then."""
        for number in END:
            signal.signal(number, lambda got, _: self._signals.put(got))
        self._look()
        self._jobs.start()
        notify("READY=1")
        self._log.info("worker ready", count=len(self.app.flows))
        while (got := self._signal()) not in END and not self._jobs.over:
            if got is None:
                self._look()
        return self._stop()

    # ── jobs ────────────────────────────────────────────────────────────────────────────────────

    def drain(self, flow: str) -> None:
        """Deliver what is due of *flow*, unless this process does so already."""
        known = self.app.flows.get(flow)
        if (
            known is not None
            and able(self.app, self.work.turns, flow)
            and self.app.can_deliver(flow)
        ):
            self.work.catch_up(flow)

    def hear(self, flow: str) -> None:
        """Read what the source of *flow* spoke of."""
        if flow in self.app.flows and able(self.app, self.work.turns, flow):
            self.work.hear(flow)

    def run(self, asked: int, flow: str) -> None:
        """Make the run that was asked for, unless another worker has taken it."""
        if flow in self.app.flows and not able(self.app, self.work.turns, flow):
            return  # it is derived again; one that has calls to make takes it
        with self.app.ledger.begin() as db:
            taken = runs.take(db, asked, self.app.ledger.owner)
        if taken is not None:
            self.work.run_asked(taken)

    # ── the loop ────────────────────────────────────────────────────────────────────────────────

    def _signal(self) -> int | None:
        try:
            return self._signals.get(timeout=LOOK)
        except Empty:
            return None

    def _look(self) -> None:
        """Take our shares, beat, and derive jobs from what is due and asked."""
        try:
            right = share(self.app, self._calls)
            if right != self._clock_is_right:
                self._clock_is_right = right
                self._log.error("clock", code="clock_off" if not right else "clock_right")
            if time.monotonic() - self._beaten >= BEAT:
                self._beaten = time.monotonic()
                self.app.ledger.beat(self.app.clock.now(), self.app.clock.boottime())
                with self.app.ledger.begin() as db:
                    jobs.forget_stalled(db)
            self._derive()
            probe(self.app, self.work, self._probing)
        except LedgerAway as error:
            self._log.error("ledger does not answer", code=error.code, error=error)
            return
        notify("WATCHDOG=1")

    def _derive(self) -> None:
        now = self.app.clock.now()
        with self.app.ledger.begin() as db:
            for name, slot in passed(self.app.config, self._looked, now).items():
                runs.schedule(db, name, slot, now)
            runs.reclaim(db, shares.living(db))
            for id_, name in runs.asked_flows(db):
                once = f"run {id_}" if self._once else None
                jobs.defer(db, "run", once, asked=id_, flow=name)
            due = records.due_flows(db, self.app.flows, now) | records.unblocked_flows(db)
            for name in sorted(due):
                self._defer(db, "drain", name)
            for name in sorted(hints.due_flows(db, now)):
                self._defer(db, "hear", name)
        self._looked = now

    def _defer(self, db: Connection, task: str, name: str) -> None:
        if runs_itself(self.app, name):
            jobs.defer(db, task, f"{task} {name}" if self._once else None, flow=name)

    def _stop(self) -> bool:
        notify("STOPPING=1")
        self._log.info("worker stopping")
        self.work.turns.stop()
        self._probing.shutdown(wait=False, cancel_futures=True)
        ended = self._jobs.stop(STOP_WITHIN)
        with suppress(LedgerAway), self.app.ledger.begin() as db:  # else they lapse by themselves
            shares.release(db, self.app.ledger.owner)
        return ended


def probe(app: App, work: Work, pool: ThreadPoolExecutor) -> None:
    """Ask connections that were away whether they are back."""
    for name in app.wired:
        gate = app.gate(name)
        if gate.admission.probe_is_due() and gate.slots.allowed:
            pool.submit(work.probe, name)


def able(app: App, turns: Turns, name: str) -> bool:
    """Is this process free for flow *name*, and has it calls to make on both sides?"""
    flow = app.flows[name]
    shares = [app.gate(side).slots.allowed for side in (flow.source, flow.target)]
    return turns.idle(name) and all(shares)


def share(app: App, most: int | None = None) -> bool:
    """O3: how many calls this process may make on each connection until the next look.

    *most*: never more than so many.
    None, and False, while this machine's clock is not the database's: leases and settle times are
    reckoned with it, and one that is ahead would take for over what is under way (O2).
    """
    right = True
    for name, wired in app.wired.items():
        slots = app.gate(name).slots
        began = time.monotonic()
        lasts = LENT + wired.limits.timeout  # a call that begins in time ends in time
        limit = wired.limits.concurrency
        with app.ledger.begin() as db:
            mine = shares.divide(
                db,
                name,
                app.ledger.owner,
                limit=limit,
                most=most,
                in_use=slots.shrink,
                lasts=lasts,
            )
            right = right and abs(app.clock.now() - shares.clock(db)) <= DRIFT
        slots.lend(mine if right else 0, LENT.total_seconds() - (time.monotonic() - began))
    return right


def conninfo(app: App) -> str:
    """The ledger's address as libpq reads it."""
    url = app.ledger.url.set(drivername="postgresql")
    return url.render_as_string(hide_password=False)


def run(path: Path, most: int, *, calls: int | None = None, once: bool = True) -> None:
    """Work on the ledger of the configuration at *path*, then end the process.

    *most*: flows at once; *calls*: at once on one connection, where its share would be more.
    *once* False: jobs are deferred however many wait, to show that nothing rests on it.
    """
    app = open_app(path)
    app.flows = unattended(app.flows)
    try:
        if app.ledger.path is not None:
            raise ConnectorError(
                "`connector worker` needs a PostgreSQL ledger", code="usage", cure=CURE
            )
        with app.ledger.begin() as db:
            jobs.prepare(db)
        worker = Worker(app, most=most, calls=calls, once=once)
    except ConnectorError:
        app.close()
        raise
    ended = False
    try:
        ended = worker.serve()
    finally:
        # A call or a probe may hang, and the next life finds its intent in doubt; or the loop
        # broke: threads that nobody watches must not outlive it.
        broke = sys.exc_info()[1]
        if broke is not None:
            code = broke.code if isinstance(broke, ConnectorError) else "bug"
            structlog.get_logger().error("worker ends", code=code, exc_info=broke)
        elif ended:
            app.close()
        os._exit(1 if broke is not None else 0)
