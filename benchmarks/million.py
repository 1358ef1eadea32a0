"""`make bench-million`: the backfill of a million orders, killed once in the middle.

Each order is looked for in the ERP first; then the plan is accepted and all are created. What is
told: how long both took, the memory of the process over time, and what the ERP has at the end.
MILLION (1000000) says how many orders it is.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.prepared import prepare
from benchmarks.shop_data import CROWD
from benchmarks.trial import CONNECTOR, asked, served
from connector.codes import ATTENTION

SLOTS, LOOK = 16, 0.5
QUICK = re.compile(r"(?<=timeout: |.settle: )30s")
KILLED = -9


@dataclass(slots=True)
class Course:
    """What was seen: memory in MB at each look, in looking for them and in creating them."""

    looked: list[float] = field(default_factory=list)
    created: list[float] = field(default_factory=list)


def begin(folder: Path, url: str) -> None:
    """A ledger and a flow that start a minute ago: every order is older than both.

    Were it now, a first run within the shop's lag would end its range before the start, and the
    second would be another backfill.
    """
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    config = prepare(folder, url, start, SLOTS)
    # This ERP commits nothing late; what the kill leaves in doubt need not wait for it.
    config.write_text(QUICK.sub("2s", config.read_text()))


def backfill(
    folder: Path, first: datetime, seen: list[float], *words: str, kill_at: int = 0, url: str = ""
) -> int:
    """Run it to its end, or until *kill_at* orders are in the ERP; its exit code."""
    since = (first - timedelta(days=1)).isoformat()
    command = [*CONNECTOR, "flow", "backfill", "orders", "--from", since, *words]
    command += ["--config", str(folder / "config.yaml")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            seen.append(memory(process.pid))
            if kill_at and int(asked(url)["orders"]) >= kill_at:
                process.kill()
            time.sleep(LOOK)
    return process.returncode


def memory(pid: int) -> float:
    """The resident memory of a process, in MB; 0.0 once it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    lines = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(lines[0]) / 1024 if lines else 0.0


def over_time(seen: list[float]) -> str:
    """The most memory in each tenth of the time."""
    tenths = [seen[len(seen) * n // 10 : len(seen) * (n + 1) // 10] for n in range(10)]
    return " ".join(f"{max(part):.0f}" for part in tenths if part)


def run(orders: int) -> str:
    """The whole course, and what is printed; AssertionError if an order is lost or there twice."""
    first = datetime.now(UTC).replace(microsecond=0)
    first -= timedelta(seconds=orders // CROWD + 3600)
    course = Course()
    with served(orders, first, "--many") as url, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begin(folder, url)
        began = time.monotonic()
        assert backfill(folder, first, course.looked) == ATTENTION, "nothing is to be created"
        planned = time.monotonic()
        half = orders // 2
        code = backfill(folder, first, course.created, "--yes", kill_at=half, url=url)
        assert code == KILLED, f"it ended with {code} before it could be killed"
        assert backfill(folder, first, course.created, "--yes") == 0, "not all of it was created"
        ended, stats = time.monotonic(), asked(url)
        size = (folder / "ledger.db").stat().st_size / 2**20
    found = (stats["orders"], stats["duplicates"])
    assert found == (orders, 0), f"{found[0]} of {orders} orders came, {found[1]} twice"
    looked, created = planned - began, ended - planned
    return (
        f"looked for in {looked:.0f} s, MB over time: {over_time(course.looked)}\n"
        f"created in {created:.0f} s with one kill, MB over time: {over_time(course.created)}\n"
        f"million: orders={orders} killed=1 lost=0 duplicated=0 per_s={orders / created:.0f}"
        f" rss_mb={max(course.looked + course.created):.0f} ledger_mb={size:.0f}"
    )


def main() -> None:
    """Run and print."""
    print(run(int(os.environ.get("MILLION", "1000000"))))


if __name__ == "__main__":
    main()
