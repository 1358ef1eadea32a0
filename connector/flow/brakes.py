"""Brakes of a flow: what a person lets go first, and what stops by itself.

`first`: the creates of a new flow wait for one approval.  `per_hour`: more than so many in an hour
wait.  `same_error`: refusals of that many records in a row with one code stop the flow.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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
    """What is braked; None: nothing."""

    first: int | None = None
    per_hour: int | None = None
    same_error: int | None = None

    def unattended(self) -> Brakes:
        """The same where nobody watches: then new flows begin with an approval."""
        return replace(self, first=FIRST) if self.first is None else self


@dataclass(frozen=True, kw_only=True, slots=True)
class Reins:
    """How many creates may go, None: any; *name* says which brake holds the others."""

    most: int | None = None
    name: str = ""


def reins(rules: Brakes, known: Mapping[str, Brake], recent: int) -> Reins:
    """What may go, after *recent* creates within the hour, or since its last approval."""
    first, fast = known.get("first"), known.get("per_hour")
    if rules.first and (first is None or first.is_open):
        return Reins(most=0, name="first")
    if rules.per_hour is None:
        return Reins()
    if fast is not None and fast.is_open:
        return Reins(most=0, name="per_hour")
    return Reins(most=max(0, _allowed(rules.per_hour, fast) - recent), name="per_hour")


def _allowed(per_hour: int, approved: Brake | None) -> int:
    """So many in an hour, or as many as a person let go at once."""
    return max(per_hour, approved.let_go if approved is not None else 0)


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
    if not (rules.first or rules.per_hour) or not beyond(work, decisions, 0):
        return {}, ""
    known = ledger.read(brakes.latest, flow)
    if rules.first and "first" not in known:
        known |= _passed(rules.first, flow, ledger, now)
    allowed = reins(rules, known, _recent(rules, known, flow, ledger, now))
    over = [] if allowed.most is None else beyond(work, decisions, allowed.most)
    if not over:
        return {}, ""
    at = _engage(flow, allowed.name, "", ledger, now)
    return dict.fromkeys(over, Wait(until=now + HOUR, reason=at.words)), at.words


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


def _recent(
    rules: Brakes, known: Mapping[str, Brake], flow: str, ledger: Ledger, now: datetime
) -> int:
    if rules.per_hour is None:
        return 0
    fast = known.get("per_hour")
    since = now - HOUR
    if fast is not None and fast.approved_at is not None:
        since = max(since, fast.approved_at)
    return ledger.read(brakes.created, flow, since, _allowed(rules.per_hour, fast))


def _passed(most: int, flow: str, ledger: Ledger, now: datetime) -> dict[str, Brake]:
    """A flow that has made its first creates already needs no approval of them any more."""
    if ledger.read(brakes.created, flow, None, most) < most:
        return {}
    with ledger.begin() as db:
        brakes.passed(db, flow, "first", now)
        return brakes.latest(db, flow)
