"""The story: a day in which an administrator installs the connector, and the night after it.

5 000 products and 8 000 customers who are on both sides, real HTTP to both, one SQLite ledger.
Everything that he does is a command; only the hours are not real. What came of it is counted from
the databases of the shop and of the ERP.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from town import CUSTOMERS, OLD_ORDERS, PRODUCTS, RENAMED, SERVICES, STRANGERS, TWICE, Town

from connector.clock import SystemClock
from connector.sandbox import books
from connector.sandbox.seed import skus

BERLIN = ZoneInfo("Europe/Berlin")
MORNING = datetime(2026, 12, 1, 8, tzinfo=BERLIN)
LAST_YEAR = datetime(2025, 1, 1, tzinfo=BERLIN)
LIVE = datetime(2026, 12, 1, 20, tzinfo=BERLIN)
SOLD = 25 + 2 * 2 + 3 * 3
WRITES = ("Create", "Update", "Release")
CLOSED = r"^erp closed; (\d+ records wait; )?until 01:00; nothing lost$"
AWAY = (
    r"^erp unreachable since 01:1\d \(unreachable\); \d+ records wait; next probe 04:3\d;"
    r" nothing lost$"
)
STEP = 100.0  # seconds: a daemon that sleeps for longer than two minutes begins a new life

CONFIG = """\
version: 1
ledger: sqlite:///{folder}/ledger.db
zone: Europe/Berlin
connections:
  shop:
    profile: woocommerce
    url: {shop}
    zone: Europe/Berlin
    auth: {{type: oauth1, user: "${{WOO_KEY}}", password: "${{WOO_SECRET}}"}}
    lag: 30s
    limits: {{concurrency: 4, per_second: 1000, timeout: 60s}}
  erp:
    profile: sandbox_erp
    url: {erp}/soap
    zone: Europe/Berlin
    identity: {{expect: ACME GmbH}}
    auth: {{type: basic, user: "${{ERP_USER}}", password: "${{ERP_PASSWORD}}"}}
    limits: {{concurrency: 4, timeout: 60s}}
    settle: 15m
    closed: ["daily 00:00-01:00"]
  erp_test:
    like: erp
    url: {erp_test}/soap
    identity: {{expect: ACME TEST}}
    tests: true
flows:
  products:
    {{entity: product, from: shop, to: erp, mode: link_only, match: [sku], every: 1h}}
  customers:
    entity: customer
    from: shop
    to: erp
    mode: on_demand
    match: [email, vat_number]
    owner: {{default: shop, payment_terms: erp, credit_limit: erp}}
    guests: {{by: = doc.billing.country, DE: C-GUEST-DE, else: C-GUEST-EU}}
  orders:
    entity: order
    from: shop
    to: erp
    every: 1m
    start: {start}
    reference: "DE-{{{{ doc.number }}}}"
    only: {{status: [confirmed, fulfilled]}}
    wait: 10m
    money: {{tolerance: 0.05 EUR, within: record, outside: hold, verify: all}}
    unknown_product: hold
    brakes: {{first: 20, per_hour: 500, same_error: 10}}
  orders_rehearsal: {{like: orders, to: erp_test, start: 2025-01-01T00:00:00+01:00, every: never}}
  stock:
    entity: stock
    from: erp
    to: shop
    every: 30m
    amount: {{minus_unsent_orders: [orders], buffer: 2, percent: 100, min: 0}}
    brakes: {{zeroed: 5%, changed: 40%}}
    only: "= doc.sku is not search('^SVC-')"
attempts: {{pattern: [10s, 1m, 10m, 1h], most: 12, doubt: {{alarm: 1h}}}}
keep: {{payloads: 90d, attempts: 1y, proof: 10y}}
alerts:
  - {{url: "${{ALERT_URL}}", when: [refused, held > 1h, connection_down > 15m, stale]}}
