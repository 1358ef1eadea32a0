"""What is trusted to be new, what is looked up first, and who may say otherwise."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from meanwhile import stage, when
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from connector.flow.settle import settle
from connector.ledger import attempts, persons, schema
from connector.ledger.persons import Person
from connector.testing.memory import Paper
from connector.testing.rig import START, Rig, ToyReader, ToyWriter, order, order_flow
from connector.values import Change, Done, InDoubt, Outcome


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A rig whose find is proven."""
    rig = Rig(tmp_path)
    rig.memory[0].put("order", "0", order("0"))
    rig.cycle()
    rig.cycle()
    yield rig
    rig.kill()


def put(rig: Rig, *numbers: str, **more: Any) -> None:
    """Orders in the shop."""
    for number in numbers:
        rig.memory[0].put("order", number, order(number, **more))


def test_an_order_dated_ahead_is_not_doubled_by_a_restored_ledger(rig: Rig) -> None:
    """A birth after its first reading proves nothing: such an order is looked up first (S1)."""
    rig.kill()
    shutil.copy(rig.folder / "ledger.db", rig.folder / "backup.db")
    put(rig, "1", placed_at="2038-01-19T03:14:08Z")
    rig.cycle()
    rig.kill()
    for rest in rig.folder.glob("ledger.db-*"):
        rest.unlink()
    shutil.copy(rig.folder / "backup.db", rig.folder / "ledger.db")
    rig.settle()
    assert [b[0] for b in rig.books()] == ["t-shop-order-0", "t-shop-order-1"]


def test_what_cannot_be_looked_up_and_may_be_there_waits_for_a_person(rig: Rig) -> None:
    """Without find, an order born before the watch is never created blindly (S1, S12)."""
    rig.flow(finds=False)
    put(rig, "1", placed_at="2026-11-23T07:00:00Z")
    rig.flow(start=START - timedelta(days=1))
    rig.cycle()
    assert rig.states()["1"] == ("held", "review")
    assert len(rig.books()) == 1


def test_a_create_whose_number_was_told_is_not_made_again_when_it_is_gone(rig: Rig) -> None:
    """The first step surely happened: what is not found is gone, and is never made again."""
    _, erp = rig.memory
    original = erp._send

    def send(entity: str, change: Change) -> Outcome:
        done = original(entity, change)
        assert isinstance(done, Done)
        erp.papers.pop()
        return InDoubt(why="timeout", key=done.key)

    erp._send = send  # type: ignore[method-assign]
    put(rig, "1")
    rig.cycle()
    erp._send = original  # type: ignore[method-assign]
    rig.settle()
    assert rig.states()["1"] == ("held", "gone_at_target")
    assert [c[0] for c in erp.calls].count("create") == 2


def test_a_found_order_with_another_total_is_held_for_money(rig: Rig) -> None:
    """The money guard also looks at what was found after a doubt (D6)."""
    _, erp = rig.memory
    erp.fault = lambda _: "hang"
    put(rig, "1", total="10.00", shipping_lines=[{"key": "s", "net": "10.00", "tax": "0.00"}])
    rig.cycle()
    assert rig.states()["1"][0] == "in_doubt"
    erp.fault = lambda _: None
    erp.papers[-1].fields["total"] = "11.00"
    rig.settle()
    assert rig.states()["1"] == ("held", "money")


def test_a_step_that_never_shows_is_not_repeated_without_end(tmp_path: Path) -> None:
    """A step that is answered well and never shows burns attempts like a refusal."""
    rig = Rig(tmp_path, steps=("confirm",))
    _, erp = rig.memory
    original = erp._send

    def send(entity: str, change: Change) -> Outcome:
        done = original(entity, change)
        return replace(done, steps_left=("confirm",)) if isinstance(done, Done) else done

    erp._send = send  # type: ignore[method-assign]
    put(rig, "1")
    for _ in range(20):
        rig.cycle()
    assert [c[0] for c in erp.calls].count("create") <= 3
    rig.kill()


def test_a_guest_never_changes_a_customer_that_is_there(rig: Rig) -> None:
    """D2: a guest that is matched is linked, and the customer's own data stay."""
    rig.flow(guests="each", customers="customers", writer=ToyWriter("customer"))
    customers = replace(
        order_flow(), name="customers", entity="customer", mode="on_demand", match=("email",),
        matches=frozenset({"email"}), reader=ToyReader("customer"), start=None,
    )  # fmt: skip
    rig.flows = {"customers": customers, **rig.flows}
    theirs = {"email": "a@b.test", "first_name": "Own", "last_name": "Name", "postcode": "1"}
    rig.memory[1].papers.append(
        Paper(key="C7", entity="customer", reference=None, fields={**theirs})
    )
    billing = {"email": "a@b.test", "first_name": "Other", "last_name": "Words", "postcode": "1"}
    put(rig, "1", billing=billing)
    rig.settle()
    assert rig.memory[1].papers[1].fields == theirs
    assert rig.links()["1"]


def test_an_order_of_a_customer_who_is_filtered_says_so(rig: Rig) -> None:
    """D1: what is done without a link is dead to who waits for it, and is named with its cure."""
    rig.flow(writer=ToyWriter("customer"))
    customers = replace(
        order_flow(), name="customers", entity="customer", mode="on_demand",
        reader=ToyReader("customer"), start=None, only=lambda _: False,
    )  # fmt: skip
    rig.flows = {"customers": customers, **rig.flows}
    rig.memory[0].put("customer", "7", {"doc": {"email": "a@b.test"}})
    put(rig, "1", customer={"entity": "customer", "key": "7"})
    rig.settle(rounds=4)
    assert rig.states()["7"] == ("done", "filtered")
    with rig.start().engine.connect() as db:
        needs = db.scalar(select(schema.record.c.needs).where(schema.record.c.key == "1"))
    assert "cannot be linked" in str(needs)


