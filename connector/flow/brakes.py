"""Brakes of a flow: what a person lets go first, and what stops by itself.

`first`: the creates of a new flow wait for one approval.  `per_hour`: more than so many in an hour
wait.  `same_error`: refusals of that many records in a row with one code stop the flow.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from connector.ledger import brakes
from connector.ledger.brakes import Brake
from connector.ledger.records import Claimed
from connector.ledger.store import Ledger
from connector.values import Create, Decision, Hold, Outcome, Refused, Wait
from connector.values import NotSent as Withdrawn

FIRST = 20  # of a flow that runs by itself and says nothing
HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Brakes:
    """What is braked; None: nothing.

    *behind*: flows that may need this one, with their `first`; nothing is created on their behalf
    before one of them was let go.
    """

    first: int | None = None
    per_hour: int | None = None
    same_error: int | None = None
    behind: Mapping[str, int] = field(default_factory=dict)

    def unattended(self) -> Brakes:
        """The same where nobody watches: then new flows begin with an approval."""
        return replace(self, first=FIRST) if self.first is None else self


def beyond(work: Sequence[Claimed], decisions: Mapping[int, Decision], most: int) -> list[int]:
    """The records that would be created beyond *most*; with none allowed, also what would let

    others be created on their behalf.  A backfill has an acceptance of its own.
    """
    live = [w for w in work if w.lane == "live" and w.target_key is None]
    creates = [w.id for w in live if isinstance(decisions[w.id], Create)]
    if most:
        return creates[most:]
    return creates + [w.id for w in live if _demands(decisions[w.id])]


def _demands(decision: Decision) -> bool:
    return isinstance(decision, Hold) and decision.reason == "blocked"


def hold_back(
    rules: Brakes,
    flow: str,
    work: Sequence[Claimed],
    decisions: Mapping[int, Decision],
    ledger: Ledger,
    now: datetime,
) -> tuple[dict[int, Decision], str]:
    """Let creates beyond what is allowed wait; their new decisions, and the brake's words."""
    if not beyond(work, decisions, 0):
        return {}, ""
    name = unpassed(rules, flow, ledger, now)
    if name is not None:
        return _wait(beyond(work, decisions, 0), _engage(name, "first", "", ledger, now), now)
    if rules.per_hour is None:
        return {}, ""
    at = ledger.read(brakes.latest, flow).get("per_hour")
    over = beyond(work, decisions, left_in_hour(rules.per_hour, at, flow, ledger, now))
    return _wait(over, _engage(flow, "per_hour", "", ledger, now), now) if over else ({}, "")


def _wait(ids: Sequence[int], at: Brake, now: datetime) -> tuple[dict[int, Decision], str]:
    return dict.fromkeys(ids, Wait(until=now + HOUR, reason=at.words)), at.words


def unpassed(rules: Brakes, flow: str, ledger: Ledger, now: datetime) -> str | None:
    """The flow whose first creates were not let go yet, so that nothing is created here."""
    if rules.first and not passed(flow, rules.first, ledger, now):
        return flow
    waits = [name for name, most in rules.behind.items() if not passed(name, most, ledger, now)]
    return waits[0] if waits and len(waits) == len(rules.behind) else None


def passed(flow: str, most: int, ledger: Ledger, now: datetime) -> bool:
    """Were the first creates of *flow* let go, or made before there was a brake?"""
    at = ledger.read(brakes.latest, flow).get("first")
    if at is None and ledger.read(brakes.created, flow, None, most) >= most:
        with ledger.begin() as db:
            brakes.passed(db, flow, "first", now)
        return True
    return at is not None and not at.is_open


def left_in_hour(per_hour: int, at: Brake | None, flow: str, ledger: Ledger, now: datetime) -> int:
    """How many creates of *flow* may follow: so many in an hour, or as a person let go at once."""
    if at is not None and at.is_open:
        return 0
    since, allowed = now - HOUR, per_hour
    if at is not None and at.approved_at is not None:
        since, allowed = max(since, at.approved_at), max(per_hour, at.let_go)
    return max(0, allowed - ledger.read(brakes.created, flow, since, allowed))


class Streak:
    """Halts a sending once so many records of its flow were refused in a row with one code."""

    def __init__(self, rules: Brakes, flow: str, ledger: Ledger) -> None:
        self._most, self._flow, self._ledger = rules.same_error, flow, ledger
        at = ledger.read(brakes.latest, flow).get("same_error") if rules.same_error else None
        self.words = at.words if at is not None and at.is_open else ""
        self._since = at.approved_at if at is not None else None
        self._last: Outcome | None = None
        self._run, self._alone = 0, threading.Lock()

    def notice(self, outcomes: Sequence[Outcome]) -> None:
        """Count refusals as they come, so that the rest is not sent before they are written."""
        with self._alone:
            for outcome in outcomes:
                if isinstance(outcome, Withdrawn):
                    continue
                same = isinstance(outcome, Refused) and outcome == self._last
                self._run = self._run + 1 if same else int(isinstance(outcome, Refused))
                self._last = outcome

    def hear(self, outcomes: Iterable[Outcome], now: datetime) -> None:
        """Learn from outcomes that are written by now."""
        if self.words or self._most is None or not any(isinstance(o, Refused) for o in outcomes):
            return
        code = self._ledger.read(brakes.repeated, self._flow, self._most, self._since)
        if code is not None:
            self.words = _engage(self._flow, "same_error", code, self._ledger, now).words

    def halted(self) -> str:
        """Why the rest is not sent."""
        run = self._most is not None and self._run >= self._most
        return "braked" if self.words or run else ""


def _engage(flow: str, name: str, detail: str, ledger: Ledger, now: datetime) -> Brake:
    with ledger.begin() as db:
        at, news = brakes.engage(db, flow, name, detail, now)
    if news:
        structlog.get_logger().warning("brake engaged", flow=flow, reason=name, code="braked")
    return at
