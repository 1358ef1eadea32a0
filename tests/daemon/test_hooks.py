"""Hooks: durable before they are answered, read in the flow's turn, bounded, never the truth."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import requests
from company import Company, Killed
from service import free_port, until
from test_vitals import number

from connector import hooks
from connector.config import load_config
from connector.daemon import Work
from connector.errors import ConfigError, LedgerAway, Unavailable
from connector.hooks import Receiver
from connector.ledger import hints
from connector.ledger.store import Ledger
from connector.problems import Problems
from connector.sandbox import edit, shop_hooks
from connector.turns import Turns
from connector.vitals import Counts, Vitals
from connector.web import Request, Response

SECRET = "hook-secret"


def signed(body: bytes, resource: str = "order", secret: str = SECRET) -> dict[str, str]:
    """The headers of a message of the shop."""
    mac = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    signature = base64.b64encode(mac).decode()
    return {"x-wc-webhook-signature": signature, "x-wc-webhook-resource": resource}


def message(key: str, version: str | None = None, resource: str = "order", **more: Any) -> Request:
    """What the shop sends when a document changed."""
    body = json.dumps({"id": int(key), "date_modified_gmt": version} | more).encode()
    return Request(method="POST", path="/hooks/shop", headers=signed(body, resource), body=body)


@pytest.fixture
def hearing(company: Company) -> Company:
    """A company whose shop sends webhooks."""
    env = company.folder / ".env"
    env.write_text(env.read_text() + f"HOOK={SECRET}\n")
    company.config(
        web={"listen": str(free_port())},
        connections={"shop": {"webhooks": {"secret": "${HOOK}"}}},
    )
    return company


@pytest.fixture
def receiver(hearing: Company) -> Receiver:
    """Who takes the messages."""
    return Receiver(Turns(hearing.app))


def waiting(company: Company) -> dict[str, int]:
    """Key → words of what is not read yet."""
    return {row["key"]: row["n"] for row in company.rows("SELECT key, n FROM hint")}


def hear(company: Company) -> None:
    """The daemon's turn for hints of the orders flow."""
    company.app.follow_hints(company.app.flows["orders"])


def test_a_hint_is_kept_read_and_forgotten(hearing: Company, receiver: Receiver) -> None:
    """200 when it is in the ledger; the order is read anew, delivered, and the hint gone."""
    order = hearing.order()
    assert receiver.receive(message(order, total="9999999.00")).status == 200
    assert receiver.receive(message(order)).status == 200
    assert waiting(hearing) == {order: 2}
    hear(hearing)
    assert waiting(hearing) == {}
    assert hearing.standing("order", order) == "done(sent)"
    assert len(hearing.books()) == 1


def test_a_word_that_comes_while_it_is_read_is_not_lost(
    hearing: Company, receiver: Receiver
) -> None:
    """What was noted is what is closed: the later word has it read once more."""
    order = hearing.order()
    receiver.receive(message(order))
    answers: list[Response] = []

    def change() -> None:
        # From another thread, as a caller would: the ledger has one writer at a time.
        caller = threading.Thread(target=lambda: answers.append(receiver.receive(message(order))))
        caller.start()
        callers.append(caller)

    callers: list[threading.Thread] = []
    with hearing.when("hint.read_before_close", change):
        hear(hearing)
    callers[0].join(10)
    assert answers[0].status == 200
    assert len(hearing.calls("GET /orders/", hearing.shop)) >= 1
    hear(hearing)
    assert waiting(hearing) == {}


def test_it_is_closed_only_when_the_version_read_is_at_least_the_one_said(
    hearing: Company, receiver: Receiver
) -> None:
    """A replica that lags behind: read again after a while, until it shows what was said."""
    order = hearing.order()
    receiver.receive(message(order, "2099-01-01T00:00:00"))
    hear(hearing)
    assert waiting(hearing) == {order: 1}
    assert hearing.standing("order", order) == "done(sent)"
    before = len(hearing.calls("GET /orders/", hearing.shop))
    hear(hearing)  # not due yet
    assert len(hearing.calls("GET /orders/", hearing.shop)) == before
    hearing.pass_(10)
    hear(hearing)
    assert len(hearing.calls("GET /orders/", hearing.shop)) == before + 1
    hearing.shop_sql("UPDATE orders SET modified = modified + 4000000000")
    hearing.pass_(20)
    hear(hearing)
    assert waiting(hearing) == {}