fresh: {{orders: 30m during 08:00-20:00, stock: 1h}}
"""
ENV = "WOO_KEY=ck_sandbox\nWOO_SECRET=cs_sandbox\nERP_USER=sandbox\nERP_PASSWORD=sandbox\n"


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """The company on that morning; the connector is not there yet."""
    made = Town(tmp_path, MORNING, LAST_YEAR)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(SystemClock, "now", lambda _: made.hours.now())
    monkeypatch.setattr(SystemClock, "boottime", lambda _: made.hours.boottime())
    yield made
    made.close()


def test_a_day_and_a_night(town: Town) -> None:
    """Nothing is lost, nothing is there twice, and one alarm rings."""
    install(town)
    link_products(town)
    link_customers(town)
    rehearse(town)
    go_live(town)
    evening(town)
    night(town)
    morning(town)
    count(town)


# ── 08:00: install ──────────────────────────────────────────────────────────────────────────────


def install(town: Town) -> None:
    """`check` says what is missing until nothing is."""
    town.says("init", str(town.etc), config=False)
    assert town.says("check", code=2).count("is not set") == 4
    alert = town.inbox.url.replace("http", "json") + "/alerts/"
    (town.etc / ".env").write_text(f"{ENV}ALERT_URL={alert}\n")
    urls = {n: getattr(town, n).url for n in ("shop", "erp", "erp_test")}
    start = LIVE.isoformat()
    town.configure(CONFIG.format(folder=town.folder, start=start, **urls))
    assert "ledger not there yet: connector ledger upgrade" in town.says("check")
    town.says("ledger", "upgrade")
    said = town.says("check")
    for words in ("company ACME, name ACME GmbH", "company TEST", "3 connections", "ledger ready"):
        assert words in said
    assert "creates every order born since 2026-12-01 19:00 UTC" in said


# ── 08:30: who is whom ──────────────────────────────────────────────────────────────────────────


def link_products(town: Town) -> None:
    """All are sure: one look at the CSV, and they are accepted. Parents of variations have none."""
    until(town, 8, 30)
    found = town.json("link", "scan", "products")
    parents = PRODUCTS // 8  # of two variations each
    sold = PRODUCTS + parents
    assert (found["sure"], found["source_only"]) == (sold, parents)
    assert found["weak"] == found["collision"] == found["unreadable"] == 0
    file = town.folder / "products.csv"
    town.says("link", "export", "products", "-o", str(file))
    assert Counter(row["verdict"] for row in table(file))["sure"] == sold
    assert town.json("link", "accept", "products")["linked"] == sold


def link_customers(town: Town) -> None:
    """Five of 8 000 need a person: he says so in the CSV."""
    found = town.json("link", "scan", "customers", code=1)
    doubtful = len(RENAMED) + len(TWICE)
    assert (found["source_seen"], found["sure"]) == (CUSTOMERS, CUSTOMERS - doubtful)
    assert (found["weak"], found["collision"]) == (len(RENAMED), 2 * len(TWICE))
    file = town.folder / "customers.csv"
    town.says("link", "export", "customers", "-o", str(file))
    rows = table(file)
    decided: set[str] = set()
    for row in rows:
        if row["verdict"] in ("weak", "collision") and row["source_key"] not in decided:
            row["take"] = "yes"  # of two, the one that was there first
            decided.add(row["source_key"])
    with file.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    assert town.json("link", "import", "customers", str(file))["linked"] == CUSTOMERS
    assert town.json("link", "accept", "customers")["linked"] == 0
    assert not [call for call in calls(town.erp.data) if call.startswith(WRITES)]


def table(file: Path) -> list[dict[str, str]]:
    """The rows of a CSV."""
    with file.open(newline="") as opened:
        return list(csv.DictReader(opened))


def calls(data: Path) -> list[str]:
    """What a sandbox was asked to do, by its own journal."""
    return [str(row["op"]) for row in books._rows(data, "SELECT op FROM journal")]


# ── 10:00: last year's orders against the test company ──────────────────────────────────────────


def rehearse(town: Town) -> None:
    """Shown, let go, sent, compared; the live company hears nothing of it."""
    until(town, 10)
    before = len(calls(town.erp.data))
    assert "nothing was written" in town.says(
        "flow", "sync", "orders_rehearsal", "--dry-run", code=1
    )
    assert "waits for `connector approve" in town.says("flow", "sync", "orders_rehearsal", code=5)
    approve(town)
    town.says("flow", "sync", "orders_rehearsal", code=1)  # refunds: no flow books them
    audit(town, "orders_rehearsal", OLD_ORDERS)
    assert len(books.erp_orders(town.erp_test.data)) == OLD_ORDERS
    assert len(books.erp_customers(town.erp_test.data)) == people()
    made = calls(town.erp.data)[before:]
    assert not [call for call in made if call.startswith(WRITES)]


def approve(town: Town) -> None:
    """See what waits, and let it go by the command that is shown with it."""
    [command] = re.findall(r"connector (approve .*)", town.says("approve"))
    town.says(*command.split())


def audit(town: Town, flow: str, orders: int) -> None:
    """Every order of the shop is held against the ERP's documents."""
    found = town.json("flow", "audit", flow)
    assert (found["checked"], found["matched"]) == (orders, orders), found
    assert found["lost"] == found["doubled"] == 0


