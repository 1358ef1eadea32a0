"""`connector run`: every flow at its times until told to stop; a failing flow ends no other."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import structlog
from tenacity import retry, retry_if_exception_type, wait_exponential

from connector import planfile
from connector.app import App, open_app
from connector.applying import apply
from connector.backfilling import Backfilling
from connector.building import unattended
from connector.errors import (
    ConnectorError,
    LedgerAway,
    NotNow,
    NotSent,
    Unauthorized,
    Unavailable,
)
from connector.flow.flows import Flow
from connector.freshness import freshness
from connector.ledger import hints, records, runs
from connector.ledger.life import DRIFT
from connector.nightly import Night, vacuum
from connector.notify import notify
from connector.outside import Outside
from connector.reloading import Reloading
from connector.report import Report, counted
from connector.schedule import Schedule
from connector.turns import Turns

LOOK = 0.5  # seconds between looks for what commands ask
SWEEP = 5.0  # seconds between looks for what is due
BREATH = 0.05  # seconds between steps of long work, in which others have their turn
STOP_WITHIN = 8.0  # seconds for calls on the wire; after that their intents are doubts
WORKERS = 64  # threads; most of them wait for the turn of a flow, a few at most for each
ASKED = "asked"  # runs that commands ask for, where others wait too
HINTS = 1000  # put off at once, of a flow whose source cannot be met
END: tuple[int, ...] = (signal.SIGTERM, signal.SIGINT)


class Work:
    """Runs of flows, each in its turn; how often in a row each failed is counted."""

    def __init__(self, app: App) -> None:
        self.turns = Turns(app)
        self.failures: dict[str, int] = {}
        self.ran: dict[str, datetime] = {}
        self.gave_way = False  # since somebody looked: what is due goes on at once
        self._ledger, self._clock = app.ledger, app.clock

    def tick(self, name: str) -> None:
        """One run of a flow at its time."""
        self._in_turn(name, lambda app, flow: app.sync(flow))

    def catch_up(self, name: str) -> None:
        """Deliver what is due of a flow."""
        self._in_turn(name, lambda app, flow: app.catch_up(flow))

    def hear(self, name: str) -> None:
        """Read what a flow's source spoke of; what cannot be read now is asked for later."""
        if self._in_turn(name, lambda app, flow: app.follow_hints(flow)):
            return
        now = self._clock.now()
        with self._ledger.begin() as db:
            hints.postpone(db, hints.due(db, name, now, HINTS), now)

    def _in_turn(self, name: str, act: Callable[[App, Flow], Report]) -> bool:
        """Do it in the flow's turn; what is expected to go wrong is told and counted."""
        try:
            with self.turns.turn(name) as (app, flow):
                report = act(app, flow)
        except (NotSent, NotNow):
            return False  # we stop, somebody shut it, or it is probed: nobody's failure
        except ConnectorError as error:
            self.failed(name, error)
            return False
        self._went_well(name, report)
        return True

    def probe(self, name: str) -> None:
        """Ask a connection that was away whether it is back; that it is not is expected."""
        try:
            self.turns.app.meet([name])
        except (Unavailable, Unauthorized):
            return
        except ConnectorError as error:  # no flow's failure: those that need it tell and count it
            log = structlog.get_logger()
            log.error("probe failed", connection=name, code=error.code, error=error)

    def vacuum(self) -> int:
        """Drop what is kept no longer; how much it was."""
        app, count = self.turns.app, 0
        if app.config.keep is not None:
            count = sum(vacuum(app.ledger, app.config.keep, self._clock.now()).values())
            structlog.get_logger().info("vacuumed", count=count)
        self.failures.pop("vacuum", None)
        return count

    def run_asked(self, asked: runs.Asked) -> None:
        """One run that a command asked for, and what came of it, written down in any case."""
        result: dict[str, Any] = {"error": {"code": "bug", "message": "see the log", "cure": ""}}
        try:
            if asked.task == "vacuum":
                result = {"dropped": self.vacuum()}
            elif asked.task == "backfill" and asked.given is not None:
                result = _backfill(self.turns, asked.flow, Backfilling(asked.given["id"]))
            else:
                result = self._do(asked)
        except NotSent:
            result = {"stopped": True}
        except NotNow as error:
            result = {"away": {asked.flow: error.code}}
        except ConnectorError as error:
            result = self._refused(asked.flow, error)
        finally:
            self._end(asked, result)

    @retry(retry=retry_if_exception_type(LedgerAway), wait=wait_exponential(multiplier=0.05, max=5))
    def _end(self, asked: runs.Asked, result: Mapping[str, Any]) -> None:
        """However long it takes: who asked waits for it."""
        with self._ledger.begin() as db:
            runs.end(db, asked.id, result, self._clock.now())

    def _do(self, asked: runs.Asked) -> dict[str, Any]:
        with self.turns.turn(asked.flow, ASKED) as (app, flow):
            if asked.task == "apply":
                return planfile.result(apply(app, planfile.parsed(asked.given), asked.actor))
            report = app.sync(flow, only=asked.keys)
        while report.gave_way:
            if self.turns.rest(BREATH):
                raise NotSent("stopping")
            with self.turns.turn(asked.flow, ASKED) as (app, flow):
                report.go_on(app.catch_up(flow))
        return self._went_well(asked.flow, report)

    def read_along(self, name: str, id_: int) -> None:
        """Read parts of a backfill that another makes, as long as there are any."""
        try:
            _read_parts(self.turns, name, Backfilling(id_))
        except (NotSent, NotNow):
            return
        except ConnectorError as error:
            self.failed(name, error)

    def failed(self, name: str, error: BaseException) -> None:
        """Log and count a failure; the flow's next time comes all the same."""
        self.failures[name] = count = self.failures.get(name, 0) + 1
        code = error.code if isinstance(error, ConnectorError) else "bug"
        structlog.get_logger().error("flow failed", flow=name, code=code, error=error, count=count)

    def _refused(self, name: str, error: ConnectorError) -> dict[str, Any]:
        self.failed(name, error)
        return {"error": {"code": error.code, "message": str(error), "cure": error.cure}}

    def _went_well(self, name: str, report: Report) -> dict[str, Any]:
        self.failures.pop(name, None)
        self.ran[name] = self._clock.now()
        self.gave_way = self.gave_way or report.gave_way
        return counted(report)


