"""The sandboxes as the contracts' worlds, spoken to by the shipped profiles."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from adapters.rest import Rest
from adapters.rest import Settings as RestSettings
from adapters.soap import Settings as SoapSettings
from adapters.soap import Soap
from connector.mapping.compile import compile_profile
from connector.mapping.load import load_profile
from connector.places import mappings_folder
from connector.problems import Problems
from connector.sandbox import erp_books, shop_catalog, shop_orders
from connector.sandbox.edit import add_order, change_order, desk
from connector.sandbox.erp import open_erp
from connector.values import Change

STEP = 2.0


class RealClock:
    """The machine's clocks."""

    def now(self):
        return datetime.now(UTC)

    def boottime(self):
        return time.monotonic()


def profile(name):
    """A shipped profile that reads two rows a page."""
    problems = Problems()
    made = compile_profile(load_profile(name, [mappings_folder()], problems), problems)
    problems.raise_if_any()
    small = {n: replace(e, walk=replace(e.walk, size=2)) for n, e in made.profile.entities.items()}
    return replace(made.profile, entities=small)


SHOP, ERP = profile("woocommerce"), profile("sandbox_erp")


class SandboxWorld:
    """What both sandboxes have in common: a clock to shift, faults to set, a door to close."""

    def __init__(self, running):
        self.running = running
        self.ahead = 0.0
        self.system = None
        self.enter()

    def enter(self, password=None):
        """Open the adapter anew, perhaps with a wrong password."""
        self.close_system()
        self.system = self.source = self.target = self.probe = self.adapter(password)

    def close_system(self):
        if self.system is not None:
            self.system.close()

    def now(self):
        return datetime.now(UTC)

    def tick(self):
        """A second in which something was written is over: lists may tell it whole."""
        self.ahead += STEP
        self.running.clock(self.ahead)

    def pause(self):
        self.tick()
        between = datetime.now(UTC) + timedelta(seconds=self.ahead)
        self.tick()
        return between

    def shift(self, by):
        self.running.clock(by.total_seconds())

    def rows(self, sql):
        with closing(sqlite3.connect(self.running.data)) as db:
            return db.execute(sql).fetchall()

    def trouble(self, kind):
        if kind == "away":
            self.running.close()
        elif kind == "denied":
            self.enter("wrong")
        else:
            self.running.faults(self.faults[kind])

    def place(self):
        return {
            "conn": {"url": self.url, "release": True, "zone": "Europe/Berlin"},
            "zone": ZoneInfo("Europe/Berlin"),
            "timeout": timedelta(seconds=5),
            "lag": timedelta(0),
            "slot": lambda send_before=None: nullcontext(),
            "clock": RealClock(),
        }


class ShopWorld(SandboxWorld):
    """Orders of the sandbox shop."""

    entity = "order"
    faults: ClassVar = {"broken_off": [{"fault": "half_reply", "ops": ["GET /orders"]}]}

    def __init__(self, running):
        self.url = running.url
        super().__init__(running)

    def adapter(self, password):
        auth = {"type": "oauth1", "user": "ck_sandbox", "password": password or "cs_sandbox"}
        return Rest(SHOP, RestSettings(auth=auth), **self.place())

    def have(self, count):
        line = {"method_id": "flat_rate", "method_title": "DHL", "total": "10.00"}
        made = [
            str(add_order(self.running.data, {"status": "processing", "shipping_lines": [line]}))
            for _ in range(count)
        ]
        self.tick()
        return made

    def change(self, key):
        change_order(self.running.data, int(key), customer_note=f"changed {self.ahead}")
        self.tick()

    def lose(self, key):
        with desk(self.running.data) as shop:
            shop_orders.delete(shop, int(key), force=True)

    def content(self):
        return self.rows("SELECT * FROM orders ORDER BY id")


class StockWorld(ShopWorld):
    """Stock of the sandbox shop: products, and variations under their products."""

    entity = "stock"
    faults: ClassVar = {"lost_reply": [{"fault": "commit_then_cut", "ops": ["POST /products"]}]}

    def stock(self, count):
        with desk(self.running.data) as shop:
            common = {"manage_stock": True, "stock_quantity": 3}
            parent = shop_catalog.create(shop, {"type": "variable"})["id"]
            kinds = [({}, ""), ({"parent": parent}, f"{parent}/")]
            return [
                f"{before}{shop_catalog.create(shop, common, **under)['id']}"
                for under, before in (kinds[n % 2] for n in range(count))
            ]

    def write(self, key, value):
        return Change(
            id=1, action="update", reference=key, key=key,
            payload={"manage_stock": True, "stock_quantity": value},
            send_before=datetime.now(UTC) + timedelta(minutes=5),
        )  # fmt: skip

    def unwanted(self, key):
        with desk(self.running.data) as shop:
            shop_catalog.freeze(shop, int(key.split("/")[-1]))
        return self.write(key, "5")

    def held(self, key):
        number = int(key.split("/")[-1])
        with desk(self.running.data) as shop:
            return str(shop_catalog.read(shop, number)["stock_quantity"])

    def missing(self):
        return "987654"


