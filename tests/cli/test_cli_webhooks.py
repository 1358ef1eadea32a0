"""`connector check` and the shop's webhooks: what is off, missing, doubled; and made anew."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.system import System
from connector.cli.hooks import judged
from connector.errors import Unauthorized
from connector.sandbox import edit, shop_hooks
from connector.values import Subscription
from connector.web import Request, Response, Web

TOPICS = [f"{entity}.{what}" for entity in ("order", "product")
          for what in ("created", "deleted", "updated")]  # fmt: skip
PUBLIC = "http://127.0.0.1:1/hooks/shop"


@pytest.fixture
def hooked(desk: Any) -> Any:
    """A desk whose shop is to send webhooks to us."""
    env = desk.company.folder / ".env"
    env.write_text(env.read_text() + "HOOK=qanar-hook-secret\n")
    webhooks = {"secret": "${HOOK}", "url": PUBLIC}
    desk.company.config(web={"listen": "8088"}, connections={"shop": {"webhooks": webhooks}})
    return desk


def kept(desk: Any) -> dict[str, list[tuple[str, str]]]:
    """Topic → address and status of each webhook that the shop keeps."""
    found: dict[str, list[tuple[str, str]]] = {}
    with edit.desk(desk.company.shop_file) as shop:
        for one in shop_hooks.page(shop, {"per_page": "100"}).items:
            found.setdefault(one["topic"], []).append((one["delivery_url"], one["status"]))
    return found


def add(desk: Any, **given: str) -> None:
    """Somebody made a webhook in the shop."""
    with edit.desk(desk.company.shop_file) as shop:
        shop_hooks.create(shop, {"topic": "order.created", "delivery_url": PUBLIC, **given})


def said(desk: Any, *words: str) -> str:
    """What `check` says."""
    return str(desk("check", *words).out)


def test_what_is_missing_is_told_and_made_on_request(hooked: Any) -> None:
    """For the entities that flows read by themselves, signed with our secret, and no others."""
    told = said(hooked)
    assert "! webhooks are missing: order.created, order.deleted" in told
    assert "0 of 6 webhooks are active" in told
    assert kept(hooked) == {}  # check changes nothing
    assert "6 of 6 webhooks are active" in said(hooked, "--fix-webhooks")
    assert kept(hooked) == {topic: [(PUBLIC, "active")] for topic in TOPICS}
    assert "! webhook" not in said(hooked)
    with edit.desk(hooked.company.shop_file) as shop:
        secrets = {row["secret"] for row in shop.store.rows("SELECT secret FROM webhooks")}
    assert secrets == {"qanar-hook-secret"}


def test_what_the_shop_switched_off_is_told_and_made_anew(hooked: Any) -> None:
    """Made active again it would keep its failures: it is a new one."""
    said(hooked, "--fix-webhooks")
    hooked.company.shop_sql("UPDATE webhooks SET status = 'disabled', failures = 6"
                            " WHERE topic LIKE 'order.%'")  # fmt: skip
    told = said(hooked)
    assert "! webhooks are switched off: order.created, order.deleted, order.updated" in told
    assert "3 of 6 webhooks are active" in told
    said(hooked, "--fix-webhooks")
    assert kept(hooked) == {topic: [(PUBLIC, "active")] for topic in TOPICS}
    with edit.desk(hooked.company.shop_file) as shop:
        assert not shop.store.rows("SELECT * FROM webhooks WHERE failures > 0")


def test_where_we_may_not_write_what_there_is_stays(
    hooked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are made before the old ones go: a refusal leaves no shop without any."""
    said(hooked, "--fix-webhooks")
    before = kept(hooked)

    def refuse(*_: object) -> None:
        raise Unauthorized("no right to write")

    monkeypatch.setattr(System, "subscribe", refuse)
    hooked("check", "--fix-webhooks")
    assert kept(hooked) == before


def test_what_asks_no_system_mends_none(hooked: Any) -> None:
    """It says so, and does not end as if it had."""
    for words in (["--offline"], ["woocommerce"]):
        told = hooked("check", "--fix-webhooks", *words)
        assert (told.code, "asks the systems" in told.err) == (2, True)


def test_those_of_others_are_left_alone(hooked: Any) -> None:
    """Another address is not ours, whatever it is sent of."""
    add(hooked, delivery_url="http://127.0.0.1:1/hooks/other")
    said(hooked, "--fix-webhooks")
    assert ("http://127.0.0.1:1/hooks/other", "active") in kept(hooked)["order.created"]
    assert len(kept(hooked)["order.created"]) == 2


def test_without_our_address_they_are_known_by_their_path_and_not_made(hooked: Any) -> None:
    """Nobody could say where the shop reaches us."""
    hooked.company.connection("shop", webhooks={"url": None})
    add(hooked, delivery_url="http://else.invalid/hooks/shop")
    told = said(hooked, "--fix-webhooks")
    assert "add `connections.shop.webhooks.url`" in told
    assert "1 of 6 webhooks are active" in said(hooked)
    assert len(kept(hooked)) == 1


def test_a_wrong_system_is_not_written_to(hooked: Any) -> None:
    """R9 comes first, also here."""
    hooked.company.connection("shop", identity={"expect": "somebody else"})
    assert "error[wrong_system]" in said(hooked, "--fix-webhooks")
    assert kept(hooked) == {}


def test_a_connection_without_webhooks_is_not_asked(desk: Any) -> None:
    """It is polled, and that is all."""
    assert "webhook" not in said(desk)
    assert not desk.company.calls("GET /webhooks", desk.company.shop)


def test_the_secret_is_told_to_nobody(hooked: Any) -> None:
    """Neither in text nor in JSON."""
    for words in (["check", "--fix-webhooks"], ["check", "--json"]):
        told = hooked(*words)
        assert "qanar-hook-secret" not in told.out + told.err
    told = json.loads(hooked("check", "--json").out)["connections"]
    hooks = {one["connection"]: one["hooks"] for one in told}
    assert hooks == {"shop": ["6 of 6 webhooks are active"], "erp": []}


def test_what_was_made_reaches_us(hooked: Any) -> None:
    """The ping of a new webhook comes to the address that we named."""
    heard: list[Request] = []

    def take(asked: Request) -> Response:
        heard.append(asked)
        return Response(status=200)

    inbox = Web(("127.0.0.1", 0), {"POST /hooks/": take})
    hooked.company.connection("shop", webhooks={"url": f"{inbox.url}/hooks/shop"})
    said(hooked, "--fix-webhooks")
    inbox.close()
    assert sorted(one.body[:11] for one in heard) == [b"webhook_id="] * 6


def test_twice_the_same_is_told() -> None:
    """Each document would be read twice."""
    one = Subscription(key="1", topic="order.created", to=PUBLIC, active=True)
    two = Subscription(key="2", topic="order.created", to=PUBLIC, active=True)
    says, wrong = judged(["order.created"], [one, two])
    assert says == ["1 of 1 webhooks are active"]
    assert wrong == ["webhooks are sent twice: order.created (connector check --fix-webhooks)"]
