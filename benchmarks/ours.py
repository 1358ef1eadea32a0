"""The product as it is, measured: `sync` of an orders flow with the durable SQLite ledger.

What it needs beforehand is done by itself and not measured: a sync of the first orders proves find
and links every customer and product.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, delete, func, select

from benchmarks.measure import Measured
from connector.app import App, opened
from connector.flow.flows import Flow
from connector.flow.pull import pull
from connector.ledger import migrate
from connector.ledger.schema import cursor, record
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
    done = 0
    while done < orders:
        report = app.sync(flow, only=[str(1000 + n) for n in range(orders)])
        done += report.delivered["orders"].get("Done", 0)
        time.sleep(0.2)


def deliver(app: App, flow: Flow) -> dict[str, int]:
    """Sync, and go on until nothing waits any more: what a busy ERP rejected is due a second on."""
    found = app.sync(flow).delivered["orders"]
    while app.ledger.read(waiting):
        time.sleep(0.02)
        for name, more in app.catch_up(flow).delivered.get("orders", {}).items():
            found[name] = found.get(name, 0) + more
    return found


def waiting(db: Connection) -> int:
    """How many records are not done."""
    return db.scalar(select(func.count()).select_from(record).where(record.c.state != "done")) or 0


def read_again(app: App, flow: Flow) -> float:
    """Seconds for reading everything from the start, of which nothing has changed."""
    with app.ledger.begin() as db:
        db.execute(delete(cursor).where(cursor.c.scope == flow.name))
    with Measured() as took:
        found = pull(app.system(flow.source), flow, app.ledger, app.clock)
    if found.new or found.changed:
        raise AssertionError(f"not all of it was skipped: {found}")
    return took.told()["seconds"]


def main() -> None:
    """`python -m benchmarks.ours`: warm up, deliver the rest; print what it took as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--born", type=datetime.fromisoformat, required=True)
    parser.add_argument("--warm", type=int, required=True)
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument(
        "--again", action="store_true", help="read all of it once more, and time it"
    )
    args = parser.parse_args()
    config = prepare(args.folder, args.url, args.born, args.slots)
    with opened(config) as app:
        flow = app.flows["orders"]
        warm_up(app, flow, args.warm)
        with Measured() as took:
            delivered = deliver(app, flow)
        told = {**took.told(), "delivered": delivered}
        if args.again:
            told["again"] = read_again(app, flow)
        print(json.dumps(told))


if __name__ == "__main__":
    main()
