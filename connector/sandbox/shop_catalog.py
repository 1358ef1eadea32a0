"""Products, variations, their stock, and customers."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping

from connector.sandbox.shop_money import level, price
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

TEXTS = ("name", "description", "short_description", "tax_class", "tax_status", "weight", "status")
PRICES = ("regular_price", "sale_price")
SALE = ("date_on_sale_from_gmt", "date_on_sale_to_gmt")
REDUCED = "_reduced_stock"
PRODUCT_SORTS = ("date", "id", "include", "title", "slug", "modified", "menu_order")
COLUMNS = {"date": "created", "modified": "modified"}
INVALID = "woocommerce_rest_product_invalid_id"


def products(shop: Shop, query: Mapping[str, str]) -> Found:
    """A page of products; only a look-up by SKU finds variations."""
    tests, values = span(query, shop.zone, local=True)
    if skus := [sku.strip() for sku in query.get("sku", "").split(",") if sku.strip()]:
        tests.append(f"sku IN ({', '.join('?' * len(skus))})")
        values += skus
    else:
        tests.append("parent = 0")
    return _page(shop, query, tests, values)


def variations(shop: Shop, parent: int, query: Mapping[str, str]) -> Found:
    """A page of one product's variations."""
    _row(shop, parent, 404)
    return _page(shop, query, ["parent = ?"], [parent])


def _page(shop: Shop, query: Mapping[str, str], tests: list[str], values: list[object]) -> Found:
    sort = COLUMNS.get(one_of(query, "orderby", PRODUCT_SORTS), "id")
    if query.get("status", "any") == "any":
        tests.append("status <> 'trash'")
    else:
        tests.append("status = ?")
        values.append(query["status"])
    by = sort, one_of(query, "order", ("desc", "asc"))
    rows, total, page, pages = listed(shop, query, "products", tests, values, by)
    return Found(items=[_told(shop, row) for row in rows], total=total, page=page, pages=pages)


def _row(shop: Shop, number: int, status: int, parent: int | None = None) -> sqlite3.Row:
    row = shop.store.row("SELECT * FROM products WHERE id = ?", (number,))
    if row is None or (parent is not None and row["parent"] != parent):
        raise ShopError(status, INVALID, "Invalid ID.")
    return row


def _told(shop: Shop, row: sqlite3.Row) -> Json:
    body = json.loads(row["body"])
    number, parent = row["id"], row["parent"]
    path = ("products", parent, "variations", number) if parent else ("products", number)
    kin = [r["id"] for r in shop.store.rows("SELECT id FROM products WHERE parent = ?", (number,))]
    stock = body["stock_quantity"]
    return {
        "id": number,
        "permalink": f"{shop.url}/?p={number}",
        **shop.dates("date_created", row["created"]),
        **shop.dates("date_modified", row["modified"]),
        "status": row["status"],
        "sku": row["sku"],
        **body,
        "price": body["sale_price"] or body["regular_price"],
        "on_sale": bool(body["sale_price"]),
        "stock_status": "instock" if stock is None or stock > 0 else "outofstock",
        "variations": kin,
        "_links": shop.links(*path),
    }


def read(shop: Shop, number: int, parent: int = 0) -> Json:
    """One product, or one variation of *parent*.

    GET /products/ID answers for a variation's id too (woocommerce/woocommerce#41374).
    """
    return _told(shop, _row(shop, number, 404, parent or None))


def create(shop: Shop, given: Json, *, parent: int = 0, lenient: bool = False) -> Json:
    """Store a new product; its SKU must be new, trash included."""
    if not lenient:
        check(given)
    kind = "variation" if parent else str(given.get("type", "simple"))
    body: Json = {
        "name": "",
        "slug": "",
        "type": kind,
        "description": "",
        "short_description": "",
        "regular_price": "",
        "sale_price": "",
        **dict.fromkeys(SALE),  # the sandbox keeps them, and looks at no calendar
        "tax_status": "taxable",
        "tax_class": "",
        "manage_stock": False,
        "stock_quantity": None,
        "backorders": "no",
        "weight": "",
        "dimensions": {"length": "", "width": "", "height": ""},
        "parent_id": parent,
        "attributes": [],
        "images": [],
        "categories": [],
        "meta_data": [],
    }
    with shop.store.begin() as db:
        sku = _free_sku(shop, given, 0)
        _apply(shop, body, given)
        now, number = shop.now(), shop.store.take("post", 1001)
        local = shop.local(now)
        status = body.pop("status", "publish")
        db.execute(
            "INSERT INTO products VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (number, status, parent, sku, now, now, local, local, dumps(body)),
        )
    return read(shop, number, parent)


