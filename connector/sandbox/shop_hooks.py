"""Webhooks of the shop: kept like WooCommerce keeps them, delivered late, once, and given up on."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import random
import secrets
import sqlite3
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from connector.sandbox import shop_catalog as catalog
from connector.sandbox import shop_orders as orders
from connector.sandbox import shop_people as people
from connector.sandbox.shop_terms import Found, Json, Shop, ShopError, whole

TABLES = {"order": "orders", "product": "products", "customer": "customers"}
EVENTS = ("created", "updated", "deleted")
READ: dict[str, Callable[[Shop, int], Json]] = {
    "order": orders.read,
    "product": catalog.read,
    "customer": people.read,
}
PATIENCE = 5  # failures in a row beyond which the next one disables a webhook
TIMEOUT = 5.0
PAUSE = 0.2


def _triggers() -> str:
    """Whatever changes a row, by whatever hand, is an event, once somebody wants to hear of it."""
    wanted = "EXISTS (SELECT 1 FROM webhooks WHERE status = 'active')"
    lines = []
    for resource, table in TABLES.items():
        gone = "NEW.status = 'trash' AND OLD.status <> 'trash'" if resource != "customer" else "0"
        events = [
            ("new", "INSERT", "NEW", "'created'"),
            ("changed", "UPDATE", "NEW", f"CASE WHEN {gone} THEN 'deleted' ELSE 'updated' END"),
            ("gone", "DELETE", "OLD", "'deleted'"),
        ]
        if resource == "order":  # observed: a new order is told twice
            events.append(("new_again", "INSERT", "NEW", "'updated'"))
        for word, when, row, event in events:
            told = f"('{resource}', {row}.id, {event})"
            lines.append(
                f"CREATE TRIGGER IF NOT EXISTS {table}_{word} AFTER {when} ON {table} WHEN {wanted}"  # noqa: S608
                f" BEGIN INSERT INTO events (resource, item, event) VALUES {told}; END;"
            )
    return "\n".join(lines)


SCHEMA = f"""
CREATE TABLE IF NOT EXISTS webhooks (
    id INTEGER PRIMARY KEY, status TEXT NOT NULL, topic TEXT NOT NULL, url TEXT NOT NULL,
    secret TEXT NOT NULL, name TEXT NOT NULL, failures INTEGER NOT NULL, pinged INTEGER NOT NULL,
    created INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS events (
    n INTEGER PRIMARY KEY AUTOINCREMENT, resource TEXT NOT NULL, item INTEGER NOT NULL,
    event TEXT NOT NULL);
{_triggers()}
"""


# ── what the API says ───────────────────────────────────────────────────────────────────────────


def page(shop: Shop, query: Mapping[str, str]) -> Found:
    """A page of webhooks, newest first."""
    size, number = whole(query, "per_page", 10, 100), whole(query, "page", 1)
    rows = shop.store.rows("SELECT * FROM webhooks ORDER BY id DESC")
    cut = rows[(number - 1) * size : number * size]
    pages = -(-len(rows) // size)
    return Found(items=[_told(shop, row) for row in cut], total=len(rows), page=number, pages=pages)


def read(shop: Shop, number: int) -> Json:
    """One webhook; its secret is never told."""
    return _told(shop, _row(shop, number))


def create(shop: Shop, given: Json) -> Json:
    """Store a new webhook and ping it; a ping that fails stops nothing."""
    topic, url = str(given.get("topic", "")), str(given.get("delivery_url", ""))
    resource, _, event = topic.partition(".")
    if resource not in TABLES or event not in EVENTS:
        raise _wrong("topic", "Webhook topic is required and must be valid.")
    if urlsplit(url).scheme not in ("http", "https"):
        said = "Webhook delivery URL must be a valid URL starting with http:// or https://."
        raise _wrong("delivery_url", said)
    number = shop.store.take("webhook", 1)
    secret = str(given.get("secret") or secrets.token_hex(25))
    name = str(given.get("name") or topic)
    with shop.store.begin() as db:
        db.execute(
            "INSERT INTO webhooks VALUES (?, ?, ?, ?, ?, ?, 0, 0, ?)",
            (number, given.get("status", "active"), topic, url, secret, name, shop.now()),
        )
    _ping(shop, _row(shop, number))
    return read(shop, number)


def change(shop: Shop, number: int, given: Json) -> Json:
    """Change a webhook; its failures stay counted, also when it is made active again."""
    _row(shop, number)
    columns = {"status": "status", "topic": "topic", "delivery_url": "url", "secret": "secret"}
    with shop.store.begin() as db:
        for name, column in columns.items():
            if name in given:
                db.execute(
                    f"UPDATE webhooks SET {column} = ? WHERE id = ?",  # noqa: S608 (our names)
                    (str(given[name]), number),
                )
    return read(shop, number)


def delete(shop: Shop, number: int, *, force: bool) -> Json:
    """Delete a webhook for good; there is no trash for them."""
    if not force:
        code = "woocommerce_rest_trash_not_supported"
        raise ShopError(501, code, "Webhooks do not support trashing.")
    gone = read(shop, number)
    with shop.store.begin() as db:
        db.execute("DELETE FROM webhooks WHERE id = ?", (number,))
    return gone


def _row(shop: Shop, number: int) -> sqlite3.Row:
    found = shop.store.row("SELECT * FROM webhooks WHERE id = ?", (number,))
    if found is None:
        raise ShopError(404, "woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.")
    return found


def _wrong(name: str, said: str) -> ShopError:
    return ShopError(400, f"woocommerce_rest_webhook_invalid_{name}", said)


def _told(shop: Shop, row: sqlite3.Row) -> Json:
    resource, _, event = row["topic"].partition(".")
    return {
        "id": row["id"],
        "name": row["name"],
        "status": row["status"],
        "topic": row["topic"],
        "resource": resource,
        "event": event,
        "hooks": [f"woocommerce_{event}_{resource}"],
        "delivery_url": row["url"],
        **shop.dates("date_created", row["created"]),
        **shop.dates("date_modified", None),
        "_links": shop.links("webhooks", row["id"]),
    }


# ── what is delivered ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Manners:
    """How badly it delivers: shares of deliveries *doubled* and *lost*, and whether *shuffled*.

    *patience*: failures in a row beyond which the next one disables a webhook, as the filter
    woocommerce_max_webhook_delivery_failures sets it.
    """

    doubled: float = 0.0
    lost: float = 0.0
    shuffled: bool = False
    patience: int = PATIENCE


def deliver(shop: Shop, stopping: threading.Event) -> None:
    """Deliver events until *stopping*: two quick changes are one delivery, and none is repeated."""
    dice = random.Random(1)  # noqa: S311 (repeatable, no secret)
    while not stopping.wait(PAUSE):
        if not shop.store.rows("SELECT 1 FROM events LIMIT 1"):
            continue
        manners = manners_of(shop)
        for number, item, body_of in _queue(shop, manners, dice):
            if stopping.is_set():
                return
            _send(shop, number, item, body_of)


def manners_of(shop: Shop) -> Manners:
    """How it was told to deliver."""
    return Manners(**json.loads(shop.store.meta("hooks", "{}")))


def _queue(shop: Shop, manners: Manners, dice: random.Random) -> list[tuple[int, int, str]]:
    """Webhook, item and event of each delivery that the events so far call for."""
    with shop.store.begin() as db:
        rows = db.execute("SELECT DISTINCT resource, item, event FROM events ORDER BY n").fetchall()
        hooks = db.execute("SELECT id, topic FROM webhooks WHERE status = 'active'").fetchall()
        db.execute("DELETE FROM events")
    due = [
        (hook["id"], row["item"], row["event"])
        for row in rows
        for hook in hooks
        if hook["topic"] == f"{row['resource']}.{row['event']}"
    ]
    due = [one for one in due if dice.random() >= manners.lost]
    due += [one for one in due if dice.random() < manners.doubled]
    if manners.shuffled:
        dice.shuffle(due)
    return due


def _send(shop: Shop, number: int, item: int, event: str) -> None:
    hook = shop.store.row("SELECT * FROM webhooks WHERE id = ?", (number,))
    if hook is None:
        return
    if not hook["pinged"]:
        _ping(shop, hook)
    resource = hook["topic"].partition(".")[0]
    body = json.dumps(_payload(shop, resource, item, event), separators=(",", ":")).encode()
    mac = hmac.new(hook["secret"].encode(), body, hashlib.sha256).digest()
    headers = {
        "User-Agent": "WooCommerce/11.0.1 Hookshot (WordPress/7.0)",
        "Content-Type": "application/json",
        "X-WC-Webhook-Source": f"{shop.url}/",
        "X-WC-Webhook-Topic": hook["topic"],
        "X-WC-Webhook-Resource": resource,
        "X-WC-Webhook-Event": event,
        "X-WC-Webhook-Signature": base64.b64encode(mac).decode(),
        "X-WC-Webhook-ID": str(number),
        "X-WC-Webhook-Delivery-ID": secrets.token_hex(16),
    }
    _count(shop, number, ok=_posted(hook["url"], body, headers))


def _payload(shop: Shop, resource: str, item: int, event: str) -> Any:
    """As GET tells it now, and not as it was at the event; of what is deleted, the id alone."""
    if event == "deleted":
        return {"id": item}
    try:
        return READ[resource](shop, item)
    except ShopError as gone:
        return gone.body


def _count(shop: Shop, number: int, *, ok: bool) -> None:
    if ok:
        shop.store.take("taken", 1)
    patience = manners_of(shop).patience
    with shop.store.begin() as db:
        if ok:
            db.execute("UPDATE webhooks SET failures = 0 WHERE id = ?", (number,))
            return
        db.execute(
            "UPDATE webhooks SET status = CASE WHEN failures > ? THEN 'disabled' ELSE status END,"
            " failures = min(failures + 1, ?) WHERE id = ?",
            (patience, patience + 1, number),
        )


def _ping(shop: Shop, hook: sqlite3.Row) -> None:
    """Unsigned, and without any header of ours: `webhook_id=N`."""
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    if _posted(hook["url"], f"webhook_id={hook['id']}".encode(), kind):
        with shop.store.begin() as db:
            db.execute("UPDATE webhooks SET pinged = 1 WHERE id = ?", (hook["id"],))


def _posted(url: str, body: bytes, headers: Mapping[str, str]) -> bool:
    parts = urlsplit(url)
    line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        line.request("POST", target, body, dict(headers))
        return 200 <= line.getresponse().status < 300
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()
