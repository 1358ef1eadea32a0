"""A backfill, step by step: read and look first, create only once a person accepted its plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from connector.app import App
from connector.errors import NotNow
from connector.flow.backfill import looking_back, stage_pages
from connector.flow.decide import NOT_ACCEPTED
from connector.flow.flows import Flow
from connector.ledger import backfills, brakes, shares
from connector.ledger.backfills import Backfill
from connector.points import reach
from connector.report import Report

SOON = 1.0  # seconds after which is looked again at what somebody else has in hand


@dataclass(frozen=True, kw_only=True)
class Step:
    """How far a backfill is: *over*: nothing is left that may be done now without a person.

    *wait*: seconds until the next step is of use; *away*: who did not answer.
    """

    over: bool = False
    wait: float = 0.0
    away: dict[str, str] = field(default_factory=dict)
    braked: dict[str, str] = field(default_factory=dict)


class Backfilling:
    """One backfill under way. All that lasts is in the ledger: it may be killed at any point."""

    def __init__(self, id_: int) -> None:
        self._id = id_
        self._pages: Iterator[int] | None = None
        self._app: App | None = None

    def step(self, app: App, flow: Flow) -> Step:
        """Read one page, or let go what the rate allows, and deliver what is due.

        Raises Unavailable, Unauthorized, Truncated, Braked, WrongSystem.
        """
        self._meet(app, flow)
        at = app.ledger.read(backfills.get, self._id)
        following: datetime | None = None
        reads = not at.walked and self._read(app, flow, at)
        if at.walked and at.accepted_at is not None:
            following = _let_go(app, at)
        report = app.deliver(flow, Report())
        reach("backfill.step")
        stop = app.ledger.read(brakes.latest, flow.name).get("same_error")
        if stop is not None and stop.is_open:  # the one brake that halts what was accepted, too
            return Step(over=True, away=report.stopped, braked={flow.name: stop.words})
        away, at = report.stopped, app.ledger.read(backfills.get, self._id)
        if away or not at.walked:
            return Step(away=away, wait=0.0 if reads or away else SOON)
        return _next(app, at, following)

    def read(self, app: App, flow: Flow) -> bool:
        """Read one page of a part that nobody else reads; False: none is left to be read here.

        Raises as `step`.
        """
        self._meet(app, flow)
        at = app.ledger.read(backfills.get, self._id)
        return not at.walked and self._read(app, flow, at)

    def _meet(self, app: App, flow: Flow) -> None:
        if self._app is not app:  # a reload came in between: the walk goes on where it stood
            self._app, self._pages = app, None
            app.ready(flow)

    def _read(self, app: App, flow: Flow, at: Backfill) -> bool:
        while self._pages is not None or self._take(app, flow, at):
            try:
                if self._pages is not None and next(self._pages, None) is not None:
                    return True
            except NotNow as error:
                if error.code != "read_elsewhere":
                    raise
            self._pages = None  # that part is read, by us or by others
        return False

    def _take(self, app: App, flow: Flow, at: Backfill) -> bool:
        ledger = app.ledger
        with ledger.begin() as db:
            part = backfills.take(db, at, ledger.owner, shares.living(db))
        if part is not None:
            source, back = app.system(flow.source), looking_back(flow, at.statuses)
            self._pages = stage_pages(source, back, part, ledger, app.clock)
        return part is not None


def _let_go(app: App, at: Backfill) -> datetime:
    """Let as many be created as the rate allows now; when the next ones may be."""
    with app.ledger.begin() as db:
        return backfills.release(db, at, NOT_ACCEPTED, app.clock.now())


def _next(app: App, at: Backfill, following: datetime | None) -> Step:
    """What the next step of what is read waits for, and whether there is one."""
    now = app.clock.now()
    due = app.ledger.read(backfills.moving_at, at)
    left = at.accepted_at is not None and app.ledger.read(backfills.is_left, at, NOT_ACCEPTED)
    times = [due] if due is not None else []
    if left and following is not None:
        times.append(following)
    if times:
        seconds = (min(times) - now).total_seconds()
        return Step(wait=max(0.0, seconds) if left else max(SOON, seconds))
    if at.accepted_at is not None:
        with app.ledger.begin() as db:
            backfills.end(db, at.id, now)
    return Step(over=True)
