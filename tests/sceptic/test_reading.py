"""Reading while the shop goes on: no row is missed, no date deceives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count

import pytest
from company import Company, cursor_of

from connector.sandbox import books, edit

COPY = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
    " INSERT INTO orders SELECT o.id + n.i, o.status, o.customer, o.created,"
    " o.modified + n.i / ?, o.body FROM orders o, n WHERE o.id = ?"
)
TOUCH = (
    "UPDATE orders SET modified = ?, body = json_set(body, '$.customer_note', ?)"
    " WHERE id BETWEEN ? AND ?"
)


def crowd(company: Company, orders: int, *, per_second: int) -> int:
    """Fill the shop with copies of one order, so many a second; the id of the first."""
    first = int(company.order())
    company.shop_sql(COPY, orders - 1, per_second, first)
    company.pass_(orders // per_second + 30)
    return first


def notes(company: Company) -> tuple[dict[str, str], dict[str, str]]:
    """Order → note, in the shop and as staged."""
    shop = {row["id"]: row["note"] for row in books.shop_orders(company.shop_file)}
    rows = company.rows("SELECT key, doc FROM record WHERE entity = 'order'")
    return shop, {r["key"]: json.loads(r["doc"]).get("note", "") for r in rows}


def busy(company: Company, first: int, orders: int, each: int) -> Iterator[None]:
    """Touch *each* orders a turn, spread over the whole shop."""
    for turn in count():
        start = first + (turn * 7 * each) % orders
        now = int(company.clock.now().timestamp())
        company.shop_sql(TOUCH, now, f"turn {turn}", start, start + each - 1)
        yield


@pytest.mark.parametrize(
    ("orders", "per_second", "each"), [(300, 3, 40), (2500, 2500, 20)], ids=["40 rows", "a second"]
)
def test_no_row_is_missed_that_moves_while_we_page(
    company: Company, orders: int, per_second: int, each: int
) -> None:
    """Rows are touched under every page; after the next walk all stand as the shop has them."""
    first = crowd(company, orders, per_second=per_second)
    shopper = busy(company, first, orders, each)
    with company.when("page.fetched", lambda: next(shopper), nth=0):
        company.pull()
    company.pass_(30)
    company.pull()
    shop, staged = notes(company)
    assert staged == shop
    assert any(note.startswith("turn") for note in staged.values())


def test_an_order_dated_2038_does_not_move_the_cursor(company: Company) -> None:
    """It is delivered itself, and what comes after it is read as if it were not there."""
    far = company.order()
    future = int(datetime(2038, 1, 19, 3, 14, tzinfo=UTC).timestamp())
    company.shop_sql("UPDATE orders SET modified = ? WHERE id = ?", future, far)
    company.sync()
    company.pass_(60)
    near = company.order()
    company.sync()
    assert company.references() == [f"DE-{far}", f"DE-{near}"]
    assert datetime.fromisoformat(cursor_of(company)["safe"]) <= company.clock.now()


def test_the_repeated_hour_of_autumn_is_read_with_its_right_times(tmp_path) -> None:
    """02:30 in Berlin comes twice on 2026-10-25: both orders arrive, an hour apart in UTC."""
    company = Company(tmp_path, at=datetime(2026, 10, 25, 0, 28, tzinfo=UTC))
    try:
        company.pass_(60)
        made = [company.order()]
        company.sync()
        company.pass_(3600)
        made.append(company.order())
        company.sync()
        company.settle()
        born = [json.loads(company.record("order", o)["doc"])["placed_at"] for o in made]
        assert [b[:15] for b in born] == ["2026-10-25T00:3", "2026-10-25T01:3"]
        assert company.references() == [f"DE-{o}" for o in made]
        [first, _] = company.books()
        assert first["created"].isoformat()[:15] == "2026-10-25T00:3"
    finally:
        company.close()


def test_two_changes_in_one_second_both_arrive(company: Company) -> None:
    """The same version twice: what was read later wins, by content, not by date."""
    number = company.order()
    company.sync()
    company.change(number, customer_note="first")
    [second] = [o["modified"] for o in books.shop_orders(company.shop_file)]
    company.sync()
    assert company.books()[0]["note"] == "first"
    edit.change_order(company.shop_file, int(number), customer_note="second")
    company.shop_sql("UPDATE orders SET modified = ?", int(second.timestamp()))
    company.sync()
    assert company.books()[0]["note"] == "second"


def test_a_note_that_goes_from_a_to_b_and_back_ends_as_a(company: Company) -> None:
    """A→B→A, with the update to B in doubt: the ERP ends with A."""
    number = company.order(customer_note="A")
    company.sync()
    company.erp.faults([{"fault": "commit_then_cut", "ops": ["UpdateSalesOrder"], "count": 1}])
    company.change(number, customer_note="B")
    company.sync()
    assert (company.books()[0]["note"], company.standing("order", number)) == ("B", "in_doubt")
    company.change(number, customer_note="A")
    company.settle()
    assert company.books()[0]["note"] == "A"
    assert company.standing("order", number).startswith("done")


@pytest.mark.parametrize("fault", [[], [{"fault": "commit_then_hang", "count": 1}]], ids=str)
def test_a_change_while_the_create_is_on_the_wire_is_not_lost(company: Company, fault) -> None:
    """R2: what was sent is acknowledged, the newer content follows as an update."""
    company.connection("erp", limits={"timeout": "1s"})
    number = company.order()
    company.erp.faults([rule | {"ops": ["CreateSalesOrder"]} for rule in fault])

    def edit_and_pull() -> None:
        edit.change_order(company.shop_file, int(number), customer_note="newer")
        company.pull()
        assert company.standing("order", number) == "running"

    with company.when("started.before_send", edit_and_pull, nth=2):
        company.sync()
    company.settle()
    assert [b["note"] for b in company.books()] == ["newer"]
    assert len(company.calls("CreateSalesOrder")) == 1
    assert len(company.calls("UpdateSalesOrder")) == 1
    assert company.record("order", number)["acked_seq"] == 2


@pytest.mark.parametrize(
    ("spoil", "mend"),
    [
        ("UPDATE orders SET status = 'from-a-plugin'", "processing"),
        ("UPDATE orders SET body = json_set(body, '$.total', 'twelve')", "processing"),
    ],
    ids=["unknown status", "no number"],
)
def test_an_unreadable_order_stops_nobody_else_and_arrives_when_mended(
    company: Company, spoil: str, mend: str
) -> None:
    """R15: the rest of its page is delivered, it is held with the field named, then delivered."""
    good, bad, last = (company.order() for _ in range(3))
    company.shop_sql(f"{spoil} WHERE id = {bad}")
    company.settle()
    assert company.references() == [f"DE-{good}", f"DE-{last}"]
    assert company.standing("order", bad) == "held(unreadable)"
    assert any(w in company.record("order", bad)["needs"] for w in ("status", "total"))
    company.shop_sql("UPDATE orders SET body = json_set(body, '$.total', '0') WHERE id = ?", bad)
    company.change(bad, status=mend, customer_note="mended")
    company.settle()
    assert f"DE-{bad}" in company.references()


def test_an_order_that_is_no_json_is_set_aside_and_arrives_when_mended(company: Company) -> None:
    """One broken row in a page: the others are staged, it is kept, nothing is skipped for ever."""
    good, bad, last = (company.order() for _ in range(3))
    body = "UPDATE orders SET body = json_set(body, '$.cart_hash', ?) WHERE id = ?"
    company.shop_sql("UPDATE orders SET body = replace(body, ?, ?) WHERE id = ?",
                     '"cart_hash":""', '"cart_hash":NaN', bad)  # fmt: skip
    company.settle()
    assert company.references() == [f"DE-{good}", f"DE-{last}"]
    kept = company.rows("SELECT code FROM quarantine") + company.rows(
        "SELECT key FROM record WHERE state = 'held' AND reason = 'unreadable'"
    )
    assert len(kept) == 1
    company.shop_sql("UPDATE orders SET body = replace(body, ?, ?) WHERE id = ?",
                     '"cart_hash":NaN', '"cart_hash":""', bad)  # fmt: skip
    company.shop_sql(body, "mended", bad)
    company.change(bad, customer_note="mended")
    company.settle()
    assert f"DE-{bad}" in company.references()
