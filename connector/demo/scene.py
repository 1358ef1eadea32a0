"""The demo's scene: folder, configuration, both sandboxes as processes, and the clerk's changes."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connector.ledger import life, migrate
from connector.ledger.store import Ledger
from connector.places import migrations_folder
from connector.sandbox import edit, erp_stock
from connector.sandbox.erp import open_erp
from connector.sandbox.seed import Seeded, order_of, seed_erp, seed_shop, skus

ORDERS, LATER, CUSTOMERS = 250, 90, 80  # LATER: of the orders, during the storm
PRODUCTS = 107  # with their variations 120 SKUs
BUFFER = 2  # pieces of each that the shop never offers
CHANGES = 380
REGRETS, REGRETTING = 60, 4.0  # orders changed once more at the end, thrice in so many seconds
OUTAGE: dict[str, Any] = {"fault": "outage", "seconds": 20}

CONFIG = """\
version: 1
ledger: sqlite:///ledger.db
zone: Europe/Berlin
connections:
  shop:
    profile: woocommerce
    url: {shop}
    zone: Europe/Berlin
    auth: {{type: oauth1, user: "${{WOO_KEY}}", password: "${{WOO_SECRET}}"}}
    lag: 1s
    limits: {{concurrency: 4, per_second: 500, timeout: 10s}}
  erp:
    profile: sandbox_erp
    url: {erp}/soap
    zone: Europe/Berlin
    auth: {{type: basic, user: "${{ERP_USER}}", password: "${{ERP_PASSWORD}}"}}
    limits: {{concurrency: 8, timeout: 2s}}
    settle: 6s
flows:
  products: {{entity: product, from: shop, to: erp, mode: link_only, match: [sku]}}
  customers:
    {{entity: customer, from: shop, to: erp, mode: on_demand, match: [email], guests: each}}
  orders:
    entity: order
    from: shop
    to: erp
    start: {start}
    reference: "DEMO-{{{{ doc.number }}}}"
    brakes: {{first: 0}}
attempts: {{pattern: [1s, 2s], most: 12, doubt: {{alarm: 1h}}}}
"""
# What the demo adds: the daemon's times, stock the other way, and webhooks.
_STOCK = """\
  stock:
    entity: stock
    from: erp
    to: shop
    every: 3s
    amount: {{minus_unsent_orders: [orders], buffer: 2}}
    brakes: {{zeroed: 100%, changed: 100%}}
web: {{listen: "{listen}"}}
attempts:"""
_HOOKS = 'lag: 1s\n    webhooks: {{secret: "${{WOO_WEBHOOK}}", url: "{hooks}/hooks/shop"}}'
DEMO = (
    CONFIG.replace("start: {start}", "start: {start}\n    every: 1s")
    .replace("match: [sku]}}", "match: [sku], every: 10s}}")
    .replace("lag: 1s", _HOOKS)
    .replace("attempts:", _STOCK)
)
ENV = "WOO_KEY=ck_sandbox\nWOO_SECRET=cs_sandbox\nERP_USER=sandbox\nERP_PASSWORD=sandbox\n"
ENV += "WOO_WEBHOOK=whsec_sandbox\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sandbox:
    """A sandbox in a process of its own."""

    process: subprocess.Popen[str]
    url: str

    def faults(self, rules: Sequence[dict[str, object]]) -> None:
        """Replace its fault rules."""
        self._order("faults", list(rules))

    def hooks(self, **manners: object) -> None:
        """Say how badly it delivers webhooks."""
        self._order("hooks", manners)

    def _order(self, what: str, told: object) -> None:
        body = json.dumps(told).encode()
        request = urllib.request.Request(f"{self.url}/_sandbox/{what}", body, method="POST")  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 - loopback
            reply.read()

    def end(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait(10)


def start_sandbox(kind: str, data: Path, *words: str) -> Sandbox:
    """Serve *data* on a free port; ready when it says so. *words*: more for its command line."""
    command = [sys.executable, "-m", "connector.sandbox", kind, "--data", str(data), *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
    line = process.stdout.readline() if process.stdout else ""
    said = dict(word.split("=", 1) for word in line.split() if "=" in word)
    return Sandbox(process=process, url=said["url"])


def prepare(folder: Path, seed: int, orders: int = ORDERS - LATER, url: str = "") -> Seeded:
    """Make the ledger (at *url*, or in the folder), then fill shop and ERP.

    Every order is born after the ledger.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in ("ledger.db", "shop.db", "erp.db"):
        for path in folder.glob(f"{old}*"):
            path.unlink()
    ledger = Ledger(url or f"sqlite:///{folder / 'ledger.db'}")
    born = datetime.now(UTC)
    # Ten seconds old when the first order is born: those are created without a look (S1).
    migrate.upgrade(ledger, migrations_folder(), born - timedelta(seconds=10))
    ledger.close()
    seeded = seed_shop(
        folder / "shop.db", seed=seed, products=PRODUCTS, customers=CUSTOMERS,
        orders=orders, born_after=born,
    )  # fmt: skip
    seed_erp(folder / "erp.db", items=skus(PRODUCTS))
    return seeded