def test_what_was_deleted_meanwhile_is_told_and_closed(
    hearing: Company, receiver: Receiver
) -> None:
    """`order.deleted` names the id alone, and the shop no longer has it."""
    receiver.receive(message("4711"))
    hear(hearing)
    assert waiting(hearing) == {}


def test_a_hint_creates_nothing_older_than_the_flow(hearing: Company, receiver: Receiver) -> None:
    """P8: somebody edits an order of last year; it stays out."""
    order = hearing.order()
    hearing.flow("orders", start=(hearing.clock.now() + timedelta(days=1)).isoformat())
    receiver = Receiver(Turns(hearing.app))
    receiver.receive(message(order))
    hear(hearing)
    assert hearing.standing("order", order) == "done(filtered)"
    assert hearing.books() == []


@pytest.mark.parametrize(
    ("path", "headers", "body", "status"),
    [
        ("/hooks/shop", signed(b'{"id":1}', secret="wrong"), b'{"id":1}', 401),
        ("/hooks/shop", {}, b'{"id":1}', 401),
        ("/hooks/shop", {}, b"webhook_id=3", 200),
        ("/hooks/shop", signed(b'{"id":1}', "coupon"), b'{"id":1}', 200),
        ("/hooks/shop", signed(b'{"id":1}', "customer"), b'{"id":1}', 200),
        ("/hooks/erp", signed(b'{"id":1}'), b'{"id":1}', 404),
        ("/hooks/shop/x", signed(b'{"id":1}'), b'{"id":1}', 404),
    ],
)
def test_nothing_is_kept_of_what_is_forged_or_concerns_no_flow(
    hearing: Company, receiver: Receiver, path: str, headers: Any, body: bytes, status: int
) -> None:
    """401 to a forger, 200 to the shop's ping and to what no flow reads by itself."""
    asked = Request(method="POST", path=path, headers=headers, body=body)
    assert receiver.receive(asked).status == status
    assert waiting(hearing) == {}


@pytest.mark.parametrize(
    ("point", "kept"), [("hint.before_commit", False), ("hint.committed_before_200", True)]
)
def test_a_death_before_the_answer_loses_nothing_that_was_answered(
    hearing: Company, receiver: Receiver, point: str, kept: bool
) -> None:
    """Before the commit there is neither row nor 200; after it there is the row."""

    def die() -> None:
        raise Killed(point)

    with hearing.when(point, die), suppress(Killed):
        receiver.receive(message("7"))
        raise AssertionError("it was answered")
    assert (waiting(hearing) == {"7": 1}) is kept


