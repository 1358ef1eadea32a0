"""`keep:`, `ledger vacuum`, `record erase`: content goes, what proves and protects stays (O4)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connector.nightly import Night

DAY = 86_400
KEEP = {"payloads": "90d", "attempts": "1y", "proof": "10y"}
# What retention never touches, by table.
KEPT = {
    "record": "id, flow, entity, key, source, target, serial_key, birth, born_at, reference, seq,"
    " acked_seq, doc_hash, raw_hash, read_digest, state, reason",
    "link": "id, role, entity, source, source_key, target, target_key, reference, birth, made_at",
}

CREATE = "CreateSalesOrder"


def delivered(desk: Any, count: int = 2) -> list[str]:
    """Orders that are there, with the daemon's settings on what is kept."""
    numbers = [desk.company.order() for _ in range(count)]
    desk.company.settle()
    desk.company.config(keep=KEEP)
    return numbers


def kept(desk: Any) -> dict[str, list[dict[str, Any]]]:
    """What must never change."""
    return {t: desk.company.rows(f"SELECT {c} FROM {t} ORDER BY id") for t, c in KEPT.items()}


def count(desk: Any, sql: str) -> int:
    """How many rows."""
    return len(desk.company.rows(sql))


def test_before_its_time_nothing_is_dropped(desk: Any) -> None:
    """A day before the bound all is there."""
    delivered(desk)
    desk.company.pass_(89 * DAY)
    said = desk("ledger", "vacuum", "--json")
    assert (said.code, set(said.json.values())) == (0, {0}), said.err


def test_what_a_target_said_goes_with_what_it_was_sent(desk: Any) -> None:
    """Its words may name a person: they are content."""
    desk.company.erp.faults([{"fault": "fault", "code": "locked", "ops": [CREATE], "count": 1}])
    delivered(desk, 1)
    told = "SELECT id FROM attempt WHERE said IS NOT NULL"
    assert count(desk, told) == 1
    desk.company.pass_(91 * DAY)
    desk("ledger", "vacuum")
    assert count(desk, told) == 0


def test_content_goes_and_proof_stays(desk: Any) -> None:
    """No name is left in the file; keys, links, references, hashes, totals and times are."""
    delivered(desk)
    before = kept(desk)
    desk.company.pass_(91 * DAY)
    said = desk("ledger", "vacuum", "--json")
    assert (said.code, said.json["documents"], said.json["bases"]) == (0, 4, 4), said.json
    assert said.json["attempts"] == 0
    assert kept(desk) == before
    assert b"Okonkwo" not in (desk.company.folder / "ledger.db").read_bytes()
    totals = {
        row["total"] for row in desk.company.rows("SELECT total FROM record WHERE entity = 'order'")
    }
    assert None not in totals
    assert desk("ledger", "vacuum", "--json").json["documents"] == 0


def test_after_it_a_full_re_read_creates_nothing(desk: Any) -> None:
    """Every order is read again from the beginning: all are known, none is sent."""
    delivered(desk)
    desk.company.pass_(4000 * DAY)
    desk("ledger", "vacuum")
    for sql in ("DELETE FROM cursor", "UPDATE record SET raw_hash = NULL"):
        desk.company.stop()
        _sql(desk, sql)
    calls = len(desk.company.calls())
    assert desk("flow", "sync", "orders").code == 0
    made = {str(c["op"]) for c in desk.company.calls()[calls:]}
    assert not [op for op in made if op.startswith(("Create", "Update", "Release"))]
    assert len(desk.company.references()) == 2


def test_a_later_change_writes_what_changed_and_no_more(desk: Any) -> None:
    """What both sides agreed on is known by its digest: the clerk's own change stays."""
    [number, _] = delivered(desk)
    desk.company.pass_(91 * DAY)
    desk("ledger", "vacuum")
    with desk.company.clerk() as erp, erp.begin() as db:
        db.execute("UPDATE orders SET data = json_set(data, '$.PaymentReference', 'clerk')")
    desk.company.change(number, customer_note="later")
    desk.company.settle()
    [update] = desk.company.rows("SELECT payload FROM attempt WHERE action = 'update'")
    assert bytes(update["payload"]) == b'{"Note":"later"}'


def test_what_is_not_done_is_kept_whole(desk: Any) -> None:
    """Held, due, or in doubt: a person or the engine still needs it, however old it is."""
    delivered(desk, 1)
    with desk.company.clerk() as erp, erp.begin() as db:
        db.execute("DELETE FROM items")
    held = desk.company.order(sku="SB-0003")
    desk.company.settle()
    desk.company.pass_(5000 * DAY)
    desk("ledger", "vacuum")
    assert desk.company.standing("order", held) == "held(blocked)"
    assert desk.company.record("order", held)["doc"] is not None


