"""Hypothesis walks the real engine: whatever befalls it, in whatever order, the books are right.

One ledger, two workers, an ERP that makes a second document when it is asked twice. An example that
goes wrong is shrunk to the shortest one. MACHINE_EXAMPLES (12) asks for more, by chance then.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from meanwhile import stage

from connector import points
from connector.flow.deliver import deliver
from connector.ledger.store import Ledger
from connector.testing.mutants import broken
from connector.testing.rig import Killed, Rig, order
from connector.values import Change

KEYS = st.sampled_from(["1", "2"])
NOTES = st.sampled_from(["A", "B"])  # few, so that A → B → A comes
FAULTS = st.sampled_from([None, None, "hang", "cut", "late", "lost", "away", "denied", "stale"])
POINTS = st.sampled_from(
    [
        "page.before_commit", "page.committed", "claim.before_commit", "intent.none_sent",
        "started.before_send", "pause.between_fence_and_send", "reply.before_outcome",
        "outcome.before_commit", "outcome.group_half", "outcome.committed", "find.before",
        "find.absent_before_commit", "find.found_before_link", "resend.after_absent",
    ]
)  # fmt: skip
# Where no transaction is open: only there can somebody else write to the ledger.
OPEN = frozenset({"intent.none_sent", "started.before_send", "reply.before_outcome",
                  "outcome.committed", "find.before"})  # fmt: skip
PASSES = st.sampled_from([0, 1, 9, 20, 45, 100]).map(lambda s: timedelta(seconds=s))
EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "12"))


class Machine(RuleBasedStateMachine):
    """What may befall two orders on their way."""

    steps: tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="machine-")
        self.rig = Rig(Path(self._folder.name), steps=self.steps)
        self.shop, self.erp = self.rig.memory
        self.erp.late_by = timedelta(seconds=25)
        self.wanted: dict[str, str] = {}
        self.faults: list[str | None] = []
        self.erp.fault = self._fault
        self._inside = False

    def _fault(self, _: Change) -> str | None:
        return self.faults.pop(0) if self.faults else None

    @initialize()
    def find_is_proven(self) -> None:
        """One order is there before anything goes wrong."""
        self.shop.put("order", "0", order("0", note="control"))
        self.rig.cycle()
        self.rig.cycle()

    # ── what befalls it ─────────────────────────────────────────────────────────────────────────

    @rule(key=KEYS, note=NOTES)
    def somebody_orders_or_changes(self, key: str, note: str) -> None:
        """In the shop."""
        self.wanted[key] = note
        self.shop.put("order", key, order(key, note=note))

    @rule(faults=st.lists(FAULTS, min_size=1, max_size=4))
    def the_next_calls_go_wrong(self, faults: list[str | None]) -> None:
        """In the ERP or on the way to it."""
        self.faults = faults

    @rule(passed=PASSES)
    def time_passes(self, passed: timedelta) -> None:
        """And what was late comes true."""
        self.rig.clock.pass_(passed)
        self.erp.pass_late()

    @rule(pulling=st.booleans())
    def the_worker_works(self, pulling: bool) -> None:
        """Undisturbed."""
        self.rig.cycle(pulling=pulling)

    @rule(point=POINTS, nth=st.integers(1, 3))
    def the_worker_dies(self, point: str, nth: int) -> None:
        """At a point of its way, and is started again later."""
        self._at(point, nth, self._die)

    @rule(point=POINTS.filter(OPEN.__contains__), key=KEYS, note=NOTES)
    def a_change_is_read_meanwhile(self, point: str, key: str, note: str) -> None:
        """Pulling does not wait for deliveries."""

        def change() -> None:
            self.somebody_orders_or_changes(key, note)
            stage(self.rig)

        self._at(point, 1, change)

    @rule(point=POINTS.filter(OPEN.__contains__), passed=PASSES, late=st.booleans())
    def it_sleeps_while_another_works(self, point: str, passed: timedelta, late: bool) -> None:
        """Perhaps past its lease; then it wakes and goes on where it was."""

        def another() -> None:
            self.rig.clock.pass_(passed)
            if late:
                self.erp.pass_late()
            self._another_worker()

        self._at(point, 1, another)

    # ── how ─────────────────────────────────────────────────────────────────────────────────────

    def _die(self) -> None:
        raise Killed

    def _at(self, point: str, nth: int, act: Callable[[], None]) -> None:
        """One cycle, in which *act* happens when *point* is reached for the *nth* time."""
        left = [nth]

        def on_reach(name: str) -> None:
            if name == point and not self._inside:
                left[0] -= 1
                if left[0] == 0:
                    self._inside = True
                    try:
                        act()
                    finally:
                        self._inside = False

        points.on_reach = on_reach
        try:
            self.rig.cycle()
        except Killed:
            self.rig.kill()
        finally:
            points.on_reach = points._nothing

    def _another_worker(self) -> None:
        other = Ledger(self.rig.url)
        other._life = self.rig.start().life
        slot, flow = self.erp.slot, self.rig.flows["orders"]
        gate = self.rig.open_gate(flow)
        deliver(self.erp, flow, other, gate, self.rig.clock)
        gate.close()
        self.rig.gates.remove(gate)
        other.engine.dispose()
        self.erp.slot = slot

    # ── what must hold ──────────────────────────────────────────────────────────────────────────

    @invariant()
    def nothing_is_there_twice(self) -> None:
        """At no moment."""
        references = Counter(p.reference for p in self.erp.papers)
        assert [r for r, n in references.items() if n > 1] == []

    def teardown(self) -> None:
        """Nothing goes wrong any more: everything arrives, as the shop has it last."""
        try:
            self.faults = []
            self.rig.settle(rounds=20)
            self.nothing_is_there_twice()
            states = self.rig.states()
            there = {p.reference: p.fields["note"] for p in self.erp.papers}
            for key, note in self.wanted.items():
                assert there.get(f"t-shop-order-{key}") == note, (key, states[key])
                assert states[key][0] == "done"
            assert self.rig.open_intents() == 0
        finally:
            self.gone()

    def gone(self) -> None:
        """Leave nothing."""
        self.rig.kill()
        self._folder.cleanup()


class InTwoSteps(Machine):
    """The same with an ERP in which an order is made in two steps."""

    steps = ("confirm",)


def walked(machine: type[Machine], examples: int) -> None:
    given = settings(
        max_examples=examples,
        stateful_step_count=12,
        deadline=None,
        derandomize="MACHINE_EXAMPLES" not in os.environ,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=given)


@pytest.mark.parametrize("machine", [Machine, InTwoSteps])
def test_whatever_befalls_it_the_books_are_right(machine: type[Machine]) -> None:
    """Deaths, faults, late commits, changes meanwhile, a sleeper and another worker."""
    walked(machine, EXAMPLES)


def meanwhile(machine: Machine) -> None:
    """The order changes while it is sent."""
    machine.somebody_orders_or_changes("1", "A")
    machine.a_change_is_read_meanwhile("started.before_send", "1", "B")


def late(machine: Machine) -> None:
    """The order is made long after we gave up on the call."""
    machine.somebody_orders_or_changes("1", "A")
    machine.the_next_calls_go_wrong(["late"])
    for seconds in (0, 20, 0):
        machine.time_passes(timedelta(seconds=seconds))
        machine.the_worker_works(pulling=True)
    machine.time_passes(timedelta(seconds=45))


@pytest.mark.parametrize(("rules", "course"), [("R2", meanwhile), ("S4", late)])
def test_the_machine_sees_a_rule_that_is_switched_off(
    rules: str, course: Callable[[Machine], None]
) -> None:
    """One course of its rules, with the rule of the protocol and without it."""
    for switched_off in ("", rules):
        machine = Machine()
        machine.find_is_proven()
        with broken(switched_off), pytest.raises(AssertionError) if switched_off else nullcontext():
            course(machine)
            machine.teardown()
        machine.gone()
