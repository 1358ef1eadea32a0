"""Orders and refunds as the shop keeps them: nothing is idempotent and every write bumps a date."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from decimal import Decimal

from connector.sandbox import shop_catalog as catalog
from connector.sandbox import shop_lines as lines
from connector.sandbox.shop_money import dec, level, stated
from connector.sandbox.shop_terms import (
    Found,
    Json,
    Shop,
    ShopError,
    dumps,
    invalid,
    listed,
    merge_meta,
    one_of,
    span,
)

STATUSES = (
    "auto-draft",
    "pending",
    "processing",
    "on-hold",
    "completed",
    "cancelled",
    "refunded",
    "failed",
    "checkout-draft",
)
HIDDEN = ("trash", "checkout-draft", "auto-draft")
REDUCING = ("processing", "on-hold", "completed")
RESTORING = ("cancelled", "pending")
ARRAYS = ("line_items", "shipping_lines", "fee_lines", "coupon_lines", "meta_data")
PLAIN = ("currency", "payment_method", "payment_method_title", "transaction_id", "customer_note")
PERSON = ("first_name", "last_name", "company", "address_1", "address_2", "city", "state")
PLACE = ("postcode", "country", "email", "phone")
SORTS = ("date", "id", "include", "title", "slug", "modified")
COLUMNS = {"date": "created", "modified": "modified"}
SYMBOLS = {"EUR": "€", "CHF": "CHF", "USD": "$", "CAD": "$"}


def page(shop: Shop, query: Mapping[str, str]) -> Found:
    """A page of orders; past the end both totals are 0."""
    by = COLUMNS.get(one_of(query, "orderby", SORTS), "id"), one_of(query, "order", ("desc", "asc"))
    tests, values = span(query, shop.zone, local=False)
    wanted = [s for s in query.get("status", "any").split(",") if s]
    if "any" in wanted:
        tests.append(f"status NOT IN ({', '.join('?' * len(HIDDEN))})")
        values += HIDDEN
    else:
        known = (*STATUSES, "trash")
        if any(status not in known for status in wanted):
            said = f"status[0] is not one of any, {', '.join(known[:-1])}, and {known[-1]}."
            raise invalid(("status", "rest_not_in_enum", said))
        tests.append(f"status IN ({', '.join('?' * len(wanted))})")
        values += wanted
    if "customer" in query:
        tests.append("customer = ?")
        values.append(query["customer"])
    rows, total, number, pages = listed(shop, query, "orders", tests, values, by)
    if not rows:
        total = pages = 0
    return Found(items=told_all(shop, rows), total=total, page=number, pages=pages)


def told_all(shop: Shop, rows: Sequence[sqlite3.Row]) -> list[Json]:
    """Orders as the shop tells them, refunds summarised."""
    marks = ", ".join("?" * len(rows))
    refunds: dict[int, list[Json]] = {}
    found = shop.store.rows(
        f"SELECT * FROM refunds WHERE parent IN ({marks}) ORDER BY id DESC",  # noqa: S608
        tuple(row["id"] for row in rows),
    )
    for row in found:
        body = json.loads(row["body"])
        short = {"id": row["id"], "reason": body["reason"], "total": f"-{body['amount']}"}
        refunds.setdefault(row["parent"], []).append(short | {"total_tax": "0.00"})
    return [told(shop, row, refunds.get(row["id"], [])) for row in rows]


def told(shop: Shop, row: sqlite3.Row, refunds: list[Json]) -> Json:
    """One order as the shop tells it."""
    body = json.loads(row["body"])
    status, key = row["status"], body["order_key"]
    pay = f"{shop.url}/checkout/order-pay/{row['id']}/?pay_for_order=true&key={key}"
    links = shop.links("orders", row["id"])
    if row["customer"]:
        href = f"{shop.url}/wp-json/wc/v3/customers/{row['customer']}"
        links["customer"] = [{"href": href}]
    return {
        "id": row["id"],
        "parent_id": 0,
        "status": status,
        "number": str(row["id"]),
        "customer_id": row["customer"],
        **shop.dates("date_created", row["created"]),
        **shop.dates("date_modified", row["modified"]),
        **shop.dates("date_completed", body.pop("completed")),
        **shop.dates("date_paid", body.pop("paid")),
        **body,
        "refunds": refunds,
        "payment_url": pay,
        "is_editable": status in ("pending", "on-hold", "auto-draft"),
        "needs_payment": status in ("pending", "failed"),
        "needs_processing": True,
        "currency_symbol": SYMBOLS.get(body["currency"], body["currency"]),
        "_links": links,
    }


def row_of(shop: Shop, order: int) -> sqlite3.Row:
    """The row of an order in whatever status; raises the 404 of the shop."""
    row = shop.store.row("SELECT * FROM orders WHERE id = ?", (order,))
    if row is None:
        raise ShopError(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")
    return row


def read(shop: Shop, order: int) -> Json:
    """One order, trashed or not."""
    return told_all(shop, [row_of(shop, order)])[0]


def blank(shop: Shop, number: int) -> Json:
    """An order before anything is known of it."""
    seal = hashlib.sha256(f"{shop.store.meta('store_id', '')}/{number}".encode()).hexdigest()
    names = (*PERSON, *PLACE)
    return {
        "currency": "EUR",
        "version": "11.0.1",
        "prices_include_tax": True,
        "order_key": f"wc_order_{seal[:13]}",
        "billing": dict.fromkeys(names, ""),
        "shipping": {name: "" for name in names if name != "email"},
        **dict.fromkeys(PLAIN[1:], ""),
        "customer_ip_address": "",
        "customer_user_agent": "",
        "created_via": "rest-api",
        "cart_hash": "",
        "meta_data": [],
        "line_items": [],
        "tax_lines": [],
        "shipping_lines": [],
        "fee_lines": [],
        "coupon_lines": [],
        "paid": None,
        "completed": None,
    }


def check(given: Json, *, lenient: bool) -> None:
    """Refuse what the schema refuses, all at once; a batch does not look at the status."""
    wrong: list[tuple[str, str, str]] = []
    if not lenient and given.get("status", "pending") not in STATUSES:
        said = f"status is not one of {', '.join(STATUSES[:-1])}, and {STATUSES[-1]}."
        wrong.append(("status", "rest_not_in_enum", said))
    for name in ARRAYS:
        parts = given.get(name, [])
        if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
            said = f"{name}[0] is not of type object."
            wrong.append((name, "rest_invalid_type", said))
    for name in ("billing", "shipping"):
        if not isinstance(given.get(name, {}), dict):
            wrong.append((name, "rest_invalid_type", f"{name} is not of type object."))
    if wrong:
        raise invalid(*wrong)


def create(shop: Shop, given: Json, *, lenient: bool = False, at: int | None = None) -> Json:
    """Store a new order, once for every call; *at* is for seeds that write history."""
    check(given, lenient=lenient)
    with shop.store.begin() as db:
        now = shop.now() if at is None else at
        number = shop.store.take("post", 1001)
        order = blank(shop, number)
        apply(shop, order, given)
        unknown = [c for c in coupons(given) if not lines.apply_coupon(shop, order, c)]
        lines.edit_fees(shop, order, given.get("fee_lines", ()))
        lines.sum_up(shop, order)
        status = "checkout-draft" if unknown else move(order, "pending", given, now)
        settle_stock(shop, order, status)
        db.execute(
            "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)",
            (number, status, customer_of(shop, given, 0), now, now, dumps(order)),
        )
    if unknown:
        said = f"Coupon &quot;{unknown[0]}&quot; cannot be applied because it does not exist."
        data = {"status": 400, "new_draft_order_id": number}
        raise ShopError(400, "woocommerce_rest_invalid_coupon", said, data)
    return read(shop, number)


def coupons(given: Json) -> list[str]:
    """The coupon codes of a request."""
    return [str(coupon.get("code", "")) for coupon in given.get("coupon_lines", ())]


def change(shop: Shop, number: int, given: Json, *, lenient: bool = False) -> Json:
    """Change an order; even a request that changes nothing bumps its date."""
    check(given, lenient=lenient)
    with shop.store.begin() as db:
        row = row_of(shop, number)
        order = json.loads(row["body"])
        apply(shop, order, given)
        lines.edit_fees(shop, order, given.get("fee_lines", ()))
        lines.sum_up(shop, order)
        now = shop.now()
        status = move(order, row["status"], given, now)
        settle_stock(shop, order, status)
        db.execute(
            "UPDATE orders SET status = ?, customer = ?, modified = ?, body = ? WHERE id = ?",
            (status, customer_of(shop, given, row["customer"]), now, dumps(order), number),
        )
    return read(shop, number)


def apply(shop: Shop, order: Json, given: Json) -> None:
    """Write what a request states of an order, its fees and status excepted."""
    order |= {name: str(given[name]) for name in PLAIN if name in given}
    for name in ("billing", "shipping"):
        known = {k: str(v) for k, v in given.get(name, {}).items() if k in order[name]}
        order[name] |= known
    order["meta_data"] = merge_meta(shop, order["meta_data"], given.get("meta_data", ()))
    lines.edit_items(shop, order, given.get("line_items", ()))
    lines.edit_shipping(shop, order, given.get("shipping_lines", ()))


def customer_of(shop: Shop, given: Json, present: int) -> int:
    """The customer a request names; 0 is a guest."""
    customer = level(given.get("customer_id", present))
    known = shop.store.row("SELECT 1 FROM customers WHERE id = ?", (customer,))
    if customer and customer != present and known is None:
        code = "woocommerce_rest_invalid_customer_id"
        raise ShopError(400, code, "Customer ID is invalid.")
    return customer


def move(order: Json, present: str, given: Json, now: int) -> str:
    """The status after a request; sets the dates of payment and completion."""
    status = str(given.get("status", present))
    if status not in STATUSES and status != present:
        status = "pending"
    if given.get("set_paid") and status == "pending":
        status = "processing"
    if order["paid"] is None and (given.get("set_paid") or status in ("processing", "completed")):
        order["paid"] = now
    if order["completed"] is None and status == "completed":
        order["completed"] = now
    return status


def settle_stock(shop: Shop, order: Json, status: str) -> None:
    """Take goods from stock for an order that counts, give them back once for one that ended."""
    for line in order["line_items"]:
        taken = catalog.line_stock(line)
        if status in REDUCING:
            catalog.move_stock(shop, line, line["quantity"] - taken)
        elif status in RESTORING:
            catalog.move_stock(shop, line, -taken)


def delete(shop: Shop, number: int, *, force: bool) -> Json:
    """Trash an order (which then is in no default list), or delete it for good."""
    with shop.store.begin() as db:
        row = row_of(shop, number)
        if force:
            gone = read(shop, number)
            db.execute("DELETE FROM orders WHERE id = ?", (number,))
            db.execute("DELETE FROM refunds WHERE parent = ?", (number,))
            return gone
        if row["status"] == "trash":
            raise ShopError(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")
        db.execute(
            "UPDATE orders SET status = 'trash', modified = ? WHERE id = ?", (shop.now(), number)
        )
    return read(shop, number)


def refunds(shop: Shop, order: int) -> list[Json]:
    """All refunds of an order, newest first."""
    row_of(shop, order)
    sql = "SELECT * FROM refunds WHERE parent = ? ORDER BY id DESC"
    return [told_refund(shop, row) for row in shop.store.rows(sql, (order,))]


def told_refund(shop: Shop, row: sqlite3.Row) -> Json:
    """One refund as the shop tells it."""
    up = {"up": [{"href": f"{shop.url}/wp-json/wc/v3/orders/{row['parent']}"}]}
    links = shop.links("orders", row["parent"], "refunds", row["id"]) | up
    dates = shop.dates("date_created", row["created"])
    return {"id": row["id"], **dates, **json.loads(row["body"]), "_links": links}


def refund(shop: Shop, number: int, given: Json) -> Json:
    """Refund a part or the rest of an order; the whole refunded makes it `refunded`."""
    code = "woocommerce_rest_cannot_create_order_refund"
    with shop.store.begin() as db:
        row = row_of(shop, number)
        total = dec(json.loads(row["body"])["total"])
        left = total - sum((dec(r["amount"]) for r in refunds(shop, number)), Decimal(0))
        amount = stated(given.get("amount"))
        # The real shop answers 500 with a bare integer as data, not with an object.
        if not 0 < amount <= left:
            raise ShopError(500, code, "Invalid refund amount.", 500)
        if given.get("api_refund", True):
            said = "The payment gateway for this order does not exist."
            raise ShopError(500, code, said, 500)
        made = shop.store.take("post", 1001)
        body = {
            "amount": f"{amount:.2f}",
            "reason": str(given.get("reason", "")),
            "refunded_by": 1,
            "refunded_payment": False,
            **{name: [] for name in ("meta_data", "shipping_lines", "tax_lines", "fee_lines")},
            "line_items": given.get("line_items", []),  # as the shop's page would have made them
        }
        now = shop.now()
        db.execute("INSERT INTO refunds VALUES (?, ?, ?, ?)", (made, number, now, dumps(body)))
        status = "refunded" if amount == left else row["status"]
        db.execute("UPDATE orders SET status = ?, modified = ? WHERE id = ?", (status, now, number))
    return refunds(shop, number)[0]
