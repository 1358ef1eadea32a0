"""`connector flow plan` and `flow apply`: what a person read is what is done, and nothing else."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from company import Killed
from test_cli_flow import everything

from connector import points

NOTE = "entity: order\nextends: sandbox_erp\nwrite: {Note: \"= 'web: ' ~ doc.note\"}\n"


def plan_file(desk: Any) -> Path:
    """Where the plan goes."""
    return Path(desk.company.folder) / "plan.yaml"


def planned(desk: Any, *more: str) -> dict[str, Any]:
    """Make a plan of the orders flow, and read it: key → document, orders only."""
    said = desk("flow", "plan", "orders", "--out", str(plan_file(desk)), *more)
    assert said.code in (0, 1), said.err
    rows = yaml.safe_load(plan_file(desk).read_text())["documents"]
    return {row["key"]: row for row in rows if row["entity"] == "order"}


def results(desk: Any) -> tuple[int, dict[str, str]]:
    """Apply the plan: the exit code, and what came of each order."""
    said = desk("flow", "apply", str(plan_file(desk)), "--json")
    rows = [r for r in said.json["documents"] if r["entity"] == "order"]
    return said.code, {r["key"]: r["result"] for r in rows}


def delivered(desk: Any) -> str:
    """An order that is there."""
    number: str = desk.company.order()
    desk.company.settle()
    desk.company.pass_(60)
    return number


def killed() -> None:
    """The process dies here."""
    raise Killed


def other_note(desk: Any) -> None:
    """Change how the order's note is written."""
    desk.company.mapping(
        "site", {"order.yaml": NOTE, "profile.yaml": "profile: site\nextends: sandbox_erp\n"}
    )
    desk.company.connection("erp", profile="site")


def test_a_plan_touches_nothing_and_tells_each_decision(desk: Any) -> None:
    """Key, seq, step and total; no row of ledger, shop or ERP is another; only we may read it."""
    changed = delivered(desk)
    desk.company.change(changed, customer_note="later")
    new = desk.company.order()
    desk.company.pass_(60)
    desk.company.stop()
    before = everything(desk.company.folder)
    found = planned(desk)
    assert everything(desk.company.folder) == before
    assert (found[changed]["decision"], found[changed]["seq"]) == ("update Note", 2)
    assert (found[new]["decision"], found[new]["seq"]) == ("create", 1)
    assert found[new]["total"].endswith("EUR")
    assert stat.S_IMODE(plan_file(desk).stat().st_mode) == 0o600


def test_a_plan_holds_no_content_unless_asked(desk: Any) -> None:
    """Who and what stands in it only with --content: then what each field held and would hold."""
    changed = delivered(desk)
    desk.company.change(changed, customer_note="later")
    desk.company.pass_(60)
    assert "changes" not in planned(desk)[changed]
    assert "Okonkwo" not in plan_file(desk).read_text()
    assert planned(desk, "--content")[changed]["changes"] == {
        "Note": {"from": "please ring", "to": "later"}
    }


def test_what_was_planned_is_done_with_its_customer(desk: Any) -> None:
    """The first order of a new guest: both are made, and the plan is applied again in vain."""
    number = desk.company.order()
    desk.company.pass_(60)
    assert planned(desk)[number]["decision"] == "create"
    assert results(desk) == (0, {number: "applied"})
    assert desk.company.references() == [f"DE-{number}"]
    assert results(desk) == (0, {number: "already"})
    assert len(desk.company.references()) == 1


def test_a_plan_does_nothing_that_it_does_not_name(desk: Any) -> None:
    """A document taken out of the file, and one born later, are not sent."""
    kept, removed = desk.company.order(), desk.company.order()
    desk.company.pass_(60)
    planned(desk)
    plan = yaml.safe_load(plan_file(desk).read_text())
    plan["documents"] = [d for d in plan["documents"] if d["key"] != removed]
    plan_file(desk).write_text(yaml.safe_dump(plan))
    desk.company.order()
    desk.company.pass_(60)
    assert results(desk) == (0, {kept: "applied"})
    assert desk.company.references() == [f"DE-{kept}"]


