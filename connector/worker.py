"""`connector worker`: one of any number of processes, on any machines, that work on one ledger.

None leads. Every worker looks twice a second what is due and which scheduled times have come, and
defers jobs for it; whichever is free takes one. The ledger guards what each job does (O2), and the
calls of a connection are divided among the workers that live (O3). Each answers for its own health
and hears webhooks; alarms are told by one of them at a time, as nightly work is done by one.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from queue import Empty, SimpleQueue

import structlog
from sqlalchemy import Connection

from connector import jobs
from connector.app import App, open_app
from connector.building import unattended
from connector.daemon import Work, runs_itself, touch
from connector.errors import ConnectorError, LedgerAway
from connector.jobs import Jobs
from connector.ledger import backfills, hints, records, runs, shares
from connector.ledger.life import DRIFT
from connector.ledger.shares import Wanted
from connector.ledger.store import ATTENTIVE
from connector.nightly import NIGHTLY, Night
from connector.notify import notify
from connector.outside import Outside
from connector.points import reach
from connector.profile import Limits
from connector.schedule import passed
from connector.turns import Turns

LOOK = 0.5  # seconds between looks for what is due
BEAT = 5.0  # seconds between beats, and looks for jobs of dead workers
LENT = timedelta(seconds=10)  # for which a share of a connection's calls is taken
ALARMS = ":alarms"  # shared as a connection's calls are, of which there is one
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
        self.outside = Outside(self.work.turns, self.work.ran, self.work.failures)
        self.app, self._calls = app, calls
        self._deriving = Deriving(app, once=once)
        self._log = structlog.get_logger()
        self._signals: SimpleQueue[int] = SimpleQueue()
        self._beaten = 0.0
        tasks: dict[str, Callable[..., None]] = {
            "drain": self.drain,
            "hear": self.hear,
            "run": self.run,
            "read": self.read,
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
        known = flow in self.app.flows and able(self.app, self.work.turns, flow)
        if known and self.app.can_deliver(flow):
            self.work.catch_up(flow)

    def hear(self, flow: str) -> None:
        """Read what the source of *flow* spoke of."""
        self.work.turns.wish(flow)
        if flow in self.app.flows and able(self.app, self.work.turns, flow):
            self.work.hear(flow)

    def run(self, asked: int, flow: str) -> None:
        """Make the run that was asked for, unless another worker has taken it."""
        self.work.turns.wish(flow)
        if flow in self.app.flows and not able(self.app, self.work.turns, flow):
            return  # it is derived again; one that has calls to make takes it
        with self.app.ledger.begin() as db:
            taken = runs.take(db, asked, self.app.ledger.owner)
        if taken is not None:
            self.work.run_asked(taken)

    def read(self, asked: int, flow: str) -> None:
        """Read parts of a backfill that another worker makes."""
        if flow in self.app.flows and able(self.app, self.work.turns, flow):
            self.work.read_along(flow, asked)

    # ── the loop ────────────────────────────────────────────────────────────────────────────────

    def _signal(self) -> int | None:
        try:
            return self._signals.get(timeout=LOOK)
        except Empty:
            return None

    def _look(self) -> None:
        """Take our shares, beat, and derive jobs from what is due and asked."""
        vitals = self.outside.vitals
        vitals.looked()
        try:
            now = self.app.clock.now()
            right = share(self.app, now, self._calls)
            if right != vitals.clock_is_right:
                vitals.clock_is_right = right
                self._log.error("clock", code="clock_off" if not right else "clock_right")
            if right:
                self._beat()
                self._deriving.look(now)
        except LedgerAway as error:
            vitals.ledger_answers = False
            self._log.error("ledger does not answer", code=error.code, error=error)
            return
        vitals.ledger_answers = True
        notify("WATCHDOG=1")

    def _beat(self) -> None:
        """What is done every few seconds: one of the workers tells alarms, each proves it lives."""
        if time.monotonic() - self._beaten < BEAT:
            return
        self._beaten = time.monotonic()
        app, alarms = self.app, self.outside.alarms
        app.ledger.beat(app.clock.now(), app.clock.boottime())
        with app.ledger.begin() as db:
            if jobs.forget_stalled(db):
                reach("job.rescued_while_running")
        touch(app, app.clock.now())
        probe(app, self.work, self._probing)
        if on_duty(app, ALARMS, busy=not alarms.idle):
            alarms.go(app)

    def _stop(self) -> bool:
        notify("STOPPING=1")
        self._log.info("worker stopping")
        self.outside.vitals.stopping = True
        self.work.turns.stop()
        self._probing.shutdown(wait=False, cancel_futures=True)
        ended = self._jobs.stop(STOP_WITHIN)
        told = self.outside.stop()
        with suppress(LedgerAway), self.app.ledger.begin() as db:  # else they lapse by themselves
            shares.release(db, self.app.ledger.owner)
        return ended and told


class Deriving:
    """Finds what is to be done and defers jobs for it, which may come twice or not at all.

    *once*: a job is queued once; correctness does not rest on it.
    """

    def __init__(self, app: App, *, once: bool) -> None:
        self._app, self._once = app, once
        self._looked: datetime | None = None
        self._night = Night(app.config.zone, app.clock.now())

    def look(self, now: datetime) -> None:
        """Ask for the runs whose times have come, and defer jobs for all that is due and asked."""
        app = self._app
        with app.ledger.begin() as db:
            for name, slot in passed(app.config, self._looked, now).items():
                runs.schedule(db, name, slot, now)
                reach("tick.two_at_once")
            if self._night.is_due(app.config.zone, now):
                runs.schedule(db, NIGHTLY, self._night.time(app.config.zone), now, "vacuum")
            living = shares.living(db)
            runs.reclaim(db, living)
            for id_, name in runs.asked_flows(db):
                once = f"run {id_}" if self._once else None
                jobs.defer(db, "run", once, asked=id_, flow=name)
            for id_, name in backfills.read_by_many(db, living):
                once = f"read {id_}" if self._once else None
                jobs.defer(db, "read", once, asked=id_, flow=name)
            due = records.due_flows(db, app.flows, now) | records.unblocked_flows(db)
            for name in sorted(due):
                self._defer(db, "drain", name)
            for name in sorted(hints.due_flows(db, now)):
                self._defer(db, "hear", name)
        self._looked = now

    def _defer(self, db: Connection, task: str, name: str) -> None:
        if runs_itself(self._app, name):
            jobs.defer(db, task, f"{task} {name}" if self._once else None, flow=name)


def on_duty(app: App, duty: str, *, busy: bool) -> bool:
    """Is it this process that does *duty* for all of them now? *busy*: it is doing it."""
    wanted = Wanted(limit=1, in_use=lambda _: int(busy), lasts=LENT)
    with app.ledger.begin() as db:
        return shares.divide(db, app.ledger.owner, {duty: wanted})[duty] > 0


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


def share(app: App, now: datetime, most: int | None = None) -> bool:
    """O3: how many calls this process may make on each connection until the next look.

    *most*: never more than so many. None, and False, while the *now* of this machine is not the
    database's: leases and settle times are reckoned with it, and one that is ahead would take for
    over what is under way (O2).
    """
    right = abs(now - app.ledger.read(shares.clock)) <= DRIFT
    began, owner = time.monotonic(), app.ledger.owner
    paced = {n: one.limits for n, one in app.wired.items() if one.limits.per_second is not None}
    with app.ledger.begin() as db:
        paces = {shares.rate(n): _pace_of(app, n, limits) for n, limits in paced.items()}
        told = shares.divide(db, owner, paces)
        rates = {n: told[shares.rate(n)] for n in paced}
        may = {n: right and rates.get(n, 1) > 0 for n in app.wired}
        slots = {n: _slots_of(app, n, most if may[n] else 0) for n in app.wired}
        mine = shares.divide(db, owner, slots)
    for name, rate in rates.items():
        app.gate(name).pace.lend(rate)
    left = LENT.total_seconds() - (time.monotonic() - began)
    for name, calls in mine.items():
        app.gate(name).slots.lend(calls if may[name] else 0, left)
    return right


def _pace_of(app: App, name: str, limits: Limits) -> Wanted:
    """What is shared of the calls that may begin in a second."""
    lasts = LENT + limits.timeout
    return Wanted(limit=limits.per_second or 0, in_use=app.gate(name).pace.shrink, lasts=lasts)


def _slots_of(app: App, name: str, most: int | None) -> Wanted:
    """What is shared of the calls at once: one that begins in time ends in time."""
    limits, shrink = app.wired[name].limits, app.gate(name).slots.shrink
    return Wanted(limit=limits.concurrency, most=most, in_use=shrink, lasts=LENT + limits.timeout)


def begin(app: App) -> None:
    """Wake the ledger and make its jobs' tables; raises ConnectorError where no worker may be."""
    if app.ledger.path is not None:
        message = "`connector worker` needs a PostgreSQL ledger"
        raise ConnectorError(message, code="usage", cure=CURE)
    if app.ledger.held_by("daemon") and not app.ledger.held_by("worker"):
        cure = "stop it: workers take its place"
        message = "`connector run` delivers from this ledger"
        raise ConnectorError(message, code="ledger_locked", cure=cure)
    off = app.clock.now() - app.ledger.read(shares.clock)
    if abs(off) > DRIFT:
        how = "ahead of" if off > timedelta(0) else "behind"
        seconds = abs(round(off.total_seconds()))
        message = f"the clock of this machine is {seconds} s {how} the database's"
        raise ConnectorError(message, code="clock_off")
    for name in app.wired:
        app.gate(name)  # it reckons from the clock as it is now, which is right
    app.ledger.wake(app.clock.now(), app.clock.boottime())
    with app.ledger.begin() as db:
        jobs.prepare(db)


def conninfo(app: App) -> str:
    """The ledger's address as libpq reads it."""
    url = app.ledger.url.set(drivername="postgresql")
    given = {n: v for n, v in ATTENTIVE.items() if n not in url.query}
    url = url.update_query_dict(given)
    return url.render_as_string(hide_password=False)


def run(
    path: Path,
    most: int,
    *,
    calls: int | None = None,
    listen: tuple[str, int] | None = None,
    once: bool = True,
) -> None:
    """Work on the ledger of the configuration at *path*, then end the process.

    *most*: flows at once; *calls*: at once on one connection, where its share would be more.
    *listen*: in the place of `web.listen`, where several share a machine.
    *once* False: jobs are deferred however many wait, to show that nothing rests on it.
    """
    app = open_app(path, working=False)
    if listen is not None:
        app.config = replace(app.config, web=replace(app.config.web, listen=listen))
    try:
        app.flows = unattended(app.config, app.wired, app.flows)
        begin(app)
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