def people() -> int:
    """The customers that an ERP has from the beginning, collective ones included."""
    return CUSTOMERS + len(TWICE) + STRANGERS + 2


# ── 20:00: live ─────────────────────────────────────────────────────────────────────────────────


def go_live(town: Town) -> None:
    """The first twenty wait for one look; from then on nobody is asked."""
    town.pass_((LIVE - town.hours.now()).total_seconds())
    town.run()
    for _ in range(5):
        sell(town, 5)
        town.pass_(STEP)
    until(town, 20, 30)
    assert "25 creates wait, the first of this flow" in town.says("status", code=1)
    approve(town)
    until(town, 21)
    assert "nothing waits for a person" in town.says("status")
    assert len(books.erp_orders(town.erp.data)) == 25


def sell(town: Town, orders: int) -> None:
    """Customers of the shop buy."""
    data = str(town.shop.data)
    town.says("sandbox", "sell", "--data", data, "--orders", str(orders), config=False)


def evening(town: Town) -> None:
    """Somebody counts shelves in the warehouse, and an order comes now and then."""
    for hour in (22, 23):
        until(town, hour)
        sell(town, 2)
        town.count(range(10 * hour, 10 * hour + 10), 100 + hour)
    until(town, 23, 50)
    assert wrong_stock(town) == []
    assert town.told == []


# ── the night ───────────────────────────────────────────────────────────────────────────────────


def night(town: Town) -> None:
    """The ERP is closed for its backup, and ten minutes later it is gone until 05:40."""
    until(town, 0, 30)
    assert re.search(CLOSED, town.says("status"), re.MULTILINE)
    until(town, 1, 10)
    assert "nothing waits for a person" in town.says("status")
    town.erp.stop()
    for hour in (2, 3, 4):
        sell(town, 3)
        until(town, hour)
    until(town, 4, 30)
    said = town.says("status", code=1)
    assert re.search(AWAY, said, re.MULTILINE), said
    assert "nothing waits for a person" in said
    until(town, 5, 40)
    town.erp.start()


def morning(town: Town) -> None:
    """All is there, and one alarm rang: the ERP was away for a quarter of an hour; then: over."""
    until(town, 7, 30)
    assert "nothing waits for a person" in town.says("status")
    audit(town, "orders", SOLD)
    rang, over = town.told
    assert rang["title"].startswith("connector: erp unreachable since 2026-12-02 01:1")
    assert over["title"] == "connector: erp: connection_down > 15m is over"
    town.stop()
    assert "Traceback" not in town.log()


def until(town: Town, hour: int, minute: int = 0) -> None:
    """Let the hours pass until the clock shows that time next."""
    now = town.hours.now().astimezone(BERLIN)
    then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    then += timedelta(days=then <= now)
    while (left := (then - town.hours.now()).total_seconds()) > 0:
        town.pass_(min(STEP, left) if town.daemon else left)


# ── what came of it ─────────────────────────────────────────────────────────────────────────────


def count(town: Town) -> None:
    """By the databases of the shop and the ERP alone."""
    sold = {
        f"DE-{row['number']}": row
        for row in books.shop_orders(town.shop.data)
        if row["created"] >= LIVE
    }
    there = books.erp_orders(town.erp.data)
    references = Counter(row["reference"] for row in there)
    assert len(sold) == SOLD
    assert references == Counter(sold.keys())  # nothing lost, nothing twice, nothing else
    assert [row["reference"] for row in there if not alike(row, sold[row["reference"]])] == []
    assert len(books.erp_customers(town.erp.data)) == people()  # nobody was made twice
    assert wrong_stock(town) == []


def alike(there: dict[str, Any], here: dict[str, Any]) -> bool:
    """Is it the same, to the cent, for the same person, and released?"""
    same = ("currency", "bill_to", "ship_to", "note")
    return (
        there["grand_total"] == here["total"]
        and sorted(there["lines"]) == sorted(here["lines"])
        and all(there[name] == here[name] for name in same)
        and there["released"]
    )


def wrong_stock(town: Town) -> list[str]:
    """SKUs of which the shop offers anything but what the ERP has, less two."""
    offered, there = books.shop_offered(town.shop.data), books.erp_available(town.erp.data)
    assert there.keys() == {*skus(PRODUCTS), *SERVICES}  # none is left out of what is compared
    return [
        f"{sku}: {offered.get(sku)} offered, the ERP has {free}"
        for sku, free in there.items()
        if not sku.startswith("SVC-") and offered.get(sku) != max(0, free - 2)
    ]