def test_an_open_intent_is_never_touched(desk: Any) -> None:
    """A doubt keeps what was sent: it is what the answer is compared with."""
    delivered(desk, 1)
    desk.company.erp.faults([{"fault": "commit_then_cut", "ops": ["CreateSalesOrder"], "count": 1}])
    desk.company.order()
    desk.company.sync()
    desk.company.stop()
    desk.company.pass_(5000 * DAY)
    desk("ledger", "vacuum")
    [row] = desk.company.rows("SELECT payload FROM attempt WHERE outcome IS NULL")
    assert row["payload"] is not None
    desk.company.settle()
    assert len(desk.company.references()) == 2


def test_attempts_and_proof_have_times_of_their_own(desk: Any) -> None:
    """After a year the tries go, after ten what people did; the newest of each stays (S1)."""
    delivered(desk)
    events = count(desk, "SELECT * FROM event")
    desk.company.pass_(366 * DAY)
    desk("ledger", "vacuum")
    assert (count(desk, "SELECT * FROM attempt"), count(desk, "SELECT * FROM event")) == (1, events)
    desk.company.pass_(3300 * DAY)
    desk("ledger", "vacuum")
    assert count(desk, "SELECT * FROM event") == 1
    assert {r["total"] for r in desk.company.rows("SELECT total FROM record")} == {None}
    [life] = desk.company.rows("SELECT unsettled_since FROM life")
    desk.company.sync()
    assert desk.company.rows("SELECT unsettled_since FROM life") == [life]


def _sql(desk: Any, sql: str) -> None:
    with closing(sqlite3.connect(desk.company.folder / "ledger.db")) as db, db:
        db.execute(sql)


def test_without_keep_nothing_is_ever_dropped(desk: Any) -> None:
    """And the command says what to write."""
    said = desk("ledger", "vacuum")
    assert (said.code, "add `keep:" in said.err) == (2, True)


@pytest.mark.parametrize("wrong", [{"payloads": "2y"}, {"proof": "1h"}, {"attempts": "0d"}])
def test_a_keep_that_makes_no_sense_is_refused(desk: Any, wrong: dict[str, str]) -> None:
    """Proof is kept longest, in days or years."""
    desk.company.config(keep=KEEP | wrong)
    assert desk("status").code == 2


def test_the_night_comes_once_a_day() -> None:
    """Half past three by the zone of the configuration; a start at noon owes nothing."""
    noon = datetime(2026, 3, 28, 11, tzinfo=UTC)
    berlin = ZoneInfo("Europe/Berlin")
    night = Night(berlin, noon)
    due = [h for h in range(60) if night.is_due(berlin, noon + timedelta(hours=h))]
    assert due == [15, 39]  # 02:00 UTC is 04:00 by then: the clocks jumped ahead that night


# ── a person ────────────────────────────────────────────────────────────────────────────────────


def test_a_person_is_erased_and_the_proof_stays(desk: Any) -> None:
    """His orders, he himself, what was sent; the other customer keeps all of his."""
    bob = desk.company.customer("bob@example.test", first_name="Bob", last_name="Quill")
    ada = desk.company.customer("ada@example.test")
    his = desk.company.order(customer_id=bob, billing={"first_name": "Bob", "last_name": "Quill"})
    hers = desk.company.order(customer_id=ada)
    desk.company.settle()
    before = kept(desk)
    shown = desk("record", "erase", "customer", str(bob), "--json")
    assert {(r["entity"], r["key"]) for r in shown.json["records"]} == {
        ("customer", str(bob)), ("order", his),
    }  # fmt: skip
    assert b"Quill" in (desk.company.folder / "ledger.db").read_bytes()
    said = desk("record", "erase", "customer", str(bob), "--yes")
    assert (said.code, "2 records erased" in said.out) == (0, True)
    assert kept(desk) == before
    content = (desk.company.folder / "ledger.db").read_bytes()
    assert (b"Quill" in content, b"Okonkwo" in content) == (False, True)
    assert desk.company.record("order", hers)["doc"] is not None
    assert desk("flow", "sync", "orders").code == 0
    assert len(desk.company.references()) == 2


def test_what_is_under_way_is_not_erased(desk: Any) -> None:
    """It would be delivered empty, or never."""
    with desk.company.clerk() as erp, erp.begin() as db:
        db.execute("DELETE FROM items")
    number = desk.company.order()
    desk.company.settle()
    said = desk("record", "erase", "order", number, "--yes")
    assert (said.code, f"not done yet: order {number}" in said.err) == (1, True), said.err
    assert desk.company.record("order", number)["doc"] is not None


def test_nobody_of_that_key_is_said(desk: Any) -> None:
    """A typing mistake erases nobody."""
    assert "error[no_such_record]" in desk("record", "erase", "customer", "99", "--yes").err
