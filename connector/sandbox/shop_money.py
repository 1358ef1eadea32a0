"""How the shop computes: prices include tax, every line is rounded, totals are sums of lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A tax rate in percent, with the names the shop tells."""

    id: int
    percent: Decimal
    label: str
    code: str


def _rate(number: int, percent: str, label: str, place: str) -> Rate:
    code = f"{place}-{label.upper()}-1"
    return Rate(id=number, percent=Decimal(percent), label=label, code=code)


STANDARD, REDUCED, NONE = "", "reduced-rate", "zero-rate"
BASE = "DE"
RATES: dict[tuple[str, str], tuple[Rate, ...]] = {
    ("DE", STANDARD): (_rate(1, "19", "USt. 19%", "DE"),),
    ("DE", REDUCED): (_rate(2, "7", "USt. 7%", "DE"),),
    ("AT", STANDARD): (_rate(3, "20", "USt. 20%", "AT"),),
    ("AT", REDUCED): (_rate(4, "10", "USt. 10%", "AT"),),
    ("FR", STANDARD): (_rate(5, "20", "TVA 20%", "FR"),),
    ("FR", REDUCED): (_rate(6, "5.5", "TVA 5.5%", "FR"),),
    ("ES", STANDARD): (_rate(7, "21", "IVA 21%", "ES"),),
    ("ES", REDUCED): (_rate(8, "10", "IVA 10%", "ES"),),
    ("CH", STANDARD): (_rate(9, "8.1", "MWST 8.1%", "CH"),),
    ("CH", REDUCED): (_rate(10, "2.6", "MWST 2.6%", "CH"),),
    ("CA", STANDARD): (
        _rate(11, "5", "GST 5%", "CA"),
        _rate(12, "9.975", "QST 9.975%", "CA-QC"),
    ),
    ("CA", REDUCED): (_rate(11, "5", "GST 5%", "CA"),),
}
BY_ID = {rate.id: rate for rates in RATES.values() for rate in rates}
COUPONS: dict[str, tuple[str, Decimal]] = {
    "save10": ("percent", Decimal(10)),
    "fiver": ("fixed_cart", Decimal(5)),
}


def cents(value: Decimal) -> Decimal:
    """Rounded half up to two decimals."""
    return value.quantize(CENT, ROUND_HALF_UP)


def dec(value: object) -> Decimal:
    """A decimal of a stored text or a given number."""
    return Decimal(str(value or 0))


def price(given: object) -> str:
    """A price as the shop reads it: commas vanish, what is then no number becomes nothing."""
    text = str(given).replace(",", "")
    return text if re.fullmatch(r"-?\d*\.?\d+", text, re.ASCII) else ""


def level(given: object) -> int:
    """A stock level as the shop reads it: the whole part, 0 for what is no number."""
    try:
        return int(Decimal(str(given)))
    except (InvalidOperation, ValueError):
        return 0


def stated(given: object) -> Decimal:
    """An amount as a request states it."""
    return dec(price(given))


def place_of(order: Mapping[str, Any]) -> str:
    """The country that taxes an order: shipping, else billing, else the shop's own."""
    return str(order["shipping"]["country"] or order["billing"]["country"] or BASE)


def rates(country: str, tax_class: str) -> tuple[Rate, ...]:
    """The rates of a class of goods in a country; none abroad."""
    return RATES.get((country, tax_class), ())


def net_of(gross: Decimal, tax_class: str) -> Decimal:
    """The exact net of a price that includes the shop's own country's tax."""
    return gross / (1 + sum((r.percent for r in rates(BASE, tax_class)), Decimal(0)) / 100)


def taxes_on(net: Decimal, country: str, tax_class: str) -> dict[int, Decimal]:
    """Tax by rate id, exact."""
    return {r.id: net * r.percent / 100 for r in rates(country, tax_class)}


def rounded(by_rate: Mapping[int, Decimal]) -> dict[int, Decimal]:
    """Taxes, each rounded."""
    return {rate: cents(tax) for rate, tax in by_rate.items()}


