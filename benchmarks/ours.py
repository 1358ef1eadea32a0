"""The product as it is, measured: `sync` of an orders flow with the durable SQLite ledger.

What it needs beforehand is done by itself and not measured: a sync of the first orders proves find
and links every customer and product.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from sqlalchemy import delete

from benchmarks.measure import Measured
from connector.app import App, opened
from connector.flow.flows import Flow
from connector.flow.pull import pull
from connector.ledger.alarms import under_way
from connector.ledger.schema import cursor


def warm_up(app: App, flow: Flow, orders: int) -> None:
    """Deliver the first *orders*; find is proven on the first of them, the others wait for it."""
    app.sync(flow, only=[str(1000 + n) for n in range(orders)])
    finish(app, flow, Counter(), rest=0.2)


def deliver(app: App, flow: Flow) -> Counter[str]:
    """Sync, and go on until nothing is under way: what a busy ERP rejected is due a second on."""
    found = Counter(app.sync(flow).delivered["orders"])
    return finish(app, flow, found, rest=0.02)


def finish(app: App, flow: Flow, found: Counter[str], *, rest: float) -> Counter[str]:
    """Deliver what is under way, and add it to *found*; what is held waits for a person."""
    while app.ledger.read(under_way, [flow.name]):
        time.sleep(rest)
        found.update(app.catch_up(flow).delivered.get("orders", {}))
    return found


def read_again(app: App, flow: Flow) -> float:
    """How many unchanged records a second it reads and skips, all of them from the start."""
    with app.ledger.begin() as db:
        db.execute(delete(cursor).where(cursor.c.scope == flow.name))
    with Measured() as took:
        found = pull(app.system(flow.source), flow, app.ledger, app.clock)
    if found.new or found.changed:
        raise AssertionError(f"not all of it was skipped: {found}")
    return found.same / took.told()["seconds"]


def main() -> None:
    """`python -m benchmarks.ours`: warm up, deliver the rest; print what it took as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--born", required=True, help="since when its ledger lives (ISO, UTC)")
    parser.add_argument("--warm", type=int, required=True)
    parser.add_argument("--slots", default="16")
    parser.add_argument("--only-warm", action="store_true", help="leave the rest to somebody else")
    parser.add_argument(
        "--again", action="store_true", help="read all of it once more, and time it"
    )
    args = parser.parse_args()
    command = [sys.executable, "-m", "benchmarks.prepared", "--url", args.url]
    command += ["--folder", args.folder, "--born", args.born, "--slots", args.slots]
    subprocess.run(command, check=True)
    with opened(Path(args.folder) / "config.yaml") as app:
        flow = app.flows["orders"]
        warm_up(app, flow, args.warm)
        if args.only_warm:
            return
        with Measured() as took:
            delivered = deliver(app, flow)
        told = {**took.told(), "delivered": delivered}
        if args.again:
            told["again"] = read_again(app, flow)
        print(json.dumps(told))


if __name__ == "__main__":
    main()