@contextmanager
def books(path):
    """The ERP's own store."""
    store = open_erp(path)
    try:
        yield store
    finally:
        store.close()


class ErpWorld(SandboxWorld):
    """What orders and customers of the sandbox ERP have in common."""

    def __init__(self, running):
        self.url = f"{running.url}/soap"
        super().__init__(running)
        with books(self.running.data) as store:
            erp_books.create_customer(store, {"Name": "Ada"}, "C-1")
        self.first = self.count_all()

    def adapter(self, password):
        auth = {"type": "basic", "user": "sandbox", "password": password or "sandbox"}
        return Soap(ERP, SoapSettings(auth=auth), **self.place())

    def count_all(self):
        return self.rows(f"SELECT count(*) FROM {self.table}")[0][0]

    def count(self):
        return self.count_all() - self.first

    def content(self):
        return self.rows(f"SELECT * FROM {self.table} ORDER BY no")

    def lose(self, key):
        with books(self.running.data) as store, store.begin() as db:
            db.execute(f"DELETE FROM {self.table} WHERE no = ?", (key,))

    def change_of(self, action, payload, reference="t-1", **other):
        before = datetime.now(UTC) + timedelta(minutes=5)
        return Change(
            id=1, action=action, payload=payload, reference=reference, send_before=before, **other
        )


class ErpOrders(ErpWorld):
    """Its sales orders, created in two steps."""

    entity, table, field, natural = "order", "orders", "note", ""
    faults: ClassVar = {
        "broken_off": [{"fault": "half_reply", "ops": ["ListSalesOrders"]}],
        "lost_reply": [{"fault": "commit_then_cut", "ops": ["CreateSalesOrder"]}],
        "second_step": [
            {"fault": "fault", "code": "locked", "ops": ["ReleaseSalesOrder"], "count": 1}
        ],
    }

    def create(self, reference, natural="", customer="C-1"):
        line = {"Kind": "shipping", "Description": "DHL", "Quantity": "1"}
        line |= {"NetAmount": "10.00", "TaxAmount": "1.90"}
        payload = {"ExternalRef": reference, "ShopNumber": "17", "CustomerNo": customer}
        payload |= {"OrderDate": "2026-11-10", "Currency": "EUR", "Status": "open"}
        payload |= {"BillTo": {"Name": "Ada"}, "Lines": {"Line": [line]}}
        return self.change_of("create", payload, reference)

    def wrong(self, reference):
        return self.create(reference, customer="C-404")

    def update(self, key, value, version=None):
        return self.change_of("update", {"Note": value}, key=key, version=version)

    def have(self, count):
        with books(self.running.data) as store:
            made = [
                erp_books.create_order(store, self.create(f"h-{n}").payload)["No"]
                for n in range(count)
            ]
        self.tick()
        return made

    def change(self, key):
        with books(self.running.data) as store:
            erp_books.update_order(store, key, None, {"Note": f"changed {self.ahead}"})
        self.tick()

    def close(self, key):
        with books(self.running.data) as store:
            erp_books.update_order(store, key, None, {"Status": "cancelled"})


class ErpCustomers(ErpWorld):
    """Its customers, found by e-mail too."""

    entity, table, field, natural = "customer", "customers", "name", "email"
    faults: ClassVar = {
        "lost_reply": [{"fault": "commit_then_cut", "ops": ["CreateCustomer"]}],
        "second_step": [],
    }

    def create(self, reference, natural="a@example.org", name="Ada"):
        payload = {"ExternalRef": reference, "Name": name, "Email": natural}
        return self.change_of("create", payload, reference)

    def wrong(self, reference):
        return self.create(reference, name="x" * 101)

    def update(self, key, value, version=None):
        return self.change_of("update", {"Name": value}, key=key, version=version)

    def close(self, key):
        """A customer has no end there."""
