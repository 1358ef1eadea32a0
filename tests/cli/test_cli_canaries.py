"""Every code is provoked with canaries in every field; none sings unless content was asked for."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
import yaml
from canaries import CANARY, OTHERS, SHIPPED, other, silent

from adapters.http import Http
from adapters.wire import Call
from connector import codes, points
from connector.app import App
from connector.sandbox import edit

PERSON = {
    "first_name": "Qanara",
    "last_name": "O'Qanar",
    "company": "Qanar & Co",
    "address_1": "Qanarweg 1",
    "city": "Qanarstadt",
    "postcode": "qanar",
    "country": "DE",
    "email": "qanara@qanar.test",
    "phone": "qanar 030",
}

# What this code cannot come to: (why)
NOT_PROVOKED = {
    "clock_off": "it takes PostgreSQL and another clock than its: tests/workers/test_beside.py",
    "read_elsewhere": "it takes two processes on a PostgreSQL ledger: tests/workers",
    "restart_needed": "only a running daemon says it, at a reload: tests/daemon/test_daemon.py",
}
# A mapping's mistakes are told in one report with the configuration's: (code of the report)
REPORTED_AS = {"mapping": "config"}


def order(desk: Any, **more: Any) -> str:
    """An order that is full of canaries."""
    given = {"billing": PERSON, "customer_note": "qanar sings", "transaction_id": "tx_qanar"}
    return str(desk.company.order(**(given | more)))


def erp(desk: Any, sql: str) -> None:
    """Change the ERP's books by hand."""
    with desk.company.clerk() as store, store.begin() as db:
        db.execute(sql)


def shop(desk: Any, path: str, value: str) -> None:
    """Change the bodies of the shop's orders, as a plugin does."""
    value = f"json_set(body, '{path}', {value})"
    desk.company.shop_sql(f"UPDATE orders SET body = {value}, modified = modified + 1")
    desk.company.pass_(2)


def delivered(desk: Any) -> str:
    """An order that is there."""
    number = order(desk)
    desk.company.settle()
    return number


# ── what is wrong, and how one comes there ──────────────────────────────────────────────────────


def config(desk: Any) -> list[str]:
    secrets = {"type": "basic", "user": "qanar", "password": "qanar-secret"}
    desk.company.connection("erp", auth=secrets, limits={"timeout": "qanar"})
    env = desk.company.folder / ".env"
    env.write_text(env.read_text() + "qanar is no line\n")
    return ["check"]


def config_missing(desk: Any) -> list[str]:
    (desk.company.folder / "config.yaml").unlink()
    return ["status"]


def usage(_: Any) -> list[str]:
    return ["record", "resolve", "order", "1"]


def wrong_system(desk: Any) -> list[str]:
    delivered(desk)
    erp(desk, "UPDATE meta SET value = 'OTHER' WHERE name = 'company_code'")
    return ["flow", "sync", "orders"]


def find_unproven(desk: Any) -> list[str]:
    order(desk)
    desk.company.sync()
    erp(desk, "UPDATE orders SET reference = 'lost'")
    erp(desk, "UPDATE customers SET reference = 'lost'")
    order(desk, customer_note="another qanar")
    desk.company.stop()
    with closing(sqlite3.connect(desk.company.folder / "ledger.db")) as db, db:
        db.execute("UPDATE connection SET proven = '{}'")
    desk.company.pass_(60)
    return ["flow", "sync", "orders"]


def unavailable(desk: Any) -> list[str]:
    order(desk)
    desk.company.shop.faults([{"fault": "unavailable"}])
    return ["flow", "sync", "orders"]


def unauthorized(desk: Any) -> list[str]:
    order(desk)
    env = desk.company.folder / ".env"
    env.write_text(env.read_text().replace("=cs_sandbox", "=qanar-secret"))
    return ["flow", "sync", "orders"]


def field(desk: Any) -> list[str]:
    number = order(desk)
    shop(desk, "$.currency", "'qanar'")
    return ["map", "preview", "order", number]


