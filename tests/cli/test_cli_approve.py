"""`connector approve`: what a brake holds is shown, and let go by a person."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any


def braked(desk: Any, **brakes: str) -> str:
    """Three orders that wait for the first approval; its run."""
    desk.company.order()
    desk.company.settle()
    desk.company.flow("orders", brakes=brakes or {"first": "20"})
    for _ in range(3):
        desk.company.order()
    desk.company.pass_(5)
    said = desk("flow", "sync", "orders")
    assert said.code == 5, said
    assert "orders: waits for `connector approve orders-1` (brake " in said.err
    return "orders-1"


def test_the_first_creates_wait_are_shown_and_let_go(desk: Any) -> None:
    """`approve` lists them with reference and total; approved with its mark, they go."""
    run = braked(desk)
    assert len(desk.company.books()) == 1
    said = desk("approve")
    assert (said.code, said.out.splitlines()[0]) == (
        0, "orders: 3 creates wait, the first of this flow",
    )  # fmt: skip
    assert "DE-1002" in said.out or "DE-" in said.out
    [one] = desk("approve", "--json").json
    assert (one["run"], one["waiting"]) == (run, 3)
    words = one["command"].removeprefix("connector ").split()
    assert desk(*words).out.rstrip().endswith("approved: 3 documents of orders go on")
    desk.company.sync()
    assert len(desk.company.books()) == 4
    assert desk("approve").out == "nothing waits for an approval\n"
    actors = {r["actor"] for r in desk.company.rows("SELECT actor FROM event WHERE move = 'retry'")}
    assert len(actors) == 1
    assert "engine" not in actors


def test_whoever_runs_it_again_is_told_that_an_approval_is_waited_for(desk: Any) -> None:
    """What is braked is not due: a run that does not come to it tells it, as `trace` does."""
    run = braked(desk)
    again = desk("flow", "sync", "orders")
    assert (again.code, f"waits for `connector approve {run}`" in again.err) == (5, True)
    assert desk("flow", "sync", "products").code == 0  # nothing of it waits
    key = next(r["key"] for r in desk("record", "list", "--json").json if r["state"] == "prepared")
    told = desk("trace", "order", key).out.splitlines()[-1]
    assert told == f"next: it waits for `connector approve {run}` (brake first)"
    desk("approve", run)
    assert desk("trace", "order", key).out.splitlines()[-1].startswith("next: the next run takes")
    assert desk("flow", "sync", "orders").code == 0


def test_of_many_that_wait_twenty_are_shown_and_the_others_counted(desk: Any) -> None:
    """Who lets go what was shown must know that there is more."""
    desk.company.order()
    desk.company.settle()
    desk.company.flow("orders", brakes={"first": "30"})
    for _ in range(22):
        desk.company.order()
    desk.company.pass_(5)
    desk("flow", "sync", "orders")
    listed = desk("approve").out
    assert listed.rstrip().endswith("and 2 more; all: --json")
    [one] = desk("approve", "--json").json
    assert len(one["documents"]) == 22
    let_go = desk(*one["command"].removeprefix("connector ").split()).out.splitlines()
    assert let_go[-2:] == ["and 2 more; all: --json",
                           "approved: 22 documents of orders go on"]  # fmt: skip


def test_status_names_an_open_brake_with_its_command(desk: Any) -> None:
    """One line for all that waits, and the exit code of something that needs a person."""
    braked(desk)
    said = desk("status")
    assert said.code == 1
    assert "orders: 3 creates wait, the first of this flow" in said.out
    assert "    connector approve orders-1 --seen 3." in said.out
    [told] = desk("status", "--json").json["braked"]
    assert (told["flow"], told["brake"], told["waiting"]) == ("orders", "first", 3)


def test_no_customer_is_created_for_an_order_that_waits(desk: Any) -> None:
    """A brake comes before what an order needs: nothing at all is created on its behalf."""
    desk.company.flow("orders", brakes={"first": "20"})
    number = desk.company.order(billing={"email": "new@example.test", "last_name": "New"})
    desk.company.pass_(5)
    assert desk("flow", "sync", "orders").code == 5
    assert desk.company.customers() == []
    assert desk.company.standing("order", number) == "prepared"
    desk("approve", "orders-1")
    desk.company.settle()
    assert len(desk.company.customers()) == 1
    assert len(desk.company.books()) == 1


def test_what_changed_since_it_was_shown_is_not_let_go(desk: Any) -> None:
    """R16, told with its code; and a run that waits for nothing is told too."""
    braked(desk)
    [one] = desk("approve", "--json").json
    desk.company.change(one["documents"][0]["key"], customer_note="quite another")
    desk.company.pass_(3605)
    desk("flow", "sync", "orders")
    said = desk(*one["command"].removeprefix("connector ").split())
    assert "error[seq_moved]" in said.err
    assert "error[not_allowed]" in desk("approve", "orders-9").err
    assert "error[usage]" in desk("approve", "orders").err
    assert "error[usage]" in desk("approve", "orders-1", "--seen", "qanar").err


def test_a_plan_and_a_rehearsal_show_what_a_brake_holds(desk: Any) -> None:
    """A dry run decides as if it were let go; an applied plan is a person's word itself."""
    braked(desk)
    rows = json.loads(desk("flow", "sync", "orders", "--dry-run", "--json").out)["decisions"]
    assert sum(row["decision"].startswith("create") for row in rows) == 3


def test_one_refusal_over_and_over_stops_the_flow(desk: Any) -> None:
    """A rule of the ERP refuses every order: few are asked, one brake is told, all go later."""
    desk.company.order()
    desk.company.settle()
    desk.company.flow("orders", brakes={"first": "0", "same_error": "5"})
    rule = {"fault": "fault", "code": "invalid", "ops": ["CreateSalesOrder"]}
    desk.company.erp.faults([rule])
    for _ in range(40):
        desk.company.order()
    desk.company.pass_(5)
    before = len(desk.company.calls("CreateSalesOrder"))
    assert desk("flow", "sync", "orders").code == 5
    assert len(desk.company.calls("CreateSalesOrder")) - before <= 5 + 2 * 4
    said = desk("status")
    assert "orders: stopped, refused again and again with `invalid" in said.out
    assert not desk.company.rows("SELECT * FROM record WHERE state = 'held'")
    desk.company.erp.faults([])
    assert desk("approve", "orders-1").code == 0
    desk.company.settle()
    assert len(desk.company.books()) == 41


def test_a_rush_waits_and_is_let_go_at_once(desk: Any) -> None:
    """`per_hour`: the fourth create within the hour waits; the hour's end alone frees it not."""
    desk.company.order()
    desk.company.settle()
    desk.company.clock.ahead += timedelta(hours=2)
    desk.company.pass_(0)
    desk.company.flow("orders", brakes={"first": "0", "per_hour": "3"})
    for _ in range(6):
        desk.company.order()
    desk.company.pass_(5)
    assert desk("flow", "sync", "orders").code == 5
    assert len(desk.company.books()) == 4
    assert "orders: 3 creates wait, more in an hour than usual" in desk("approve").out
    desk.company.pass_(4000)
    assert desk("flow", "sync", "orders").code == 5
    desk("approve", "orders-1")
    desk.company.sync()
    assert len(desk.company.books()) == 7