def price_line(line: Json, country: str, subtotal: Decimal, total: Decimal) -> None:
    """Write a product line's amounts from its exact nets before and after discount."""
    taxed = (taxes_on(net, country, line["tax_class"]) for net in (subtotal, total))
    before, after = map(rounded, taxed)
    line["subtotal"], line["total"] = f"{cents(subtotal)}", f"{cents(total)}"
    line["subtotal_tax"], line["total_tax"] = f"{add(before)}", f"{add(after)}"
    line["taxes"] = [
        {"id": rate, "total": f"{tax}", "subtotal": f"{before[rate]}"}
        for rate, tax in after.items()
    ]
    # The real shop's unit price is a PHP float in JSON; no amount is ever computed from it.
    line["price"] = float(round(cents(total) / (dec(line["quantity"]) or 1), 6))


def price_extra(line: Json, total: Decimal, by_rate: Mapping[int, Decimal]) -> None:
    """Write a shipping or fee line's amounts from its exact taxes."""
    # The real shop rounds the sum half down and the parts half up: they may differ by a cent.
    tax = sum((t.quantize(CENT, ROUND_HALF_DOWN) for t in by_rate.values()), ZERO)
    line["total"], line["total_tax"] = f"{cents(total)}", f"{tax}"
    parts = rounded(by_rate).items()
    line["taxes"] = [{"id": rate, "total": f"{part}", "subtotal": ""} for rate, part in parts]


def fee_taxes(fee: Json, total: Decimal, order: Json) -> dict[int, Decimal]:
    """A fee's tax by rate; a negative fee lowers every rate in proportion to its goods."""
    country = place_of(order)
    if fee["tax_status"] == "none":
        return {}
    if total >= 0:
        return taxes_on(total, country, fee["tax_class"])
    goods: dict[str, Decimal] = {}
    for line in order["line_items"]:
        goods[line["tax_class"]] = goods.get(line["tax_class"], ZERO) + dec(line["total"])
    whole = sum(goods.values(), ZERO)
    found: dict[int, Decimal] = {}
    for tax_class, part in goods.items() if whole else ():
        for rate, tax in taxes_on(total * part / whole, country, tax_class).items():
            found[rate] = found.get(rate, ZERO) + tax
    return found


def discounts(kind: str, value: Decimal, lines: Iterable[Json]) -> list[Decimal]:
    """What is left of each line's net after a coupon, exact."""
    items = list(lines)
    nets = [dec(line["total"]) for line in items]
    if kind == "percent":
        left = 1 - value / 100
    else:
        gross = sum((dec(line["total"]) + dec(line["total_tax"]) for line in items), ZERO)
        left = 1 - min(value, gross) / gross if gross else Decimal(1)
    return [net * left for net in nets]


def add(by_rate: Mapping[int, Decimal]) -> Decimal:
    """The sum of taxes."""
    return sum(by_rate.values(), ZERO)


def total_of(lines: Iterable[Json], name: str) -> Decimal:
    """The sum of one amount over lines."""
    return sum((dec(line[name]) for line in lines), ZERO)


def sum_up(order: Json) -> dict[int, tuple[Decimal, Decimal]]:
    """Write an order's totals as sums of its lines; give (cart, shipping) tax by rate."""
    items, ships, fees = order["line_items"], order["shipping_lines"], order["fee_lines"]
    cart_tax = total_of(items, "total_tax") + total_of(fees, "total_tax")
    shipping, shipping_tax = total_of(ships, "total"), total_of(ships, "total_tax")
    net = total_of(items, "total") + total_of(fees, "total") + shipping
    order |= {
        "discount_total": f"{total_of(items, 'subtotal') - total_of(items, 'total')}",
        "discount_tax": f"{total_of(items, 'subtotal_tax') - total_of(items, 'total_tax')}",
        "shipping_total": f"{shipping}",
        "shipping_tax": f"{shipping_tax}",
        "cart_tax": f"{cart_tax}",
        "total": f"{net + cart_tax + shipping_tax}",
        "total_tax": f"{cart_tax + shipping_tax}",
    }
    by_rate: dict[int, tuple[Decimal, Decimal]] = {}
    for group, at in ((items, 0), (fees, 0), (ships, 1)):
        for line in group:
            for tax in line["taxes"]:
                cart, ship = by_rate.get(tax["id"], (ZERO, ZERO))
                more = dec(line["total_tax"] if len(line["taxes"]) == 1 else tax["total"])
                by_rate[tax["id"]] = (cart, ship + more) if at else (cart + more, ship)
    return by_rate
