"""`connector link rekey`: the ERP was replaced, the ids are others; nothing is doubled."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

REPLACE = (
    "UPDATE orders SET no = 'N' || no, version = version + 100, data = json_set(data, '$.OrderNo',"
    " 'N' || no, '$.CustomerNo', 'N' || json_extract(data, '$.CustomerNo'))",
    "UPDATE customers SET no = 'N' || no, data = json_set(data, '$.CustomerNo', 'N' || no)"
    " WHERE no NOT LIKE 'C-GUEST%'",
    "UPDATE meta SET value = 'NEW' WHERE name = 'company_code'",
)


def replace(desk: Any, *more: str) -> None:
    """Another ERP stands there: the same documents under other numbers."""
    with desk.company.clerk() as erp, erp.begin() as db:
        for statement in (*REPLACE, *more):
            db.execute(statement)


def delivered(desk: Any, count: int = 2) -> list[str]:
    """Orders that are there."""
    numbers = [desk.company.order() for _ in range(count)]
    desk.company.settle()
    desk.company.pass_(60)
    return numbers


def file(desk: Any) -> Path:
    """Where the CSV goes."""
    return Path(desk.company.folder) / "rekey.csv"


def rekey(desk: Any, *words: str) -> Any:
    """Run the command on the ERP."""
    return desk("link", "rekey", "erp", *words)


def links(desk: Any, entity: str) -> set[str]:
    """What is linked there."""
    rows = desk.company.rows("SELECT entity, target_key FROM link")
    return {row["target_key"] for row in rows if row["entity"] == entity}


def rows(desk: Any) -> list[dict[str, str]]:
    """What the CSV says."""
    return list(csv.DictReader(file(desk).read_text().splitlines()))


def decide(desk: Any, **takes: str) -> None:
    """Write into `take` of each entity's open rows."""
    found = rows(desk)
    with file(desk).open("w", newline="") as to:
        out = csv.DictWriter(to, list(found[0]), lineterminator="\n")
        out.writeheader()
        for row in found:
            out.writerow(row | {"take": row["take"] or takes.get(row["entity"], "")})


def test_without_it_nothing_runs(desk: Any) -> None:
    """R9: the ledger knows another system; the cure is named."""
    delivered(desk)
    replace(desk)
    said = desk("flow", "sync", "orders")
    assert (said.code, "link rekey" in said.err) == (3, True), said.err


def test_it_changes_nothing_by_itself(desk: Any) -> None:
    """The CSV has old and new ids, no personal data; ledger and ERP are as they were."""
    delivered(desk)
    replace(desk)
    before = links(desk, "order")
    said = rekey(desk, "-o", str(file(desk)))
    assert said.code == 0, said.out + said.err
    assert (links(desk, "order"), "nothing was changed" in said.out) == (before, True)
    orders = {row["old"]: row for row in rows(desk) if row["entity"] == "order"}
    assert {row["new"] for row in orders.values()} == {f"N{old}" for old in orders}
    assert {row["how"] for row in orders.values()} == {"our reference"}
    assert "Ada" not in file(desk).read_text()
    assert desk("flow", "sync", "orders").code == 3


def test_applied_it_goes_on_with_the_new_ids(desk: Any) -> None:
    """A change reaches the right order, a new one its customer; none is made twice."""
    [changed, _] = delivered(desk)
    replace(desk)
    rekey(desk, "-o", str(file(desk)))
    said = rekey(desk, "--apply", str(file(desk)), "--json")
    assert (said.code, said.json["rekeyed"], said.json["gone"]) == (0, 4, 0), said.out + said.err
    assert {key[:1] for key in links(desk, "order")} == {"N"}
    desk.company.change(changed, customer_note="later")
    new = desk.company.order()
    desk.company.settle()
    assert desk.company.standing("order", changed) == "done(sent)", desk(
        "trace", "order", changed
    ).out
    assert {row["reference"]: row["note"] for row in desk.company.books()}[
        f"DE-{changed}"
    ] == "later"
    assert len(desk.company.references()) == 3
    assert f"DE-{new}" in desk.company.references()
    assert len(desk.company.customers()) == 1


def test_a_base_is_unknown_until_it_is_read(desk: Any) -> None:
    """A clerk's other note there is not overwritten by what the old system held."""
    [number, _] = delivered(desk)
    replace(desk)
    rekey(desk, "-o", str(file(desk)))
    rekey(desk, "--apply", str(file(desk)))
    held = desk.company.rows("SELECT base_known, base_source FROM link WHERE entity = 'order'")
    assert {(row["base_known"], row["base_source"]) for row in held} == {(0, None)}
    calls = len(desk.company.calls("GetSalesOrders"))
    desk.company.change(number, customer_note="later")
    desk.company.settle()
    assert len(desk.company.calls("GetSalesOrders")) > calls


