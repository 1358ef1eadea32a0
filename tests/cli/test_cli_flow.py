"""`connector flow`: a run, its rehearsal, and the audit of what came of it."""

from __future__ import annotations

import csv
import hashlib
import os
import signal
import sqlite3
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from connector import points

# Calls are journalled, and nonces remembered: that is the sandboxes' own affair.
ITS_OWN = ('"journal"', '"sqlite_sequence"', '"nonces"')
SUMMARY = ("flow", "pulled", "created", "updated", "held", "in doubt")


def orders(said: Any) -> dict[str, Any]:
    """The summary of the orders flow."""
    return next(row for row in said.json["flows"] if row["flow"] == "orders")


def everything(folder: Path) -> dict[str, str]:
    """A fingerprint of all rows of ledger, shop and ERP."""
    found = {}
    for name in ("ledger.db", "shop.db", "erp.db"):
        with closing(sqlite3.connect(folder / name)) as db:
            rows = "\n".join(s for s in db.iterdump() if not any(word in s for word in ITS_OWN))
        found[name] = hashlib.sha256(rows.encode()).hexdigest()
    return found


def test_a_sync_delivers_and_sums_up(desk: Any) -> None:
    """What was pulled, created, updated, and that nothing is left; it ends with 0."""
    desk.company.order()
    desk.company.settle()
    desk.company.order()
    said = desk("flow", "sync", "orders", "--json")
    assert said.code == 0
    assert {k: orders(said)[k] for k in SUMMARY} == {
        "flow": "orders", "pulled": 1, "created": 1, "updated": 0, "held": {}, "in doubt": 0,
    }  # fmt: skip


def test_a_sync_of_one_key_leaves_the_others(desk: Any) -> None:
    """--only reads and delivers that document alone."""
    first, second = desk.company.order(), desk.company.order()
    desk("flow", "sync", "orders", "--only", second)
    assert [k for e, k in desk.company.states() if e == "order"] == [second]
    assert first != second


def test_what_is_held_ends_with_1(desk: Any) -> None:
    """A script notices that somebody must look."""
    with desk.company.clerk() as erp, erp.begin() as db:
        db.execute("DELETE FROM items")
    desk.company.order()
    said = desk("flow", "sync", "orders", "--json")
    assert said.code == 1
    assert orders(said)["held"] == {"blocked": 1}


def test_an_erp_that_is_away_ends_with_4(desk: Any) -> None:
    """And says, in one sentence, that nothing is lost."""
    desk.company.order()
    desk.company.erp.faults([{"fault": "unavailable"}])
    said = desk("flow", "sync", "orders")
    assert said.code == 4
    assert "error[unavailable]" in said.err


def test_a_shop_that_goes_away_on_the_way_ends_with_4(desk: Any) -> None:
    """What was read is delivered as far as it goes; where it ended is said."""
    desk.company.order()
    desk.company.shop.faults([{"fault": "unavailable", "ops": ["GET /products"]}])
    said = desk("flow", "sync", "orders")
    assert said.code == 4
    assert "shop: ended early (unavailable); nothing is lost, run it again" in said.err


def test_an_unknown_flow_is_told_the_nearest(desk: Any) -> None:
    """A usage error."""
    said = desk("flow", "sync", "order")
    assert said.code == 2
    assert "did you mean `orders`?" in said.err


