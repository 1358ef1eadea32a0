"""Whose turn it is: one run at a time for a pair of connections, all of one configuration (O5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from connector.app import App
from connector.errors import ConnectorError, NotSent
from connector.flow.flows import Flow

Pair = tuple[str, str]


class Turns:
    """Runs under way, and the configuration that each of them holds until its end."""

    def __init__(self, app: App) -> None:
        self.app = self._ours(app)
        self._next: App | None = None
        self._busy: dict[Pair, str] = {}
        self._line: Counter[str] = Counter()
        self._stopping = False
        self._change = Condition()

    @contextmanager
    def turn(self, name: str) -> Iterator[tuple[App, Flow]]:
        """Wait for the turn of flow *name*; raises NotSent once we stop, ConnectorError(usage)."""
        with self._change:
            self._line[name] += 1
            try:
                self._change.wait_for(lambda: self._stopping or self._free(name))
            finally:
                self._line[name] -= 1
            app = self.app
            if self._stopping:
                raise NotSent("stopping")
            if name not in app.flows:
                raise ConnectorError(f"there is no flow `{name}`", code="usage")
            flow = app.flows[name]
            self._busy[flow.source, flow.target] = name
        try:
            yield app, flow
        finally:
            with self._change:
                del self._busy[flow.source, flow.target]
                self._change_if_idle()

    @contextmanager
    def beside(self, name: str) -> Iterator[None]:
        """The turn of flow *name* for a run that has one of its own already, under its app.

        Waits while somebody has it, also when a configuration waits for us to end. Raises NotSent.
        """
        with self._change:
            flow = self.app.flows[name]
            pair = (flow.source, flow.target)
            self._change.wait_for(lambda: self._stopping or pair not in self._busy)
            if self._stopping:
                raise NotSent("stopping")
            self._busy[pair] = name
        try:
            yield
        finally:
            with self._change:
                del self._busy[pair]
                self._change_if_idle()

    def _ours(self, app: App) -> App:
        app.beside = self.beside
        return app

    def idle(self, name: str) -> bool:
        """Could *name* have its turn at once?"""
        with self._change:
            return self._free(name)

    def in_line(self, name: str) -> bool:
        """Does somebody wait for the turn of *name* already?"""
        with self._change:
            return self._line[name] > 0

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

    def _free(self, name: str) -> bool:
        flow = self.app.flows.get(name)
        free = flow is None or (flow.source, flow.target) not in self._busy
        return free and self._next is None

    def _change_if_idle(self) -> None:
        if self._next is not None and not self._busy:
            before, self.app, self._next = self.app, self._ours(self._next), None
            before.let_go()
        self._change.notify_all()
