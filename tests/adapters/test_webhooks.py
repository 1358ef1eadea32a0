"""Webhooks: what is genuine, what pings, what is forged; and that another system is only YAML."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping

import pytest

from adapters.rest import Hints
from connector.mapping.compile import compile_profile
from connector.mapping.load import load_profile
from connector.places import mappings_folder
from connector.problems import Problems
from connector.profile import Webhooks
from connector.values import Forged, Heard, Hint, Ping

SECRET = "s3cret ü"
ORDER = json.dumps({"id": 7, "date_modified_gmt": "2026-12-01T10:00:00", "total": "1.10"}).encode()


def form_of() -> Webhooks:
    """The webhooks of the shipped shop profile."""
    problems = Problems()
    raw = load_profile("woocommerce", (mappings_folder(),), problems)
    assert raw is not None
    compiled = compile_profile(raw, problems)
    assert compiled is not None, problems
    found = compiled.profile.webhooks
    assert found is not None
    return found


@pytest.fixture(scope="module")
def shop() -> Hints:
    """Who judges what the shop sends."""
    return Hints(form_of(), SECRET)


def signature(body: bytes, secret: str = SECRET) -> str:
    """What WooCommerce writes: base64 of the HMAC-SHA256."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def sent(hints: Hints, body: bytes, resource: str = "order", **headers: str) -> Heard:
    """One message of the shop, signed unless told."""
    told = {"x-wc-webhook-signature": signature(body), "x-wc-webhook-resource": resource}
    return hints.parse(told | {k.replace("_", "-"): v for k, v in headers.items()}, body)


def test_a_signed_order_is_a_hint_of_its_key_and_version(shop: Hints) -> None:
    """Nothing else of the body is taken: it is read anew."""
    assert sent(shop, ORDER) == Hint(entity="order", key="7", version="2026-12-01T10:00:00")


def test_a_deletion_names_its_document_and_no_version(shop: Hints) -> None:
    """WooCommerce sends the id alone."""
    assert sent(shop, b'{"id":7}') == Hint(entity="order", key="7", version=None)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (ORDER, {"x_wc_webhook_signature": signature(ORDER, "another")}),
        (ORDER, {"x_wc_webhook_signature": signature(ORDER + b" ")}),
        (ORDER, {"x_wc_webhook_signature": signature(ORDER)[:-4]}),
        (ORDER, {"x_wc_webhook_signature": ""}),
        (ORDER, {"x_wc_webhook_signature": "ü\x00"}),
        (b"webhook_id=7", {"x_wc_webhook_signature": "AAAA"}),
    ],
)
def test_a_wrong_signature_is_a_forgery(
    shop: Hints, body: bytes, headers: Mapping[str, str]
) -> None:
    """Whoever does not know the secret says nothing that we would believe."""
    assert sent(shop, body, **headers) == Forged()


@pytest.mark.parametrize(
    ("body", "heard"),
    [
        (b"webhook_id=7", Ping()),
        (b"webhook_id=seven", Forged()),
        (b"webhook_id=7&id=8", Forged()),
        (b"webhook_id=7&webhook_id=8", Forged()),
        (b"webhook_id=" + b"7" * 200, Forged()),
        (b"other=7", Forged()),
        (b"", Forged()),
        (ORDER, Forged()),
        (b"\xff\xfe", Forged()),
    ],
)
def test_unsigned_is_only_the_ping(shop: Hints, body: bytes, heard: Heard) -> None:
    """It comes at any time, and asks nothing but whether we are there."""
    assert shop.parse({"content-type": "application/x-www-form-urlencoded"}, body) == heard


@pytest.mark.parametrize("body", [b"", b"no json", b"[1]", b"{}", b'{"id":null}', b'{"id":0}'])
def test_a_signed_message_that_names_nothing_is_answered_and_forgotten(
    shop: Hints, body: bytes
) -> None:
    """It is from the shop: refusing it would only make the shop give up on us."""
    assert sent(shop, body) == Ping()


def test_another_system_is_another_form() -> None:
    """GitHub's way: hex with a prefix, another header, another algorithm."""
    shop = form_of()
    other = Webhooks(
        header="x-hub-signature", entity=shop.entity, key=shop.key, algorithm="sha512",
        encoding="hex", prefix="sha512=",
    )  # fmt: skip
    hints = Hints(other, SECRET)
    signed = hmac.new(SECRET.encode(), ORDER, hashlib.sha512).hexdigest()
    told = {"x-wc-webhook-resource": "order"}
    right = {"x-hub-signature": f"sha512={signed}", **told}
    assert hints.parse(right, ORDER) == Hint(entity="order", key="7")
    assert hints.parse({"x-hub-signature": signed, **told}, ORDER) == Forged()
    assert hints.parse({"x-hub-signature": f"sha512={signed[:-1]}", **told}, ORDER) == Forged()
    assert hints.parse({}, b"webhook_id=7") == Forged()