def test_sigterm_withdraws_what_is_not_sent(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run ends with 1 and no intent is open; the next run delivers everything once."""
    desk.company.order()
    desk.company.settle()
    numbers = [desk.company.order(), desk.company.order()]

    sent: list[str] = []

    def stop(point: str) -> None:
        if point == "intent.none_sent" and not sent:
            sent.append(point)
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(points, "on_reach", stop)
    said = desk("flow", "sync", "orders")
    assert said.code == 1
    assert "stopped: what was not sent is withdrawn" in said.err
    assert desk.company.rows("SELECT * FROM attempt WHERE outcome IS NULL") == []
    assert len(desk.company.references()) == 1
    monkeypatch.setattr(points, "on_reach", lambda _: None)
    desk.company.settle()
    assert set(desk.company.references()) >= {f"DE-{n}" for n in numbers}
    assert len(desk.company.references()) == 3


# ── the rehearsal ───────────────────────────────────────────────────────────────────────────────


def test_a_dry_run_touches_nothing(desk: Any) -> None:
    """Not a row of ledger, shop or ERP is another; only reads are called."""
    desk.company.order()
    desk.company.settle()
    changed = desk.company.order()
    desk.company.settle()
    desk.company.change(changed, customer_note="later")
    desk.company.order()
    desk.company.stop()
    before, calls = everything(desk.company.folder), len(desk.company.calls())
    said = desk("flow", "sync", "orders", "--dry-run")
    assert said.code == 0
    assert everything(desk.company.folder) == before
    made = {str(call["op"]) for call in desk.company.calls()[calls:]}
    assert not [op for op in made if op.startswith(("Create", "Update", "Release"))]


def test_a_dry_run_shows_each_decision(desk: Any) -> None:
    """Create, update with its fields, and what is held with its reason."""
    changed = desk.company.order()
    desk.company.settle()
    desk.company.change(changed, customer_note="later")
    new = desk.company.order()
    desk.company.pass_(60)
    said = desk("flow", "sync", "orders", "--dry-run", "--json")
    made = {row["key"]: row["decision"] for row in said.json["decisions"]}
    assert (made[changed], made[new]) == ("update Note", "create")


def test_a_dry_run_shows_what_would_be_held(desk: Any) -> None:
    """With the reason, and ends with 1."""
    with desk.company.clerk() as erp, erp.begin() as db:
        db.execute("DELETE FROM items")
    number = desk.company.order()
    desk.company.pass_(60)
    said = desk("flow", "sync", "orders", "--dry-run", "--json")
    made = {row["key"]: row["decision"] for row in said.json["decisions"]}
    assert (said.code, made[number]) == (1, "hold (blocked)")


def test_a_dry_run_ends_as_the_run_does(desk: Any) -> None:
    """What it announced is what a run then does."""
    desk.company.order()
    desk.company.pass_(60)
    said = desk("flow", "sync", "orders", "--dry-run", "--json")
    desk.company.settle()
    announced = {r["key"] for r in said.json["decisions"] if "create" in r["decision"]}
    done = desk.company.rows("SELECT r.key FROM attempt a JOIN record r ON r.id = a.record")
    assert announced == {row["key"] for row in done}


# ── the audit ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def delivered(desk: Any) -> list[str]:
    """Three orders, delivered."""
    numbers = [desk.company.order() for _ in range(3)]
    desk.company.settle()
    desk.company.pass_(60)
    desk("flow", "sync", "orders")
    return numbers


@pytest.mark.usefixtures("delivered")
def test_an_audit_of_a_company_in_order_is_clean(desk: Any) -> None:
    """Each order stands there once, to the cent; it ends with 0."""
    said = desk("flow", "audit", "orders", "--json")
    assert said.code == 0
    told = {k: said.json[k] for k in ("checked", "matched", "lost", "doubled", "difference")}
    assert told == {"checked": 3, "matched": 3, "lost": 0, "doubled": 0, "difference": "0.00"}


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("DELETE FROM orders", "lost"),
        (
            "INSERT INTO orders SELECT no || 'b', reference, released, version, created, changed,"
            " grand_total, data FROM orders",
            "doubled",
        ),
        ("UPDATE orders SET grand_total = '1.00'", "different_total"),
    ],
)
def test_an_audit_finds_what_is_wrong_there(
    desk: Any, delivered: list[str], sql: str, kind: str
) -> None:
    """An order that is gone, one that is there twice, one with another total; it ends with 1."""
    with desk.company.clerk() as erp, erp.begin() as db:
        db.execute(sql)
    said = desk("flow", "audit", "orders", "--json")
    assert (said.code, said.json[kind]) == (1, 3)
    assert sorted(f["number"] for f in said.json["findings"]) == sorted(delivered)


@pytest.mark.usefixtures("delivered")
def test_an_audit_finds_a_change_that_never_arrived(desk: Any) -> None:
    """Stale: the shop changed it, the ledger believes that it was told, and the ERP was not."""
    desk.company.stop()
    with closing(sqlite3.connect(desk.company.folder / "ledger.db")) as db, db:
        db.execute("UPDATE link SET base_source = '{}' WHERE entity = 'order'")
    with desk.company.clerk() as erp, erp.begin() as db:
        db.execute("UPDATE orders SET data = json_set(data, '$.Note', 'old')")
    said = desk("flow", "audit", "orders", "--json")
    assert (said.code, said.json["stale"]) == (1, 3)
    assert said.json["findings"][0]["detail"] == "Note"


@pytest.mark.usefixtures("delivered")
def test_an_order_that_lost_our_reference_is_found_by_its_link(desk: Any) -> None:
    """As are those that a person linked, which never bore it."""
    with desk.company.clerk() as erp, erp.begin() as db:
        db.execute("UPDATE orders SET reference = ''")
    said = desk("flow", "audit", "orders", "--json")
    assert (said.code, said.json["matched"], said.json["lost"]) == (0, 3, 0)


@pytest.mark.usefixtures("delivered")
def test_what_somebody_changed_in_the_erp_is_told_apart(desk: Any) -> None:
    """We delivered it, a clerk there went on: no finding, but not hidden."""
    with desk.company.clerk() as erp, erp.begin() as db:
        db.execute("UPDATE orders SET data = json_set(data, '$.Note', 'clerk')")
    said = desk("flow", "audit", "orders", "--json")
    assert (said.code, len(said.json["changed_there"])) == (0, 3)


def test_an_audit_as_csv_is_one_row_a_finding(desk: Any, delivered: list[str]) -> None:
    """For a spreadsheet."""
    with desk.company.clerk() as erp, erp.begin() as db:
        db.execute("DELETE FROM orders")
    said = desk("flow", "audit", "orders", "--csv")
    rows = list(csv.DictReader(StringIO(said.out)))
    assert sorted(row["number"] for row in rows) == sorted(delivered)
    assert {row["kind"] for row in rows} == {"lost"}


def test_what_the_ledger_holds_with_a_reason_is_no_loss(desk: Any, delivered: list[str]) -> None:
    """It is listed apart, and the audit ends with 0."""
    with desk.company.clerk() as erp, erp.begin() as db:
        db.execute("DELETE FROM items")
    desk.company.order(sku="SB-0003")
    for _ in range(3):
        desk.company.pass_(60)
        desk("flow", "sync", "orders")
    said = desk("flow", "audit", "orders", "--json")
    assert (said.code, said.json["excused"]) == (0, {"held (blocked)": 1})


@pytest.mark.parametrize(
    ("sql", "excused"),
    [
        ("DELETE FROM orders WHERE reference = ?", {"cancelled": 1}),
        ("UPDATE orders SET grand_total = '0.00' WHERE reference = ?", {"cancelled": 1}),
        ("UPDATE orders SET grand_total = '1.00' WHERE reference = ?", {}),
    ],
)
def test_a_cancelled_order_may_be_gone_there_or_amount_to_nothing(
    desk: Any, delivered: list[str], sql: str, excused: dict[str, int]
) -> None:
    """Where cancelling deletes or voids it; any other total is still wrong."""
    desk.company.change(delivered[0], status="cancelled")
    desk.company.pass_(60)
    desk("flow", "sync", "orders")
    [reference] = [
        row["reference"]
        for row in desk.company.rows("SELECT key, reference FROM record WHERE flow = 'orders'")
        if row["key"] == delivered[0]
    ]
    with desk.company.clerk() as erp, erp.begin() as db:
        db.execute(sql, (reference,))
    said = desk("flow", "audit", "orders", "--json")
    assert (said.code, said.json["excused"]) == (0 if excused else 1, excused)


@pytest.mark.usefixtures("delivered")
def test_an_order_of_this_minute_is_not_lost_but_not_pulled_yet(desk: Any) -> None:
    """What the last run could not have seen is listed apart."""
    desk.company.order()
    said = desk("flow", "audit", "orders", "--json")
    assert (said.code, said.json["excused"]) == (0, {"not pulled yet": 1})


def test_an_audit_looks_only_at_the_range_asked_for(desk: Any, delivered: list[str]) -> None:
    """--from and --to bound the orders' births."""
    said = desk("flow", "audit", "orders", "--from", "2001-01-01T00:00:00Z", "--to",
                "2002-01-01T00:00:00Z", "--json")  # fmt: skip
    assert said.json["checked"] == 0
    assert delivered


@pytest.mark.usefixtures("delivered")
def test_an_audit_writes_nothing(desk: Any) -> None:
    """Not a row is another afterwards."""
    desk.company.stop()
    before = everything(desk.company.folder)
    desk("flow", "audit", "orders")
    assert everything(desk.company.folder) == before