def test_what_changed_since_is_refused_by_its_key(desk: Any) -> None:
    """At the source, or staged meanwhile (R16): the others are done, and it ends with 1."""
    kept, changed = desk.company.order(), desk.company.order()
    desk.company.pass_(60)
    planned(desk)
    desk.company.change(changed, customer_note="later")
    desk.company.pass_(60)
    assert results(desk) == (1, {kept: "applied", changed: "refused"})
    assert desk.company.references() == [f"DE-{kept}"]


def test_a_seq_that_moved_is_refused(desk: Any) -> None:
    """The document was staged anew between the plan and its application."""
    number = delivered(desk)
    desk.company.change(number, customer_note="later")
    desk.company.pass_(60)
    planned(desk)
    desk.company.change(number, customer_note="still later")
    desk.company.pass_(60)
    desk.company.pull()
    code, came_of = results(desk)
    assert (code, came_of) == (1, {number: "refused"})
    assert desk.company.calls("UpdateSalesOrder") == []


def test_a_changed_mapping_is_shown_and_only_applying_delivers_it(desk: Any) -> None:
    """R14: a run leaves it alone; the plan names it; the application writes it, once."""
    number = delivered(desk)
    other_note(desk)
    assert desk("flow", "sync", "orders").code == 0
    assert desk.company.calls("UpdateSalesOrder") == []
    found = planned(desk)
    assert (found[number]["decision"], found[number]["why"][:7]) == ("update Note", "the map")
    assert results(desk) == (0, {number: "applied"})
    assert len(desk.company.calls("UpdateSalesOrder")) == 1
    assert planned(desk) == {}
    assert results(desk) == (0, {})


def test_an_application_that_died_leaves_no_rewriting_to_a_run(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R14: what it had not come to is not due, and no run writes it otherwise."""
    monkeypatch.setattr("connector.applying.BATCH", 1)
    for _ in range(2):
        delivered(desk)
    other_note(desk)
    planned(desk)
    with desk.company.when("apply.mid", killed), pytest.raises(Killed):
        desk("flow", "apply", str(plan_file(desk)))
    desk.company.pass_(60)
    assert desk("flow", "sync", "orders").code == 0
    assert len(desk.company.calls("UpdateSalesOrder")) == 1
    assert results(desk)[0] == 0
    assert len(desk.company.calls("UpdateSalesOrder")) == 2


def test_a_rewriting_that_is_not_as_planned_is_a_persons(desk: Any) -> None:
    """R14: the plan woke it, so no run may write it otherwise in the plan's place."""
    number = delivered(desk)
    other_note(desk)
    planned(desk)
    plan = yaml.safe_load(plan_file(desk).read_text())
    for one in plan["documents"]:
        one["steps"][0]["payload"] = "0" * 32
    plan_file(desk).write_text(yaml.safe_dump(plan))
    assert results(desk) == (1, {number: "refused"})
    assert desk.company.standing("order", number) == "held(review)"
    desk.company.pass_(60)
    desk("flow", "sync", "orders")
    assert desk.company.calls("UpdateSalesOrder") == []


def test_a_plan_of_another_mapping_cannot_be_used(desk: Any) -> None:
    """What it would send is not what a person read."""
    desk.company.order()
    desk.company.pass_(60)
    planned(desk)
    other_note(desk)
    said = desk("flow", "apply", str(plan_file(desk)))
    assert said.code == 2
    assert "error[plan_unusable]: the plan cannot be applied: what orders writes" in said.err
    assert desk.company.references() == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("flow: orders", "it is no plan of version 1"),
        ("- a\n- b", "it is no plan"),
        ("plan: '1'\ndocuments: [{key: 1}]", "document 1 lacks `flow`"),
        (
            "plan: '1'\ndocuments: [{flow: a, entity: order, key: 1, seq: x}]",
            "document 1 is damaged",
        ),
        ("plan: '1'\ndocuments: 7", "document 1 is damaged"),
        ("plan: [", "cannot be read (ParserError)"),
    ],
)
def test_a_damaged_plan_says_where(desk: Any, text: str, why: str) -> None:
    """A usage error, before anything is opened."""
    plan_file(desk).write_text(text)
    said = desk("flow", "apply", str(plan_file(desk)))
    assert (said.code, why in said.err) == (2, True), said.err


