"""The product as it is, measured: `sync` of an orders flow with the durable SQLite ledger.

What it needs beforehand is done by itself and not measured: a sync of the first orders proves find
and links every customer and product.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete

from benchmarks.measure import Measured
from connector.app import App, opened
from connector.flow.flows import Flow
from connector.flow.pull import pull
from connector.ledger import migrate
from connector.ledger.alarms import under_way
from connector.ledger.schema import cursor
from connector.ledger.store import Ledger
from connector.places import migrations_folder

CONFIG = """\
version: 1
ledger: sqlite:///ledger.db
zone: Europe/Berlin
connections:
  shop:
    profile: woocommerce
    url: {url}
    zone: Europe/Berlin
    auth: {{type: oauth1, user: bench, password: "${{BENCH}}"}}
    lag: 1s
    limits: {{per_second: 100000}}
  erp:
    profile: sandbox_erp
    url: {url}/soap
    zone: Europe/Berlin
    auth: {{type: basic, user: bench, password: "${{BENCH}}"}}
    limits: {{concurrency: {slots}, timeout: 30s}}
    settle: 30s
    with: {{release: "false"}}
flows:
  products: {{entity: product, from: shop, to: erp, mode: link_only, match: [sku]}}
  customers: {{entity: customer, from: shop, to: erp, mode: on_demand}}
  orders:
    entity: order
    from: shop
    to: erp
    start: {start}
    reference: "BENCH-{{{{ doc.number }}}}"
"""


def prepare(folder: Path, url: str, born: datetime, slots: int) -> Path:
    """Make a ledger that lives since *born*, and a configuration that begins then."""
    ledger = Ledger(f"sqlite:///{folder / 'ledger.db'}")
    migrate.upgrade(ledger, migrations_folder(), born)
    ledger.close()
    env = folder / ".env"
    env.touch(mode=0o600)
    env.write_text("BENCH=bench\n")
    config = folder / "config.yaml"
    config.write_text(CONFIG.format(url=url, start=born.isoformat(), slots=slots))
    return config


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
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--born", type=datetime.fromisoformat, required=True)
    parser.add_argument("--warm", type=int, required=True)
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--only-warm", action="store_true", help="leave the rest to somebody else")
    parser.add_argument(
        "--again", action="store_true", help="read all of it once more, and time it"
    )
    args = parser.parse_args()
    config = prepare(args.folder, args.url, args.born, args.slots)
    with opened(config) as app:
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
