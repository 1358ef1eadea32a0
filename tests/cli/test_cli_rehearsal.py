"""A test company beside the live one: rehearsed there first, then live; nothing crosses."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from company import ADA

from connector.conditions import View, findings
from connector.configured import When
from connector.sandbox import books
from connector.sandbox.erp import open_erp, start_erp
from connector.sandbox.seed import seed_erp, skus
from connector.sandbox.server import Running


@pytest.fixture
def rehearsal_erp(desk: Any) -> Running:
    """A second ERP, with numbers of its own, as `erp_test`."""
    file = desk.company.folder / "erp_test.db"
    seed_erp(file, items=skus(5))
    running = start_erp(file)
    running.clock(desk.company.clock.ahead.total_seconds())
    desk.company.others.append(running)
    desk.company.config(
        connections={"erp_test": {"like": "erp", "url": f"{running.url}/soap", "tests": "true"}},
        flows={"orders_rehearsal": {"like": "orders", "to": "erp_test", "every": "never"}},
    )
    return running


def references(desk: Any) -> list[str]:
    """Our references in the test company."""
    return sorted(row["reference"] for row in books.erp_orders(desk.company.folder / "erp_test.db"))


def links(desk: Any) -> dict[tuple[str, str], set[str]]:
    """(Target, entity) → what is linked there."""
    found: dict[tuple[str, str], set[str]] = {}
    for row in desk.company.rows("SELECT target, entity, target_key FROM link"):
        found.setdefault((row["target"], row["entity"]), set()).add(row["target_key"])
    return found


@pytest.mark.usefixtures("rehearsal_erp")
def test_a_rehearsal_then_live_and_no_link_crosses(desk: Any) -> None:
    """Orders, customers and products of the rehearsal are the test company's alone."""
    first = desk.company.order()
    desk.company.pass_(60)
    assert desk("flow", "sync", "orders_rehearsal").code == 0
    assert (references(desk), desk.company.references()) == ([f"DE-{first}"], [])
    assert {target for target, _ in links(desk)} == {"erp_test"}
    rehearsed = links(desk)
    second = desk.company.order()
    desk.company.pass_(60)
    assert desk("flow", "sync", "orders").code == 0
    assert desk.company.references() == [f"DE-{first}", f"DE-{second}"]
    assert references(desk) == [f"DE-{first}"]
    assert {key: of for key, of in links(desk).items() if key[0] == "erp_test"} == rehearsed
    flows = {
        r["flow"] for r in desk.company.rows("SELECT flow FROM record WHERE target = 'erp_test'")
    }
    assert flows == {"orders_rehearsal", "customers@erp_test", "products@erp_test"}


@pytest.mark.usefixtures("rehearsal_erp")
def test_without_a_flow_of_ones_own_one_comes_with_the_connection(desk: Any) -> None:
    """`orders@erp_test`, and it runs only when it is asked to."""
    desk.company.config(flows={"orders_rehearsal": None})
    number = desk.company.order()
    desk.company.pass_(60)
    desk("flow", "sync", "orders")
    assert references(desk) == []
    assert desk("flow", "sync", "orders@erp_test").code == 0
    assert references(desk) == [f"DE-{number}"]


@pytest.mark.usefixtures("rehearsal_erp")
def test_what_the_erp_owns_its_test_company_owns(desk: Any) -> None:
    """An owner is named once, and a connection for tests makes no configuration wrong."""
    desk.company.flow("customers", owner={"default": "shop", "phone": "erp"})
    number = desk.company.order(billing=ADA | {"phone": "+49 1"})
    desk.company.pass_(60)
    assert desk("flow", "sync", "orders_rehearsal").code == 0
    assert references(desk) == [f"DE-{number}"]
    test_company = desk.company.folder / "erp_test.db"
    with closing(sqlite3.connect(test_company)) as db:
        [kept] = db.execute("SELECT data FROM customers WHERE reference IS NOT NULL").fetchall()
    assert "Phone" not in json.loads(kept[0])


