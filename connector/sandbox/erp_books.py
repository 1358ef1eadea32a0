"""The ERP's own rules: what it stores, mints, finds, refuses and adds up."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from connector.sandbox import erp_stock
from connector.sandbox.erp_xml import Fields, Tree
from connector.sandbox.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    no TEXT PRIMARY KEY, reference TEXT NOT NULL, released INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 1, created TEXT NOT NULL, changed TEXT NOT NULL,
    grand_total TEXT NOT NULL, data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS orders_reference ON orders (reference);
CREATE INDEX IF NOT EXISTS orders_changed ON orders (changed, no);
CREATE TABLE IF NOT EXISTS customers (
    no TEXT PRIMARY KEY, reference TEXT, email TEXT COLLATE NOCASE, vat TEXT,
    version INTEGER NOT NULL DEFAULT 1, created TEXT NOT NULL, changed TEXT NOT NULL,
    data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS customers_reference ON customers (reference);
CREATE INDEX IF NOT EXISTS customers_email ON customers (email);
CREATE INDEX IF NOT EXISTS customers_changed ON customers (changed, no);
CREATE TABLE IF NOT EXISTS items (
    no TEXT PRIMARY KEY, sku TEXT NOT NULL, version INTEGER NOT NULL DEFAULT 1,
    created TEXT NOT NULL, changed TEXT NOT NULL, data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS items_sku ON items (sku);
CREATE TABLE IF NOT EXISTS credits (
    no TEXT PRIMARY KEY, reference TEXT NOT NULL, order_no TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 1, created TEXT NOT NULL, changed TEXT NOT NULL,
    data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS credits_reference ON credits (reference);
"""
SCHEMA += erp_stock.SCHEMA
HEAD = ("ExternalRef", "ShopNumber", "CustomerNo", "OrderDate", "Currency", "Status")
TAIL = ("PaymentMethod", "PaymentReference", "Note", "BillTo", "ShipTo", "Lines")
WHO = (
    "ExternalRef",
    "Name",
    "Company",
    "Email",
    "Phone",
    "VatNumber",
    "Address",
    "DeliveryAddress",
)
CUSTOMER = (*WHO, "PaymentTerms", "CreditLimit")
SALE = ["SalePrice", "SaleFrom", "SaleUntil"]
ITEM = ["Sku", "Name", "Description", "Price", *SALE, "Currency", "Weight", "Active"]
CREDIT = ["ExternalRef", "OrderNo", "Amount", "Reason", "Lines"]
KINDS = {"Order": "orders", "Customer": "customers", "Item": "items", "CreditNote": "credits"}
MEMBERS = {"Customer": CUSTOMER, "Item": ITEM, "CreditNote": CREDIT}
FOUND_BY = {
    "ExternalRef": "reference",
    "Email": "email",
    "VatNumber": "vat",
    "Sku": "sku",
    "OrderNo": "no",
    "CustomerNo": "no",
    "ItemNo": "no",
    "CreditNoteNo": "no",
}
MOST = 500


class Refused(Exception):
    """The ERP says no and has done nothing; *code* is one of its business errors."""

    def __init__(self, code: str, field: str, message: str) -> None:
        super().__init__(message)
        self.code, self.field = code, field


