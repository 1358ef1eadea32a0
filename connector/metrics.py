"""What Prometheus is told: the ledger's counts and what this process measured, as text.

Labels are names of the configuration and words of closed lists: never a key, nothing personal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from connector.freshness import Freshness
from connector.ledger import hints, history
from connector.ledger.store import Ledger
from connector.meter import BOUNDS, Measured
from connector.standing import State

STATES: tuple[str, ...] = get_args(State)
KIND = CONTENT_TYPE_PLAIN_0_0_4


@dataclass(frozen=True, kw_only=True, slots=True)
class Numbers:
    """All that is told, taken at *now*; *ran*: flow → when its last good run ended."""

    now: datetime
    ready: bool
    version: str
    measured: Mapping[str, Measured]
    states: Mapping[str, str]
    ran: Mapping[str, datetime]
    failures: Mapping[str, int]
    undelivered: Mapping[str, int]
    heard: Mapping[tuple[str, str], int]
    standing: list[dict[str, Any]]
    doubts: Mapping[str, datetime]
    set_aside: list[dict[str, Any]]
    hints: Mapping[str, int]
    fresh: Mapping[str, Freshness]


def of_ledger(ledger: Ledger) -> dict[str, Any]:
    """What the ledger contributes to `Numbers`; raises LedgerAway if it does not answer."""
    return {
        "standing": ledger.read(history.standing),
        "doubts": ledger.read(history.oldest_doubts),
        "set_aside": ledger.read(history.set_aside),
        "hints": ledger.read(hints.waiting),
    }


def told(numbers: Numbers) -> str:
    """The text of `/metrics`."""
    return generate_latest(_Told(numbers)).decode()


class _Told:
    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def collect(self) -> Iterable[Metric]:
        """Every family."""
        yield _gauge("ready", "1 while the daemon can deliver", [], [((), self._numbers.ready)])
        version = (self._numbers.version,)
        yield _gauge("build_info", "the version that runs", ["version"], [(version, 1)])
        yield from _records(self._numbers)
        yield from _runs(self._numbers)
        yield from _heard(self._numbers)
        yield from _states(self._numbers)
        yield from _calls(self._numbers.measured)


def _records(numbers: Numbers) -> Iterator[Metric]:
    counts = [((r["flow"], r["state"], r["reason"] or ""), r["count"]) for r in numbers.standing]
    labels = ["flow", "state", "reason"]
    yield _gauge("records", "records by flow, state and reason", labels, counts)
    due = [
        ((r["flow"],), max(0.0, (numbers.now - r["oldest"]).total_seconds()))
        for r in numbers.standing
        if r["state"] == "prepared"
    ]
    yield _gauge("oldest_due_seconds", "how long the oldest has been due", ["flow"], due)
    doubts = [((f,), (numbers.now - at).total_seconds()) for f, at in numbers.doubts.items()]
    yield _gauge("oldest_doubt_seconds", "age of the oldest open doubt", ["flow"], doubts)
    aside = [((r["flow"], r["code"]), r["count"]) for r in numbers.set_aside]
    yield _gauge("set_aside", "pieces of pages without a key", ["flow", "code"], aside)


def _runs(numbers: Numbers) -> Iterator[Metric]:
    ran = [((flow,), at.timestamp()) for flow, at in numbers.ran.items()]
    name = "flow_last_run_timestamp_seconds"
    yield _gauge(name, "when the last run that went well ended", ["flow"], ran)
    failed = [((flow,), count) for flow, count in numbers.failures.items()]
    yield _gauge("flow_failures", "runs that failed in a row", ["flow"], failed)
    lost = [((number,), count) for number, count in numbers.undelivered.items()]
    yield _gauge("alert_failures", "alerts in a row that did not get out", ["alert"], lost)
    judged = [
        ((f,), one.verdict == "fresh")
        for f, one in numbers.fresh.items()
        if one.verdict != "unwatched"
    ]
    yield _gauge("flow_fresh", "1: confirmed in time, 0: stale", ["flow"], judged)
    confirmed = [
        ((f,), one.confirmed.timestamp())
        for f, one in numbers.fresh.items()
        if one.confirmed is not None
    ]
    name = "flow_confirmed_timestamp_seconds"
    yield _gauge(name, "when the last whole reading of its source began", ["flow"], confirmed)


def _heard(numbers: Numbers) -> Iterator[Metric]:
    heard = CounterMetricFamily(
        "connector_webhooks", "messages heard", labels=["connection", "what"]
    )
    for (name, what), count in sorted(numbers.heard.items()):
        heard.add_metric([name, what], count)
    yield heard
    waiting = [((flow,), count) for flow, count in numbers.hints.items()]
    yield _gauge("hints", "documents spoken of and not read yet", ["flow"], waiting)


def _states(numbers: Numbers) -> Iterator[Metric]:
    each = [
        ((name, state), state == now) for name, now in numbers.states.items() for state in STATES
    ]
    labels = ["connection", "state"]
    yield _gauge("connection_state", "1 for how the connection stands", labels, each)


def _calls(measured: Mapping[str, Measured]) -> Iterator[Metric]:
    one = ["connection"]
    yield _gauge(
        "slots", "calls allowed at once", one, [((n,), m.slots) for n, m in measured.items()]
    )
    in_use = [((n,), m.in_use) for n, m in measured.items()]
    yield _gauge("slots_in_use", "calls on the wire", one, in_use)
    attempts = CounterMetricFamily(
        "connector_attempts",
        "attempts to write by what came of them",
        labels=["connection", "entity", "outcome"],
    )
    calls = HistogramMetricFamily("connector_call_seconds", "duration of calls", labels=one)
    for name, reading in measured.items():
        for (entity, outcome), count in sorted(reading.ended.items()):
            attempts.add_metric([name, entity, _word(outcome)], count)
        calls.add_metric([name], _buckets(reading), reading.seconds)
    yield attempts
    yield calls


def _word(outcome: str) -> str:
    """An outcome as YAML and docs/errors.md call it: `in_doubt`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", outcome).lower()


def _buckets(reading: Measured) -> list[tuple[str, float]]:
    """Prometheus counts in each bucket all that was no longer than its bound."""
    sums = [sum(reading.under[: n + 1]) for n in range(len(reading.under))]
    return [(str(bound), total) for bound, total in zip((*BOUNDS, "+Inf"), sums, strict=True)]


def _gauge(
    name: str, meaning: str, labels: list[str], rows: Iterable[tuple[tuple[str, ...], float]]
) -> Metric:
    family = GaugeMetricFamily(f"connector_{name}", meaning, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family
