"""The demo's daemon: `connector run` as it is, except for what the demo does to it.

It kills itself once, and DEMO_BREAK switches rules off.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from connector import daemon, logs, points
from connector.testing.mutants import broken


def die_after(outcomes: int) -> None:
    """Kill this process, as SIGKILL does, once *outcomes* groups of outcomes were written."""
    left = [outcomes]

    def on_reach(point: str) -> None:
        if point == "reply.before_outcome":
            left[0] -= 1
            if left[0] <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    points.on_reach = on_reach


def main() -> None:
    """`python -m connector.demo.worker FOLDER [DIE_AFTER]`."""
    logs.start(as_json=True, level="warning")
    if len(sys.argv) > 2:
        die_after(int(sys.argv[2]))
    with broken(os.environ.get("DEMO_BREAK", "")):
        daemon.run(Path(sys.argv[1]) / "config.yaml")


if __name__ == "__main__":
    main()