def test_a_payload_that_a_hand_changed_is_not_sent(desk: Any) -> None:
    """The licence is for the digest: neither another payload nor another step passes."""
    number = desk.company.order()
    desk.company.pass_(60)
    planned(desk)
    text = plan_file(desk).read_text()
    plan = yaml.safe_load(text)
    for one in plan["documents"]:
        if one["entity"] == "order":
            one["steps"][0]["payload"] = "0" * 32
    plan_file(desk).write_text(yaml.safe_dump(plan))
    assert results(desk) == (1, {number: "refused"})
    assert desk.company.references() == []


def test_an_application_that_died_goes_on(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after one batch and during a call: run again, everything is there once."""
    monkeypatch.setattr("connector.applying.BATCH", 1)
    numbers = [desk.company.order() for _ in range(3)]
    desk.company.pass_(60)
    planned(desk)
    for point in ("apply.mid", "reply.before_outcome"):
        met = []

        def die(name: str, point: str = point, met: list[str] = met) -> None:
            met.append(name)
            if met.count(point) == 2:
                raise Killed(point)

        monkeypatch.setattr(points, "on_reach", die)
        with pytest.raises(Killed):
            desk("flow", "apply", str(plan_file(desk)))
        monkeypatch.setattr(points, "on_reach", lambda _: None)
        desk.company.pass_(60)
    while results(desk)[0]:
        desk.company.pass_(60)
    assert desk.company.references() == sorted(f"DE-{n}" for n in numbers)


def test_an_erp_that_is_away_ends_an_application_with_4(desk: Any) -> None:
    """Nothing is lost: the next application goes on."""
    number = desk.company.order()
    desk.company.pass_(60)
    planned(desk)
    desk.company.erp.faults([{"fault": "unavailable"}])
    assert desk("flow", "apply", str(plan_file(desk))).code == 4
    desk.company.erp.faults([])
    desk.company.pass_(60)
    assert results(desk) == (0, {number: "applied"})


def test_a_rewriting_that_was_not_come_to_waits(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after the first: the second is delivered as before, and not called applied."""
    monkeypatch.setattr("connector.applying.BATCH", 1)
    first, second = (delivered(desk) for _ in range(2))
    other_note(desk)
    planned(desk)
    stopped: list[bool] = []
    monkeypatch.setattr("connector.app.App.stopping", property(lambda _: bool(stopped)))
    with desk.company.when("apply.mid", lambda: stopped.append(True)):
        assert results(desk)[1] == {first: "applied", second: "waits"}
    stopped.clear()
    assert results(desk)[1][second] == "applied"
    assert len(desk.company.calls("UpdateSalesOrder")) == 2


def test_a_link_that_moved_is_seen_in_the_payload(desk: Any) -> None:
    """A customer who was linked to another one meanwhile makes another payload: refused."""
    delivered(desk)
    number = desk.company.order()
    desk.company.pass_(60)
    planned(desk)
    desk.company.stop()

    with closing(sqlite3.connect(desk.company.folder / "ledger.db")) as db, db:
        db.execute("UPDATE link SET target_key = 'C-OTHER' WHERE entity = 'customer'")
    assert results(desk) == (1, {number: "refused"})


def test_a_plan_tells_what_would_be_held(desk: Any) -> None:
    """With what it needs; it ends with 1, and applying holds it."""
    with desk.company.clerk() as erp, erp.begin() as db:
        db.execute("DELETE FROM items")
    number = desk.company.order()
    desk.company.pass_(60)
    found = planned(desk)
    assert found[number]["decision"] == "hold (blocked)"
    assert "waits for product" in found[number]["needs"] or "cannot" in found[number]["needs"]
    assert results(desk) == (0, {number: "applied"})
    assert desk.company.standing("order", number) == "held(blocked)"
