"""An order's lines as a request asks for them: with an id changed, without added."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from connector.sandbox import shop_catalog as catalog
from connector.sandbox import shop_money as money
from connector.sandbox.shop_money import BY_ID, dec, level, stated
from connector.sandbox.shop_terms import Json, Shop, merge_meta


def edit_items(shop: Shop, order: Json, given: Sequence[Json]) -> None:
    """Change, add or (quantity 0) remove product lines; quantity alone leaves the total."""
    lines = {line["id"]: line for line in order["line_items"]}
    for wanted in given:
        line = lines.get(wanted.get("id"))
        if line is None:
            line = new_item(shop, order, wanted)
            lines[line["id"]] = line
        elif wanted.get("quantity") == 0:
            restock = catalog.line_stock(line)
            catalog.move_stock(shop, line, -restock)
            del lines[line["id"]]
            continue
        else:
            line["quantity"] = level(wanted.get("quantity", line["quantity"]))
        reprice(order, line, wanted)
        line["meta_data"] = merge_meta(shop, line["meta_data"], wanted.get("meta_data", ()))
    order["line_items"] = list(lines.values())


def new_item(shop: Shop, order: Json, wanted: Json) -> Json:
    """A new product line at the catalogue's price; an unknown product makes an empty one."""
    product = catalog.product_of(shop, wanted)
    quantity = level(wanted.get("quantity", 1))
    line: Json = {
        "id": shop.store.take("item", 5001),
        "name": wanted.get("name", product["name"] if product else ""),
        "product_id": 0,
        "variation_id": 0,
        "quantity": quantity,
        "tax_class": product["tax_class"] if product else "",
        "meta_data": [],
        "sku": product["sku"] if product else None,
        "global_unique_id": "" if product else None,
        "image": {"id": "", "src": ""},
        "parent_name": None,
    }
    net = Decimal(0)
    if product:
        net = money.net_of(dec(product["price"]) * quantity, line["tax_class"])
        parent = product["parent_id"]
        line["product_id"], line["variation_id"] = (parent or product["id"]), 0
        if parent:
            line["variation_id"] = product["id"]
            line["parent_name"] = product["parent_name"]
    money.price_line(line, money.place_of(order), net, net)
    return line


def reprice(order: Json, line: Json, wanted: Json) -> None:
    """Write the net amounts that a request states, and the taxes that follow from them."""
    if "total" in wanted or "subtotal" in wanted:
        subtotal = stated(wanted.get("subtotal", line["subtotal"]))
        total = stated(wanted.get("total", line["total"]))
        money.price_line(line, money.place_of(order), subtotal, total)
    line["price"] = float(round(dec(line["total"]) / (line["quantity"] or 1), 6))


def edit_shipping(shop: Shop, order: Json, given: Sequence[Json]) -> None:
    """Change, add or (method null) remove shipping lines."""
    lines = {line["id"]: line for line in order["shipping_lines"]}
    for wanted in given:
        if wanted.get("id") in lines and wanted.get("method_id", "") is None:
            del lines[wanted["id"]]
            continue
        line = lines.get(wanted.get("id")) or {
            "id": shop.store.take("item", 5001),
            "method_title": "",
            "method_id": "",
            "instance_id": "",
            "total": "0.00",
            "total_tax": "0.00",
            "taxes": [],
            "tax_status": "taxable",
            "meta_data": [],
        }
        line |= {name: wanted[name] for name in ("method_title", "method_id") if name in wanted}
        total = stated(wanted.get("total", line["total"]))
        money.price_extra(line, total, money.taxes_on(total, money.place_of(order), ""))
        lines[line["id"]] = line
    order["shipping_lines"] = list(lines.values())


def edit_fees(shop: Shop, order: Json, given: Sequence[Json]) -> None:
    """Change, add or (name null) remove fees; a negative fee is a manual discount."""
    lines = {line["id"]: line for line in order["fee_lines"]}
    for wanted in given:
        if wanted.get("id") in lines and wanted.get("name", "") is None:
            del lines[wanted["id"]]
            continue
        line = lines.get(wanted.get("id")) or {
            "id": shop.store.take("item", 5001),
            "name": "",
            "tax_class": "",
            "tax_status": "taxable",
            "amount": "",
            "total": "0.00",
            "total_tax": "0.00",
            "taxes": [],
            "meta_data": [],
        }
        known = ("name", "tax_class", "tax_status")
        line |= {name: wanted[name] for name in known if name in wanted}
        total = stated(wanted.get("total", line["total"]))
        money.price_extra(line, total, money.fee_taxes(line, total, order))
        lines[line["id"]] = line
    order["fee_lines"] = list(lines.values())


def apply_coupon(shop: Shop, order: Json, code: str) -> bool:
    """Lower the lines by a coupon; False if the shop does not know it."""
    if code not in money.COUPONS:
        return False
    kind, value = money.COUPONS[code]
    was, was_tax = (money.total_of(order["line_items"], n) for n in ("total", "total_tax"))
    left = money.discounts(kind, value, order["line_items"])
    for line, net in zip(order["line_items"], left, strict=True):
        money.price_line(line, money.place_of(order), dec(line["subtotal"]), net)
    now, now_tax = (money.total_of(order["line_items"], n) for n in ("total", "total_tax"))
    order["coupon_lines"].append(
        {
            "id": shop.store.take("item", 5001),
            "code": code,
            "discount": f"{was - now}",
            "discount_tax": f"{was_tax - now_tax}",
            "meta_data": [],
            "discount_type": kind,
            "nominal_amount": int(value),
            "free_shipping": False,
        }
    )
    return True


def sum_up(shop: Shop, order: Json) -> None:
    """Write an order's totals and its tax lines, which keep their ids."""
    known = {line["rate_id"]: line["id"] for line in order["tax_lines"]}
    order["tax_lines"] = [
        tax_line(known.get(rate) or shop.store.take("item", 5001), rate, cart, ship)
        for rate, (cart, ship) in money.sum_up(order).items()
    ]


def tax_line(number: int, rate_id: int, cart: Decimal, ship: Decimal) -> dict[str, Any]:
    """What an order pays of one rate."""
    rate = BY_ID[rate_id]
    percent = rate.percent
    return {
        "id": number,
        "rate_code": rate.code,
        "rate_id": rate.id,
        "label": rate.label,
        "compound": False,
        "tax_total": f"{cart}",
        "shipping_tax_total": f"{ship}",
        "rate_percent": int(percent) if percent == int(percent) else float(percent),
        "meta_data": [],
    }
