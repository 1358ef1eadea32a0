"""How the daemon lives, as health checks and Prometheus ask it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import connector
from connector import metrics
from connector.errors import LedgerAway
from connector.freshness import freshness
from connector.metrics import Numbers
from connector.turns import Turns
from connector.web import Request, Response, Route

STANDS_STILL = 60.0  # seconds without a look: the ledger's longest wait, and as much again
ANEW = 2.0  # seconds for which the numbers are given again, so that a flood costs one query


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """What the daemon counts while it runs: flow → end of its last good run, failures in a row;

    alert → failures in a row; (connection, what) → messages heard.
    """

    ran: Mapping[str, datetime] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    undelivered: Mapping[str, int] = field(default_factory=dict)
    heard: Mapping[tuple[str, str], int] = field(default_factory=dict)


class Vitals:
    """What the daemon's loop tells of itself, and the routes that pass it on."""

    def __init__(self, turns: Turns, counts: Counts) -> None:
        self.ledger_answers = True
        self.reload_refused = False
        self.clock_is_right = True
        self.stopping = False
        self._turns, self._counts = turns, counts
        self._started, self._looked = False, time.monotonic()
        self._told, self._told_at = "", float("-inf")
        self._telling = threading.Lock()

    def looked(self) -> None:
        """The loop went round."""
        self._started, self._looked = True, time.monotonic()

    def routes(self) -> dict[str, Route]:
        """What a listener serves."""
        return {
            "GET /healthz": self.healthz,
            "GET /readyz": self.readyz,
            "GET /metrics": self.metrics,
        }

    def healthz(self, _: Request) -> Response:
        """Does the loop go round? Who restarts us asks this."""
        if time.monotonic() - self._looked > STANDS_STILL:
            return Response(status=503, text="the daemon's loop stands still\n")
        return Response(status=200, text="ok\n")

    def readyz(self, _: Request) -> Response:
        """Can it deliver, by its latest configuration?"""
        reasons = self._not_ready()
        if reasons:
            return Response(status=503, text="".join(f"{reason}\n" for reason in reasons))
        return Response(status=200, text="ok\n")

    def metrics(self, _: Request) -> Response:
        """All numbers, as Prometheus reads them."""
        with self._telling:
            if time.monotonic() - self._told_at > ANEW:
                self._told = metrics.told(self._numbers())
                self._told_at = time.monotonic()
            return Response(status=200, text=self._told, kind=metrics.KIND)

    def _not_ready(self) -> list[str]:
        said = {
            "the daemon starts": not self._started,
            "the daemon stops": self.stopping,
            "the ledger does not answer": not self.ledger_answers,
            "the clock of this machine is not the database's": not self.clock_is_right,
            "the configuration was refused at the last reload": self.reload_refused,
        }
        return [reason for reason, holds in said.items() if holds]

    def _numbers(self) -> Numbers:
        app = self._turns.app
        ledger: dict[str, Any] = {
            **{"standing": [], "doubts": {}, "set_aside": [], "hints": {}, "fresh": {}}
        }
        try:
            ledger = metrics.of_ledger(app.ledger)
            ledger["fresh"] = freshness(app.config, app.ledger, app.clock.now())
        except LedgerAway:
            self.ledger_answers = False  # until the loop finds that it answers again
        return Numbers(
            now=app.clock.now(),
            ready=not self._not_ready(),
            version=connector.__version__,
            measured={name: app.gate(name).meter.read() for name in app.wired},
            states={name: app.gate(name).standing().state for name in app.wired},
            ran=dict(self._counts.ran),
            failures=dict(self._counts.failures),
            undelivered=dict(self._counts.undelivered),
            heard=dict(self._counts.heard),
            **ledger,
        )
