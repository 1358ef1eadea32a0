"""Hooks: what systems send of their own accord is verified, committed, and only then answered."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future

import structlog
from sqlalchemy.exc import SQLAlchemyError

from connector import wiring
from connector.app import App
from connector.configured import Config, Flow
from connector.errors import LedgerAway
from connector.ledger import hints
from connector.points import reach
from connector.ports import Hints
from connector.problems import Problems
from connector.turns import Turns
from connector.values import Forged, Hint, Ping
from connector.web import Request, Response, Route

MOST_A_SECOND = 200
QUIET = 60.0  # seconds between lines about forgeries: a flood of them must not fill the log
Word = tuple[Sequence[str], str, str | None]  # flows, key, version


class Receiver:
    """Takes hints for the flows of each connection; a burst of them shares its commits."""

    def __init__(self, turns: Turns) -> None:
        self.heard: Counter[tuple[str, str]] = Counter()
        self._turns = turns
        self._hints: Mapping[str, Hints] = {}
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._waiting: list[tuple[Word, Future[None]]] = []
        self._second, self._in_second = 0, 0
        self._forged_told = float("-inf")
        self.follow(turns.app)

    def follow(self, app: App) -> None:
        """Verify by the secrets of *app* from now on; raises ConfigError."""
        problems = Problems()
        made = {name: wiring.hints(app.config, one, problems) for name, one in app.wired.items()}
        problems.raise_if_any()
        self._hints = {name: one for name, one in made.items() if one is not None}

    def routes(self) -> dict[str, Route]:
        """What a listener serves."""
        return {"POST /hooks/": self.receive}

    def receive(self, asked: Request) -> Response:
        """Answer one message: 200 once it is durable; 401 to a forger, and nothing is kept."""
        name = asked.path.removeprefix("/hooks/")
        judge = self._hints.get(name)
        if judge is None:
            return Response(status=404, text="no such connection\n")
        match judge.parse(asked.headers, asked.body):
            case Forged():
                return self._forged(name)
            case Ping():
                return self._said(name, "ping", 200)
            case Hint(entity=entity, key=key, version=version):
                flows = listening(self._turns.app, name, entity)
                if not flows:
                    return self._said(name, "ignored", 200)
                return self._keep(name, (flows, key, version))

    def _keep(self, name: str, word: Word) -> Response:
        if self._too_many():
            return self._said(name, "too_many", 503)
        try:
            self._commit(word)
        except (LedgerAway, SQLAlchemyError) as error:
            structlog.get_logger().error("hint not kept", connection=name, error=error)
            return self._said(name, "failed", 503)
        reach("hint.committed_before_200")
        return self._said(name, "hint", 200)

    def _said(self, name: str, what: str, status: int) -> Response:
        with self._lock:
            self.heard[name, what] += 1
        return Response(status=status)

    def _forged(self, name: str) -> Response:
        with self._lock:
            tell = time.monotonic() - self._forged_told > QUIET
            self._forged_told = time.monotonic() if tell else self._forged_told
        if tell:
            count = self.heard[name, "forged"] + 1
            structlog.get_logger().warning("webhook forged", connection=name, count=count)
        return self._said(name, "forged", 401)

    def _too_many(self) -> bool:
        with self._lock:
            if self._second != (second := int(time.monotonic())):
                self._second, self._in_second = second, 0
            self._in_second += 1
            return self._in_second > MOST_A_SECOND

    def _commit(self, word: Word) -> None:
        """Make *word* durable, with all that wait by now: one commit for a burst."""
        mine: Future[None] = Future()
        with self._lock:
            self._waiting.append((word, mine))
        with self._writing:
            with self._lock:
                taken, self._waiting = self._waiting, []
            try:
                if taken:
                    self._write([word for word, _ in taken])
            except BaseException as error:
                for _, one in taken:
                    one.set_exception(error)
                raise
            for _, one in taken:
                one.set_result(None)
        mine.result()

    def _write(self, words: Sequence[Word]) -> None:
        app = self._turns.app
        by_flow: dict[str, list[tuple[str, str | None]]] = {}
        for flows, key, version in words:
            for flow in flows:
                by_flow.setdefault(flow, []).append((key, version))
        with app.ledger.begin() as db:
            for flow in sorted(by_flow):
                hints.note(db, flow, by_flow[flow], app.clock.now())
            reach("hint.before_commit")


def listening(app: App, connection: str, entity: str) -> list[str]:
    """The flows that read *entity* of *connection* by themselves."""
    flows = reading(app.config, connection)
    return [flow.name for flow in flows if flow.entity == entity]


def listening_entities(config: Config, connection: str) -> list[str]:
    """What is read of *connection* by flows of their own accord."""
    return sorted({flow.entity for flow in reading(config, connection)})


def reading(config: Config, connection: str) -> list[Flow]:
    """The flows that read *connection* by themselves."""
    return [
        flow
        for flow in config.flows.values()
        if flow.source == connection and flow.mode != "on_demand" and flow.every != "never"
    ]
