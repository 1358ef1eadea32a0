"""Whose turn it is: one run at a time for a pair of connections, all of one configuration (O5)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import Condition

from connector.app import App
from connector.errors import ConnectorError, NotSent
from connector.flow.flows import Flow

Pair = tuple[str, str]
PATIENCE = 5.0  # seconds that a delivery may take while others wait for the turn
WISH = 2.0  # seconds for which one is wanted who comes again to see whether it is free


def pair_of(flow: Flow) -> Pair:
    """From where to where."""
    return flow.source, flow.target


class Wants:
    """Who would have the turn of which flow, and who has had his for a while; under a lock."""

    def __init__(self) -> None:
        self.line: Counter[tuple[str, str]] = Counter()
        self._until: dict[str, float] = {}
        self._began: dict[Pair, float] = {}

    @contextmanager
    def waiting(self, name: str, who: str) -> Iterator[None]:
        """*who* waits for the turn of *name* as long as this lasts."""
        self.line[name, who] += 1
        try:
            yield
        finally:
            self.line[name, who] -= 1

    def wish(self, name: str) -> None:
        """Somebody would have the turn of *name*, and looks again soon."""
        self._until[name] = time.monotonic() + WISH

    def begin(self, pair: Pair, name: str) -> None:
        """Somebody has it."""
        self._began[pair] = time.monotonic()
        self._until.pop(name, None)

    def patient(self, pair: Pair) -> bool:
        """Has it been had for so short a time that others can wait?"""
        now = time.monotonic()
        return now - self._began.get(pair, now) < PATIENCE

    def any(self, names: Collection[str]) -> bool:
        """Does somebody want the turn of one of *names*?"""
        now = time.monotonic()
        wished = (name for name, until in self._until.items() if until > now)
        waiting = (name for (name, _), count in self.line.items() if count)
        return not {*wished, *waiting}.isdisjoint(names)


class Turns:
    """Runs under way, and the configuration that each of them holds until its end."""

    def __init__(self, app: App) -> None:
        self.app = _joined(self, app)
        self._next: App | None = None
        self._busy: dict[Pair, str] = {}
        self._wants = Wants()
        self._stopping = False
        self._change = Condition()

    @contextmanager
    def turn(self, name: str, who: str = "") -> Iterator[tuple[App, Flow]]:
        """Wait for the turn of flow *name*; raises NotSent once we stop, ConnectorError(usage)."""
        with self._change:
            with self._wants.waiting(name, who):
                self._change.wait_for(lambda: self._stopping or self._free(name))
            app = self.app
            if self._stopping:
                raise NotSent("stopping")
            if name not in app.flows:
                raise ConnectorError(f"there is no flow `{name}`", code="usage")
            pair = self._begin(name)
        try:
            yield app, app.flows[name]
        finally:
            with self._change:
                del self._busy[pair]
                self._change_if_idle()

    @contextmanager
    def beside(self, name: str) -> Iterator[None]:
        """The turn of flow *name* for a run that has one of its own already, under its app.

        Waits while somebody has it, also when a configuration waits for us to end. Raises NotSent.
        """
        with self._change:
            pair = pair_of(self.app.flows[name])
            with self._wants.waiting(name, ""):
                self._change.wait_for(lambda: self._stopping or pair not in self._busy)
            if self._stopping:
                raise NotSent("stopping")
            self._begin(name)
        try:
            yield
        finally:
            with self._change:
                del self._busy[pair]
                self._change_if_idle()

    def wish(self, name: str) -> None:
        """Say that somebody would have the turn of *name*, and will look again soon."""
        with self._change:
            self._wants.wish(name)

    def wanted(self, name: str) -> bool:
        """Should the run of *name* end? It has had its turn for a while, and others wait."""
        with self._change:
            pair = pair_of(self.app.flows[name])
            if self._wants.patient(pair):
                return False
            mates = [one.name for one in self.app.flows.values() if pair_of(one) == pair]
            return self._next is not None or self._wants.any(mates)

    def idle(self, name: str) -> bool:
        """Could *name* have its turn at once?"""
        with self._change:
            return self._free(name)

    def in_line(self, name: str, who: str) -> bool:
        """Does *who* wait for the turn of *name* already?"""
        with self._change:
            return self._wants.line[name, who] > 0

    def replace(self, app: App) -> None:
        """Let *app* take over when the runs under way have ended; until then none begins."""
        with self._change:
            if self._next is not None:
                self._next.let_go()
            self._next = app
            self._change_if_idle()

    def waits_for(self) -> list[str]:
        """The flows whose runs keep a configuration from taking over; empty: none waits."""
        with self._change:
            return sorted(self._busy.values()) if self._next is not None else []

    def stop(self) -> None:
        """Begin no run and no call; what is not sent yet is withdrawn by its run."""
        with self._change:
            self._stopping = True
            self.app.stop()
            self._change.notify_all()

    def rest(self, seconds: float) -> bool:
        """Let others have their turn for so long; True once we stop."""
        with self._change:
            return self._change.wait_for(lambda: self._stopping, seconds)

    def ended(self, seconds: float) -> bool:
        """Wait at most *seconds* for the runs under way; True if all have ended."""
        with self._change:
            return self._change.wait_for(lambda: not self._busy, seconds)

    def _begin(self, name: str) -> Pair:
        pair = pair_of(self.app.flows[name])
        self._busy[pair] = name
        self._wants.begin(pair, name)
        return pair

    def _free(self, name: str) -> bool:
        flow = self.app.flows.get(name)
        free = flow is None or pair_of(flow) not in self._busy
        return free and self._next is None

    def _change_if_idle(self) -> None:
        if self._next is not None and not self._busy:
            before, self.app, self._next = self.app, _joined(self, self._next), None
            before.let_go()
        self._change.notify_all()


def _joined(turns: Turns, app: App) -> App:
    """*app*, whose runs ask *turns* whose turn it is."""
    app.beside, app.wanted = turns.beside, turns.wanted
    return app