def change(shop: Shop, number: int, given: Json, *, parent: int = 0, lenient: bool = False) -> Json:
    """Change a product; even a request that changes nothing bumps its date."""
    if not lenient:
        check(given)
    with shop.store.begin() as db:
        row = _row(shop, number, 404 if parent else 400, parent)
        if shop.store.meta(f"frozen:{number}", ""):
            raise ShopError(403, "woocommerce_rest_cannot_edit", "Sorry, you are not allowed.")
        body = json.loads(row["body"])
        sku = _free_sku(shop, given, number) if "sku" in given else row["sku"]
        _apply(shop, body, given)
        status = body.pop("status", row["status"])
        db.execute(
            "UPDATE products SET sku = ?, status = ?, body = ? WHERE id = ?",
            (sku, status, dumps(body), number),
        )
        for touched in (number, parent):
            _touch(shop, touched)
    return read(shop, number, parent)


def freeze(shop: Shop, number: int) -> None:
    """Let a plugin forbid every change of one product, to whomever."""
    shop.store.remember(f"frozen:{number}", "yes")


def delete(shop: Shop, number: int, *, force: bool) -> Json:
    """Trash a product, whose SKU stays taken, or delete it for good."""
    with shop.store.begin() as db:
        row = _row(shop, number, 404)
        gone = _told(shop, row)
        if force:
            db.execute("DELETE FROM products WHERE id = ? OR parent = ?", (number, number))
            return gone
        if row["status"] == "trash":
            raise ShopError(404, INVALID, "Invalid ID.")
        db.execute("UPDATE products SET status = 'trash' WHERE id = ?", (number,))
        _touch(shop, number)
        return gone | {"status": "trash"}


def check(given: Json) -> None:
    """Refuse what the schema refuses in single writes; batches are not checked."""
    wrong: list[tuple[str, str, str]] = []
    stock = given.get("stock_quantity")
    if stock is not None and not re.fullmatch(r"-?\d+", str(stock), re.ASCII):
        said = "stock_quantity is not of type integer,null."
        wrong.append(("stock_quantity", "rest_invalid_type", said))
    for name in PRICES:
        if name in given and not isinstance(given[name], str):
            wrong.append((name, "rest_invalid_type", f"{name} is not of type string."))
    if wrong:
        raise invalid(*wrong)


def _apply(shop: Shop, body: Json, given: Json) -> None:
    body |= {name: str(given[name]) for name in TEXTS if name in given}
    body |= {name: price(given[name]) for name in PRICES if name in given}
    body |= {name: given[name] or None for name in SALE if name in given}
    if "manage_stock" in given:
        body["manage_stock"] = bool(given["manage_stock"])
        body["stock_quantity"] = body["stock_quantity"] or 0 if given["manage_stock"] else None
    if "stock_quantity" in given and body["manage_stock"]:
        body["stock_quantity"] = level(given["stock_quantity"])
    body["meta_data"] = merge_meta(shop, body["meta_data"], given.get("meta_data", ()))


def _free_sku(shop: Shop, given: Json, number: int) -> str:
    sku = str(given.get("sku", ""))
    held = shop.store.row("SELECT id FROM products WHERE sku = ? AND id <> ?", (sku, number))
    if sku and held is not None:
        data = {"status": 400, "resource_id": held["id"], "unique_sku": f"{sku}-1"}
        raise ShopError(400, "product_invalid_sku", "Invalid or duplicated SKU.", data)
    return sku


def _touch(shop: Shop, number: int) -> None:
    now = shop.now()
    with shop.store.begin() as db:
        db.execute(
            "UPDATE products SET modified = ?, modified_local = ? WHERE id = ?",
            (now, shop.local(now), number),
        )


def product_of(shop: Shop, wanted: Json) -> Json | None:
    """The product or variation that an order line names by id or SKU, with its parent's name."""
    number = wanted.get("variation_id") or wanted.get("product_id")
    if number:
        row = shop.store.row("SELECT * FROM products WHERE id = ?", (number,))
    else:
        row = shop.store.row(
            "SELECT * FROM products WHERE sku = ? AND sku <> ''", (wanted.get("sku", ""),)
        )
    if row is None:
        return None
    found = _told(shop, row)
    if row["parent"]:
        name = json.loads(_row(shop, row["parent"], 404)["body"])["name"]
        found |= {"parent_name": name, "name": f"{name} - {found['name']}"}
    return found


def line_stock(line: Json) -> int:
    """How many pieces of a line have been taken from stock."""
    return sum(int(meta["value"]) for meta in line["meta_data"] if meta["key"] == REDUCED)


def move_stock(shop: Shop, line: Json, pieces: int) -> None:
    """Take *pieces* more for a line (negative: give back); the product's date is bumped."""
    number = line["variation_id"] or line["product_id"]
    row = shop.store.row("SELECT * FROM products WHERE id = ?", (number,))
    body = json.loads(row["body"]) if row else {}
    if not pieces or not body.get("manage_stock"):
        return
    body["stock_quantity"] -= pieces
    with shop.store.begin() as db:
        db.execute("UPDATE products SET body = ? WHERE id = ?", (dumps(body), number))
        _touch(shop, number)
    taken = line_stock(line) + pieces
    kept = [meta for meta in line["meta_data"] if meta["key"] != REDUCED]
    note = {"id": shop.store.take("meta", 9001), "key": REDUCED, "value": str(taken)}
    line["meta_data"] = [*kept, note] if taken else kept
