"""The sandbox shop has WooCommerce's shapes and quirks as they were measured."""

from __future__ import annotations

import base64
import shutil
import subprocess
import time
from datetime import datetime
from urllib.parse import quote

import pytest

from connector.sandbox.shop import start_shop

DENIED = "woocommerce_rest_cannot_view"
WRONG = "woocommerce_rest_authentication_error"


def basic(user="ck_sandbox", password="cs_sandbox"):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


# ── who may call ────────────────────────────────────────────────────────────────────────────────


def test_basic_over_plain_http_is_refused(shop):
    """As the real shop does: the credentials are not even looked at."""
    answer = shop.send("GET", "/wp-json/wc/v3/orders", None, basic())

    assert (answer.status, answer.json["code"]) == (401, DENIED)
    assert answer.json["data"] == {"status": 401}


@pytest.mark.parametrize("method", ["HMAC-SHA1", "HMAC-SHA256"])
def test_oauth_is_accepted_in_the_query(shop, method):
    """Both hashes."""
    shop.oauth = {"oauth_signature_method": method}

    assert shop.get("/orders", status="processing,completed").status == 200


def test_oauth_is_accepted_in_the_header(shop):
    """The same parameters as an Authorization header, values encoded."""
    path = "/wp-json/wc/v3/orders"
    signed = shop.sign("GET", path, {})
    pairs = ", ".join(f'{name}="{quote(value, safe="")}"' for name, value in signed.items())

    assert shop.send("GET", path, None, {"Authorization": f"OAuth {pairs}"}).status == 200


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"key": "ck_nobody"}, "Consumer key is invalid."),
        ({"secret": "cs_wrong"}, "Invalid signature - provided signature does not match."),
        ({"oauth": {"oauth_timestamp": "1700000000"}}, "Invalid timestamp."),
    ],
)
def test_wrong_oauth_is_401_with_its_reason(shop, attributes, said):
    """Each mistake has the message of the real shop."""
    for name, value in attributes.items():
        setattr(shop, name, value)
    answer = shop.get("/orders")

    assert (answer.status, answer.json["code"], answer.json["message"]) == (401, WRONG, said)


def test_a_nonce_is_good_for_one_call(shop):
    """A replayed request is refused."""
    shop.oauth = {"oauth_nonce": "once"}
    first, second = shop.get("/orders"), shop.get("/orders")

    assert first.status == 200
    assert second.json["message"] == "Invalid nonce - nonce has already been used."


def test_a_signature_for_another_host_name_is_refused(shop):
    """The signed address must be the shop's own, not an alias."""
    real, shop.running.url = shop.running.url, f"http://localhost:{shop.running.port}"
    answer = shop.get("/orders")
    shop.running.url = real

    assert answer.status == 401


def test_a_read_only_key_may_not_write(shop):
    """401, not 403."""
    shop.key, shop.secret = "ck_readonly", "cs_readonly"

    assert shop.get("/orders").status == 200
    assert shop.call("POST", "/orders", {}).status == 401


def test_rest_route_is_not_authenticated(shop):
    """The real shop looks for wp-json/wc/ in the address."""
    assert shop.send("GET", "/?rest_route=/wc/v3/orders", None, basic()).status == 401


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_basic_is_accepted_over_https(tmp_path, shop_client):
    """With a certificate the shop speaks https, takes Basic and tells its mistakes apart."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subject = ["-nodes", "-subj", "/CN=x", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-keyout", key, "-out", cert]
    subprocess.run([*made, *subject], check=True, capture_output=True)
    path = "/wp-json/wc/v3/orders"
    with start_shop(tmp_path / "shop.db", tls=(cert, key)) as running:
        shop = shop_client(running, trust=cert)
        good = shop.send("GET", path, None, basic())
        bad = shop.send("GET", path, None, basic(password="cs_wrong"))
        unknown = shop.send("GET", path, None, basic(user="ck_nobody"))

    assert (good.status, bad.json["message"]) == (200, "Consumer secret is invalid.")
    assert (unknown.status, unknown.json["code"]) == (401, DENIED)


# ── lists ───────────────────────────────────────────────────────────────────────────────────────


def test_a_page_names_its_neighbours_and_totals(shop):
    """X-WP-Total, X-WP-TotalPages and Link, without the signature's parameters."""
    for _ in range(5):
        shop.order()
    answer = shop.get("/orders", per_page=2, page=2)
    base = f"{shop.running.url}/wp-json/wc/v3/orders?per_page=2"

    assert [order["id"] for order in answer.json] == [1003, 1002]
    assert (answer.headers["X-WP-Total"], answer.headers["X-WP-TotalPages"]) == ("5", "3")
    assert answer.headers["Link"] == (f'<{base}&page=1>; rel="prev", <{base}&page=3>; rel="next"')


