"""What the bench shop holds: seeded orders of five lines, their customers and products."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, overload

CUSTOMERS, PRODUCTS, LINES = 100, 50, 5
SPREAD = timedelta(seconds=70)  # all orders are placed within this time after the first
CROWD = 20  # orders a second where they are many
STREETS = ("Lindenstraße", "Rue de l'Église", "Calle Mayor", "Main & 5th", "南京路")
NAMES = ("Ada Okonkwo", "Zoë Brandl", "Jürgen Weiß", "李 小龙", "Nuria Peña")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One order as the shop lists it: its id, when it was changed, and its bytes."""

    key: int
    at: datetime
    raw: bytes


class Many(Sequence[Row]):
    """*count* orders from *first* on, CROWD a second, each made when it is asked for."""

    def __init__(self, count: int, *, seed: int, first: datetime) -> None:
        self._count, self._seed, self._first = count, seed, first

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(self._count))]
        if not 0 <= place < self._count:
            raise IndexError(place)
        at = self._first + timedelta(seconds=place // CROWD)
        dice = random.Random(self._seed * 1_000_003 + place)
        return Row(key=1000 + place, at=at, raw=_raw(_order(place, at, dice)))

    def before(self, moment: datetime, *, inclusive: bool) -> int:
        """How many were placed before *moment*, or at it."""
        seconds = (moment - self._first).total_seconds()
        whole = math.floor(seconds) + 1 if inclusive else math.ceil(seconds)
        return max(0, min(self._count, whole * CROWD))


def orders(count: int, *, seed: int, first: datetime) -> list[Row]:
    """Give *count* orders in the order of their times; the first ones name every customer and

    every product.
    """
    dice = random.Random(seed)
    made = []
    for n in range(count):
        at = (first + SPREAD * n / count).replace(microsecond=0)
        made.append(Row(key=1000 + n, at=at, raw=_raw(_order(n, at, dice))))
    return made


def customer(key: int, at: datetime) -> bytes:
    """Give one customer."""
    first, last = NAMES[key % len(NAMES)].split()
    return _raw(
        {"id": key, "email": f"c{key}@example.test", "first_name": first, "last_name": last,
         "billing": _address(key), "shipping": _address(key), "meta_data": [],
         "date_created_gmt": _text(at), "date_modified_gmt": _text(at)}
    )  # fmt: skip


def product(key: int, at: datetime) -> bytes:
    """Give one product."""
    return _raw(
        {"id": key, "sku": sku(key), "name": f"Article {key}", "description": "", "price": "9.90",
         "regular_price": "9.90", "sale_price": "",
         "status": "publish", "weight": "", "type": "simple", "parent_id": 0, "manage_stock": False,
         "date_created_gmt": _text(at), "date_modified_gmt": _text(at)}
    )  # fmt: skip


def sku(key: int) -> str:
    """The natural key of product *key*."""
    return f"SKU-{key:05d}"


def _order(n: int, at: datetime, dice: random.Random) -> dict[str, Any]:
    who, lines = 1 + n % CUSTOMERS, [_line(n, i, dice) for i in range(LINES)]
    shipping = _taxed(490)
    net = sum(line["cents"] for line in lines) + 490
    tax = sum(line["tax_cents"] for line in lines) + shipping["tax_cents"]
    when = {"date_created": _text(at), "date_created_gmt": _text(at), "date_paid": _text(at),
            "date_paid_gmt": _text(at), "date_modified": _text(at), "date_modified_gmt": _text(at),
            "date_completed": None, "date_completed_gmt": None}  # fmt: skip
    return {
        "id": 1000 + n, "parent_id": 0, "status": "processing", "currency": "EUR",
        "version": "9.4.1", "prices_include_tax": False, **when, "discount_total": "0.00",
        "discount_tax": "0.00", "shipping_total": "4.90", "shipping_tax": shipping["total_tax"],
        "cart_tax": _cents(tax - shipping["tax_cents"]), "total": _cents(net + tax),
        "total_tax": _cents(tax), "customer_id": who, "order_key": f"wc_order_{n:012d}",
        "billing": _address(who), "shipping": _address(who), "payment_method": "bacs",
        "payment_method_title": "Bank transfer",
        "transaction_id": f"tx{dice.getrandbits(48):012x}",
        "customer_ip_address": "127.0.0.1", "customer_user_agent": "bench",
        "created_via": "checkout",
        "customer_note": "", "cart_hash": f"{dice.getrandbits(128):032x}", "number": str(1000 + n),
        "meta_data": [], "line_items": [_shown(line) for line in lines],
        "tax_lines": [{"id": 9, "rate_code": "DE-19", "rate_id": 1, "label": "VAT",
                       "compound": False, "tax_total": _cents(tax), "rate_percent": 19}],
        "shipping_lines": [{"id": 8, "method_title": "Flat rate", "method_id": "flat_rate",
                            **_shown(shipping)}],
        "fee_lines": [], "coupon_lines": [], "refunds": [], "payment_url": "", "is_editable": False,
    }  # fmt: skip


def _line(n: int, place: int, dice: random.Random) -> dict[str, Any]:
    key, quantity = 1 + (n * LINES + place) % PRODUCTS, dice.randint(1, 4)
    price = dice.randint(199, 9999)
    money = _taxed(price * quantity)
    return {
        "id": n * 10 + place, "name": f"Article {key} &amp; more", "product_id": key,
        "variation_id": 0, "quantity": quantity, "tax_class": "", "subtotal": money["total"],
        "subtotal_tax": money["total_tax"], **money, "meta_data": [], "sku": sku(key),
        "price": _cents(price), "parent_name": None,
    }  # fmt: skip


def _taxed(cents: int) -> dict[str, Any]:
    tax = (cents * 19 + 50) // 100
    shown = {"total": _cents(cents), "total_tax": _cents(tax)}
    taxes = [{"id": 1, "total": _cents(tax), "subtotal": _cents(tax)}]
    return {**shown, "taxes": taxes, "cents": cents, "tax_cents": tax}


def _shown(part: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in part.items() if k not in ("cents", "tax_cents")}


def _address(key: int) -> dict[str, str]:
    first, last = NAMES[key % len(NAMES)].split()
    return {"first_name": first, "last_name": last, "company": "", "address_1":
            f"{STREETS[key % len(STREETS)]} {key}", "address_2": "", "city": "Berlin",
            "state": "", "postcode": f"{10000 + key}", "country": "DE",
            "email": f"c{key}@example.test", "phone": "+49 30 123456"}  # fmt: skip


def _cents(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S")


def _raw(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
