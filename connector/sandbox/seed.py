"""Seeds: the same number gives the same shop; everything is written by the shop's own rules."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from connector.sandbox import erp_books, erp_stock, shop_catalog, shop_orders, shop_people
from connector.sandbox.erp import open_erp
from connector.sandbox.erp_xml import Fields
from connector.sandbox.people import GOODS, NOTES, PEOPLE
from connector.sandbox.shop import open_shop
from connector.sandbox.shop_terms import Json, Shop

CANADA = next(n for n, person in enumerate(PEOPLE) if person[2] == "CA")
PAYMENTS = (("bacs", "Überweisung"), ("paypal", "PayPal"), ("stripe", "Kreditkarte"))
STATUSES = ("processing", "processing", "processing", "completed")


@dataclass(frozen=True, kw_only=True)
class Seeded:
    """What a shop was given, as keys."""

    skus: tuple[str, ...]
    customers: tuple[int, ...]
    orders: tuple[int, ...]


def skus(products: int) -> list[str]:
    """The SKUs that seeds give to *products* products: every eighth has two variations."""
    made: list[str] = []
    for n in range(1, products + 1):
        made += [f"SB-{n:04d}-S", f"SB-{n:04d}-L"] if n % 8 == 0 else [f"SB-{n:04d}"]
    return made


def seed_shop(
    path: Path,
    *,
    seed: int,
    products: int,
    customers: int,
    orders: int,
    born_after: datetime,
) -> Seeded:
    """Write goods, people and paid orders of *seed*, born evenly from *born_after* to the present.

    Among them, by turns: guests, two orders of one new guest in one second, coupons, negative fees
    over two rates, two rates on a line, two currencies, refunds.
    """
    dice = random.Random(f"shop/{seed}")  # noqa: S311 (repeatable, no secret)
    shop = open_shop(path)
    since = math.ceil(born_after.timestamp())
    until = max(since, shop.now())
    with shop.store.begin():
        sold = add_products(shop, products, dice)
        known = [add_customer(shop, n, since) for n in range(customers)]
        made: list[int] = []
        for n in range(orders):
            at = since + (until - since) * (n - pairs(n)) // max(orders, 1)
            given = order_of(n, dice, sold, known) | {"status": dice.choice(STATUSES)}
            made.append(shop_orders.create(shop, given, at=at)["id"])
            if n % 25 == 8:
                part = {"amount": "1.00", "reason": "Kulanz", "api_refund": False}
                shop_orders.refund(shop, made[-1], part)
    shop.store.close()
    return Seeded(skus=tuple(sold), customers=tuple(known), orders=tuple(made))


def sell(path: Path, orders: int) -> list[int]:
    """Place *orders* new orders of the shop's goods, now, by guests and customers; their ids."""
    shop = open_shop(path)
    try:
        sold = [
            row["sku"]
            for row in shop.store.rows(
                "SELECT sku FROM products"
                " WHERE sku <> '' AND id NOT IN (SELECT parent FROM products) ORDER BY id"
            )
        ]
        known = [row["id"] for row in shop.store.rows("SELECT id FROM customers ORDER BY id")]
        made: list[int] = []
        with shop.store.begin():
            before = shop.store.rows("SELECT count(*) AS n FROM orders")[0]["n"]
            dice = random.Random(f"sell/{before}")  # noqa: S311 (repeatable, no secret)
            for n in range(before, before + orders):
                given = order_of(n, dice, sold, known) | {"status": "processing"}
                made.append(int(shop_orders.create(shop, given)["id"]))
        return made
    finally:
        shop.store.close()


def pairs(n: int) -> int:
    """1 for the second order of a pair that comes at once, else 0."""
    return 1 if n % 50 == 21 else 0


def add_products(shop: Shop, products: int, dice: random.Random) -> list[str]:
    """Store products, every third of the reduced class, all with managed stock."""
    for n in range(1, products + 1):
        sku, name = f"SB-{n:04d}", f"{GOODS[n % len(GOODS)]} Nr. {n}"
        cost = {"regular_price": f"{dice.randint(99, 29999) / 100:.2f}"}
        common: Json = {"tax_class": "reduced-rate" if n % 3 == 0 else "", "manage_stock": True}
        common |= cost | {"stock_quantity": 1000}
        if n % 8:
            shop_catalog.create(shop, {"name": name, "sku": sku} | common)
            continue
        plain = {"name": name, "sku": sku, "type": "variable"}
        parent = shop_catalog.create(shop, plain)["id"]
        for size in "SL":
            given = {"name": size, "sku": f"{sku}-{size}"} | common
            shop_catalog.create(shop, given, parent=parent)
    return skus(products)


