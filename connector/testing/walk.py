"""A seeded random walk through the engine's life: changes, faults, deaths, sleepers, late commits.

It returns what is wrong in the end; an engine that keeps its rules leaves nothing.
"""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

from connector import points
from connector.flow.deliver import deliver
from connector.flow.pull import pull
from connector.ledger.store import Ledger
from connector.testing.rig import Killed, Rig, order
from connector.values import Change

NOTES = ("A", "B", "A", "C")
SAFE = ("intent.none_sent", "started.before_send", "reply.before_outcome", "find.before",
        "outcome.committed")  # fmt: skip
ORDERS = ("1", "2")


class Walk:
    """One walk: *seed* decides everything."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - a walk, not a secret
        # Every other walk creates in two steps.
        self.rig = Rig(folder, steps=("confirm",) if seed % 2 else ())
        self.shop, self.erp = self.rig.memory
        self.version = dict.fromkeys(ORDERS, 0)
        self.deaths = 0
        self.inside = False
        self.erp.late_by = timedelta(seconds=25)

    def run(self, steps: int = 14) -> list[str]:
        """Walk, calm down, and tell what is wrong."""
        self.shop.put("order", "0", order("0", note="control"))
        self.rig.cycle()
        self.rig.cycle()
        try:
            for _ in range(steps):
                self._step()
        finally:
            points.on_reach = points._nothing
        self.erp.fault = lambda _: None
        self.rig.settle(rounds=20)
        wrong = self._wrong()
        self.rig.kill()
        return wrong

    def _step(self) -> None:
        if self.rng.random() < 0.6:
            self._change()
        self.erp.fault = self._fault
        points.on_reach = self._reached
        try:
            self.rig.cycle()
        except Killed:
            self.rig.kill()
        finally:
            points.on_reach = points._nothing
        self.rig.clock.pass_(timedelta(seconds=self.rng.choice((0, 1, 9, 20, 45, 100))))
        self.erp.pass_late()

    def _change(self) -> None:
        key = self.rng.choice(ORDERS)
        note = NOTES[self.version[key] % len(NOTES)]
        self.version[key] += 1
        self.shop.put("order", key, order(key, note=note))

    def _fault(self, _change: Change) -> str | None:
        return self.rng.choices(
            (None, "hang", "cut", "late", "away", "stale"), (50, 12, 12, 16, 5, 5)
        )[0]

    def _reached(self, point: str) -> None:
        """At a point: die, let somebody stage, or sleep while another worker takes over."""
        if self.inside:
            return
        chance = self.rng.random()
        if chance < 0.02 and self.deaths < 4:
            self.deaths += 1
            raise Killed(point)
        if point not in SAFE and point != "pause.between_fence_and_send":
            return
        self.inside = True
        try:
            if chance < 0.25 and point in SAFE:
                self._change()
                pull(self.shop, self.rig.flows["orders"], self.rig.start(), self.rig.clock)
            elif chance < 0.35 and point in ("started.before_send", "reply.before_outcome"):
                self._sleep_while_another_works()
        finally:
            self.inside = False

    def _sleep_while_another_works(self) -> None:
        """This worker stands still, perhaps past its lease; another one goes on meanwhile."""
        flow = self.rig.flows["orders"]
        other = Ledger(self.rig.url)
        other._life = self.rig.start().life
        slot = self.erp.slot
        for _ in range(self.rng.choice((1, 3))):
            self.rig.clock.pass_(self.rng.choice((timedelta(0), flow.timeout, flow.lease)))
            self.erp.pass_late()
            if self.rng.random() < 0.5:
                self._change()
                pull(self.shop, flow, other, self.rig.clock)
            gate = self.rig.open_gate(flow)
            deliver(self.erp, flow, other, gate, self.rig.clock)
            gate.close()
            self.rig.gates.remove(gate)
        other.engine.dispose()
        self.erp.slot = slot

    def _wrong(self) -> list[str]:
        wrong: list[str] = []
        for key in ORDERS:
            if not self.version[key]:
                continue
            papers = [p for p in self.erp.papers if p.reference == f"t-shop-order-{key}"]
            want = NOTES[(self.version[key] - 1) % len(NOTES)]
            state = self.rig.states().get(key)
            if len(papers) != 1:
                wrong.append(f"order {key}: {len(papers)} papers, {state}")
            elif papers[0].fields["note"] != want:
                wrong.append(f"order {key}: stale {papers[0].fields['note']} for {want}, {state}")
            elif state is None or state[0] != "done":
                wrong.append(f"order {key}: {state}")
        if self.rig.open_intents():
            wrong.append("intents without outcome")
        return wrong