def stamp(at: datetime) -> str:
    """A time as the ERP stores and tells it: UTC, microseconds, sortable as text."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def create_order(store: Store, data: Fields) -> Fields:
    """Store a new order; an external reference that is already there is no obstacle."""
    with store.begin() as db:
        check_order(db, data)
        no, now = f"SO-{store.take('order', 100001)}", stamp(store.now())
        db.execute(
            "INSERT INTO orders (no, reference, created, changed, grand_total, data)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (no, data["ExternalRef"], now, now, f"{sum(totals(data)):f}", dumps(data)),
        )
        book(db, no)
        return result(db, "orders", no)


def update_order(store: Store, no: str, version: str | None, change: Fields) -> Fields:
    """Change the given fields of an order; refuses not_found, stale, locked and unknown items."""
    with store.begin() as db:
        row = known(db, "orders", no)
        check_version(row, version)
        data: Fields = json.loads(row["data"])
        check_locked(row, data, change)
        data |= change
        check_order(db, data)
        db.execute(
            "UPDATE orders SET data = ?, grand_total = ?, version = version + 1, changed = ?"
            " WHERE no = ?",
            (dumps(data), f"{sum(totals(data)):f}", stamp(store.now()), no),
        )
        book(db, no)
        return result(db, "orders", no)


def release_order(store: Store, no: str) -> Fields:
    """Release an order: its lines cannot change any more. Releasing twice changes nothing."""
    with store.begin() as db:
        row = known(db, "orders", no)
        if json.loads(row["data"])["Status"] == "cancelled":
            raise Refused("locked", "OrderNo", "a cancelled order cannot be released")
        db.execute(
            "UPDATE orders SET released = 1, version = version + 1, changed = ?"
            " WHERE no = ? AND released = 0",
            (stamp(store.now()), no),
        )
        book(db, no)
        return result(db, "orders", no)


def book(db: sqlite3.Connection, no: str) -> None:
    """Let the stock know what order *no* takes as it stands now."""
    row = known(db, "orders", no)
    data: Fields = json.loads(row["data"])
    stage = erp_stock.stage_of(data["Status"], released=bool(row["released"]))
    erp_stock.book(db, no, lines_of(data), stage)


def create_customer(store: Store, data: Fields, no: str | None = None) -> Fields:
    """Store a new customer, under *no* or a minted number; duplicates are accepted."""
    with store.begin() as db:
        no, now = no or f"C-{store.take('customer', 10001)}", stamp(store.now())
        db.execute(
            "INSERT INTO customers (no, reference, email, vat, created, changed, data)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (no, *keys(data), now, now, dumps(data)),
        )
        return result(db, "customers", no)


def update_customer(store: Store, no: str, version: str | None, change: Fields) -> Fields:
    """Change the given fields of a customer; those not given stay."""
    with store.begin() as db:
        row = known(db, "customers", no)
        check_version(row, version)
        data: Fields = json.loads(row["data"]) | change
        db.execute(
            "UPDATE customers SET reference = ?, email = ?, vat = ?, data = ?,"
            " version = version + 1, changed = ? WHERE no = ?",
            (*keys(data), dumps(data), stamp(store.now()), no),
        )
        return result(db, "customers", no)


def found(store: Store, kind: str, wanted: dict[str, list[str]]) -> list[Fields]:
    """Every document of *kind*, in whatever state, that has one of the *wanted* values."""
    tests, values = [], list[object]()
    for name, of in wanted.items():
        if of:
            tests.append(f"{FOUND_BY[name]} IN ({', '.join('?' * len(of))})")
            values += of
    if not tests:
        return []
    sql = f"SELECT * FROM {KINDS[kind]} WHERE {' OR '.join(tests)} ORDER BY created, no"  # noqa: S608
    return [told(kind, row) for row in store.rows(sql, tuple(values))]


def changed(
    store: Store, kind: str, span: tuple[str, str], page: tuple[int, int]
) -> tuple[list[Fields], bool]:
    """A page of what changed from the first (included) to the second time (excluded).

    Ordered by ChangedAt, then number; the flag says whether more follows.
    """
    check_page(page)
    number, size = page
    sql = (
        f"SELECT * FROM {KINDS[kind]} WHERE changed >= ? AND changed < ?"  # noqa: S608
        " ORDER BY changed, no LIMIT ? OFFSET ?"
    )
    rows = store.rows(sql, (*span, size + 1, (number - 1) * size))
    return [told(kind, row) for row in rows[:size]], len(rows) > size


def check_page(page: tuple[int, int]) -> None:
    """Refuse a page (number, size) that no list has."""
    number, size = page
    if number < 1 or not 1 <= size <= MOST:
        raise Refused("invalid", "PageSize", f"pages begin at 1 and hold 1 to {MOST}")


def moment(text: str | None, zone: ZoneInfo, otherwise: str) -> str:
    """An xs:dateTime as the ERP stores it; without offset it is meant in the ERP's own zone."""
    if text is None:
        return otherwise
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError as wrong:
        raise Refused("invalid", "ChangedSince", "not a time of this calendar") from wrong
    return stamp(at if at.tzinfo else at.replace(tzinfo=zone))


