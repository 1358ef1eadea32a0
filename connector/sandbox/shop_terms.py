"""What all parts of the shop share: its state, its dates, its errors and its list queries."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connector.sandbox.store import Store

Json = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY, status TEXT NOT NULL, customer INTEGER NOT NULL,
    created INTEGER NOT NULL, modified INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS orders_modified ON orders (modified, id);
CREATE INDEX IF NOT EXISTS orders_created ON orders (created, id);
CREATE TABLE IF NOT EXISTS refunds (
    id INTEGER PRIMARY KEY, parent INTEGER NOT NULL, created INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS refunds_parent ON refunds (parent);
CREATE TABLE IF NOT EXISTS products (
    id INTEGER PRIMARY KEY, status TEXT NOT NULL, parent INTEGER NOT NULL, sku TEXT NOT NULL,
    created INTEGER NOT NULL, modified INTEGER NOT NULL,
    created_local TEXT NOT NULL, modified_local TEXT NOT NULL, body TEXT NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS products_sku ON products (sku) WHERE sku <> '';
CREATE INDEX IF NOT EXISTS products_modified ON products (modified, id);
CREATE TABLE IF NOT EXISTS customers (
    id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE COLLATE NOCASE, role TEXT NOT NULL,
    created INTEGER NOT NULL, modified INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS nonces (nonce TEXT PRIMARY KEY, at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS nonces_at ON nonces (at);
"""
DATE = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d(?::\d\d)?)?", re.ASCII
)


