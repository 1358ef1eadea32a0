"""The SOAP ERP: checks every message against its contract and answers as the contract says."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from lxml import etree

from connector.sandbox import erp_books as books
from connector.sandbox import erp_credit as credits_
from connector.sandbox import erp_stock as stock
from connector.sandbox.erp_books import Refused
from connector.sandbox.erp_xml import (
    ADDRESS,
    CONTRACT,
    Fields,
    Invalid,
    body_of,
    contract_schema,
    envelope,
    fault,
    local,
    texts,
    tree,
    write,
)
from connector.sandbox.faults import Rule
from connector.sandbox.server import Call, Reply, Running, Server
from connector.sandbox.store import Store

XML = "text/xml; charset=utf-8"
CODES = frozenset(["not_found", "locked", "stale", "unknown_customer", "unknown_item", "invalid"])
FIRST, LAST = "0000", "9999"
USER = "sandbox"  # and the default password


class Erp:
    """The application: one company, its books, one user."""

    def __init__(self, store: Store, *, user: str, password: str) -> None:
        self.store = store
        self.url = ""
        self._user = user
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._authorization = f"Basic {token}"
        self._schema = contract_schema()
        self._checking = threading.Lock()

    def name(self, call: Call) -> str:
        """The operation, as its SOAPAction says; `wsdl` for the contract."""
        if call.method == "GET":
            return "wsdl"
        return call.headers.get("soapaction", "").strip('"').rsplit("/", 1)[-1]

    def refusal(self, rule: Rule) -> Reply:
        """A fault with the rule's code: a business error, or the server's own."""
        code = rule.code or "internal"
        raw = fault(code, "", "as the sandbox was told", server=code not in CODES)
        return Reply(status=500, body=raw, kind=XML)

    def answer(self, call: Call) -> Reply:
        """Execute one operation; every error is a SOAP fault with status 500."""
        if call.method == "GET":
            return self._contract(call)
        if call.headers.get("authorization") != self._authorization:
            realm = ("WWW-Authenticate", 'Basic realm="erp"')
            return Reply(
                status=401, body=b"401 Unauthorized\n", kind="text/plain", headers=(realm,)
            )
        try:
            request = body_of(call.body)
            self._check(request)
            told = self._operate(request)
        except Invalid as wrong:
            return Reply(status=500, body=fault("invalid", wrong.field, str(wrong)), kind=XML)
        except Refused as no:
            return Reply(status=500, body=fault(no.code, no.field, str(no)), kind=XML)
        content = "".join(write(f"{local(request)}Response", told))
        return Reply(status=200, body=envelope(content), kind=XML)

    def _contract(self, call: Call) -> Reply:
        if urlsplit(call.target).query.lower() != "wsdl":
            return Reply(status=405, body=b"POST only\n", kind="text/plain")
        here = f"{self.url}/soap".encode()
        return Reply(status=200, body=CONTRACT.replace(ADDRESS, here), kind=XML)

    def _check(self, request: etree._Element) -> None:
        with self._checking:
            if self._schema(request):
                return
            log: Any = self._schema.error_log
            wrong = log[0]
        named = re.search(r"\}(\w+)'", wrong.message)
        at = named[1] if named else ""
        raise Invalid(at, f"not valid against the contract: {wrong.type_name}")

    def _operate(self, request: etree._Element) -> Fields:
        name = local(request)
        own = OPERATIONS.get(name)
        if own is not None:
            return own(self.store, request)
        if name == "GetSystemInfo":
            return self._info()
        for verb, act in VERBS.items():
            if name.startswith(verb):
                return act(self.store, KIND[name.removeprefix(verb)], request)
        raise Invalid(name, "no such operation")

    def _info(self) -> Fields:
        store = self.store
        return {
            "Company": store.meta("company", ""),
            "CompanyCode": store.meta("company_code", ""),
            "Account": self._user,
            "Zone": store.meta("zone", "UTC"),
            "ServerTime": books.stamp(store.now()),
            "Version": "1.0",
        }


def part(request: etree._Element, name: str) -> Fields:
    """The child *name* as fields; an empty list of lines stays a list of lines."""
    [child] = [child for child in request if local(child) == name]
    fields = tree(child)
    if not isinstance(fields, dict):
        return {}
    if fields.get("Lines") == "":
        fields["Lines"] = {}
    return fields


def text(request: etree._Element, name: str) -> str | None:
    """The text of the child *name*, None if there is none."""
    found = texts(request, name)
    return found[0] if found else None


def create_order(store: Store, request: etree._Element) -> Fields:
    """CreateSalesOrder."""
    return {"Result": books.create_order(store, part(request, "Order"))}


def update_order(store: Store, request: etree._Element) -> Fields:
    """UpdateSalesOrder."""
    no, version = text(request, "OrderNo") or "", text(request, "Version")
    return {"Result": books.update_order(store, no, version, part(request, "Order"))}


def release_order(store: Store, request: etree._Element) -> Fields:
    """ReleaseSalesOrder."""
    return {"Result": books.release_order(store, text(request, "OrderNo") or "")}


def create_customer(store: Store, request: etree._Element) -> Fields:
    """CreateCustomer."""
    return {"Result": books.create_customer(store, part(request, "Customer"))}


def update_customer(store: Store, request: etree._Element) -> Fields:
    """UpdateCustomer."""
    no, version = text(request, "CustomerNo") or "", text(request, "Version")
    return {"Result": books.update_customer(store, no, version, part(request, "Customer"))}


def create_credit(store: Store, request: etree._Element) -> Fields:
    """CreateCreditNote."""
    return {"Result": credits_.create(store, part(request, "CreditNote"))}


def lookup(store: Store, kind: str, request: etree._Element) -> Fields:
    """Get… by number and Find… by reference, e-mail, VAT number or SKU: all matches."""
    wanted: dict[str, list[str]] = {}
    for child in request:
        wanted.setdefault(local(child), []).append(child.text or "")
    return {kind: list(books.found(store, kind, wanted))}


def listing(store: Store, kind: str, request: etree._Element) -> Fields:
    """List… of what changed: since is included, until is not."""
    zone = ZoneInfo(store.meta("zone", "UTC"))
    since = books.moment(text(request, "ChangedSince"), zone, FIRST)
    until = books.moment(text(request, "ChangedUntil"), zone, LAST)
    page = int(text(request, "PageNumber") or 1), int(text(request, "PageSize") or 1)
    rows, more = books.changed(store, kind, (since, until), page)
    return {kind: list(rows), "More": "true" if more else "false"}


def list_stock(store: Store, request: etree._Element) -> Fields:
    """ListStock: a page of all items, each with its levels by warehouse at the time told."""
    page = int(text(request, "PageNumber") or 1), int(text(request, "PageSize") or 1)
    books.check_page(page)
    read_at = books.stamp(store.now())
    rows, more = stock.listed(store, page)
    return {"ReadAt": read_at, "Stock": list(rows), "More": "true" if more else "false"}


def get_stock(store: Store, request: etree._Element) -> Fields:
    """GetStock: the levels of the items named."""
    read_at = books.stamp(store.now())
    return {"ReadAt": read_at, "Stock": list(stock.of(store, texts(request, "ItemNo")))}


OPERATIONS: dict[str, Callable[[Store, etree._Element], Fields]] = {
    "CreateSalesOrder": create_order,
    "UpdateSalesOrder": update_order,
    "ReleaseSalesOrder": release_order,
    "CreateCustomer": create_customer,
    "UpdateCustomer": update_customer,
    "CreateCreditNote": create_credit,
    "ListStock": list_stock,
    "GetStock": get_stock,
}
VERBS: dict[str, Callable[[Store, str, etree._Element], Fields]] = {
    "Get": lookup,
    "Find": lookup,
    "List": listing,
}
KIND = {
    "SalesOrders": "Order",
    "Customers": "Customer",
    "Items": "Item",
    "CreditNotes": "CreditNote",
}


def start_erp(
    data: Path,
    *,
    port: int = 0,
    user: str = USER,
    password: str = USER,
    zone: str = "",
    address: str = "",
) -> Running:
    """Serve the ERP whose books are the file *data* (made when missing) on 127.0.0.1.

    Its SOAP address is `url + "/soap"`, its contract `url + "/soap?wsdl"`; *address*: the URL
    under which clients know it, where a proxy stands before it.
    """
    store = open_erp(data)
    if zone:
        store.remember("zone", zone)
    app = Erp(store, user=user, password=password)
    running = Running(Server(app, port, None))
    app.url = address or running.url
    return running


def open_erp(data: Path) -> Store:
    """The ERP's books at *data*, made with a company of its own when missing."""
    store = Store(data, books.SCHEMA)
    store.keep("company", "Sandbox GmbH")
    store.keep("company_code", "SANDBOX")
    store.keep("zone", "Europe/Berlin")
    return store
