"""Crash points that one order alone does not come to: two documents, two workers, a stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connector import points
from connector.flow.deliver import deliver
from connector.ledger.store import Ledger
from connector.testing.rig import Killed, Rig, ToyReader, ToyWriter, order, order_flow
from connector.values import Change, Outcome

CUSTOMER = {"doc": {"email": "a@b.test", "first_name": "Ann", "last_name": "Bee"}}
Act = Callable[[Rig], None]


def stop(rig: Rig) -> None:
    """The administrator stops us before the first call."""
    rig.gates[-1].stop()


def sleep_past_the_lease(rig: Rig) -> None:
    """We stand still; another worker takes over what was in our hand."""
    flow, slot = rig.flows["orders"], rig.memory[1].slot
    other = Ledger(rig.url)
    other._life = rig.start().life
    try:
        for _ in range(2):
            rig.clock.pass_(flow.lease)
            gate = rig.open_gate(flow)
            deliver(rig.erp, flow, other, gate, rig.clock)
            gate.close()
            rig.gates.remove(gate)
    finally:
        other.engine.dispose()
        rig.memory[1].slot = slot


COURSES: list[tuple[str, str, Act | None]] = [
    ("parse.kills_process", "", None),
    ("hold.between_check_and_commit", "", None),
    ("claimrow.taken", "", None),
    ("release.before_commit", "", None),
    ("intent.some_sent", "", None),
    ("notsent.withdraw", "intent.none_sent", stop),
    ("lapse.call_running", "reply.before_outcome", sleep_past_the_lease),
    ("late_outcome.after_takeover", "reply.before_outcome", sleep_past_the_lease),
]


def company(folder: Path) -> Rig:
    """Four orders, two slots; two of one new customer, who is matched by his address."""
    rig = Rig(folder)
    rig.memory[0].put("order", "0", order("0", note="control"))
    rig.cycle()
    rig.cycle()
    rig.flow(writer=ToyWriter("customer"), slots=2)
    customers = replace(
        order_flow(), name="customers", entity="customer", mode="on_demand", match=("email",),
        matches=frozenset({"email"}), reader=ToyReader("customer"), start=None,
    )  # fmt: skip
    rig.flows = {"customers": customers, **rig.flows}
    rig.memory[0].put("customer", "7", CUSTOMER)
    by = {"customer": {"entity": "customer", "key": "7"}}
    for number, more in (("1", by), ("2", by), ("3", {}), ("4", {})):
        rig.memory[0].put("order", number, order(number, **more))
    return rig


def run(rig: Rig, point: str, at: str, act: Act | None) -> bool:
    """Rounds until it died at *point*, or twelve; *act* is done once at point *at*."""
    acts, inside = [act] if act is not None else [], []
    slow, original = threading.Event(), rig.memory[1]._send

    def send(entity: str, change: Change) -> Outcome:
        if change.reference.endswith("-3") and point == "intent.some_sent":
            slow.wait(10)
        return original(entity, change)

    rig.memory[1]._send = send  # type: ignore[method-assign]

    def on_reach(name: str) -> None:
        if name == at and acts and not inside:
            inside.append(name)
            acts.pop()(rig)
            inside.clear()
        if name == point:
            points.on_reach = points._nothing
            slow.set()
            raise Killed(point)

    for _ in range(12):
        rig.clock.pass_(timedelta(seconds=20))
        points.on_reach = on_reach
        try:
            rig.cycle()
        except Killed:
            rig.kill()
            return True
        finally:
            points.on_reach = points._nothing
    return False


@pytest.mark.parametrize(("point", "at", "act"), COURSES, ids=[c[0] for c in COURSES])
def test_dying_here_loses_nothing_and_doubles_nothing(
    tmp_path: Path, point: str, at: str, act: Act | None
) -> None:
    """The point is reached; and then each order and the customer are there once, and linked."""
    rig = company(tmp_path)
    assert run(rig, point, at, act), f"{point} was not reached"
    rig.settle()
    papers = [p.reference for p in rig.memory[1].papers if p.entity == "order"]
    assert sorted(papers, key=str) == [f"t-shop-order-{n}" for n in range(5)]
    assert [p.entity for p in rig.memory[1].papers].count("customer") == 1
    assert {state for state, _ in rig.states().values()} == {"done"}
    assert len(rig.links()) == 6
    assert rig.open_intents() == 0
    rig.kill()
