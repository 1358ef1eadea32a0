"""The sandbox's webhooks: as WooCommerce was observed to keep, deliver and give up on them."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
from company import until

from connector.sandbox import books, edit
from connector.web import Request, Response, Web

SECRET = "s3cret"


class Ear:
    """Somebody who is told; he can be deaf."""

    def __init__(self) -> None:
        self.heard: list[Request] = []
        self.status = 200
        self.web = Web(("127.0.0.1", 0), {"POST /hooks/": self.take})
        self.url = f"{self.web.url}/hooks/shop"

    def take(self, asked: Request) -> Response:
        """Keep it."""
        self.heard.append(asked)
        return Response(status=self.status)

    def pings(self) -> list[bytes]:
        """What came unsigned."""
        return [one.body for one in self.heard if "x-wc-webhook-signature" not in one.headers]

    def told(self) -> list[tuple[str, Any]]:
        """Topic and body of what came signed."""
        signed = [one for one in self.heard if "x-wc-webhook-signature" in one.headers]
        return [(one.headers["x-wc-webhook-topic"], json.loads(one.body)) for one in signed]


@pytest.fixture
def ear() -> Iterator[Ear]:
    """Listens on a free port."""
    made = Ear()
    yield made
    made.web.close()


def hook(shop: Any, ear: Ear, topic: str = "order.created", **more: str) -> Any:
    """A new webhook of the shop."""
    given = {"topic": topic, "delivery_url": ear.url, "secret": SECRET, **more}
    return shop.call("POST", "/webhooks", given)


def test_a_webhook_is_made_listed_changed_and_deleted_for_good(shop: Any, ear: Ear) -> None:
    """Its secret is never told, a deletion needs force, and a wrong topic or address is a 400."""
    made = hook(shop, ear)
    assert made.status == 201
    assert {made.json[n] for n in ("status", "topic", "resource")} == {
        *("active", "order.created", "order")
    }
    assert SECRET not in made.body.decode()
    number = made.json["id"]
    assert [one["id"] for one in shop.get("/webhooks").json] == [number]
    assert shop.call("PUT", f"/webhooks/{number}", {"status": "paused"}).json["status"] == "paused"
    assert shop.call("DELETE", f"/webhooks/{number}").status == 501
    assert shop.call("DELETE", f"/webhooks/{number}", force="true").status == 200
    assert shop.get(f"/webhooks/{number}").status == 404
    assert hook(shop, ear, "order.eaten").status == 400
    assert hook(shop, ear, delivery_url="ftp://x").status == 400


def test_it_pings_at_once_and_unsigned(shop: Any, ear: Ear) -> None:
    """A form with its number and nothing of X-WC-*."""
    number = hook(shop, ear).json["id"]
    assert ear.pings() == [f"webhook_id={number}".encode()]
    assert not [name for name in ear.heard[0].headers if name.startswith("x-wc")]


def test_a_delivery_is_signed_over_its_raw_body(shop: Any, ear: Ear) -> None:
    """Base64 of the HMAC-SHA256, with the document as GET tells it."""
    hook(shop, ear)
    order = shop.order()
    until(ear.told)
    [(topic, body)] = ear.told()
    assert (topic, body["id"], body["total"]) == ("order.created", order["id"], order["total"])
    got = ear.heard[-1]
    mac = hmac.digest(SECRET.encode(), got.body, "sha256")
    assert got.headers["x-wc-webhook-signature"] == base64.b64encode(mac).decode()
    assert got.headers["x-wc-webhook-resource"] == "order"


def test_changes_by_whatever_hand_are_told_and_two_quick_ones_once(shop: Any, ear: Ear) -> None:
    """A clerk beside the API; the body is of the delivery's time, not of the event's."""
    hook(shop, ear, "order.updated")
    order = shop.order()["id"]
    until(ear.told)
    ear.heard.clear()
    with edit.desk(shop.running.data) as desk, desk.store.begin():
        edit.change_at(desk, order, customer_note="one")
        edit.change_at(desk, order, customer_note="two")
    until(ear.told)
    assert [(topic, body["customer_note"]) for topic, body in ear.told()] == [
        ("order.updated", "two")
    ]


def test_of_what_is_deleted_only_the_id_is_told(shop: Any, ear: Ear) -> None:
    """Into the trash or for good."""
    hook(shop, ear, "order.deleted")
    first, second = shop.order()["id"], shop.order()["id"]
    shop.call("DELETE", f"/orders/{first}")
    shop.call("DELETE", f"/orders/{second}", force="true")
    until(lambda: len(ear.told()) == 2)
    assert sorted(body["id"] for _, body in ear.told()) == [first, second]
    assert all(set(body) == {"id"} for _, body in ear.told())


def test_nothing_is_repeated_and_it_gives_up_for_good(shop: Any, ear: Ear) -> None:
    """Six failures are counted, the seventh disables it; made active again, one more does."""
    number = hook(shop, ear).json["id"]
    ear.status = 500

    def status() -> Any:
        return shop.get(f"/webhooks/{number}").json["status"]

    def fail() -> None:
        before = len(ear.told())
        shop.order()
        until(lambda: len(ear.told()) == before + 1)

    for _ in range(6):
        fail()
    assert status() == "active"
    fail()
    until(lambda: status() == "disabled")
    told = len(ear.told())
    shop.order()
    shop.call("PUT", f"/webhooks/{number}", {"status": "active"})
    fail()
    until(lambda: status() == "disabled")
    assert len(ear.told()) == told + 1  # what happened while it was disabled is lost
    shop.call("PUT", f"/webhooks/{number}", {"status": "active"})
    ear.status = 200
    fail()
    ear.status = 500
    fail()
    assert status() == "active"  # a success had set the count to 0


def test_a_ping_that_failed_comes_again_with_a_delivery(shop: Any, ear: Ear) -> None:
    """So it must be tolerated at any time."""
    ear.status = 500
    hook(shop, ear)
    ear.status = 200
    shop.order()
    until(ear.told)
    assert len(ear.pings()) == 2
    shop.order()
    until(lambda: len(ear.told()) == 2)
    assert len(ear.pings()) == 2


def test_deliveries_can_be_doubled_lost_and_shuffled(shop: Any, ear: Ear) -> None:
    """As the sandbox is told, for who must stand it; what was taken is counted."""
    hook(shop, ear)
    assert shop.admin("hooks", {"doubled": 1.0}).status == 200
    shop.order()
    until(lambda: len(ear.told()) == 2)
    shop.running.hooks(lost=1.0)
    shop.order()
    until(lambda: not shop.running._server.app.store.rows("SELECT 1 FROM events"))
    shop.running.hooks()
    last = shop.order()["id"]
    until(lambda: len(ear.told()) == 3)
    assert ear.told()[-1][1]["id"] == last
    until(lambda: books.hooks_taken(shop.running.data) == 3)


def test_what_happens_at_once_is_told_in_another_order_if_shuffled(shop: Any, ear: Ear) -> None:
    """Twenty changes between two looks of the shop."""
    orders = [shop.order()["id"] for _ in range(20)]
    hook(shop, ear, "order.updated")

    def order_of_telling() -> list[int]:
        ear.heard.clear()
        with edit.desk(shop.running.data) as desk, desk.store.begin():
            for order in orders:
                edit.change_at(desk, order, customer_note="again")
        until(lambda: len(ear.told()) == len(orders))
        return [body["id"] for _, body in ear.told()]

    assert order_of_telling() == orders
    shop.running.hooks(shuffled=True)
    told = order_of_telling()
    assert sorted(told) == orders
    assert told != orders


def test_its_patience_can_be_changed(shop: Any, ear: Ear) -> None:
    """As a filter of WordPress does."""
    number = hook(shop, ear).json["id"]
    shop.running.hooks(patience=100)
    ear.status = 500
    for n in range(8):
        shop.order()
        until(lambda n=n: len(ear.told()) == n + 1)
    assert shop.get(f"/webhooks/{number}").json["status"] == "active"