def test_a_burst_shares_its_commits_and_loses_no_word(
    hearing: Company, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one commit is under way the others gather, and are all in the next."""
    commits: list[int] = []
    first = threading.Event()
    go = threading.Event()
    write = Receiver._write

    def slow(self: Receiver, words: Any) -> None:
        commits.append(len(words))
        first.set()
        go.wait(10)
        write(self, words)

    monkeypatch.setattr(Receiver, "_write", slow)
    answers: list[int] = []
    callers = [
        threading.Thread(
            target=lambda n=n: answers.append(receiver.receive(message(str(n))).status)
        )
        for n in (1, 2, 2, 3, 4)
    ]
    callers[0].start()
    assert first.wait(10)
    for one in callers[1:]:
        one.start()
    until(lambda: len(receiver._waiting) == 4)
    assert answers == []
    go.set()
    for one in callers:
        one.join(10)
    assert (commits, answers) == ([1, 4], [200] * 5)
    assert waiting(hearing) == {"1": 1, "2": 2, "3": 1, "4": 1}


def test_a_flood_is_bounded(hearing: Company, receiver: Receiver, monkeypatch: Any) -> None:
    """More in a second than we take are told 503: the polls come behind them."""
    monkeypatch.setattr(hooks, "MOST_A_SECOND", 3)
    monkeypatch.setattr(hooks.time, "monotonic", lambda: 1000.0)
    assert [receiver.receive(message("7")).status for _ in range(5)] == [200] * 3 + [503] * 2
    monkeypatch.setattr(hooks.time, "monotonic", lambda: 1001.0)
    assert receiver.receive(message("7")).status == 200
    assert waiting(hearing) == {"7": 4}


def test_without_the_ledger_nothing_is_promised(
    hearing: Company, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full is 503, never 200."""

    def begin(*_: object) -> Any:
        raise LedgerAway("disk full")

    monkeypatch.setattr(Ledger, "begin", begin)
    assert receiver.receive(message("7")).status == 503


def test_a_shop_that_is_away_keeps_its_hints(hearing: Company, receiver: Receiver) -> None:
    """They are read when it is back; until then it is not asked all the time."""
    order = hearing.order()
    hearing.sync("products")
    receiver.receive(message(order))
    hearing.shop.faults([{"fault": "unavailable", "ops": ["GET /orders"]}])
    with pytest.raises(Unavailable):
        hear(hearing)
    assert waiting(hearing) == {order: 1}
    hear(hearing)  # not due: nobody is asked
    hearing.shop.faults([])
    hearing.pass_(10)
    hear(hearing)
    assert waiting(hearing) == {}
    assert len(hearing.books()) == 1


def test_hints_of_a_system_that_is_another_one_are_not_asked_for_all_the_time(
    hearing: Company, receiver: Receiver
) -> None:
    """What fails before a document is read puts them off all the same."""
    receiver.receive(message(hearing.order()))
    hearing.connection("erp", identity={"expect": "Somebody else"})
    work = Work(hearing.app)
    work.hear("orders")
    assert work.failures == {"orders": 1}
    assert hearing.app.ledger.read(hints.due_flows, hearing.clock.now()) == set()
    assert len(waiting(hearing)) == 1


def test_messages_and_what_waits_are_counted(hearing: Company, receiver: Receiver) -> None:
    """By connection and by what they were."""
    receiver.receive(message("7"))
    receiver.receive(Request(method="POST", path="/hooks/shop", headers={}, body=b"webhook_id=1"))
    receiver.receive(Request(method="POST", path="/hooks/shop", headers={}, body=b"forged"))
    living = Vitals(Turns(hearing.app), Counts(heard=receiver.heard))
    for what in ("hint", "ping", "forged"):
        assert number(living, "webhooks_total", connection="shop", what=what) == 1
    assert number(living, "hints", flow="orders") == 1


def test_the_daemon_reads_what_it_heard_of(hearing: Company, serve: Callable[[], Any]) -> None:
    """No poll for an hour, and the order is there in seconds: the hint brought it."""
    hearing.connection("erp", limits={"timeout": "2s"}, settle="2s")
    hearing.flow("orders", every="1h")
    hearing.flow("products", every="1h")
    service = serve()
    service.hears("READY=1")
    until(lambda: hearing.rows("SELECT * FROM confirmed WHERE flow = 'orders'"))
    order = hearing.order()
    body = json.dumps({"id": int(order)}).encode()
    url = f"http://127.0.0.1:{hearing.settings['web']['listen']}/hooks/shop"
    said = requests.post(url, data=body, headers=signed(body), timeout=10)
    assert said.status_code == 200
    assert requests.post(url, data=body + b" ", headers=signed(body), timeout=10).status_code == 401
    until(lambda: len(hearing.books()) == 1)
    with edit.desk(hearing.shop_file) as shop:
        for topic in ("order.created", "order.updated", "product.updated"):
            given = {"topic": topic, "delivery_url": url, "secret": SECRET}
            shop_hooks.create(shop, given)
    hearing.shop.hooks(doubled=1.0, shuffled=True)
    for _ in range(3):
        hearing.order()
    until(lambda: len(hearing.books()) == 4)
    until(lambda: waiting(hearing) == {})
    assert service.stop() < 10


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"web": None}, "connections.shop.webhooks: nobody listens for them"),
        (
            {"connections": {"shop": {"webhooks": {"secret": "open"}}}},
            "connections.shop.webhooks.secret: a secret stands in the configuration itself",
        ),
    ],
)
def test_mistakes_are_told_with_their_place(hearing: Company, changes: Any, said: str) -> None:
    """Each of these is refused before anything runs."""
    hearing.config(**changes)
    problems = Problems()
    assert load_config(hearing.folder / "config.yaml", problems) is None
    assert said in str(problems)


def test_a_system_without_webhooks_is_told_so(hearing: Company) -> None:
    """SOAP sends nothing of its own accord."""
    hearing.connection("erp", webhooks={"secret": "${HOOK}"})
    with pytest.raises(ConfigError, match="sandbox_erp sends no webhooks"):
        Receiver(Turns(hearing.app))