def test_a_change_of_the_flows_filter_is_seen_when_a_document_is_read_again(rig: Rig) -> None:
    """R14: what was filtered is judged again, though its bytes are the same."""
    rig.flow(only=lambda doc: doc.number != "1")
    put(rig, "1")
    rig.cycle()
    assert rig.states()["1"] == ("done", "filtered")
    rig.flow(only=None)
    with rig.start().begin() as db:
        db.execute(schema.cursor.delete())
    rig.cycle()
    assert rig.states()["1"] == ("done", "sent")


def test_waiting_for_the_same_reason_is_told_once(rig: Rig) -> None:
    """A record that waits, poll after poll, does not fill the ledger with events."""
    _, erp = rig.memory
    rig.flow(start=START - timedelta(days=1))
    put(rig, "1", placed_at="2026-11-23T07:00:00Z")
    erp.away = True
    rig.cycle()
    before = _events(rig)
    for _ in range(20):
        rig.clock.pass_(timedelta(hours=2))
        rig.cycle()
    assert _events(rig) == before


def test_a_doubt_that_cannot_be_asked_is_told_once(rig: Rig) -> None:
    """The same for a doubt while the target is away."""
    _, erp = rig.memory
    erp.fault = lambda _: "lost"
    put(rig, "1")
    rig.cycle()
    erp.away = True
    rig.settle(rounds=2)
    before = _events(rig)
    rig.settle(rounds=20)
    assert _events(rig) == before


def _events(rig: Rig) -> int:
    count = select(func.count()).select_from(schema.event)
    return int(rig.start().read(lambda db: db.scalar(count)) or 0)


def test_a_ledger_that_cannot_be_written_keeps_the_outcome(rig: Rig) -> None:
    """S10: disk full after the reply: it is tried again while we live, and nothing is in doubt."""
    put(rig, "1", "2")

    def full() -> None:
        raise OperationalError("COMMIT", {}, sqlite3.OperationalError("disk is full"))

    with when("outcome.before_commit", full, times=2):
        rig.cycle()
    assert set(rig.states().values()) == {("done", "sent")}
    assert rig.open_intents() == 0


def test_a_second_create_after_a_doubt_looks_for_its_twin(rig: Rig) -> None:
    """S12: both came true after all: a person is told at once."""
    _, erp = rig.memory
    twin: list[Paper] = []
    erp.fault = lambda _: "lost"
    put(rig, "1")
    rig.cycle()
    erp.fault = lambda _: None
    original = erp._send

    def send(entity: str, change: Change) -> Outcome:
        done = original(entity, change)
        twin.append(replace(erp.papers[-1], key="O77"))
        erp.papers.append(twin[0])
        return done

    erp._send = send  # type: ignore[method-assign]
    rig.settle()
    assert twin
    assert rig.states()["1"] == ("held", "duplicate")


def test_a_late_number_of_a_doubt_that_was_ended_still_makes_the_link(rig: Rig) -> None:
    """R3: the id of a late reply is a fact, even when its intent was closed as not there."""
    _, erp = rig.memory
    erp.fault = lambda _: "lost"
    put(rig, "1")
    rig.cycle()
    with rig.start().begin() as db:
        seen = persons.shown(db, "order", "1")
        persons.absent(db, seen, Person(name="test", now=rig.clock.now()))
        [at] = attempts.standing(db, [int(seen.intent or 0)]).values()
        attempts.close(db, [(at, settle(at, Done(key="O9"), rig.flows["orders"], START))], START)
    before = len(erp.calls)
    rig.cycle()
    assert rig.links()["1"] == "O9"
    assert "create" not in [c[0] for c in erp.calls[before:]]


def test_a_total_that_changed_while_the_order_was_sent_is_no_difference(rig: Rig) -> None:
    """What the target made is compared with what was sent, not with what is wanted by now."""
    put(rig, "1", total="10.00", fees=[{"key": "f", "net": "10.00", "tax": "0.00"}])

    def change() -> None:
        put(rig, "1", total="12.00", fees=[{"key": "f", "net": "12.00", "tax": "0.00"}])
        stage(rig)

    with when("started.before_send", change):
        rig.cycle()
    rig.cycle()
    assert rig.states()["1"] == ("done", "sent")
    assert str(rig.memory[1].papers[-1].fields["total"]) == "12.00"


@pytest.mark.parametrize("dies", [True, False])
def test_a_wall_clock_that_jumps_ahead_makes_no_settle_time_look_over(rig: Rig, dies: bool) -> None:
    """O3: an hour ahead at one stroke, the call that hangs may still commit in half a minute."""
    shop, erp = rig.memory
    shop.put("order", "0", order("0", note="control"))
    rig.cycle()
    rig.cycle()
    faults = ["late"]
    erp.fault = lambda _: faults.pop() if faults else None
    erp.late_by = timedelta(hours=1, seconds=30)
    shop.put("order", "1", order("1"))
    rig.cycle()
    if dies:
        rig.kill()
    rig.clock.set_wall(rig.clock.now() + timedelta(hours=1))
    rig.cycle()
    rig.settle()
    assert [b[0] for b in rig.books()] == ["t-shop-order-0", "t-shop-order-1"]
