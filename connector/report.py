"""What a run of a flow did, flow by flow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from connector.flow.deliver import Delivered
from connector.flow.flows import Flow
from connector.flow.pull import Pulled


@dataclass(kw_only=True)
class Report:
    """What a run did; *gave_way*: it ended before its time, for others that waited."""

    pulled: dict[str, Pulled] = field(default_factory=dict)
    delivered: dict[str, dict[str, int]] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)
    braked: dict[str, str] = field(default_factory=dict)
    unknown: list[tuple[str, str]] = field(default_factory=list)
    gave_way: bool = False

    def go_on(self, more: Report) -> None:
        """What the run did when it had its turn again."""
        for name, outcomes in more.delivered.items():
            counts = self.delivered.setdefault(name, {})
            counts |= {o: counts.get(o, 0) + number for o, number in outcomes.items()}
        self.stopped, self.gave_way = self.stopped | more.stopped, more.gave_way
        self.braked |= more.braked

    def count(self, flow: Flow, done: Delivered) -> None:
        """Count what a delivery of *flow* did."""
        counts = self.delivered.setdefault(flow.name, {})
        for outcome, number in done.outcomes.items():
            counts[outcome] = counts.get(outcome, 0) + number
        if done.braked:
            self.braked[flow.name] = done.braked
        if done.stopped:
            self.stopped[flow.name] = done.stopped


def counted(report: Report) -> dict[str, Any]:
    """What a run came to, as it is told: documents that each flow pulled, new and changed, …"""
    return {
        "pulled": {name: done.new + done.changed for name, done in report.pulled.items()},
        "away": report.stopped,
        "braked": report.braked,
        "unknown": report.unknown,
    }
