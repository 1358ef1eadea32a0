"""The sandbox shop's writes: prices, lines, stock, batches, refunds, as they were measured."""

from __future__ import annotations

import time
from datetime import datetime
from decimal import Decimal
from urllib.parse import urlencode

import pytest

from connector.sandbox.shop import start_shop


def adds_up(order):
    lines = [*order["line_items"], *order["shipping_lines"], *order["fee_lines"]]
    return sum(Decimal(line["total"]) + Decimal(line["total_tax"]) for line in lines)


def epoch(text):
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp())


def offset_to(text):
    return epoch(text) + 0.2 - time.time()


def test_nothing_is_idempotent(shop):
    """The same POST twice is two orders."""
    assert shop.order()["id"] != shop.order()["id"]


def test_a_write_of_nothing_bumps_the_date(shop):
    """Echo risk: PUT {} changes date_modified."""
    order = shop.order()
    shop.running.clock(60)
    changed = shop.call("PUT", f"/orders/{order['id']}", {}).json

    assert changed["date_modified_gmt"] > order["date_modified_gmt"]
    assert changed["date_created_gmt"] == order["date_created_gmt"]


def test_an_order_adds_up_over_coupon_negative_fee_and_two_rates(shop):
    """Σ(net + tax) over lines, shipping and fees is the total, to the cent."""
    shop.product(name="a", sku="a", regular_price="9.90", tax_class="reduced-rate")
    shop.product(name="b", sku="b", regular_price="49.99")
    order = shop.order(
        billing={"country": "DE"},
        line_items=[{"sku": "a", "quantity": 2}, {"sku": "b"}],
        shipping_lines=[{"method_id": "flat", "total": "4.12"}],
        fee_lines=[{"name": "Rabatt", "total": "-5.00"}],
        coupon_lines=[{"code": "save10"}],
    )

    assert f"{adds_up(order):.2f}" == order["total"]
    assert [tax["id"] for tax in order["fee_lines"][0]["taxes"]] == [2, 1]
    assert [line["subtotal"] for line in order["line_items"]] == ["18.50", "42.01"]
    assert order["line_items"][0]["total"] == "16.65"
    assert order["line_items"][0]["price"] == 8.325


def test_a_line_can_have_two_rates(shop):
    """Canada: GST and QST on one line."""
    shop.product(name="a", sku="a", regular_price="119.00")
    order = shop.order(billing={"country": "CA"}, line_items=[{"sku": "a"}])

    assert [tax["total"] for tax in order["line_items"][0]["taxes"]] == ["5.00", "9.98"]
    assert [line["rate_percent"] for line in order["tax_lines"]] == [5, 9.975]


def test_the_parts_of_a_tax_may_differ_from_it_by_a_cent(shop):
    """A fee of 2.50 at 19 %: 0.47 in the sum, 0.48 in the part, as recorded."""
    order = shop.order(billing={"country": "DE"}, fee_lines=[{"name": "x", "total": "2.50"}])

    assert order["fee_lines"][0]["total_tax"] == "0.47"
    assert order["fee_lines"][0]["taxes"][0]["total"] == "0.48"
    assert order["total"] == "2.97"


def test_quantity_alone_leaves_the_total(shop):
    """Only the stock follows a quantity; an amount must be stated."""
    shop.product(name="a", sku="a", regular_price="9.99", manage_stock=True, stock_quantity=10)
    order = shop.order(status="processing", line_items=[{"sku": "a", "quantity": 3}])
    line = {"id": order["line_items"][0]["id"], "quantity": 4}
    changed = shop.call("PUT", f"/orders/{order['id']}", {"line_items": [line]}).json

    assert changed["total"] == order["total"] == "29.97"
    assert shop.get("/products", sku="a").json[0]["stock_quantity"] == 6


def test_a_line_without_id_is_added_and_quantity_zero_removes(shop):
    """PUT never replaces the lines."""
    shop.product(name="a", sku="a", regular_price="1.19")
    order = shop.order(line_items=[{"sku": "a"}])
    path = f"/orders/{order['id']}"
    added = shop.call("PUT", path, {"line_items": [{"sku": "a"}]}).json
    gone = {"id": order["line_items"][0]["id"], "quantity": 0}
    left = shop.call("PUT", path, {"line_items": [gone]}).json

    assert (len(added["line_items"]), added["total"]) == (2, "2.38")
    assert (len(left["line_items"]), left["total"]) == (1, "1.19")


