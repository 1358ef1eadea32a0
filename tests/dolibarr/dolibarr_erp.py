"""The shipped profile's adapter, and documents to send through it."""

from __future__ import annotations

import time
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from adapters.soap import Settings, Soap
from connector.documents import Order, document_of
from connector.mapping.compile import compile_profile
from connector.mapping.load import load_profile
from connector.places import mappings_folder
from connector.problems import Problems
from connector.values import Change

AUTH = {"type": "body", "user": "ws", "password": "secret", "key": "k"}
CONN = {"company": "1", "currency": "EUR", "validate": False, "warehouse": "0",
        "shipping_item": "901", "fee_item": "902", "rounding_item": None, "bank_account": "0",
        "zone": "Europe/Berlin"}  # fmt: skip


def compiled(name="dolibarr", folder=None):
    """A profile, compiled for a connection in Berlin."""
    problems = Problems()
    raw = load_profile(name, [folder or mappings_folder()], problems)
    made = raw and compile_profile(raw, problems, zone=ZoneInfo("Europe/Berlin"))
    problems.raise_if_any()
    return made


class Clock:
    """The machine's clocks."""

    def now(self):
        return datetime.now(UTC)

    def boottime(self):
        return time.monotonic()


class Erp:
    """The adapter with a profile, and documents to send through it."""

    def __init__(self, url, profile=None, auth=None, **conn):
        self.compiled = profile or compiled()
        self.conn = CONN | {"url": url} | conn
        place = {
            "conn": self.conn,
            "zone": ZoneInfo("Europe/Berlin"),
            "timeout": timedelta(seconds=5),
            "lag": timedelta(0),
            "slot": lambda send_before=None: nullcontext(),
            "clock": Clock(),
        }
        settings = Settings(auth=AUTH | (auth or {}))
        self.system = Soap(self.compiled.profile, settings, **place)

    def payload(self, reference="DE-1", entity="order", **more):
        """The payload of a document: an order of two lines and delivery unless told otherwise."""
        names = {"conn": self.conn, "reference": reference, "there": lambda ref: ref.key}
        document = order(**more) if entity == "order" else more["document"]
        return self.compiled.writers[entity].payload(document, **names)

    def send(self, payload, action="create", entity="order", **more):
        """One change, sent."""
        before = datetime.now(UTC) + timedelta(minutes=1)
        given = {"id": 1, "action": action, "reference": "DE-1", "send_before": before}
        return self.system.send(entity, [Change(**{**given, "payload": payload, **more})])[0]

    def create(self, reference="DE-1", **more):
        """An order, made there."""
        return self.send(self.payload(reference, **more), reference=reference)


def line(sku="1", net="20.00", tax="3.80", **more):
    """One line of goods, two pieces at 19 %."""
    given = {"key": sku, "product": {"entity": "product", "key": sku}, "name": f"Goods {sku}"}
    given |= {"quantity": "2", "net": net, "tax": tax, "taxes": [{"rate": "19", "tax": tax}]}
    return given | more


def order(**more):
    """An order of a known customer: 2 x 10.00 and 5.00 delivery, at 19 %."""
    given = {
        "number": "1381", "status": "confirmed", "placed_at": "2026-11-20T23:30:00Z",
        "currency": "EUR", "customer": {"entity": "customer", "key": "1"}, "total": "29.75",
        "lines": [line()], "note": "please ring", "payment": {"method": "bacs", "reference": "T1"},
        "shipping_lines": [{"key": "s", "name": "Post", "net": "5.00", "tax": "0.95",
                            "taxes": [{"rate": "19", "tax": "0.95"}]}],
    }  # fmt: skip
    return document_of(Order, given | more)