def ledger_locked(desk: Any) -> list[str]:
    desk.company.stop()
    # Held until the process ends: the lock is the kernel's.
    fd = os.open(desk.company.folder / "ledger.db.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    desk.company.held_lock = fd
    return ["flow", "sync", "orders"]


def ledger_outdated(desk: Any) -> list[str]:
    with closing(sqlite3.connect(desk.company.folder / "ledger.db")) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '0000'")
    return ["record", "list"]


def no_such_record(_: Any) -> list[str]:
    return ["trace", "order", "1"]


def seq_moved(desk: Any) -> list[str]:
    return ["record", "retry", "order", delivered(desk), "--seq", "9"]


def not_allowed(desk: Any) -> list[str]:
    return ["record", "retry", "order", delivered(desk)]


def bug(desk: Any) -> list[str]:
    order(desk)

    def broken(*_: object, **__: object) -> None:
        raise ValueError(f"{PERSON} cs_sandbox")

    desk.monkeypatch.setattr(App, "sync", broken)
    return ["flow", "sync", "orders"]


def conflict(desk: Any) -> list[str]:
    number = delivered(desk)
    desk.company.shop_sql("UPDATE orders SET created = created - 5")
    desk.company.change(number, customer_note="qanar again")
    desk.company.pass_(2)
    return ["flow", "sync", "orders"]


def rule(desk: Any) -> list[str]:
    order(desk)
    shop(desk, "$.line_items[0].product_id", "0")
    return ["flow", "sync", "orders"]


def review(desk: Any) -> list[str]:
    number = int(delivered(desk))
    edit.refund_order(desk.company.shop_file, number, "1.00", "qanar did not like it")
    desk.company.pass_(2)
    return ["flow", "sync", "orders"]


def blocked(desk: Any) -> list[str]:
    erp(desk, "DELETE FROM items")
    order(desk)
    return ["flow", "sync", "orders"]


def refused(desk: Any) -> list[str]:
    desk.company.config(attempts={"pattern": ["1s"], "most": "1"})
    desk.company.erp.faults([{"fault": "fault", "code": "invalid", "ops": ["CreateSalesOrder"]}])
    order(desk)
    desk.company.settle(rounds=2)
    return ["flow", "sync", "orders"]


def unreadable(desk: Any) -> list[str]:
    order(desk)
    shop(desk, "$.total", "'qanar'")
    return ["flow", "sync", "orders"]


def duplicate(desk: Any) -> list[str]:
    desk.company.erp.faults([{"fault": "commit_then_cut", "ops": ["CreateSalesOrder"], "count": 1}])
    order(desk)
    desk.company.sync()
    erp(desk, "INSERT INTO orders SELECT no || 'b', reference, released, version, created,"
              " changed, grand_total, data FROM orders")  # fmt: skip
    desk.company.settle(rounds=2)
    return ["flow", "sync", "orders"]


def ambiguous(desk: Any) -> list[str]:
    delivered(desk)
    erp(desk, "INSERT INTO customers SELECT no || 'b', 'x', email, vat, version, created, changed,"
              " data FROM customers WHERE email IS NOT NULL")  # fmt: skip
    erp(desk, "UPDATE customers SET reference = 'y' WHERE reference <> 'x'")
    desk.company.customer(**{n: PERSON[n] for n in ("email", "first_name", "last_name")})
    order(desk, customer_id=registered(desk))
    desk.company.settle(rounds=2)
    return ["flow", "sync", "orders"]


def registered(desk: Any) -> int:
    """The customer that the shop knows."""
    with closing(sqlite3.connect(desk.company.shop_file)) as db:
        return int(db.execute("SELECT max(id) FROM customers").fetchone()[0])


def money(desk: Any) -> list[str]:
    order(desk)
    shop(desk, "$.total", "'999.00'")
    return ["flow", "sync", "orders"]


def locked(desk: Any) -> list[str]:
    number = delivered(desk)
    shipped = "json_set(data, '$.Status', 'shipped'), version = version + 1"
    erp(desk, f"UPDATE orders SET data = {shipped}")
    desk.company.change(number, customer_note="qanar again")
    desk.company.settle(rounds=2)
    return ["flow", "sync", "orders"]


def gone_at_target(desk: Any) -> list[str]:
    number = delivered(desk)
    erp(desk, "DELETE FROM orders")
    desk.company.change(number, customer_note="qanar again")
    desk.company.settle(rounds=2)
    return ["flow", "sync", "orders"]


def truncated(desk: Any) -> list[str]:
    order(desk)
    desk.company.shop.faults([{"fault": "text_before", "ops": ["GET /orders"]}])
    return ["flow", "sync", "orders"]


def gave_up(desk: Any) -> list[str]:
    delivered(desk)
    desk.company.config(attempts={"pattern": ["1s"], "most": "2"})
    order(desk, customer_note="another qanar")
    for _ in range(4):
        desk.company.dies_at("started.before_send")
        desk.company.pass_(60)
    return ["flow", "sync", "orders"]


def doubt(desk: Any) -> list[str]:
    blind = yaml.load((SHIPPED / "order.yaml").read_text(), yaml.BaseLoader)
    del blind["actions"]["find"], blind["actions"]["get"]
    other(desk, {"order.yaml": yaml.safe_dump(blind)})
    desk.company.erp.faults([{"fault": "commit_then_cut", "ops": ["CreateSalesOrder"], "count": 1}])
    order(desk)
    desk.company.settle(rounds=2)
    return ["flow", "sync", "orders"]


def not_sent(desk: Any) -> list[str]:
    """SIGTERM in the middle of a delivery."""
    order(desk)
    sent: list[str] = []

    def stop(point: str) -> None:
        if point == "intent.none_sent" and not sent:
            sent.append(point)
            os.kill(os.getpid(), signal.SIGTERM)

    desk.monkeypatch.setattr(points, "on_reach", stop)
    return ["flow", "sync", "orders"]


def too_late(desk: Any) -> list[str]:
    """The wall clock jumps between the permission to send and the first byte."""
    order(desk)
    line, clock = Http._line, desk.company.clock
    now, jumped = clock.now, []

    def late(http: Http, url: str, call: Call) -> Any:
        if call._send_before is not None:
            jumped.append(timedelta(hours=1))
        return line(http, url, call)

    desk.monkeypatch.setattr(Http, "_line", late)
    desk.monkeypatch.setattr(clock, "now", lambda: now() + sum(jumped, timedelta()))
    return ["flow", "sync", "orders"]


PROVOKED: tuple[Callable[[Any], list[str]], ...] = (
    *OTHERS,
    *(config, config_missing, usage, wrong_system, find_unproven, unavailable, unauthorized),
    *(field, ledger_locked, ledger_outdated, no_such_record, seq_moved, truncated),
    *(not_allowed, bug, conflict, rule, review, blocked, refused, unreadable, duplicate),
    *(ambiguous, money, locked, gone_at_target, gave_up, doubt),
)
# Their command goes on or ends with a sentence; the code is with the attempt.
WITHDRAWN = (not_sent, too_late)
AFTERWARDS = (
    ["status"],
    ["status", "--json"],
    ["record", "list", "--json", "--limit", "50"],
    ["flow", "sync", "orders", "--dry-run", "--json"],
    ["flow", "audit", "orders", "--json"],
    ["check"],
    ["ledger", "stats", "--json"],
)


def told(desk: Any) -> list[Any]:
    """What is said of each record."""
    said = []
    for one in desk.company.rows("SELECT entity, key FROM record"):
        at = (one["entity"], one["key"])
        said += [desk("trace", *at), desk("trace", *at, "--json")]
        said.append(desk("record", "show", *at, "--json"))
    return said


@pytest.mark.parametrize("provoke", PROVOKED, ids=lambda p: p.__name__)
def test_no_canary_sings(
    desk: Any, monkeypatch: pytest.MonkeyPatch, provoke: Callable[[Any], list[str]]
) -> None:
    """The code is told with its cause and cure, in text and JSON, and nothing personal is."""
    desk.monkeypatch = monkeypatch
    words = provoke(desk)
    said = [desk(*words), desk(*words, "--json")]
    held = provoke.__name__ in codes.HELD and provoke.__name__ != "conflict"
    if not held:
        code = REPORTED_AS.get(provoke.__name__, provoke.__name__)
        assert f"error[{code}]" in said[0].err
        assert json.loads(said[1].err)["error"]["code"] == code
    assert said[0].code != 0
    seen = [desk(*after) for after in AFTERWARDS] + (told(desk) if held else [])
    if held:
        assert provoke.__name__ in "".join(one.out for one in seen)
    for one in (*said, *seen):
        silent(one, words)


@pytest.mark.parametrize("provoke", WITHDRAWN, ids=lambda p: p.__name__)
def test_no_withdrawn_call_sings(
    desk: Any, monkeypatch: pytest.MonkeyPatch, provoke: Callable[[Any], list[str]]
) -> None:
    """A call that is not made after all is told with its record, and nothing personal is."""
    desk.monkeypatch = monkeypatch
    words = provoke(desk)
    seen = [desk(*words), *told(desk), *(desk(*after) for after in AFTERWARDS)]
    assert provoke.__name__ in "".join(one.out for one in seen)
    for one in seen:
        silent(one, words)


def test_every_code_is_provoked_or_says_why_not() -> None:
    """A new code brings its canary."""
    provoked = {p.__name__ for p in (*PROVOKED, *WITHDRAWN)}
    assert provoked | NOT_PROVOKED.keys() == codes.CODES.keys()
    assert not provoked & NOT_PROVOKED.keys()


def test_content_sings_when_asked(desk: Any) -> None:
    """The canaries are really there: who asks for content sees them."""
    number = delivered(desk)
    assert CANARY in desk("record", "show", "order", number, "--content").out.lower()
    assert CANARY in desk("map", "preview", "order", number).out.lower()