def _backfill(turns: Turns, name: str, job: Backfilling) -> dict[str, Any]:
    """A backfill, a step in each turn, so that what is live comes in between."""
    while True:
        with turns.turn(name, ASKED) as (app, flow):
            step = job.step(app, flow)
        if step.over or step.away:
            return {"away": step.away, "braked": step.braked}
        if turns.rest(max(BREATH, step.wait)):
            raise NotSent("stopping")


def _read_parts(turns: Turns, name: str, job: Backfilling) -> None:
    """What of a backfill nobody reads yet, a page in each turn."""
    while not turns.rest(BREATH):
        with turns.turn(name) as (app, flow):
            if not job.read(app, flow):
                return


def ahead(app: App, name: str) -> timedelta:
    """How far a gate's time is ahead of a clock that was set back: so long all is too late."""
    return app.gate(name).now() - app.clock.now()


class Daemon:
    """The one process that delivers from a ledger, for as long as it runs."""

    def __init__(self, app: App) -> None:
        self.work = Work(app)
        self.turns = self.work.turns
        self.outside = Outside(self.turns, self.work.ran, self.work.failures)
        self.vitals = self.outside.vitals
        self._ledger, self._clock = app.ledger, app.clock
        self._log = structlog.get_logger()
        self._signals: SimpleQueue[int] = SimpleQueue()
        self._schedule = Schedule(WORKERS, self.work.failed)
        self._night = Night(app.config.zone, app.clock.now())
        self._swept = 0.0
        self._reloading = Reloading(self.turns, self.outside, self._schedule)
        self._reckoned: App | None = None  # whose gates were found ahead of the clock

    def serve(self) -> bool:
        """Work until SIGTERM or SIGINT; True if every call on the wire had ended by then."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda got, _: self._signals.put(got))
        with self._ledger.begin() as db:
            runs.abandon(db, self._clock.now())
        self._ledger.announce("daemon")
        self._schedule.start()
        self._reloading.plan(self.turns.app, self.work.tick)
        notify("READY=1")
        self._log.info("daemon ready", count=len(self.turns.app.flows))
        while (got := self._signal()) not in END:
            self._reloading.asked = self._reloading.asked or got == signal.SIGHUP
            self._look()
        return self.stop()

    # ── the loop ────────────────────────────────────────────────────────────────────────────────

    def _signal(self) -> int | None:
        try:
            return self._signals.get(timeout=LOOK)
        except Empty:
            return None

    def _look(self) -> None:
        """Serve commands, sweep what is due, and prove that we and the ledger live."""
        self.vitals.looked()
        try:
            self._reckon_anew()
            self._reloading.look(self.work.tick)
            self._take_asked()
            hinted = self._ledger.read(hints.due_flows, self._clock.now())
            self._begin(hinted, self.work.hear)
            for name in hinted:
                self.turns.wish(name)
            if self.work.gave_way or time.monotonic() - self._swept >= SWEEP:
                self.work.gave_way, self._swept = False, time.monotonic()
                self._sweep()
        except LedgerAway as error:
            self.vitals.ledger_answers = False
            self._log.error("ledger does not answer", code=error.code, error=error)
            return
        self.vitals.ledger_answers = True
        notify("WATCHDOG=1")

    def _reckon_anew(self) -> None:
        """Reload, once, where the gates began with a clock that was ahead and was set back since.

        They would call everything too late until it has caught up. Once the runs under way have
        ended, no intent is left that was written by that clock (S3).
        """
        app = self.turns.app
        if self._reckoned is not app and any(ahead(app, name) > DRIFT for name in app.wired):
            self._log.warning("clock was set back")
            self._reckoned, self._reloading.asked = app, True

    def _take_asked(self) -> None:
        """Take runs that commands ask for, oldest first: of each flow one that waits for its turn.

        The others wait in the ledger, so that no flow holds the threads that all of them need.
        """
        seen: set[str] = set()
        for id_, name in self._ledger.read(runs.asked_flows):
            if name in seen or self.turns.in_line(name, ASKED):
                continue
            seen.add(name)
            with self._ledger.begin() as db:
                taken = runs.take(db, id_)
            if taken is not None:
                self._schedule.now(self.work.run_asked, name, taken)

    def _sweep(self) -> None:
        """Deliver what has become due between a flow's times: retries, doubts, what was freed."""
        now, app = self._clock.now(), self.turns.app
        self._ledger.beat(now, self._clock.boottime())
        self._ledger.announce("daemon")
        for name in app.wired:
            if app.gate(name).admission.probe_is_due():
                self._schedule.once(self.work.probe, name)
        due = self._ledger.read(records.due_flows, app.flows, now)
        due |= self._ledger.read(records.unblocked_flows)
        self._begin({n for n in due if app.can_deliver(n)}, self.work.catch_up)
        touch(app, now)
        if self._night.is_due(app.config.zone, now):
            self._schedule.now(self.work.vacuum, "vacuum")
        self.outside.alarms.go(app)

    def _begin(self, flows: set[str], act: Callable[[str], None]) -> None:
        """Have *act* done for those of *flows* that run by themselves and could have their turn."""
        for name in sorted(flows):
            if runs_itself(self.turns.app, name) and self.turns.idle(name):
                self._schedule.once(act, name)

    def stop(self) -> bool:
        """Let nothing more begin; True if every call on the wire had ended in time."""
        notify("STOPPING=1")
        self._log.info("daemon stopping")
        self.vitals.stopping = True
        self._schedule.stop()
        self.turns.stop()
        ended = self.turns.ended(STOP_WITHIN)
        told = self.outside.stop()
        return ended and told


def runs_itself(app: App, name: str) -> bool:
    """Is flow *name* delivered without being asked for?"""
    flow = app.config.flows.get(name)
    return flow is not None and (flow.mode == "on_demand" or flow.every != "never")


def touch(app: App, now: datetime) -> None:
    """Touch the heartbeat file unless a flow is stale: whoever watches it hears our silence."""
    file = app.config.web.heartbeat
    if file is None:
        return
    found = freshness(app.config, app.ledger, now)
    if any(one.verdict == "stale" for one in found.values()):
        return
    try:
        file.touch()
    except OSError as error:  # its age tells it outside
        structlog.get_logger().error("heartbeat cannot be touched", error=error)


def run(path: Path) -> None:
    """Run the daemon on the configuration at *path*, then end the process."""
    app = open_app(path)
    try:
        app.flows = unattended(app.config, app.wired, app.flows)
        daemon = Daemon(app)
    except ConnectorError:
        app.close()
        raise
    if daemon.serve():
        daemon.turns.app.close()
    # A thread may wait all the same, for a system or for the ledger: an intent of its is found in
    # doubt by the next life, and a probe or a result that nobody wrote is nothing to wait for.
    os._exit(0)
