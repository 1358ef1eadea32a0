"""What SIGTERM and Ctrl-C do to a command that sends: what is not sent yet is withdrawn."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from connector.app import App


@contextmanager
def stoppable(app: App) -> Iterator[list[int]]:
    """SIGTERM and Ctrl-C withdraw what is not sent yet and let calls end; a second one aborts."""
    asked: list[int] = []

    def stop(number: int, _: object) -> None:
        asked.append(number)
        app.stop()
        for again, handler in before.items():
            signal.signal(again, handler)

    for name in app.wired:
        app.gate(name)  # made before a signal can come: a handler waits for no lock
    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
