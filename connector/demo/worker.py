"""The demo's worker process: pulls and delivers until it is told to end, or kills itself.

It is the connector as it is, except for the rules that DEMO_BREAK switches off.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from sqlalchemy import Connection, func, select

from connector import points
from connector.app import App, Report, opened
from connector.errors import ConnectorError, Unavailable
from connector.flow.pull import pull
from connector.ledger.schema import record
from connector.testing.mutants import broken

PAUSE = 0.25


def waiting(db: Connection) -> int:
    """How many records are on their way or in doubt."""
    busy = record.c.state.in_(("prepared", "running", "in_doubt"))
    return db.scalar(select(func.count()).select_from(record).where(busy)) or 0


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
    """Pull orders again and again, beside the deliveries: changes come while calls are out."""
    flow = app.flows["orders"]
    while not stop.wait(PAUSE):
        try:
            pull(app.system(flow.source), flow, app.ledger, app.clock)
            print(f"pulled {waiting_now(app)}", flush=True)  # noqa: T201 - the demo reads it
        except ConnectorError as error:
            print(f"away {error.code}", flush=True)  # noqa: T201


def waiting_now(app: App) -> int:
    """`waiting`, asked of the app's ledger."""
    return app.ledger.read(waiting)


def met(app: App, names: list[str]) -> bool:
    """Did both systems say who they are? Not while one is away."""
    try:
        app.meet(names)
    except Unavailable as error:
        print(f"away {error.code}", flush=True)  # noqa: T201
        return False
    return True


def work(folder: Path) -> None:
    """Deliver until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with opened(folder / "config.yaml") as app:
        flow = app.flows["orders"]
        puller = threading.Thread(target=keep_pulling, args=(app, stop), daemon=True)
        line = app.line(flow)
        while not met(app, [flow.source, flow.target]) and not stop.wait(PAUSE):
            pass
        puller.start()
        while not stop.wait(PAUSE):
            try:
                while app.round(line, Report()) and not stop.is_set():
                    pass
            except ConnectorError as error:
                print(f"away {error.code}", flush=True)  # noqa: T201
        puller.join(timeout=10)


def main() -> None:
    """`python -m connector.demo.worker FOLDER [DIE_AFTER]`."""
    if len(sys.argv) > 2:
        die_after(int(sys.argv[2]))
    with broken(os.environ.get("DEMO_BREAK", "")):
        work(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
