"""Alarms: each finding is told once to each who wants to know, and told again when it is over.

What was told is kept in the ledger, so that a restart repeats nothing. Told first, noted after: a
crash in between tells twice rather than never.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import structlog

from connector import messenger
from connector.app import App
from connector.conditions import Finding, View, findings, live
from connector.configured import Alert
from connector.ledger import alarms
from connector.ledger.alarms import Place, Told
from connector.messenger import Send
from connector.problems import Problems

QUIET = timedelta(minutes=15)  # between news of the same kind of the same flow
AGAIN = (30.0, 60.0, 300.0, 900.0)  # seconds until a target that failed is tried again


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What is to be told now, and what is noted once it is."""

    at: Place
    title: str
    text: str
    over: bool = False
    upto: datetime | None = None


class Alarms:
    """Looks for what must be told and tells it, in a thread of its own: no flow waits for it."""

    def __init__(self, app: App) -> None:
        self.failures: dict[str, int] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="alarms")
        self._round: Future[None] | None = None
        self._not_before: dict[str, float] = {}
        self._ways: Sequence[tuple[Alert, Send]] = ()
        self.follow(app)

    def follow(self, app: App) -> None:
        """Alert by the configuration of *app* from now on; raises ConfigError."""
        problems = Problems()
        senders = messenger.senders(app.config, problems)
        problems.raise_if_any()
        self._ways = tuple(zip(app.config.alerts, senders, strict=True))

    def go(self, app: App) -> None:
        """Begin a round, unless one is under way or there is nobody to tell."""
        if not self.idle:
            return
        if self._round is not None and (error := self._round.exception()) is not None:
            structlog.get_logger().error("alarms failed", error=error)
        self._round = self._pool.submit(self.round, app)

    @property
    def idle(self) -> bool:
        """Is nobody being told anything?"""
        return self._round is None or self._round.done()

    def stop(self, seconds: float = 0) -> bool:
        """Begin no further round; True if the one under way ended within *seconds*."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        until = time.monotonic() + seconds
        while not self.idle and time.monotonic() < until:
            time.sleep(0.01)
        return self.idle

    def round(self, app: App) -> None:
        """Tell every alert what is new to it, and what is over."""
        told = app.ledger.read(alarms.standing)
        for number, (alert, send) in enumerate(self._ways, 1):
            if time.monotonic() < self._not_before.get(mark(alert), 0):
                continue
            for message in news(view(app), alert, told):
                if not self._tell(alert, str(number), send, message):
                    break
                _note(app, message)
        wanted = {(mark(alert), when.text) for alert, _ in self._ways for when in alert.when}
        subjects = live(app.config)
        if dropped := [at for at in told if at[:2] not in wanted or at[2] not in subjects]:
            with app.ledger.begin() as db:
                for at in dropped:
                    alarms.forget(db, at)

    def _tell(self, alert: Alert, number: str, send: Send, message: Message) -> bool:
        if send(f"connector: {message.title}", message.text):
            self.failures.pop(number, None)
            return True
        self.failures[number] = count = self.failures.get(number, 0) + 1
        wait = AGAIN[min(count, len(AGAIN)) - 1]
        self._not_before[mark(alert)] = time.monotonic() + wait
        structlog.get_logger().error("alert not delivered", count=count, wait=wait)
        return False


def view(app: App) -> View:
    """What conditions look at, now."""
    zone: ZoneInfo = app.config.zone

    def tell(at: datetime) -> str:
        return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")

    return View(config=app.config, ledger=app.ledger, now=app.clock.now(), tell=tell)


def mark(alert: Alert) -> str:
    """What an alert is known by in the ledger: of the address as it is written, not of a secret."""
    return hashlib.sha256(str(alert.url.value).encode()).hexdigest()[:12]


def _note(app: App, message: Message) -> None:
    with app.ledger.begin() as db:
        if message.over:
            alarms.forget(db, message.at)
        else:
            alarms.tell(db, message.at, Told(told_at=app.clock.now(), upto=message.upto))


def news(view: View, alert: Alert, told: dict[Place, Told]) -> Iterator[Message]:
    """What *alert* has not heard yet, and what is over of what it has."""
    down = [when.after or timedelta(0) for when in alert.when if when.word == "connection_down"]
    view = replace(view, down_after=min(down, default=None))
    for when in alert.when:
        for subject, found in findings(view, when):
            at = (mark(alert), when.text, subject)
            match due(found, told.get(at), view.now):
                case "tell" if found is not None:
                    yield Message(at=at, title=found.title, text=found.text, upto=found.upto)
                case "over":
                    yield _over(view, at, told[at])
                case "tell" | "nothing":
                    pass


def due(
    found: Finding | None, told: Told | None, now: datetime
) -> Literal["tell", "over", "nothing"]:
    """Is there something to say? Pure: what is found now against what was told."""
    if found is None:
        return "over" if told is not None else "nothing"
    if told is None:
        return "tell"
    new = found.upto is not None and told.upto is not None and found.upto > told.upto
    return "tell" if new and now - told.told_at >= QUIET else "nothing"


def _over(view: View, at: Place, told: Told) -> Message:
    _, what, subject = at
    text = f"What was told at {view.tell(told.told_at)} is over.\nconnector status"
    return Message(at=at, title=f"{subject}: {what} is over", text=text, over=True)
