"""A small company to try things on: a shop, an ERP, one configuration, one ledger, one clock."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from connector import points
from connector.app import App, open_app
from connector.flow.pull import pull
from connector.ledger import migrate, persons
from connector.ledger.persons import Person
from connector.ledger.store import Ledger
from connector.places import migrations_folder
from connector.report import Report
from connector.sandbox import books, edit, shop_people
from connector.sandbox.erp import open_erp, start_erp
from connector.sandbox.seed import seed_erp, seed_shop, skus
from connector.sandbox.server import Running
from connector.sandbox.shop import start_shop
from connector.sandbox.store import Store

SECRETS = "WOO_KEY=ck_sandbox\nWOO_SECRET=cs_sandbox\nERP_USER=sandbox\nERP_PASSWORD=sandbox\n"
ADA = {
    "first_name": "Ada",
    "last_name": "Okonkwo",
    "address_1": "Weg 1",
    "city": "Berlin",
    "postcode": "10115",
    "country": "DE",
    "email": "ada@example.test",
}
PRODUCTS = 5


class Killed(BaseException):
    """The process died here: nothing after it runs, not even `except Exception`."""


class ShiftedClock:
    """The machine's clocks, moved ahead as a test says."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        """The wall clock: aware, UTC."""
        return datetime.now(UTC) + self.ahead

    def boottime(self) -> float:
        """Seconds since boot."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) + self.ahead.total_seconds()


def merged(base: Any, more: Any) -> Any:
    """*more* over *base*, member by member; None takes a member away."""
    if not isinstance(base, dict) or not isinstance(more, dict):
        return more
    both = {k: merged(base.get(k), v) for k, v in more.items()}
    return {k: v for k, v in {**base, **both}.items() if v is not None}


class Company:
    """One installation over two sandboxes; the engine is opened when first needed."""

    def __init__(self, folder: Path, at: datetime | None = None) -> None:
        self.folder = folder
        self.clock = ShiftedClock()
        if at is not None:
            self.clock.ahead = at - self.clock.now()
        self.shop_file, self.erp_file = folder / "shop.db", folder / "erp.db"
        born = self.clock.now()
        seed_shop(self.shop_file, seed=1, products=PRODUCTS, customers=0, orders=0, born_after=born)
        seed_erp(self.erp_file, items=skus(PRODUCTS))
        self.shop = start_shop(self.shop_file)
        self.erp = start_erp(self.erp_file)
        self.others: list[Running] = []
        self._app: App | None = None
        (folder / ".env").write_text(SECRETS)
        (folder / ".env").chmod(0o600)
        self.new_ledger()
        self.settings = self._plain()
        self.config()
        self.pass_(60)  # the ledger has watched for longer than `settle`

    def new_ledger(self) -> None:
        """An empty ledger, born now."""
        ledger = Ledger(f"sqlite:///{self.folder}/ledger.db")
        migrate.upgrade(ledger, migrations_folder(), self.clock.now())
        ledger.close()
        self.born = self.clock.now()

    def _plain(self) -> dict[str, Any]:
        key, secret = "${WOO_KEY}", "${WOO_SECRET}"
        erp = {"type": "basic", "user": "${ERP_USER}", "password": "${ERP_PASSWORD}"}
        pair = {"from": "shop", "to": "erp"}
        return {
            "version": "1",
            "ledger": "sqlite:///ledger.db",
            "zone": "Europe/Berlin",
            "connections": {
                "shop": {
                    "profile": "woocommerce",
                    "url": self.shop.url,
                    "zone": "Europe/Berlin",
                    "auth": {"type": "oauth1", "user": key, "password": secret},
                    "lag": "1s",
                    "limits": {"concurrency": "2", "per_second": "1000", "timeout": "10s"},
                },
                "erp": {
                    "profile": "sandbox_erp",
                    "url": f"{self.erp.url}/soap",
                    "zone": "Europe/Berlin",
                    "auth": erp,
                    "limits": {"concurrency": "4", "timeout": "5s"},
                    "settle": "10s",
                },
            },
            "flows": {
                "products": {"entity": "product", "mode": "link_only", "match": ["sku"], **pair},
                "customers": {
                    "entity": "customer",
                    "mode": "on_demand",
                    "match": ["email"],
                    "guests": "each",
                    **pair,
                },
                "orders": {
                    "entity": "order",
                    "start": self.born.isoformat(),
                    "reference": "DE-{{ doc.number }}",
                    "brakes": {"first": "0"},
                    **pair,
                },
            },
            "attempts": {"pattern": ["1s", "2s"], "most": "5"},
        }

    # ── the connector ───────────────────────────────────────────────────────────────────────────

    def config(self, **changes: Any) -> None:
        """Lay *changes* over the configuration; the engine starts again with it."""
        self.stop()
        self.settings = merged(self.settings, changes)
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self.settings, allow_unicode=True))

    def connection(self, name: str, **changes: Any) -> None:
        """Change settings of one connection."""
        self.config(connections={name: changes})

    def flow(self, name: str, **changes: Any) -> None:
        """Change settings of one flow."""
        self.config(flows={name: changes})

    @property
    def app(self) -> App:
        """The engine, opened."""
        if self._app is None:
            self._app = open_app(self.folder / "config.yaml", self.clock)
        return self._app

    def stop(self) -> None:
        """End the engine; what was committed stays."""
        if self._app is not None:
            self._app.close()
            self._app = None

    def sync(self, flow: str = "orders", *only: str) -> Report:
        """One `flow sync`."""
        return self.app.sync(self.app.flows[flow], only=only)

    def pass_(self, seconds: float) -> None:
        """Let time go by, for the connector and for every system."""
        self.clock.ahead += timedelta(seconds=seconds)
        for system in (self.shop, self.erp, *self.others):
            system.clock(self.clock.ahead.total_seconds())

    def pull(self) -> None:
        """Read and stage the shop's orders; deliver nothing."""
        flow = self.app.flows["orders"]
        pull(self.app.system("shop"), flow, self.app.ledger, self.clock)

    def settle(self, *, rounds: int = 8, step: float = 15) -> None:
        """Let time pass and syncs run until nothing is under way any more."""
        for _ in range(rounds):
            self.pass_(step)
            self.sync()
            if not {s for s, _ in self.states().values()} & {"prepared", "running", "in_doubt"}:
                return

    @contextmanager
    def when(self, point: str, act: Callable[[], object], *, nth: int = 1) -> Iterator[None]:
        """Do *act* when *point* is reached for the *nth* time (0: each time)."""
        met = [0]

        def on_reach(name: str) -> None:
            met[0] += name == point
            if name == point and nth in (0, met[0]):
                act()

        points.on_reach = on_reach
        try:
            yield
        finally:
            points.on_reach = points._nothing

    def dies_at(self, point: str, *, nth: int = 1, flow: str = "orders") -> bool:
        """Sync and die when *point* is reached for the *nth* time; True if it did."""

        def die() -> None:
            raise Killed(point)

        try:
            with self.when(point, die, nth=nth):
                self.sync(flow)
        except Killed:
            return True
        finally:
            self.stop()
        return False

    def retry(self, entity: str, key: object, flow: str | None = None) -> None:
        """A person says: again."""
        with self.app.ledger.begin() as db:
            shown = persons.shown(db, entity, str(key), flow=flow)
            persons.retry(db, shown, Person(name="test", now=self.clock.now()))

    def release(self, entity: str, key: object) -> None:
        """A person says: as it stands."""
        with self.app.ledger.begin() as db:
            shown = persons.shown(db, entity, str(key))
            persons.release(db, shown, Person(name="test", now=self.clock.now()))

    def resolve(self, entity: str, key: object, there: str) -> None:
        """A person says which one there is meant."""
        with self.app.ledger.begin() as db:
            shown = persons.shown(db, entity, str(key))
            persons.exists(db, shown, there, Person(name="test", now=self.clock.now()))

    # ── what came of it ─────────────────────────────────────────────────────────────────────────

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of the ledger."""
        with closing(sqlite3.connect(self.folder / "ledger.db")) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(sql)]

    def record(self, entity: str, key: object, flow: str | None = None) -> dict[str, Any]:
        """One record."""
        [row] = [
            r
            for r in self.rows("SELECT * FROM record")
            if (r["entity"], r["key"]) == (entity, str(key)) and flow in (None, r["flow"])
        ]
        return row

    def standing(self, entity: str, key: object, flow: str | None = None) -> str:
        """State and reason of one record, as people write it."""
        row = self.record(entity, key, flow)
        return f"{row['state']}({row['reason']})" if row["reason"] else str(row["state"])

    def states(self) -> dict[tuple[str, str], tuple[str, str | None]]:
        """(entity, key) → (state, reason) of every record."""
        rows = self.rows("SELECT entity, key, state, reason FROM record")
        return {(r["entity"], r["key"]): (r["state"], r["reason"]) for r in rows}

    def books(self) -> list[dict[str, Any]]:
        """The ERP's orders."""
        return books.erp_orders(self.erp_file)

    def references(self) -> list[str]:
        """The references of the ERP's orders, sorted; twice where there twice."""
        return sorted(row["reference"] for row in self.books())

    def customers(self) -> list[dict[str, Any]]:
        """The ERP's customers, the collective ones left out."""
        found = books.erp_customers(self.erp_file)
        return [c for c in found if not c["customer_no"].startswith("C-GUEST")]

    def calls(self, op: str = "", system: Running | None = None) -> list[dict[str, Any]]:
        """The ERP's journal of calls whose name begins so."""
        made = (system or self.erp).journal()
        return [c for c in made if str(c["op"]).startswith(op)]

    # ── the shop's people ───────────────────────────────────────────────────────────────────────

    def order(self, sku: str = "SB-0001", *, file: Path | None = None, **more: Any) -> str:
        """A new order in the shop, paid, of a guest unless told; its id."""
        given = {
            "status": "processing",
            "billing": ADA,
            "line_items": [{"sku": sku, "quantity": 2}],
            "payment_method": "bacs",
            "customer_note": "please ring",
        }
        return str(edit.add_order(file or self.shop_file, given | more))

    def change(self, order: str, **fields: Any) -> None:
        """Change an order in the shop, a second later."""
        self.pass_(1)
        edit.change_order(self.shop_file, int(order), **fields)

    def shop_sql(self, sql: str, *args: object) -> None:
        """What no clerk can do: change the shop's tables."""
        with closing(sqlite3.connect(self.shop_file, timeout=30)) as db, db:
            db.execute(sql, args)

    def customer(self, email: str = "ada@example.test", **more: Any) -> int:
        """A new registered customer of the shop; the id."""
        billing = ADA | {"email": email} | more
        given = {"email": email, "billing": billing}
        given |= {n: billing[n] for n in ("first_name", "last_name")}
        with edit.desk(self.shop_file) as shop:
            return int(shop_people.create(shop, given)["id"])

    @contextmanager
    def clerk(self) -> Iterator[Store]:
        """The ERP's books in a clerk's hand."""
        with closing(open_erp(self.erp_file)) as store:
            yield store

    def other_shop(self) -> Running:
        """A second shop, with the same goods and its own orders from the same number on."""
        file = self.folder / "shop2.db"
        born = self.clock.now()
        seed_shop(file, seed=1, products=PRODUCTS, customers=0, orders=0, born_after=born)
        running = start_shop(file)
        running.clock(self.clock.ahead.total_seconds())
        self.others.append(running)
        return running

    def mapping(self, name: str, files: Mapping[str, str]) -> None:
        """A profile folder of the site's own, searched before the shipped ones."""
        folder = self.folder / "mappings" / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (folder / file).write_text(text)
        self.config(mappings=["mappings"])

    def save_ledger(self) -> None:
        """Back the ledger up."""
        self.stop()
        shutil.copy(self.folder / "ledger.db", self.folder / "backup.db")

    def restore_ledger(self) -> None:
        """Put the backup in the ledger's place."""
        self.stop()
        for rest in self.folder.glob("ledger.db-*"):
            rest.unlink()
        shutil.copy(self.folder / "backup.db", self.folder / "ledger.db")

    def close(self) -> None:
        """End everything."""
        self.stop()
        for system in (self.shop, self.erp, *self.others):
            system.close()


def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait for something that another thread does; fails when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.01)


def cursor_of(company: Company) -> dict[str, Any]:
    """Where the orders flow stands in the shop."""
    [row] = company.rows("SELECT position FROM cursor WHERE entity = 'order'")
    return dict(json.loads(row["position"]))
