"""The shop's customers: an e-mail is unique, nothing can be asked by date of change."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from connector.sandbox.shop_terms import (
    Found,
    Json,
    Shop,
    ShopError,
    dumps,
    listed,
    merge_meta,
    one_of,
)

SORTS = ("name", "id", "include", "registered_date")
NAMES = ("first_name", "last_name", "username")
PLACE = (
    *("first_name", "last_name", "company", "address_1", "address_2"),
    *("city", "postcode", "country", "state", "email", "phone"),
)


def page(shop: Shop, query: Mapping[str, str]) -> Found:
    """A page of customers, of role customer unless asked otherwise."""
    tests: list[str] = []
    values: list[object] = []
    if (role := query.get("role", "customer")) != "all":
        tests.append("role = ?")
        values.append(role)
    if "email" in query:
        tests.append("email = ?")
        values.append(query["email"])
    sort = {"registered_date": "created"}.get(one_of(query, "orderby", SORTS), "id")
    by = sort, one_of(query, "order", ("asc", "desc"))
    rows, total, number, pages = listed(shop, query, "customers", tests, values, by)
    return Found(items=[_told(shop, row) for row in rows], total=total, page=number, pages=pages)


def read(shop: Shop, number: int) -> Json:
    """One customer."""
    return _told(shop, _row(shop, number, 404))


def create(shop: Shop, given: Json, *, at: int | None = None) -> Json:
    """Store a new customer; *at* is for seeds that write history."""
    email = str(given.get("email", ""))
    body: Json = dict.fromkeys(NAMES, "") | {"username": email.partition("@")[0]}
    body |= {"billing": dict.fromkeys(PLACE, ""), "meta_data": []}
    body["shipping"] = {name: "" for name in PLACE if name != "email"}
    with shop.store.begin() as db:
        _check_email(shop, email, 0)
        _apply(shop, body, given)
        number, now = shop.store.take("user", 2), shop.now() if at is None else at
        db.execute(
            "INSERT INTO customers VALUES (?, ?, 'customer', ?, ?, ?)",
            (number, email, now, now, dumps(body)),
        )
    return read(shop, number)


def change(shop: Shop, number: int, given: Json) -> Json:
    """Change a customer."""
    with shop.store.begin() as db:
        row = _row(shop, number, 400)
        email = str(given.get("email", row["email"]))
        _check_email(shop, email, number)
        body = json.loads(row["body"])
        _apply(shop, body, given)
        db.execute(
            "UPDATE customers SET email = ?, modified = ?, body = ? WHERE id = ?",
            (email, shop.now(), dumps(body), number),
        )
    return read(shop, number)


def delete(shop: Shop, number: int, *, force: bool) -> Json:
    """Delete a customer for good; there is no trash for customers."""
    if not force:
        code = "woocommerce_rest_trash_not_supported"
        raise ShopError(501, code, "Customers do not support trashing.")
    gone = read(shop, number)
    with shop.store.begin() as db:
        db.execute("DELETE FROM customers WHERE id = ?", (number,))
    return gone


def _row(shop: Shop, number: int, status: int) -> sqlite3.Row:
    row = shop.store.row("SELECT * FROM customers WHERE id = ?", (number,))
    if row is None:
        raise ShopError(status, "woocommerce_rest_invalid_id", "Invalid resource ID.")
    return row


def _check_email(shop: Shop, email: str, number: int) -> None:
    if "@" not in email:
        raise ShopError(400, "customer_invalid_email", "Invalid email address")
    sql = "SELECT 1 FROM customers WHERE email = ? AND id <> ?"
    if shop.store.row(sql, (email, number)) is not None:
        said = f"An account is already registered with {email}. Please log in or use another one."
        raise ShopError(400, "registration-error-email-exists", said)


def _apply(shop: Shop, body: Json, given: Json) -> None:
    body |= {name: str(given[name]) for name in NAMES if name in given}
    for name in ("billing", "shipping"):
        known = {k: str(v) for k, v in given.get(name, {}).items() if k in body[name]}
        body[name] |= known
    body["meta_data"] = merge_meta(shop, body["meta_data"], given.get("meta_data", ()))


def _told(shop: Shop, row: sqlite3.Row) -> Json:
    dates = shop.dates("date_created", row["created"]) | shop.dates(
        "date_modified", row["modified"]
    )
    told: Json = {"id": row["id"], **dates, "email": row["email"], "role": row["role"]}
    body: Json = json.loads(row["body"])
    return told | body | {"_links": shop.links("customers", row["id"])}
