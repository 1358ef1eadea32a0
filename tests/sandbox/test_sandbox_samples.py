"""Where recorded answers of a real shop are at hand, the twin's have the same shape."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SAMPLES = Path("/work/shared/samples/woocommerce")
pytestmark = pytest.mark.skipif(not SAMPLES.exists(), reason="no recorded answers here")
KINDS = ("line_items", "shipping_lines", "fee_lines", "coupon_lines", "tax_lines", "refunds")


def sample(name):
    return json.loads((SAMPLES / f"{name}.json").read_text())


def types(value):
    """The JSON types of an object's members; a number is a number."""
    number = (int, float)
    return {k: "number" if isinstance(v, number) else type(v).__name__ for k, v in value.items()}


@pytest.fixture
def order(shop):
    """An order that has everything."""
    shop.product(name="a", sku="a", regular_price="9.90")
    customer = shop.call("POST", "/customers", {"email": "a@b.example"}).json["id"]
    made = shop.order(
        status="completed",
        customer_id=customer,
        line_items=[{"sku": "a"}],
        shipping_lines=[{"method_id": "flat", "total": "1"}],
        fee_lines=[{"name": "f", "total": "1"}],
        coupon_lines=[{"code": "save10"}],
    )["id"]
    part = {"amount": "1.00", "api_refund": False}
    shop.call("POST", f"/orders/{made}/refunds", part)
    return shop.get(f"/orders/{made}").json


def test_an_order_has_the_members_of_a_recorded_one(order):
    """Names and types, at the top and in every kind of line."""
    recorded = [sample(n) for n in ("order_with_refund", "order_coupon", "order_us_compound_tax")]
    top = types(recorded[2])

    assert types(order) == top
    for kind in KINDS:
        [real] = [o[kind][0] for o in recorded if o[kind]][:1]
        assert types(order[kind][0]) == types(real), kind


def test_addresses_have_the_members_of_recorded_ones(order):
    """billing has an e-mail, shipping has none."""
    real = sample("order_coupon")

    assert (set(order["billing"]), set(order["shipping"])) == (
        set(real["billing"]),
        set(real["shipping"]),
    )


def test_a_refund_has_the_members_of_a_recorded_one(shop, order):
    """The refund's own form."""
    made = shop.get(f"/orders/{order['id']}/refunds").json[0]

    assert types(made) == types(sample("refund"))


@pytest.mark.parametrize(
    ("name", "method", "path", "said", "query"),
    [
        ("error_invalid_param", "GET", "/orders", None, {"per_page": 101}),
        ("error_unknown_id", "GET", "/orders/99999999", None, {}),
        ("error_unknown_id_put", "PUT", "/products/99999999", {"stock_quantity": 1}, {}),
        ("error_no_route", "GET", "/nope", None, {}),
        ("error_method", "PATCH", "/orders", None, {}),
        ("error_invalid_email", "POST", "/customers", {"email": "x"}, {}),
        ("error_batch_too_large", "POST", "/products/batch", {"update": [{"id": 1}] * 101}, {}),
    ],
)
def test_an_error_is_the_recorded_one(shop, name, method, path, said, query):
    """Status and body to the letter."""
    meta = json.loads((SAMPLES / f"{name}.meta.json").read_text())
    answer = shop.call(method, path, said, **query)

    assert (answer.status, answer.json) == (meta["status"], sample(name))


def test_the_errors_of_lines_and_credentials_are_the_recorded_ones(shop):
    """The details of a wrong type, and the 401 without credentials."""
    wrong = shop.call("POST", "/orders", {"status": "nonsense", "line_items": "x"})
    nobody = shop.send("GET", "/wp-json/wc/v3/orders", None, {})

    assert wrong.json == sample("error_invalid_field")
    assert nobody.json == sample("error_no_auth")
