"""A rehearsal: the whole engine on a copy of the ledger, with a gate that sends nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from connector.app import App, open_gate
from connector.cli import output
from connector.flow.brakes import Brakes
from connector.flow.flows import Flow
from connector.gate import Group, ThreadGate
from connector.ledger import brakes, history, systems
from connector.ledger.copies import copied
from connector.ports import More, Target, Watch
from connector.report import Report
from connector.values import Change, Done

Planned = dict[tuple[str, str], list[str]]


class Rehearsing(ThreadGate):
    """Notes what would be sent and says that it was done."""

    planned: Planned

    def send(
        self,
        target: Target,  # noqa: ARG002
        entity: str,
        changes: Sequence[Change],
        *,
        watch: Watch | None = None,  # noqa: ARG002
        more: More | None = None,  # noqa: ARG002
    ) -> Iterator[Group]:
        """Send nothing; one Done for every change."""
        for change in changes:
            self.planned.setdefault((entity, change.reference), []).append(_told(change))
        yield [(c, Done(key=c.key or f"(new) {c.reference}", version=c.version)) for c in changes]


def _told(change: Change) -> str:
    if change.steps:
        return f"resume {', '.join(change.steps)}"
    return change.action if change.key is None else f"update {', '.join(sorted(change.payload))}"


@dataclass(kw_only=True)
class Rehearsal(App):
    """An App whose ledger is a copy and whose gates send nothing."""

    planned: Planned = field(default_factory=dict)

    def gate(self, name: str) -> ThreadGate:
        """A gate that lets reads pass, and only notes what would be written."""
        if name not in self._gates:
            gate = open_gate(self, name, Rehearsing)
            if isinstance(gate, Rehearsing):
                gate.planned = self.planned
            self._gates[name] = gate
        return self._gates[name]

    def rehearse(self, flow: Flow, only: Sequence[str]) -> tuple[Report, list[dict[str, Any]]]:
        """Run *flow*; the decision for each document that would be touched."""
        before = self.ledger.read(history.newest_event)
        self.ready(flow)
        with self.ledger.begin() as db:
            for one in self.line(flow):
                # What was never sent cannot be found, so that nothing is to be proven here.
                systems.prove(db, one.target, one.entity, one.profile_digest)
        report = self.sync(flow, only=only)
        return report, decisions(self.ledger.read(history.since, before), self.planned)


@contextmanager
def rehearsal(app: App) -> Iterator[Rehearsal]:
    """*app* once more, on a copy of its ledger; nothing of it lasts."""
    unread = {
        n: replace(f, money=replace(f.money, verify="audit"), brakes=Brakes())
        for n, f in app.flows.items()
    }
    with copied(app.ledger) as ledger:
        ledger.wake(app.clock.now(), app.clock.boottime())
        with ledger.begin() as db:
            brakes.wake(db, app.clock.now())
        again = Rehearsal(
            config=app.config, ledger=ledger, wired=app.wired, flows=unread, clock=app.clock
        )
        try:
            yield again
        finally:
            again.close()


def decisions(moves: Sequence[Mapping[str, Any]], planned: Planned) -> list[dict[str, Any]]:
    """One row for each record that *moves* tell of: what would be done with it, in words."""
    last = {move["record"]: move for move in moves}
    adopted = {m["record"]: m["detail"] for m in moves if m["move"] == "adopted"}
    rows = []
    for record, now in last.items():
        steps = [f"adopt: {adopted[record]}"] if record in adopted else []
        steps += planned.get((now["entity"], now["reference"]), [])
        rows.append(
            {
                **{name: now[name] for name in ("flow", "entity", "key", "reference", "reason")},
                "decision": "; ".join([*steps, *_ends(now, steps)]),
                "needs": now["needs"],
            }
        )
    return rows


def _ends(now: Mapping[str, Any], steps: Sequence[str]) -> list[str]:
    match now["state"]:
        case "held":
            return [f"hold ({now['reason']})"]
        case "done":
            return [] if steps else [f"nothing ({now['reason']})"]
        case _:
            return [f"wait until {output.text(now['due_at'])}"]