def test_past_the_end_orders_deny_their_totals(shop):
    """`[]`, both totals 0, previous page 0; products tell the truth."""
    shop.order()
    shop.product(name="x")
    orders, products = (shop.get(path, page=9) for path in ("/orders", "/products"))

    assert (orders.json, orders.headers["X-WP-Total"]) == ([], "0")
    assert "page=0" in orders.headers["Link"]
    assert (products.json, products.headers["X-WP-Total"]) == ([], "1")


@pytest.mark.parametrize("query", [{"per_page": 101}, {"per_page": 0}, {"page": 0}])
def test_impossible_pages_are_refused(shop, query):
    """400 rest_invalid_param with details."""
    answer = shop.get("/orders", **query)
    [name] = query

    assert (answer.status, answer.json["code"]) == (400, "rest_invalid_param")
    assert answer.json["data"]["details"][name]["code"] == "rest_out_of_bounds"


def test_rows_move_while_one_pages(shop):
    """A touched row leaves its place in modified order: a naive walk misses its neighbour."""
    ids = [shop.order()["id"] for _ in range(4)]
    walk = {"orderby": "modified", "order": "asc", "per_page": 2}
    first = shop.get("/orders", **walk).json
    shop.running.clock(5)
    shop.call("PUT", f"/orders/{ids[0]}", {"customer_note": "x"})
    second = shop.get("/orders", page=2, **walk).json

    seen = [order["id"] for order in first + second]
    assert ids[2] not in seen
    assert seen.count(ids[0]) == 2


def test_default_lists_leave_out_trash_and_drafts(shop):
    """A trashed order is told by id, with status trash, and in no default list."""
    order = shop.order()["id"]
    shop.call("DELETE", f"/orders/{order}")

    assert shop.get("/orders").json == []
    assert shop.get("/orders", status="trash").json[0]["id"] == order
    assert shop.get(f"/orders/{order}").json["status"] == "trash"
    assert shop.call("DELETE", f"/orders/{order}").status == 404
    assert shop.call("DELETE", f"/orders/{order}", force="true").status == 200
    assert shop.get(f"/orders/{order}").status == 404


def test_fields_and_include_and_offset(shop):
    """include picks, offset overrides page, _fields narrows."""
    ids = [shop.order()["id"] for _ in range(3)]
    picked = shop.get("/orders", include=f"{ids[0]},{ids[2]}", _fields="id")

    assert picked.json == [{"id": ids[2]}, {"id": ids[0]}]
    assert shop.get("/orders", offset=2, page=9).json[0]["id"] == ids[0]


@pytest.fixture
def dated(shop):
    """A shop with one order modified at 2026-11-10T12:00:00Z, that is 13:00 in Berlin."""
    shop.running.clock(offset_to("2026-11-10T12:00:00"))
    shop.oauth = {"oauth_timestamp": str(epoch("2026-11-10T12:00:00"))}
    shop.product(name="x", sku="x")
    shop.order()
    return shop


def epoch(text):
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp())


def offset_to(text):
    return epoch(text) + 0.2 - time.time()


@pytest.mark.parametrize(
    ("bound", "gmt", "found"),
    [
        ("2026-11-10T11:59:59", "true", True),
        ("2026-11-10T12:00:05", "true", False),
        ("2026-11-10T12:59:59", "false", True),
        ("2026-11-10T13:00:05", "false", False),
        ("2026-11-10T11:59:59Z", "false", True),
        ("2026-11-10T12:59:59+01:00", "false", True),
        ("2026-11-10T11:59:59Z", "true", False),
        ("2026-11-10T10:59:59Z", "true", True),
        ("2026-11-10 11:59:59", "true", True),
    ],
)
def test_a_date_bound_is_read_in_the_zone_that_the_table_says(dated, bound, gmt, found):
    """Orders and products: an offset with dates_are_gmt is an hour late, as in the real shop."""
    query = {"modified_after": bound, "dates_are_gmt": gmt}

    assert bool(dated.get("/orders", **query).json) is found
    assert bool(dated.get("/products", **query).json) is found


def test_the_bound_is_exclusive_by_a_second(dated):
    """modified_after the very second finds nothing."""
    said = dated.get("/orders").json[0]["date_modified_gmt"]

    assert dated.get("/orders", modified_after=said, dates_are_gmt="true").json == []


@pytest.mark.parametrize("bound", ["2026-11-10", "1799999999", "2026-11-10T00:00:00 01:00", "x"])
def test_a_date_that_is_none_is_refused(shop, bound):
    """A date only, an epoch, a blank where a plus was."""
    answer = shop.get("/orders", modified_after=bound)

    assert (answer.status, answer.json["code"]) == (400, "rest_invalid_param")


def test_customers_cannot_be_asked_by_date(shop):
    """modified_after on customers filters nothing, unknown parameters neither."""
    shop.call("POST", "/customers", {"email": "a@b.example"})

    assert len(shop.get("/customers", modified_after="2038-01-01T00:00:00", x=1).json) == 1