def test_a_refused_write_leaves_nothing_behind(shop):
    """The line is not gone and the stock not back when the customer is unknown."""
    shop.product(name="a", sku="a", manage_stock=True, stock_quantity=10)
    order = shop.order(status="processing", line_items=[{"sku": "a", "quantity": 3}])
    gone = {"id": order["line_items"][0]["id"], "quantity": 0}
    said = {"line_items": [gone], "customer_id": 99}
    refused = shop.call("PUT", f"/orders/{order['id']}", said)

    assert refused.status == 400
    assert shop.get("/products", sku="a").json[0]["stock_quantity"] == 7
    assert len(shop.get(f"/orders/{order['id']}").json["line_items"]) == 1


def test_stock_falls_once_and_returns_once(shop):
    """Orders that count take goods (below zero too), a cancellation gives them back once."""
    shop.product(name="a", sku="a", manage_stock=True, stock_quantity=1)
    order = shop.order(status="pending", line_items=[{"sku": "a", "quantity": 5}])["id"]
    levels = []
    for status in ("pending", "processing", "completed", "cancelled", "cancelled"):
        shop.call("PUT", f"/orders/{order}", {"status": status})
        levels.append(shop.get("/products", sku="a").json[0]["stock_quantity"])

    assert levels == [1, -4, -4, 1, 1]


def test_an_unknown_product_makes_an_empty_line(shop):
    """201, product_id 0, total 0.00."""
    [line] = shop.order(line_items=[{"product_id": 99999, "quantity": 1}])["line_items"]

    assert (line["product_id"], line["total"], line["sku"]) == (0, "0.00", None)


def test_an_unknown_coupon_leaves_a_draft(shop):
    """400, but a checkout-draft order remains."""
    answer = shop.call("POST", "/orders", {"coupon_lines": [{"code": "nope"}]})
    draft = answer.json["data"]["new_draft_order_id"]

    assert (answer.status, answer.json["code"]) == (400, "woocommerce_rest_invalid_coupon")
    assert shop.get(f"/orders/{draft}").json["status"] == "checkout-draft"
    assert shop.get("/orders").json == []


def test_all_wrong_parameters_are_named(shop):
    """400 with each parameter."""
    answer = shop.call("POST", "/orders", {"status": "nonsense", "line_items": "x"})

    assert set(answer.json["data"]["params"]) == {"status", "line_items"}


def test_a_batch_is_lenient_and_answers_each_in_its_place(shop):
    """No schema, no transaction, always 200."""
    product = shop.product(name="a", sku="a", manage_stock=True)["id"]
    said = {
        "update": [
            {"id": product, "stock_quantity": "abc"},
            {"id": 99999},
            {"name": "no id"},
            {"id": product, "stock_quantity": 2.7},
        ],
        "create": [{"sku": "a"}],
    }
    answer = shop.call("POST", "/products/batch", said)
    codes = [item.get("error", {}).get("code") for item in answer.json["update"]]

    assert answer.status == 200
    assert codes == [None, *["woocommerce_rest_product_invalid_id"] * 2, None]
    assert [answer.json["update"][n]["stock_quantity"] for n in (0, 3)] == [0, 2]
    assert answer.json["create"][0]["error"]["data"]["resource_id"] == product


def test_a_batch_of_101_is_too_large(shop):
    """413 and nothing done."""
    assert shop.call("POST", "/orders/batch", {"create": [{}] * 101}).status == 413
    assert shop.get("/orders").json == []


def test_a_batch_turns_an_unknown_status_into_pending(shop):
    """Where a single write says 400."""
    answer = shop.call("POST", "/orders/batch", {"create": [{"status": "nonsense"}]})

    assert answer.json["create"][0]["status"] == "pending"


@pytest.mark.parametrize(
    ("given", "stored"), [("12,50", "1250"), ("1.234,50", "1.23450"), ("abc", "")]
)
def test_a_price_is_read_as_the_shop_reads_it(shop, given, stored):
    """Commas vanish: round and format before sending."""
    assert shop.product(name="a", regular_price=given)["regular_price"] == stored


def test_refunds_show_in_the_order_and_a_full_one_ends_it(shop):
    """Negative in the order, positive in the refund; the whole amount makes it refunded."""
    order = shop.order(status="completed", fee_lines=[{"name": "x", "total": "10.00"}])
    path = f"/orders/{order['id']}/refunds"
    part = {"amount": "1.00", "reason": "Kulanz", "api_refund": False}
    made = shop.call("POST", path, part).json
    seen = shop.get(f"/orders/{order['id']}").json
    rest = f"{Decimal(order['total']) - 1}"
    shop.call("POST", path, part | {"amount": rest})

    assert (made["amount"], seen["refunds"][0]["total"]) == ("1.00", "-1.00")
    assert seen["status"] == "completed"
    assert shop.get(f"/orders/{order['id']}").json["status"] == "refunded"
    assert len(shop.get(path).json) == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"amount": "1.00"}, "The payment gateway for this order does not exist."),
        ({"amount": "99", "api_refund": False}, "Invalid refund amount."),
    ],
)
def test_a_refund_that_cannot_be_is_a_500_with_a_bare_number(shop, given, said):
    """data is 500, not an object: do not retry blindly."""
    order = shop.order(fee_lines=[{"name": "x", "total": "10.00"}])["id"]
    answer = shop.call("POST", f"/orders/{order}/refunds", given)

    assert (answer.status, answer.json["data"], answer.json["message"]) == (500, 500, said)