def test_ids_that_swapped_places_are_kept_apart(desk: Any) -> None:
    """The new system numbers anew: one's new id is the other's old one."""
    first, second = delivered(desk)
    old = {r["reference"]: r["order_no"] for r in desk.company.books()}
    a, b = old[f"DE-{first}"], old[f"DE-{second}"]
    swap = (
        "UPDATE orders SET no = 'x' WHERE no = '{a}'",
        "UPDATE orders SET no = '{a}' WHERE no = '{b}'",
        "UPDATE orders SET no = '{b}' WHERE no = 'x'",
        "UPDATE orders SET data = json_set(data, '$.OrderNo', no)",
        "UPDATE meta SET value = 'NEW' WHERE name = 'company_code'",
    )  # fmt: skip
    with desk.company.clerk() as erp, erp.begin() as db:
        for statement in swap:
            db.execute(statement.format(a=a, b=b))
    rekey(desk, "-o", str(file(desk)))
    assert rekey(desk, "--apply", str(file(desk))).code == 0
    desk.company.change(first, customer_note="first")
    desk.company.settle()
    assert {r["reference"]: r["note"] for r in desk.company.books()}[f"DE-{first}"] == "first"


def test_what_is_not_there_is_decided_by_a_person(desk: Any) -> None:
    """An order is proposed as gone, a customer is left open; nothing is made a second time."""
    lost, kept = delivered(desk)
    replace(desk, f"DELETE FROM orders WHERE reference = 'DE-{lost}'", "DELETE FROM customers")
    said = rekey(desk, "-o", str(file(desk)))
    assert (said.code, "2 missing" in said.out) == (1, True)
    takes = {row["entity"]: row["take"] for row in rows(desk) if row["verdict"] == "missing"}
    assert takes == {"order": "gone", "customer": ""}
    said = rekey(desk, "--apply", str(file(desk)))
    assert (said.code, "`take` is none of yes, gone, forget" in said.err) == (2, True)
    decide(desk, customer="forget")
    assert rekey(desk, "--apply", str(file(desk))).code == 0
    desk.company.change(lost, customer_note="later")
    desk.company.settle()
    assert desk.company.standing("order", lost) == "held(gone_at_target)"
    assert desk.company.references() == [f"DE-{kept}"]
    assert len(desk.company.customers()) == 1  # made anew, for who needs him next


def test_an_order_waits_for_a_customer_that_is_gone(desk: Any) -> None:
    """No number of the old system is sent."""
    delivered(desk)
    replace(desk, "DELETE FROM customers")
    rekey(desk, "-o", str(file(desk)))
    decide(desk, customer="gone")
    rekey(desk, "--apply", str(file(desk)))
    new = desk.company.order()
    desk.company.settle()
    assert desk.company.standing("order", new) == "held(blocked)"


def test_two_that_answer_to_one_are_refused(desk: Any) -> None:
    """An order entered twice there is ambiguous: nothing is applied until somebody chose."""
    [number, _] = delivered(desk)
    replace(desk, "INSERT INTO orders SELECT no || 'b', reference, released, version, created,"
            f" changed, grand_total, data FROM orders WHERE reference = 'DE-{number}'")  # fmt: skip
    said = rekey(desk, "-o", str(file(desk)))
    assert (said.code, "1 ambiguous" in said.out) == (1, True)
    assert rekey(desk, "--apply", str(file(desk))).code == 2
    assert desk("flow", "sync", "orders").code == 3


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda row: {"old": "SO-X"}, "by now"),
        (lambda row: {"new": "SAME"}, "SAME is taken on line"),
        (lambda row: {"new": ""}, "takes no new id"),
        (lambda row: {"link": "no"}, "`link` is no number"),
    ],
)
def test_a_file_that_contradicts_itself_or_the_ledger_is_refused(
    desk: Any, change: Any, why: str
) -> None:
    """Every wrong line is named, and not one link is changed."""
    delivered(desk)
    replace(desk)
    rekey(desk, "-o", str(file(desk)))
    found = [row | change(row) if row["entity"] == "order" else row for row in rows(desk)]
    with file(desk).open("w", newline="") as to:
        out = csv.DictWriter(to, list(found[0]), lineterminator="\n")
        out.writeheader()
        out.writerows(found)
    before = links(desk, "order")
    said = rekey(desk, "--apply", str(file(desk)))
    assert (said.code, why in said.err) == (2, True), said.err
    assert links(desk, "order") == before


def test_an_empty_last_line_of_the_file_is_nothing(desk: Any) -> None:
    """Spreadsheets write one."""
    delivered(desk)
    replace(desk)
    rekey(desk, "-o", str(file(desk)))
    text = file(desk).read_text()
    file(desk).write_text(text + "," * text.partition("\n")[0].count(",") + "\n")
    said = rekey(desk, "--apply", str(file(desk)))
    assert said.code == 0, said.err


def test_a_file_that_leaves_links_out_is_refused(desk: Any) -> None:
    """What is not decided would point to strangers."""
    delivered(desk)
    replace(desk)
    rekey(desk, "-o", str(file(desk)))
    file(desk).write_text("\n".join(file(desk).read_text().splitlines()[:-1]))
    said = rekey(desk, "--apply", str(file(desk)))
    assert (said.code, "1 links into erp are not in" in said.err) == (1, True), said.err


def test_a_call_without_outcome_comes_first(desk: Any) -> None:
    """Its answer is in the system that is gone."""
    delivered(desk)
    desk.company.erp.faults(
        [{"fault": "commit_then_hang", "ops": ["CreateSalesOrder"], "count": 1}]
    )
    desk.company.connection("erp", limits={"timeout": "1s"})
    desk.company.order()
    desk("flow", "sync", "orders")
    replace(desk)
    rekey(desk, "-o", str(file(desk)))
    said = rekey(desk, "--apply", str(file(desk)))
    assert (said.code, "1 calls to the replaced system have no outcome" in said.err) == (1, True)