def told(kind: str, row: sqlite3.Row) -> Fields:
    """A stored document as the contract tells it."""
    data: Fields = json.loads(row["data"])
    fields: Fields = {f"{kind}No": row["no"], "Version": str(row["version"])}
    if kind == "Order":
        net, tax = totals(data)
        released = "true" if row["released"] else "false"
        fields |= pick(data, HEAD) | {"Released": released} | pick(data, TAIL)
        fields |= {"NetTotal": f"{net:f}", "TaxTotal": f"{tax:f}", "GrandTotal": row["grand_total"]}
    else:
        fields |= pick(data, MEMBERS[kind])
    return fields | {"CreatedAt": row["created"], "ChangedAt": row["changed"]}


def pick(data: Fields, names: Sequence[str]) -> Fields:
    """The named fields that are there, in the order of the names."""
    return {name: data[name] for name in names if name in data}


def lines_of(data: Fields) -> list[Fields]:
    """The lines of an order."""
    lines = data.get("Lines")
    many = lines.get("Line") if isinstance(lines, dict) else None
    return [line for line in many if isinstance(line, dict)] if isinstance(many, list) else []


def totals(data: Fields) -> tuple[Decimal, Decimal]:
    """Net and tax of all lines, exact."""
    lines = lines_of(data)
    return (
        sum((amount(line["NetAmount"]) for line in lines), Decimal(0)),
        sum((amount(line["TaxAmount"]) for line in lines), Decimal(0)),
    )


def amount(text: Tree) -> Decimal:
    """An amount of a message that has passed the schema."""
    return Decimal(str(text))


def keys(data: Fields) -> tuple[Tree | None, ...]:
    """What a customer is found by; blank is nothing."""
    return tuple(data.get(name) or None for name in ("ExternalRef", "Email", "VatNumber"))


def dumps(data: Fields) -> str:
    """A document as it is stored."""
    return json.dumps(data, ensure_ascii=False)


def known(db: sqlite3.Connection, table: str, no: str) -> sqlite3.Row:
    """The row of *no*, or the refusal not_found."""
    sql = f"SELECT * FROM {table} WHERE no = ?"  # noqa: S608 (our own three names)
    row: sqlite3.Row | None = db.execute(sql, (no,)).fetchone()
    if row is None:
        raise Refused("not_found", "No", "there is no such document")
    return row


def result(db: sqlite3.Connection, table: str, no: str) -> Fields:
    """What a write tells about the document it wrote."""
    row = known(db, table, no)
    fields: Fields = {"No": no, "Version": str(row["version"])}
    if table == "orders":
        fields |= {"Status": json.loads(row["data"])["Status"], "GrandTotal": row["grand_total"]}
    return fields


def check_version(row: sqlite3.Row, version: str | None) -> None:
    """Refuse a version that is no longer the present one; none given is not checked."""
    if version is not None and version != str(row["version"]):
        raise Refused("stale", "Version", "the document has changed since")


def check_locked(row: sqlite3.Row, data: Fields, change: Fields) -> None:
    """Refuse new lines of a released or closed order, and a status that leads nowhere."""
    new_lines = "Lines" in change and change["Lines"] != data["Lines"]
    closed = data["Status"] in ("shipped", "cancelled")
    if new_lines and (row["released"] or closed):
        raise Refused("locked", "Lines", "the order is released or closed")
    if closed and change.get("Status", data["Status"]) != data["Status"]:
        raise Refused("locked", "Status", "the order is closed")


def check_order(db: sqlite3.Connection, data: Fields) -> None:
    """Refuse customers and items that the ERP does not know."""
    if not exists(db, "customers", data["CustomerNo"]):
        raise Refused("unknown_customer", "CustomerNo", "there is no such customer")
    for line in lines_of(data):
        if line["Kind"] == "item" and not line.get("ItemNo"):
            raise Refused("invalid", "ItemNo", "an item line names its item")
        if line.get("ItemNo") and not exists(db, "items", line["ItemNo"]):
            raise Refused("unknown_item", "ItemNo", "there is no such item")


def exists(db: sqlite3.Connection, table: str, no: Tree) -> bool:
    """Whether *table* has a document of this number."""
    sql = f"SELECT 1 FROM {table} WHERE no = ?"  # noqa: S608 (our own three names)
    return db.execute(sql, (no,)).fetchone() is not None