@pytest.mark.usefixtures("rehearsal_erp")
def test_a_backfill_is_rehearsed_in_the_test_company(desk: Any) -> None:
    """--to-connection: the live company is not even asked."""
    number = desk.company.order()
    desk.company.shop_sql("UPDATE orders SET created = created - 9000000 WHERE id = ?", number)
    line = ("flow", "backfill", "orders", "--from", "2020-01-01T00:00:00Z", "--json")
    rehearsed = (*line, "--to-connection", "erp_test")
    calls = len(desk.company.calls())
    assert desk(*rehearsed).json["to_create"] == 1
    assert desk(*rehearsed, "--yes").json["created"] == 1
    assert (references(desk), len(desk.company.calls())) == ([f"DE-{number}"], calls)
    assert desk(*line).json["to_create"] == 1
    assert desk(*line, "--yes").json["created"] == 1
    assert desk.company.references() == [f"DE-{number}"]


def test_a_connection_that_no_flow_reaches_says_what_to_do(desk: Any) -> None:
    """Not marked for tests, or not there at all."""
    desk.company.config(connections={"erp2": {"like": "erp", "url": "http://127.0.0.1:9/soap"}})
    line = ("flow", "backfill", "orders", "--from", "2020-01-01T00:00:00Z", "--to-connection")
    assert "no flow carries orders from shop to erp2" in desk(*line, "erp2").err
    assert "did you mean `erp2`" in desk(*line, "erp22").err


@pytest.mark.parametrize("first", ["orders", "orders@erp_test"])
def test_one_system_is_not_live_and_for_tests(desk: Any, first: str) -> None:
    """R9: a copy that still points to the live ERP is refused, whichever was met first."""
    desk.company.config(connections={"erp_test": {"like": "erp", "tests": "true"}})
    desk.company.order()
    desk.company.pass_(60)
    assert desk("flow", "sync", first).code == 0
    made = len(desk.company.books())
    [second] = {"orders", "orders@erp_test"} - {first}
    said = desk("flow", "sync", second)
    assert said.code == 3
    assert (
        "error[wrong_system]: erp_test is for tests, and behind it is the same system" in said.err
    )
    assert len(desk.company.books()) == made == 1


@pytest.mark.usefixtures("rehearsal_erp")
def test_a_test_shop_reaches_no_live_company(desk: Any) -> None:
    """The configuration is refused."""
    desk.company.connection("shop", tests="true")
    said = desk("status")
    assert said.code == 2
    assert "carries documents of `shop`, which is for tests, into a live company" in said.err


@pytest.mark.usefixtures("rehearsal_erp")
def test_a_flow_that_delivered_keeps_its_way(desk: Any) -> None:
    """Another `to:` under the same name sends nothing, and says why; put back, it goes on."""
    number = desk.company.order()
    desk.company.pass_(60)
    desk("flow", "sync", "orders")
    desk.company.config(flows={"orders_rehearsal": None})
    desk.company.flow("orders", to="erp_test")
    desk.company.order()
    desk.company.pass_(60)
    said = desk("flow", "sync", "orders")
    assert said.code == 2
    assert "error[flow_moved]: orders goes from shop to erp_test" in said.err
    assert references(desk) == []
    desk.company.flow("orders", to="erp")
    assert desk("flow", "sync", "orders").code == 0
    assert len(desk.company.references()) == 2
    assert f"DE-{number}" in desk.company.references()


def alarms(desk: Any) -> set[str]:
    """The flows of which a held record would be told now."""
    app = desk.company.app
    view = View(config=app.config, ledger=app.ledger, now=app.clock.now(), tell=str)
    held = When(text="held", word="held", after=None)
    return {flow for flow, found in findings(view, held) if found is not None}


@pytest.mark.usefixtures("rehearsal_erp")
def test_what_is_held_in_a_test_company_is_nobodys_alarm(desk: Any) -> None:
    """The same order, held for the same reason, alarms only for the live one."""
    for file in ("erp.db", "erp_test.db"):
        store = open_erp(desk.company.folder / file)
        with store.begin() as db:
            db.execute("UPDATE items SET sku = 'X' || sku")
        store.close()
    desk.company.order()
    desk.company.pass_(60)
    desk("flow", "sync", "orders_rehearsal")
    assert alarms(desk) == set()
    assert desk("status", "--json").code == 0
    desk("flow", "sync", "orders")
    assert desk("status", "--json").code == 1
    assert alarms(desk) == {"products"}  # the order waits for its product, and that for a person