class ShopError(Exception):
    """An error in WooCommerce's form; *data* defaults to its status."""

    def __init__(self, status: int, code: str, message: str, data: object = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {
            "code": code,
            "message": message,
            "data": {"status": status} if data is None else data,
        }


@dataclass(kw_only=True)
class Shop:
    """An open shop: its state, its zone, and the address under which it is reached."""

    store: Store
    zone: ZoneInfo
    url: str = "http://shop.invalid"

    def now(self) -> int:
        """The shop's clock in whole seconds, as its dates are."""
        return int(self.store.now().timestamp())

    def dates(self, name: str, at: int | None) -> Json:
        """A date twice, as the shop tells it: local without offset, and UTC without offset."""
        if at is None:
            return {name: None, f"{name}_gmt": None}
        moment = datetime.fromtimestamp(at, UTC)
        return {name: plain(moment.astimezone(self.zone)), f"{name}_gmt": plain(moment)}

    def local(self, at: int) -> str:
        """A date as the shop's local column holds it."""
        return plain(datetime.fromtimestamp(at, self.zone))

    def links(self, *path: object) -> Json:
        """The `_links` of a document at *path*."""
        collection = f"{self.url}/wp-json/wc/v3/{'/'.join(map(str, path[:-1]))}"
        allow = {"allow": ["GET", "POST", "PUT", "PATCH", "DELETE"]}
        return {
            "self": [{"href": f"{collection}/{path[-1]}", "targetHints": allow}],
            "collection": [{"href": collection}],
        }


@dataclass(frozen=True, kw_only=True)
class Found:
    """A page of a list and what its headers say."""

    items: list[Json]
    total: int
    page: int
    pages: int


def plain(at: datetime) -> str:
    """A time without offset, as every date of the shop is told."""
    return at.strftime("%Y-%m-%dT%H:%M:%S")


def invalid(*wrong: tuple[str, str, str]) -> ShopError:
    """The 400 for wrong parameters: (name, code, message) each."""
    data = {
        "status": 400,
        "params": {name: message for name, _, message in wrong},
        "details": {
            name: {"code": code, "message": message, "data": typed(code, message)}
            for name, code, message in wrong
        },
    }
    names = ", ".join(name for name, _, _ in wrong)
    return ShopError(400, "rest_invalid_param", f"Invalid parameter(s): {names}", data)


def typed(code: str, message: str) -> Json | None:
    """The extra data of a wrong type: the part that has it, first word of its message."""
    return {"param": message.partition(" ")[0]} if code == "rest_invalid_type" else None


def whole(query: Mapping[str, str], name: str, default: int, most: int | None = None) -> int:
    """A whole number of the query within 1 and *most*."""
    text = query.get(name, str(default))
    if not re.fullmatch(r"-?\d{1,12}", text, re.ASCII):
        raise invalid((name, "rest_invalid_type", f"{name} is not of type integer."))
    number = int(text)
    least = 0 if name == "offset" else 1
    if number < least or (most is not None and number > most):
        bounds = f"between {least} (inclusive) and {most} (inclusive)"
        said = bounds if most is not None else f"greater than or equal to {least}"
        raise invalid((name, "rest_out_of_bounds", f"{name} must be {said}"))
    return number


def one_of(query: Mapping[str, str], name: str, known: Sequence[str]) -> str:
    """A word of the query out of *known*, of which the first is the default."""
    word = query.get(name, known[0])
    if word not in known:
        said = f"{name} is not one of {', '.join(known[:-1])}, and {known[-1]}."
        raise invalid((name, "rest_not_in_enum", said))
    return word


def ids(query: Mapping[str, str], name: str) -> list[int]:
    """A comma list of ids in the query."""
    text = query.get(name, "")
    if not re.fullmatch(r"[\d, ]*", text, re.ASCII):
        raise invalid((name, "rest_invalid_type", f"{name}[0] is not of type integer."))
    return [int(part) for part in text.split(",") if part.strip()]


def is_gmt(query: Mapping[str, str]) -> bool:
    """Whether the query says that its dates are UTC."""
    return query.get("dates_are_gmt", "").lower() in ("true", "1")


def read_date(query: Mapping[str, str], name: str) -> tuple[datetime, bool]:
    """A date of the query, aware if it names an offset (then True), else naive."""
    wrong = invalid((name, "rest_invalid_date", "Invalid date."))
    match = DATE.fullmatch(query[name])
    if match is None:
        raise wrong
    day, time, offset = match.groups()
    try:
        at = datetime.fromisoformat(f"{day}T{time}{offset or ''}")
    except ValueError as out_of_calendar:
        raise wrong from out_of_calendar
    return at, offset is not None


def utc_bound(query: Mapping[str, str], name: str, zone: ZoneInfo) -> int:
    """The bound in the UTC column, right or wrong exactly as the real shop computes it."""
    at, has_offset = read_date(query, name)
    if not has_offset:
        return int(at.replace(tzinfo=UTC if is_gmt(query) else zone).timestamp())
    if is_gmt(query):
        # The real shop converts to local time and then compares with the UTC column.
        at = at.astimezone(zone).replace(tzinfo=UTC)
    return int(at.timestamp())


def local_bound(query: Mapping[str, str], name: str, zone: ZoneInfo) -> str:
    """The bound in a local column, where the repeated hour of autumn cannot be told apart."""
    at, has_offset = read_date(query, name)
    return plain(at.astimezone(zone) if has_offset else at)


def span(query: Mapping[str, str], zone: ZoneInfo, *, local: bool) -> tuple[list[str], list[Any]]:
    """SQL tests for after, before, modified_after and modified_before; all exclusive."""
    tests: list[str] = []
    values: list[Any] = []
    for name, column, sign in (
        ("after", "created", ">"),
        ("before", "created", "<"),
        ("modified_after", "modified", ">"),
        ("modified_before", "modified", "<"),
    ):
        if name in query:
            by_local = local and not is_gmt(query)
            bound = local_bound(query, name, zone) if by_local else utc_bound(query, name, zone)
            tests.append(f"{column}{'_local' if by_local else ''} {sign} ?")
            values.append(bound)
    return tests, values


def listed(
    shop: Shop,
    query: Mapping[str, str],
    table: str,
    tests: list[str],
    values: list[Any],
    by: tuple[str, str],
) -> tuple[list[sqlite3.Row], int, int, int]:
    """Rows of a page, with total, page and pages; the id breaks ties, offset overrides page."""
    per_page = whole(query, "per_page", 10, 100)
    page = whole(query, "page", 1)
    offset = whole(query, "offset", 0) if "offset" in query else (page - 1) * per_page
    for name, sign in (("include", "IN"), ("exclude", "NOT IN")):
        if listed_ids := ids(query, name):
            tests.append(f"id {sign} ({', '.join('?' * len(listed_ids))})")
            values += listed_ids
    column, order = by
    where = " AND ".join(tests) or "1"
    sort = f"{column} {order}, id {order}" if column != "id" else f"id {order}"
    store = shop.store
    count = store.row(f"SELECT count(*) FROM {table} WHERE {where}", tuple(values))  # noqa: S608
    rows = store.rows(
        f"SELECT * FROM {table} WHERE {where} ORDER BY {sort} LIMIT ? OFFSET ?",  # noqa: S608
        (*values, per_page, offset),
    )
    total = int(count[0]) if count else 0
    return rows, total, page, -(-total // per_page)


def dumps(value: object) -> str:
    """A document as it is stored."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def merge_meta(shop: Shop, present: list[Json], given: Sequence[Json]) -> list[Json]:
    """Metadata after a write: a known id or key is changed in place, null removes, else added."""
    merged = [dict(entry) for entry in present]
    for entry in given:
        same = [m for m in merged if entry.get("id") == m["id"] or entry.get("key") == m["key"]]
        if not same:
            number = shop.store.take("meta", 9001)
            merged.append({"id": number, "key": entry.get("key", ""), "value": entry.get("value")})
        elif entry.get("value") is None:
            merged.remove(same[0])
        else:
            same[0]["value"] = entry["value"]
    return merged
