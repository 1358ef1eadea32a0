"""How many calls may be on the wire at once, where that may change while they are."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LOOK = 0.2  # seconds until a waiting call notices that it shall not begin any more
DRY = 5.0  # seconds without any slot after which nobody waits for one


class Slots:
    """At most *most* holders at once; what is shared with other processes is lent for a time."""

    def __init__(self, most: int) -> None:
        self._allowed, self._in_use, self._window = most, 0, most
        self._lent_until: float | None = None
        self._dry_since: float | None = None
        self._alone = threading.Lock()
        self._change, self._waiting = threading.Condition(self._alone), 0

    def lend(self, slots: int, seconds: float) -> None:
        """Allow *slots* from now on, and none once *seconds* are over unless it is said again."""
        with self._alone:
            self._allowed, self._lent_until = slots, time.monotonic() + seconds
            self._change.notify_all()

    def open_to(self, window: int) -> None:
        """Let no more than *window* be held from now on, of those that are allowed."""
        if window == self._window:
            return
        with self._alone:
            more, self._window = window - self._window, window
            if more > 0:
                self._change.notify(more)

    def shrink(self, most: int) -> int:
        """Let no more than *most* begin from now on; how many are held."""
        with self._alone:
            self._allowed = min(self._allowed, most)
            return self._in_use

    @property
    def in_use(self) -> int:
        """How many are held."""
        return self._in_use

    @property
    def allowed(self) -> int:
        """How many may be held now."""
        with self._alone:
            return min(self._allowed, self._window) if self._lent() else 0

    @property
    def full(self) -> bool:
        """Are as many held as the window lets?"""
        return self._in_use >= self._window

    def take(self, stopped: Callable[[], bool]) -> bool:
        """Wait for one and hold it, until it is given back.

        Nobody waits once *stopped*. False: there was none at all for a while, others have them;
        who waits had better come again.
        """
        with self._alone:
            while not (stopped() or self._free() or self._dry()):
                self._waiting += 1
                self._change.wait(LOOK)
                self._waiting -= 1
            self._in_use += 1
            return not self._dry()

    def give(self) -> None:
        """Give one back."""
        with self._alone:
            self._in_use -= 1
            if self._waiting:
                self._change.notify()

    def _free(self) -> bool:
        return self._in_use < min(self._allowed, self._window) and self._lent()

    def _dry(self) -> bool:
        if self._allowed and self._lent():
            self._dry_since = None
            return False
        self._dry_since = self._dry_since or time.monotonic()
        return time.monotonic() - self._dry_since >= DRY

    def _lent(self) -> bool:
        return self._lent_until is None or time.monotonic() < self._lent_until