def person(n: int, email: str) -> Json:
    """The billing address of the n-th invented person."""
    first, last, country, city, postcode, state = PEOPLE[n % len(PEOPLE)]
    return {
        "first_name": first,
        "last_name": last,
        "company": f"Firma {n} GmbH & Co. KG" if n % 7 == 3 else "",
        "address_1": f"Prüfweg {n}",
        "address_2": "Hinterhaus" if n % 4 == 0 else "",
        "city": city,
        "state": state,
        "postcode": postcode,
        "country": country,
        "email": email,
        "phone": f"+49 30 {n:06d}",
    }


def add_customer(shop: Shop, n: int, at: int) -> int:
    """Store a registered customer."""
    email = f"kunde{n}@example.test"
    billing = person(n, email)
    names = {"first_name": billing["first_name"], "last_name": billing["last_name"]}
    given = {"email": email, "billing": billing} | names
    return int(shop_people.create(shop, given, at=at)["id"])


def order_of(n: int, dice: random.Random, sold: Sequence[str], known: Sequence[int]) -> Json:
    """The n-th order as a request; its turn decides what is special about it."""
    paired = n % 50 in (20, 21)
    guest = paired or n % 5 == 0 or not known
    who = 100_000 + n - pairs(n) if guest else dice.randrange(len(known))
    if n % 14 == 7 and not paired:
        guest, who = True, 100_000 + 10 * n + CANADA
    email = f"gast{who}@example.test" if guest else f"kunde{who}@example.test"
    billing = person(who, email)
    method, title = PAYMENTS[n % len(PAYMENTS)]
    wanted = dice.sample(list(sold), k=min(len(sold), dice.randint(1, 4)))
    if n % 12 == 5:
        wanted = [sold[0], sold[2 % len(sold)]]
    given: Json = {
        "customer_id": 0 if guest else known[who],
        "currency": "CHF" if n % 9 == 4 else "EUR",
        "billing": billing,
        "shipping": {name: value for name, value in billing.items() if name != "email"},
        "customer_note": NOTES[n % len(NOTES)],
        "payment_method": method,
        "payment_method_title": title,
        "transaction_id": f"tx_{n:06d}",
        "line_items": [{"sku": sku, "quantity": dice.randint(1, 3)} for sku in wanted],
        "shipping_lines": [
            {"method_id": "flat_rate", "method_title": "DHL", "total": ("4.12", "0")[n % 2]}
        ],
    }
    if n % 12 == 5:
        given["fee_lines"] = [{"name": "Rabatt (manuell)", "total": "-0.50"}]
    elif n % 12 == 9:
        given["fee_lines"] = [{"name": "Geschenkverpackung", "total": "2.50"}]
    if n % 10 == 3:
        given["coupon_lines"] = [{"code": ("save10", "fiver")[n // 10 % 2]}]
    return given


def seed_erp(
    path: Path,
    *,
    items: Sequence[str] = (),
    company: tuple[str, str] = ("Sandbox GmbH", "SANDBOX"),
    customers: Sequence[str] = ("C-GUEST-DE", "C-GUEST-EU"),
) -> None:
    """Write the company (name, code), one item per SKU of *items*, and collective customers.

    ItemNo is not the SKU: it is I-0001, I-0002, … in the order of *items*.
    """
    store = open_erp(path)
    with store.begin() as db:
        for name, value in zip(("company", "company_code"), company, strict=True):
            store.remember(name, value)
        now = erp_books.stamp(datetime.now(UTC))
        for n, sku in enumerate(items, 1):
            data: Fields = {"Sku": sku, "Name": f"Item {sku}", "Price": "10.00"}
            data |= {"Currency": "EUR", "Active": "true"}
            added = db.execute(
                "INSERT OR IGNORE INTO items (no, sku, created, changed, data)"
                " VALUES (?, ?, ?, ?, ?)",
                (f"I-{n:04d}", sku, now, now, erp_books.dumps(data)),
            )
            if added.rowcount:
                erp_stock.count(store, f"I-{n:04d}", "1000")
        for no in customers:
            if not erp_books.exists(db, "customers", no):
                erp_books.create_customer(store, {"Name": f"Collective {no}"}, no)
    store.close()
