"""The WooCommerce REST v3 shop: routes, batches, list headers."""

from __future__ import annotations

import json
import re
import ssl
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from zoneinfo import ZoneInfo

from connector.sandbox import shop_catalog as catalog
from connector.sandbox import shop_hooks as hooks
from connector.sandbox import shop_orders as orders
from connector.sandbox import shop_people as people
from connector.sandbox.faults import Rule
from connector.sandbox.server import Call, Reply, Running, Server
from connector.sandbox.shop_auth import Key, Keys, admit
from connector.sandbox.shop_terms import SCHEMA, Found, Json, Shop, ShopError
from connector.sandbox.store import Store

API = "/wp-json/wc/v3"
KEYS: Keys = {
    "ck_sandbox": Key(secret="cs_sandbox"),  # noqa: S106 (published on purpose)
    "ck_readonly": Key(secret="cs_readonly", writes=False),  # noqa: S106
}
ZONE = "Europe/Berlin"
BATCH = 100
FIXED = (
    ("X-Robots-Tag", "noindex"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-cache, must-revalidate, max-age=0, no-store, private"),
)


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A routed request: the ids in its path, its query and its body."""

    ids: tuple[int, ...]
    query: Mapping[str, str]
    body: Json

    @property
    def force(self) -> bool:
        """Whether a deletion is meant for good."""
        return self.query.get("force", str(self.body.get("force", ""))).lower() in ("true", "1")


Act = Callable[[Shop, Ask], Any]


def batch(create: Any, change: Any, delete: Any) -> Act:
    """A batch over three writes: each item on its own, errors in their places, always 200."""

    def each(act: Callable[[Json], Json], items: list[Json]) -> list[Json]:
        answers: list[Json] = []
        for item in items:
            try:
                answers.append(act(item))
            except ShopError as wrong:
                answers.append({"id": item.get("id", 0), "error": wrong.body})
        return answers

    def run(shop: Shop, ask: Ask) -> Json:
        removed = [{"id": number} for number in ask.body.get("delete", ())]
        made, changed = ask.body.get("create", []), ask.body.get("update", [])
        if len(made) + len(changed) + len(removed) > BATCH:
            said = f"Unable to accept more than {BATCH} items for this request."
            raise ShopError(413, "woocommerce_rest_request_entity_too_large", said)
        under = {"parent": ask.ids[0]} if ask.ids else {}
        answers = {
            "create": each(lambda i: create(shop, i, lenient=True, **under), made),
            "update": each(
                lambda i: change(shop, i.get("id", 0), i, lenient=True, **under), changed
            ),
            "delete": each(lambda i: delete(shop, i["id"], force=True), removed),
        }
        return {verb: said for verb, said in answers.items() if verb in ask.body}

    return run


ITEM = {
    "orders": (orders.page, orders.create, orders.read, orders.change, orders.delete),
    "products": (catalog.products, catalog.create, catalog.read, catalog.change, catalog.delete),
    "customers": (people.page, people.create, people.read, people.change, people.delete),
    "webhooks": (hooks.page, hooks.create, hooks.read, hooks.change, hooks.delete),
}


def routes() -> list[tuple[re.Pattern[str], dict[str, Act]]]:
    """Every path with its verbs; the first that fits wins."""
    table: list[tuple[str, dict[str, Act]]] = [
        ("/orders/batch", {"POST": batch(orders.create, orders.change, orders.delete)}),
        ("/products/batch", {"POST": batch(catalog.create, catalog.change, catalog.delete)}),
        ("/orders/#/refunds", {"GET": refunds, "POST": refund}),
        ("/orders/#/refunds/#", {"GET": one_refund}),
        ("/products/#/variations", {"GET": variations, "POST": new_variation}),
        (
            "/products/#/variations/batch",
            {"POST": batch(catalog.create, catalog.change, catalog.delete)},
        ),
        ("/products/#/variations/#", {"GET": variation, "PUT": change_variation}),
        ("/system_status", {"GET": system_status}),
        ("/settings/general", {"GET": settings}),
    ]
    for name, acts in ITEM.items():
        table += collection(name, *acts)
    return [
        (re.compile(path.replace("#", r"(\d{1,15})"), re.ASCII), verbs) for path, verbs in table
    ]


def collection(
    name: str, page: Any, create: Any, read: Any, change: Any, delete: Any
) -> list[tuple[str, dict[str, Act]]]:
    """The two paths of a plain collection."""
    return [
        (
            f"/{name}",
            {
                "GET": lambda shop, ask: page(shop, ask.query),
                "POST": lambda shop, ask: create(shop, ask.body),
            },
        ),
        (
            f"/{name}/#",
            {
                "GET": lambda shop, ask: read(shop, ask.ids[0]),
                "PUT": lambda shop, ask: change(shop, ask.ids[0], ask.body),
                "DELETE": lambda shop, ask: delete(shop, ask.ids[0], force=ask.force),
            },
        ),
    ]


def refunds(shop: Shop, ask: Ask) -> Found:
    """All refunds of an order in one page."""
    items = orders.refunds(shop, ask.ids[0])
    return Found(items=items, total=len(items), page=1, pages=1 if items else 0)


def refund(shop: Shop, ask: Ask) -> Json:
    """A new refund."""
    return orders.refund(shop, ask.ids[0], ask.body)


def one_refund(shop: Shop, ask: Ask) -> Json:
    """One refund of an order."""
    for found in orders.refunds(shop, ask.ids[0]):
        if found["id"] == ask.ids[1]:
            return found
    raise ShopError(404, "woocommerce_rest_shop_order_refund_invalid_id", "Invalid ID.")


def variations(shop: Shop, ask: Ask) -> Found:
    """The variations of a product."""
    return catalog.variations(shop, ask.ids[0], ask.query)


def new_variation(shop: Shop, ask: Ask) -> Json:
    """A new variation."""
    return catalog.create(shop, ask.body, parent=ask.ids[0])


def variation(shop: Shop, ask: Ask) -> Json:
    """One variation."""
    return catalog.read(shop, ask.ids[1], ask.ids[0])


def change_variation(shop: Shop, ask: Ask) -> Json:
    """Change a variation; its product's date is bumped too."""
    return catalog.change(shop, ask.ids[1], ask.body, parent=ask.ids[0])


def system_status(shop: Shop, _: Ask) -> Json:
    """Who the shop is."""
    environment = {
        "home_url": shop.url,
        "site_url": shop.url,
        "store_id": shop.store.meta("store_id", ""),
        "version": "11.0.1",
        "wp_version": "7.0",
        "default_timezone": "UTC",
    }
    return {"environment": environment, "settings": {"currency": "EUR", "number_of_decimals": 2}}


def settings(_: Shop, __: Ask) -> list[Json]:
    """The settings that matter to a connector."""
    known = (
        ("woocommerce_store_address", "Address line 1", ""),
        ("woocommerce_default_country", "Country / State", "DE:DE-BE"),
        ("woocommerce_calc_taxes", "Enable taxes", "yes"),
        ("woocommerce_currency", "Currency", "EUR"),
        ("woocommerce_price_num_decimals", "Number of decimals", "2"),
    )
    return [{"id": name, "label": label, "value": value} for name, label, value in known]


class Woo:
    """The application: one shop and its keys."""

    def __init__(self, shop: Shop, keys: Keys) -> None:
        self.shop = shop
        self.store = shop.store
        self._keys = keys
        self._routes = routes()

    def name(self, call: Call) -> str:
        """The verb and the path below the API."""
        path = urlsplit(call.target).path.removeprefix("/index.php")
        return f"{call.method} {path.removeprefix(API)}"

    def refusal(self, rule: Rule) -> Reply:
        """An error in the shop's form with the rule's code and status."""
        code = rule.code or "internal_server_error"
        return self._reply(
            rule.status, ShopError(rule.status, code, "as the sandbox was told").body
        )

    def answer(self, call: Call) -> Reply:
        """Execute one call; every error is JSON as the real shop writes it."""
        parts = urlsplit(call.target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        try:
            if call.method == "GET" and parts.path.rstrip("/") == "/wp-json":
                return self._reply(200, self._index())
            admit(self.shop, self._keys, call)
            act, ids = self._route(call.method, parts.path)
            told = act(self.shop, Ask(ids=ids, query=query, body=body_of(call)))
        except ShopError as wrong:
            return self._reply(wrong.status, wrong.body)
        status = 201 if call.method == "POST" and not parts.path.endswith("/batch") else 200
        if isinstance(told, Found):
            return self._reply(200, only(told.items, query), self._paging(call, query, told))
        return self._reply(status, only([told], query)[0] if isinstance(told, dict) else told)

    def _route(self, method: str, target: str) -> tuple[Act, tuple[int, ...]]:
        path = target.removeprefix("/index.php").removeprefix(API).rstrip("/")
        for pattern, verbs in self._routes:
            match = pattern.fullmatch(path)
            edits = method in ("PATCH", "POST") and "PUT" in verbs
            act = verbs.get("PUT" if edits else method)
            if match and act:
                return act, tuple(int(number) for number in match.groups())
        said = "No route was found matching the URL and request method."
        raise ShopError(404, "rest_no_route", said)

    def _index(self) -> Json:
        return {
            "name": self.store.meta("title", ""),
            "url": self.shop.url,
            "home": self.shop.url,
            "timezone_string": self.shop.zone.key,
            "namespaces": ["wc/v3", "wp/v2"],
        }

    def _paging(self, call: Call, query: Mapping[str, str], found: Found) -> list[tuple[str, str]]:
        base = f"{self.shop.url}{urlsplit(call.target).path}?"
        kept = {n: v for n, v in query.items() if n != "page" and not n.startswith("oauth_")}

        def link(page: int, rel: str) -> str:
            return f'<{base}{urlencode(kept | {"page": page}, quote_via=quote)}>; rel="{rel}"'

        ends = []
        if found.page > 1:
            ends.append(link(min(found.page - 1, found.pages), "prev"))
        if found.page < found.pages:
            ends.append(link(found.page + 1, "next"))
        said = [("X-WP-Total", str(found.total)), ("X-WP-TotalPages", str(found.pages))]
        return said + ([("Link", ", ".join(ends))] if ends else [])

    def _reply(
        self, status: int, value: object, headers: list[tuple[str, str]] | None = None
    ) -> Reply:
        # The real shop escapes slashes and everything beyond ASCII.
        text = json.dumps(value, separators=(",", ":")).replace("/", "\\/")
        kind = "application/json; charset=UTF-8"
        said = (*FIXED, *(headers or ()))
        return Reply(status=status, body=text.encode(), kind=kind, headers=said)


def body_of(call: Call) -> Json:
    """The JSON object of a request; nothing is an empty one."""
    try:
        said = json.loads(call.body or b"{}")
    except ValueError as broken:
        data = {"status": 400, "json_error_code": 4, "json_error_message": "Syntax error"}
        raise ShopError(400, "rest_invalid_json", "Invalid JSON body passed.", data) from broken
    return said if isinstance(said, dict) else {}


def only(items: list[Json], query: Mapping[str, str]) -> list[Json]:
    """The items with nothing but the `_fields` that the query names."""
    names = [name.strip() for name in query.get("_fields", "").split(",") if name.strip()]
    if not names:
        return items
    return [{name: item[name] for name in names if name in item} for item in items]


def open_shop(data: Path, zone: str = "") -> Shop:
    """The shop whose state is the file *data*, made when missing; a zone given is remembered."""
    store = Store(data, SCHEMA + hooks.SCHEMA)
    if zone:
        store.remember("zone", zone)
    store.keep("title", "Sandbox Shop")
    store.keep("store_id", str(uuid.uuid4()))
    return Shop(store=store, zone=ZoneInfo(store.keep("zone", ZONE)))


def start_shop(
    data: Path,
    *,
    port: int = 0,
    zone: str = "",
    address: str = "",
    keys: Keys = KEYS,
    tls: tuple[Path, Path] | None = None,
) -> Running:
    """Serve the shop whose state is the file *data* on 127.0.0.1; *tls* is (cert, key).

    *address*: the URL under which clients know it, where a proxy stands before it.
    """
    shop = open_shop(data, zone)
    context = None
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
    running = Running(Server(Woo(shop, keys), port, context))
    shop.url = address or running.url
    running.beside(lambda stopping: hooks.deliver(shop, stopping))
    return running