def configure(
    folder: Path, shop: str, erp: str, text: str = CONFIG, listen: str = "", url: str = ""
) -> None:
    """Write config.yaml, of *text* with all addresses, and .env; *url*: of another ledger."""
    ledger = Ledger(url or f"sqlite:///{folder / 'ledger.db'}")
    start = ledger.read(life.read).created_at.isoformat()
    ledger.close()
    hooks = f"http://{listen}"
    written = text.format(shop=shop, erp=erp, start=start, listen=listen, hooks=hooks)
    written = written.replace("sqlite:///ledger.db", url) if url else written
    (folder / "config.yaml").write_text(written, encoding="utf-8")
    env = folder / ".env"
    env.touch(mode=0o600)
    os.chmod(env, 0o600)  # noqa: PTH101 - a file of an earlier run may be open to others
    env.write_text(ENV, encoding="utf-8")


def storm(seed: int) -> list[dict[str, object]]:
    """The ERP's faults, all the time: unknown outcomes of each kind, and refusals."""
    people = {"ops": ["CreateCustomer"], "share": 0.03}
    orders = {"ops": ["CreateSalesOrder", "UpdateSalesOrder", "ReleaseSalesOrder"]}
    faults: list[dict[str, object]] = [
        {"fault": "commit_then_hang", **people, "seconds": 4},
        {"fault": "unavailable", **people},
        {"fault": "commit_then_hang", **orders, "share": 0.1, "seconds": 6},
        {"fault": "commit_then_cut", **orders, "share": 0.1},
        {"fault": "late_commit", **orders, "share": 0.08, "seconds": 5},
        {"fault": "unavailable", **orders, "share": 0.2},
        {"fault": "slow", **orders, "share": 0.3, "seconds": 1.5},
        {"fault": "unavailable", "ops": ["Find", "Get"], "share": 0.05},
    ]
    return [rule | {"seed": seed + n} for n, rule in enumerate(faults)]


class Shopping:
    """What goes on in the shop meanwhile: new orders, and clerks who change, cancel and refund.

    Most changes meet an order a few seconds after it was placed: while it is on its way.
    """

    def __init__(
        self, shop: Path, seeded: Seeded, seed: int, *, later: int = LATER, changes: int = CHANGES
    ) -> None:
        self._shop = shop
        self._later, self._changes = later, changes
        self._seeded = seeded
        self._dice = random.Random(seed)  # noqa: S311 - repeatable, no secret
        self.orders = list(seeded.orders)
        self._agenda: list[tuple[float, int]] = []
        self._ending = False  # nothing but what is on the agenda is done
        self.placed = self.changed = self.cancelled = self.refunded = 0

    def act(self, now: float) -> None:
        """What the agenda says is due at *now*; if nothing is, a new order or any change."""
        due = [entry for entry in self._agenda if entry[0] <= now]
        for entry in due:
            self._agenda.remove(entry)
            self._change(entry[1])
        if due or self._ending:
            return
        if self.placed < self._later and self._dice.random() < 0.7:
            order = self._place()
            self._agenda += [(now + self._dice.uniform(0.5, 6), order) for _ in range(3)]
        elif self.changed < self._changes:
            self._change(self._dice.choice(self.orders))

    def cancel(self, order: int) -> None:
        """Cancel *order*, unless that is over for it."""
        if order in self.orders:
            edit.cancel_order(self._shop, order)
            self.orders.remove(order)
            self.cancelled += 1

    def think_again(self, now: float) -> None:
        """Change some orders thrice within seconds: a change meets the sending of the last one.

        Nothing changes them afterwards, so that one which is taken for sent stays behind (R2).
        """
        some = self._dice.sample(self.orders, min(REGRETS, len(self.orders)))
        times = [(now + self._dice.uniform(0, REGRETTING), order) for order in some * 3]
        self._agenda, self._ending = sorted(times), True

    @property
    def thinks(self) -> bool:
        """Is there still something on the agenda?"""
        return bool(self._agenda)

    def finish(self) -> None:
        """Place what is still missing of the orders."""
        while self.placed < self._later:
            self._place()

    def _place(self) -> int:
        n = len(self._seeded.orders) + self.placed
        given = order_of(n, self._dice, self._seeded.skus, self._seeded.customers)
        order = edit.add_order(self._shop, given | {"status": "processing"})
        self.orders.append(order)
        self.placed += 1
        return order

    def _change(self, order: int) -> None:
        if order not in self.orders:
            return
        roll = self._dice.random()
        if roll < 0.85:
            note = self._dice.choice(("请尽快发货", "leave it at the door 🙏", "Bitte klingeln"))
            edit.change_order(self._shop, order, customer_note=f"{note} {self.changed}")
            self.changed += 1
        elif roll < 0.95:
            self.cancel(order)
        else:
            edit.refund_order(self._shop, order, "0.50", "goodwill")
            self.orders.remove(order)
            self.refunded += 1


class Shelves:
    """What goes on in the ERP's warehouse meanwhile: a clerk who counts shelves."""

    def __init__(self, erp: Path, items: int, seed: int) -> None:
        self._erp = open_erp(erp)
        self._items, self._dice = items, random.Random(seed)  # noqa: S311 - repeatable
        self.counted = 0

    def act(self) -> None:
        """Count one shelf: it holds more or less than was thought, now and then nothing."""
        item = f"I-{self._dice.randint(1, self._items):04d}"
        found = "0" if self._dice.random() < 0.1 else str(self._dice.randint(40, 900))
        erp_stock.count(self._erp, item, found)
        self.counted += 1

    def close(self) -> None:
        """Go home."""
        self._erp.close()
