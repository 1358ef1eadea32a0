"""What ours needs beforehand: a ledger and a configuration, made in a process of their own.

So what makes the tables takes no memory of the process that is measured, as it is with an admin.
"""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path

from connector.ledger import migrate
from connector.ledger.store import Ledger
from connector.places import migrations_folder

CONFIG = """\
version: 1
ledger: {ledger}
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


def prepare(folder: Path, url: str, born: datetime, slots: int, address: str = "") -> Path:
    """Make a ledger that lives since *born*, and a configuration that begins then.

    *address*: of a database for it, if not a file in *folder*.
    """
    address = address or f"sqlite:///{folder / 'ledger.db'}"
    ledger = Ledger(address)
    migrate.upgrade(ledger, migrations_folder(), born)
    ledger.close()
    env = folder / ".env"
    env.touch(mode=0o600)
    env.write_text("BENCH=bench\n")
    config = folder / "config.yaml"
    config.write_text(CONFIG.format(ledger=address, url=url, start=born.isoformat(), slots=slots))
    return config


def main() -> None:
    """`python -m benchmarks.prepared`: make them in a folder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--born", type=datetime.fromisoformat, required=True)
    parser.add_argument("--slots", type=int, default=16)
    args = parser.parse_args()
    prepare(args.folder, args.url, args.born, args.slots)


if __name__ == "__main__":
    main()