def test_a_variation_is_found_by_sku_and_touches_its_product(shop):
    """It is in no product list; by its id it is answered like a product (woocommerce#41374)."""
    parent = shop.product(name="T", type="variable")["id"]
    path = f"/products/{parent}/variations"
    variation = shop.call("POST", path, {"sku": "T-S", "regular_price": "5"}).json["id"]
    before = shop.get(f"/products/{parent}").json["date_modified_gmt"]
    shop.running.clock(60)
    shop.call("POST", f"{path}/batch", {"update": [{"id": variation, "regular_price": "6"}]})

    assert [p["id"] for p in shop.get("/products").json] == [parent]
    assert shop.get("/products", sku="T-S").json[0]["parent_id"] == parent
    assert shop.get(f"/products/{variation}").json["type"] == "variation"
    assert shop.get(f"/products/{parent}").json["date_modified_gmt"] > before
    assert shop.get(path).json[0]["regular_price"] == "6"


def test_customers_have_unique_mails_and_no_trash(shop):
    """400 for the second, 501 without force."""
    first = shop.call("POST", "/customers", {"email": "a@b.example"}).json["id"]
    second = shop.call("POST", "/customers", {"email": "A@b.example"})

    assert second.json["code"] == "registration-error-email-exists"
    assert shop.call("DELETE", f"/customers/{first}").status == 501
    assert shop.call("PUT", f"/customers/{first}", {"first_name": "小"}).json["first_name"] == "小"


def test_metadata_is_updated_by_key_and_removed_by_null(shop):
    """An existing key without id is changed in place."""
    order = shop.order(meta_data=[{"key": "ref", "value": "1"}])["id"]
    path = f"/orders/{order}"
    changed = shop.call("PUT", path, {"meta_data": [{"key": "ref", "value": "2"}]}).json
    removed = shop.call("PUT", path, {"meta_data": [{"key": "ref", "value": None}]}).json

    assert [meta["value"] for meta in changed["meta_data"]] == ["2"]
    assert removed["meta_data"] == []


def test_broken_json_and_unknown_routes_have_the_shops_errors(shop):
    """rest_invalid_json and rest_no_route."""
    path = "/wp-json/wc/v3/orders"
    query = urlencode(shop.sign("POST", path, {}))
    broken = shop.send("POST", f"{path}?{query}", b'{"a":', {})

    assert (broken.status, broken.json["code"]) == (400, "rest_invalid_json")
    assert shop.get("/nope").json["code"] == "rest_no_route"
    assert shop.get("/orders/99").json["code"] == "woocommerce_rest_shop_order_invalid_id"
    assert shop.call("PUT", "/products/99", {}).status == 400


def test_the_shop_says_who_it_is(shop):
    """Address, title and zone for identity checks."""
    status = shop.get("/system_status").json["environment"]
    index = shop.send("GET", "/wp-json/", None, {}).json

    assert status["home_url"] == shop.running.url
    assert (index["name"], index["timezone_string"]) == ("Sandbox Shop", "Europe/Berlin")


def test_a_fault_of_the_shop_has_a_status_and_a_code(shop):
    """Rules name calls by verb and path."""
    rule = {"fault": "fault", "ops": ["GET /orders"], "status": 502, "code": "bad_gateway"}
    shop.running.faults([rule])

    assert shop.get("/products").status == 200
    assert (shop.get("/orders").status, shop.get("/orders").json["code"]) == (502, "bad_gateway")


def test_dates_are_told_in_local_time_and_utc(shop):
    """An order of a summer's day in 2038: two hours apart, neither with an offset."""
    shop.running.clock(offset_to("2038-07-01T12:00:00"))
    shop.oauth = {"oauth_timestamp": str(epoch("2038-07-01T12:00:00"))}
    order = shop.order()

    assert order["date_created_gmt"].startswith("2038-07-01T12:00:0")
    assert order["date_created"].startswith("2038-07-01T14:00:0")


def test_state_and_store_id_outlive_a_restart(tmp_path, shop_client):
    """Another process finds the same shop."""
    seen = []
    for _ in range(2):
        with start_shop(tmp_path / "shop.db") as running:
            shop = shop_client(running)
            shop.order()
            who = shop.get("/system_status").json["environment"]["store_id"]
            seen.append((who, len(shop.get("/orders").json)))

    assert seen[0][0] == seen[1][0]
    assert [count for _, count in seen] == [1, 2]
