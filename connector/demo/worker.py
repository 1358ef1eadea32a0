"""The demo's daemon: `connector run` as it is, except for what the demo does to it.

It kills itself once, and DEMO_BREAK switches rules off.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

from connector import logs, points
from connector.app import App, open_app
from connector.daemon import Daemon
from connector.errors import ConnectorError
from connector.flow.pull import pull
from connector.testing.mutants import broken

PAUSE = 0.25


def die_after(outcomes: int) -> None:
    """Kill this process, as SIGKILL does, once *outcomes* groups of outcomes were written."""
    left = [outcomes]

    def on_reach(point: str) -> None:
        if point == "reply.before_outcome":
            left[0] -= 1
            if left[0] <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    points.on_reach = on_reach


def keep_pulling(app: App, stop: threading.Event) -> None:
    """Read orders beside the daemon's own turns: changes come while calls are out."""
    flow = app.flows["orders"]
    while not stop.wait(PAUSE):
        with suppress(ConnectorError):  # it is away, or was read elsewhere: the daemon tells it
            pull(app.system(flow.source), flow, app.ledger, app.clock)


def work(folder: Path) -> None:
    """Run the daemon until SIGTERM."""
    app, stop = open_app(folder / "config.yaml"), threading.Event()
    puller = threading.Thread(target=keep_pulling, args=(app, stop), daemon=True)
    daemon = Daemon(app)
    puller.start()
    ended = daemon.serve()
    stop.set()
    puller.join(timeout=10)
    if not ended:
        os._exit(0)  # a call hangs: its intent is in doubt
    app.close()


def main() -> None:
    """`python -m connector.demo.worker FOLDER [DIE_AFTER]`."""
    logs.start(as_json=True, level="warning")
    if len(sys.argv) > 2:
        die_after(int(sys.argv[2]))
    with broken(os.environ.get("DEMO_BREAK", "")):
        work(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
