"""Stock on the command line: how a level comes about, what waits, what would be done."""

from __future__ import annotations

import pytest
from company import Company
from conftest import Desk

from connector.sandbox import erp_stock
from connector.sandbox.seed import seed_erp, skus


@pytest.fixture
def stocked(company: Company) -> Company:
    """Nine in the ERP, three more in a warehouse that is not offered; one order of two."""
    flow = {"entity": "stock", "from": "erp", "to": "shop", "warehouses": ["main"]}
    company.config(flows={"stock": flow})
    company.flow("stock", amount={"buffer": "1", "percent": "50", "max": "20"})
    with company.clerk() as store:
        erp_stock.count(store, "I-0001", "9")
        erp_stock.count(store, "I-0001", "3", warehouse="outlet")
    company.sync("products")
    return company


def test_explain_shows_every_term_of_a_level(stocked: Company, desk: Desk) -> None:
    """The ERP's figures, each order and why it is subtracted, buffer, share, bounds."""
    order = stocked.order()
    assert desk("flow", "sync", "stock").code == 0
    said = desk("record", "explain", "stock", "SB-0001")

    assert said.code == 0
    for words in (
        "9 available in main",
        "3 available in outlet, not offered",
        "= 9 pieces",
        f"- 2 of order {order}: not in the ERP: prepared",
        "- 1 buffer",
        "x 50 %",
        "= 3 (at least 0, at most 20)",
    ):
        assert words in said.out, words
    [row] = desk("record", "explain", "stock", "I-0001", "--json").json
    assert (row["level"], row["pieces"], row["sold"][0]["order"]) == (3, "9", order)


def test_explain_follows_an_order_on_its_way(stocked: Company, desk: Desk) -> None:
    """Delivered and not released: it is there, and not counted."""
    stocked.connection("erp", **{"with": {"release": "false"}})
    stocked.order()
    stocked.sync()
    stocked.pass_(1)
    stocked.sync("stock")
    number = stocked.books()[0]["order_no"]
    said = desk("record", "explain", "stock", "SB-0001")
    assert f"{number} was not validated when the stock was read" in said.out

    with stocked.clerk() as store, store.begin() as db:
        db.execute("UPDATE orders SET released = 1")
    stocked.pass_(1)
    stocked.sync("stock")
    assert "of order" not in desk("record", "explain", "stock", "SB-0001").out


def test_explain_of_what_nobody_knows_says_so(stocked: Company, desk: Desk) -> None:
    """With the code of a record that is not there."""
    assert "error[no_such_record]" in desk("record", "explain", "stock", "X").err


def test_a_rehearsal_of_stock_writes_nowhere(stocked: Company, desk: Desk) -> None:
    """It says what would be written, and neither shop nor ledger knows of it."""
    said = desk("flow", "sync", "stock", "--dry-run", "--json")
    [row] = [r for r in said.json["decisions"] if r["key"] == "I-0001"]
    assert "update stock_quantity" in row["decision"]
    assert not [c for c in stocked.shop.journal() if c["op"].endswith("/batch")]
    assert stocked.rows("SELECT * FROM record WHERE entity = 'stock'") == []


def test_orders_that_are_subtracted_nowhere_are_told(stocked: Company, desk: Desk) -> None:
    """A person must know of them; the run ends with 1."""
    with stocked.app.ledger.begin() as db:
        db.exec_driver_sql("DELETE FROM link WHERE entity = 'product'")
    order = stocked.order()
    stocked.shop_sql("UPDATE orders SET body = json_set(body, '$.line_items[0].sku', '')")
    said = desk("flow", "sync", "stock")
    assert said.code == 1
    assert f"orders {order}" in said.err
    assert desk("flow", "sync", "stock", "--json").json["unknown"] == [["orders", order]]


def test_a_reading_that_waits_is_told_and_approved(stocked: Company, desk: Desk) -> None:
    """`status` names it; `approve` lets it go on; another number is none."""
    seed_erp(stocked.erp_file, items=[*skus(5), *(f"X-{n}" for n in range(20))])
    stocked.sync("stock")
    with stocked.clerk() as store:
        for n in range(1, 25):
            erp_stock.count(store, f"I-{n:04d}", "0")
    said = desk("flow", "sync", "stock")
    assert said.code == 5
    assert "connector approve stock-1" in said.err

    status = desk("status")
    assert status.code == 1
    assert "connector approve stock-1" in status.out
    assert desk("approve", "stock-9").code == 1
    assert desk("approve", "stock").code == 2
    assert desk("approve", "stock-1").code == 0
    assert desk("flow", "sync", "stock").code == 0
    assert "approve" not in desk("status").out


def test_a_status_says_when_stock_was_read(stocked: Company, desk: Desk) -> None:
    """It has no cursor; a reading that came to its end is one, also where nothing changed."""

    def read_at() -> str | None:
        [flow] = [f for f in desk("status", "--json").json["flows"] if f["flow"] == "stock"]
        return flow["read_at"]

    assert read_at() is None
    assert "read never" in desk("status").out
    stocked.sync("stock")
    first = read_at()
    stocked.pass_(3600)
    stocked.sync("stock")
    assert (first is not None, read_at() != first) == (True, True)
    [line] = [one for one in desk("status").out.splitlines() if one.startswith("stock:")]
    assert "never" not in line


def test_a_plan_of_levels_is_not_applied(stocked: Company, desk: Desk) -> None:
    """They are computed when they are sent: those of a plan would be old."""
    file = str(stocked.folder / "plan.yaml")
    assert desk("flow", "plan", "stock", "--out", file).code == 0
    said = desk("flow", "apply", file)
    assert said.code != 0
    assert "error[not_allowed]" in said.err
    assert not [c for c in stocked.shop.journal() if c["op"].endswith("/batch")]
