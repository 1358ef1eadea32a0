"""Deliver: claim what is due, decide, write intents, send, settle: one safe step a record."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import Connection
from tenacity import RetryCallState, retry, retry_if_exception_type, wait_exponential

from connector import errors
from connector.flow.abreast import few_at_a_time, one_at_a_time
from connector.flow.brakes import Streak, hold_back
from connector.flow.compose import Surroundings, compose, demanded
from connector.flow.decide import Rules, Want, decide
from connector.flow.doubts import settle_doubts
from connector.flow.flows import Flow
from connector.flow.known import known_of, look
from connector.flow.opening import Decided, carry_out
from connector.flow.plan import Licence
from connector.flow.prove import prove_find
from connector.flow.settle import in_hand, place, settle
from connector.flow.verify import verify
from connector.ledger import attempts, links, records
from connector.ledger.records import Claimed
from connector.ledger.store import Ledger
from connector.points import reach
from connector.ports import Clock, Gate, Target
from connector.values import (
    Change,
    Decision,
    Done,
    Known,
    Look,
    NotSent,
    Outcome,
    Ref,
    Unauthorized,
    Unavailable,
)

PAGE = 200
BEAT = 1.0  # seconds
MOST = 10 * PAGE  # records until what they depend on has its turn
SHUT = ("unavailable", "unauthorized", "closed", "paused")  # why a connection lets no call begin


@dataclass(kw_only=True, slots=True)
class Delivered:
    """What a delivery did: records taken in hand, outcomes by name, whether to go on now."""

    claimed: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    stopped: str | None = None
    braked: str = ""

    def count(self, outcome: Outcome) -> None:
        """Count one outcome; a connection that is away or shut stops the round.

        One that is busy does not: its gate lets fewer begin, and is shut once that does not help.
        """
        name = type(outcome).__name__
        self.outcomes[name] = self.outcomes.get(name, 0) + 1
        busy = isinstance(outcome, Unavailable) and outcome.busy
        if isinstance(outcome, Unavailable | Unauthorized) and not busy:
            self.stopped = name
        elif isinstance(outcome, NotSent) and outcome.why in SHUT:
            self.stopped = self.stopped or outcome.why


def deliver(  # noqa: PLR0913 - what every delivery has, and two limits
    target: Target,
    flow: Flow,
    ledger: Ledger,
    gate: Gate,
    clock: Clock,
    *,
    licence: Licence | None = None,
    wanted: Callable[[], bool] = lambda: False,
) -> Delivered:
    """Take one safe step for every record of *flow* that is due; may be run again at any time.

    *licence*: none but what a plan says, and exactly that; a person has let that go already.
    *wanted*: do others wait for our turn? Then no further page is begun.
    """
    settle_doubts(target, flow, ledger, clock)
    streak = Streak(flow.brakes, flow.name, ledger)
    if streak.halted():
        return Delivered(braked=streak.words)
    at = Window(target, flow, ledger, gate, clock, licence, streak, wanted)
    changes = at.first()
    for group in gate.send(target, flow.entity, changes, watch=streak, more=at.more):
        reach("reply.before_outcome")
        write_outcomes(ledger, group, flow, clock)
        reach("outcome.committed")
        at.hear(group)
    at.done.braked = streak.words or at.done.braked
    if at.broke is not None:
        raise at.broke
    return at.done


@dataclass(slots=True)
class Window:
    """The intents open at once (S2): a page, then what takes the places of those that ended.

    So calls are on the wire all the time, and the next records are prepared meanwhile. What goes
    wrong then is kept in `broke`: what is on the wire is heard and written all the same (S10).
    """

    target: Target
    flow: Flow
    ledger: Ledger
    gate: Gate
    clock: Clock
    licence: Licence | None
    streak: Streak
    wanted: Callable[[], bool]
    done: Delivered = field(default_factory=Delivered)
    doubted: set[int] = field(default_factory=set)  # creates of what may be there from before (S12)
    broke: errors.ConnectorError | None = None
    _beaten: float = -math.inf  # by the boot clock
    _rolls: bool = False
    _wary: bool = False  # the last page had some that may have killed a worker (R12)

    def first(self) -> list[Change]:
        """The first calls; raises what the ledger raises, before any is made."""
        creates = prove_find(self.target, self.flow, self.ledger, self.clock)
        self._rolls = creates is None and self.flow.finds and self.licence is None
        most = self._most()
        return self._page(min(most, PAGE // 2) if self._rolls else most, creates, 0)

    def more(self, left: int) -> Sequence[Change]:
        """Further calls while *left* are still out."""
        if left:
            reach("intent.some_sent")
        limit = self._most()
        most = limit - left
        changes: list[Change] = []
        if most >= (limit + 1) // 2 and self._goes_on():
            claimed = self.done.claimed
            with self._to_the_end():
                self._beaten = watching(self.ledger, self.clock, self._beaten)
                settle_doubts(self.target, self.flow, self.ledger, self.clock)
                changes = self._page(most, None, left)
            self._rolls = self._rolls and self.done.claimed > claimed
        return changes

    def _most(self) -> int:
        """S2, and no more than can begin in half the time that an intent has: the rest would be

        withdrawn as too late. Where a death is feared, no more than begin at once.
        """
        if self._wary:
            return self._at_once()
        room = self.gate.room(self.flow.entity, self.flow.call_window.total_seconds() / 2)
        most = window(self.flow, self._at_once())
        return most if room is None else min(most, room)

    def _at_once(self) -> int:
        """How many begin at once now: a gate may try fewer than it has slots."""
        room = self.gate.room(self.flow.entity, 0)
        return self.flow.slots if room is None else min(self.flow.slots, room)

    def hear(self, group: Sequence[tuple[Change, Outcome]]) -> None:
        """Learn from outcomes that are written by now."""
        for _, outcome in group:
            self.done.count(outcome)
        made = {c.id: o for c, o in group if isinstance(o, Done)}
        with self._to_the_end():
            self.streak.hear([outcome for _, outcome in group], self.clock.now())
            verify(self.target, self.flow, self.ledger, self.clock, made, self.doubted)

    @contextmanager
    def _to_the_end(self) -> Iterator[None]:
        try:
            yield
        except errors.ConnectorError as error:
            self.broke = self.broke or error

    def _goes_on(self) -> bool:
        done, halted = self.done, self.streak.halted() or self.broke
        withheld = NotSent.__name__ in done.outcomes  # no call could begin: no more are prepared
        ended = halted or withheld or done.stopped or done.claimed >= MOST or self.wanted()
        return self._rolls and not ended

    def _page(self, most: int, creates: int | None, left: int) -> list[Change]:
        flow, ledger, clock = self.flow, self.ledger, self.clock
        work = take(flow, ledger, clock.now(), self.licence, most)
        self.done.claimed += len(work)
        if not work:
            return []
        wants = compose_all(work, flow, ledger)
        known, away = all_known(self.target, work, wants, flow, ledger, clock)
        self.done.stopped = self.done.stopped or away
        decisions = decide_all(work, wants, known, flow, clock)
        if creates is not None:
            decisions |= one_at_a_time(decisions, creates, clock.now())
        begun = {w.id for w in work}
        suspects = ledger.read(attempts.suspects, [w.id for w in work])
        blamed = {w.id: w.attempts for w in work if w.id in suspects}
        few = min(most, self._at_once())
        due = {w.id: place(w, clock.now()) for w in work}
        decisions |= few_at_a_time(decisions, blamed, few, due, alone=not left)
        if flow.finds:
            begun = suspects
            self._wary = bool(suspects)
            self._rolls = self._rolls and (not blamed or 0 in blamed.values())
        held, braked = held_back(work, decisions, flow, ledger, clock.now(), self.licence)
        self.done.braked = self.done.braked or braked
        with ledger.begin() as db:
            decided = gathered(work, wants, known, decisions | dict(held))
            changes = carry_out(db, decided, flow, clock.now(), begun=begun)
            if flow.finds:
                self.doubted |= attempts.made_after_doubt(db, [c.id for c in changes])
        ledger.note(max((c.id for c in changes), default=0))
        reach("intent.none_sent")
        return changes


def watching(ledger: Ledger, clock: Clock, said: float) -> float:
    """Say that we watch, unless that was *said* just now (boot clock); when it was said last.

    A quick system has many pages in a second, and each time costs a commit.
    """
    boot = clock.boottime()
    if boot - said < BEAT:
        return said
    ledger.beat(clock.now(), boot)
    return boot


def held_back(
    work: Sequence[Claimed],
    decisions: Mapping[int, Decision],
    flow: Flow,
    ledger: Ledger,
    now: datetime,
    licence: Licence | None,
) -> tuple[Mapping[int, Decision], str]:
    """What a person has not let go, neither by an approval nor by a plan; and a brake's words."""
    if licence is None:
        return hold_back(flow.brakes, flow.name, work, decisions, ledger, now)
    as_planned = compose_all(work, flow, ledger, instead=licence.new)
    return licence.judged(work, decisions, as_planned, now), ""


def take(
    flow: Flow, ledger: Ledger, now: datetime, licence: Licence | None, most: int
) -> list[Claimed]:
    """Free what is free by now, and take in hand what is due, *most* at once."""
    if flow.stock is not None:  # a level is computed from more than its document
        raise errors.ConnectorError(
            f"{flow.name}: levels are computed when they are sent, and cannot be planned",
            code="not_allowed",
            cure=f"connector flow sync {flow.name} --dry-run",
        )
    only = None if licence is None else licence.left()
    with ledger.begin() as db:
        if records.lapse(db, now, owner=ledger.owner, dead=False):
            reach("lapse.call_running")
        if records.sweep(db, flow.name, now):
            reach("release.before_commit")
        return records.claim(
            db,
            flow.name,
            owner=ledger.owner,
            now=now,
            lease=now + flow.lease,
            most=most,
            only=only,
        )


def _log_unwritten(_: RetryCallState) -> None:
    structlog.get_logger().error("outcome cannot be written, trying again", code="ledger_away")


@retry(
    retry=retry_if_exception_type(errors.LedgerAway),
    wait=wait_exponential(multiplier=0.05, max=5),
    before_sleep=_log_unwritten,
)
def write_outcomes(
    ledger: Ledger, group: Sequence[tuple[Change, Outcome]], flow: Flow, clock: Clock
) -> None:
    """S10: what happened is written, however long it takes; until then nothing is claimed."""
    with ledger.begin() as db:
        close_group(db, group, flow, clock)
        reach("outcome.before_commit")


def compose_all(
    work: Sequence[Claimed], flow: Flow, ledger: Ledger, instead: Mapping[Ref, str] | None = None
) -> dict[int, Want]:
    """What each record wants, with the links of everything it refers to read in one go.

    *instead*: what stands for some documents in place of their numbers.
    """
    needed = {ref for w in work for ref in demanded(w, flow)}
    found = ledger.read(links.known, flow.source, flow.target, needed)
    found |= {ref: text for ref, text in (instead or {}).items() if ref in found}
    dead = ledger.read(records.dead, flow.source, flow.target, needed - found.keys())
    around = Surroundings(links=found, dead=dead, whole=needed == found.keys())
    return {w.id: compose(w, flow, around) for w in work}


def all_known(
    target: Target,
    work: Sequence[Claimed],
    wants: Mapping[int, Want],
    flow: Flow,
    ledger: Ledger,
    clock: Clock,
) -> tuple[dict[int, Known], str | None]:
    """What is known of each record, the target asked where that is not enough; why it could not."""
    known = {w.id: known_of(w, flow, ledger.life) for w in work}
    decisions = decide_all(work, wants, known, flow, clock)
    doubtful = [w for w in work if decisions[w.id] == Look()]
    if not doubtful:
        return known, None
    try:
        return known | look(target, flow, doubtful, ledger, clock), None
    except (errors.Unavailable, errors.Unauthorized) as away:
        return known, away.code


def decide_all(
    work: Sequence[Claimed],
    wants: Mapping[int, Want],
    known: Mapping[int, Known],
    flow: Flow,
    clock: Clock,
) -> dict[int, Decision]:
    """The next step of each record."""
    rules = Rules(
        now=clock.now(),
        settle=flow.settle,
        creates=flow.mode != "link_only" and flow.creates,
        writes=flow.mode != "link_only",
        asks=flow.finds or bool(flow.match),
        leaves=flow.mode == "sync",
        can=flow.can,
        versioned=flow.versioned and flow.gets,
    )
    return {w.id: decide(wants[w.id], known[w.id], rules) for w in work}


def gathered(
    work: Sequence[Claimed],
    wants: Mapping[int, Want],
    known: Mapping[int, Known],
    decisions: Mapping[int, Decision],
) -> list[Decided]:
    """Everything about each record in one place."""
    return [
        Decided(work=w, want=wants[w.id], known=known[w.id], decision=decisions[w.id]) for w in work
    ]


def window(flow: Flow, at_once: int) -> int:
    """S2: how many intents may be open: what can be found again, a page; else what is sent now.

    Who only links sends nothing, and asks by the page.
    """
    return PAGE if flow.finds or flow.mode == "link_only" else at_once


def close_group(
    db: Connection, group: Sequence[tuple[Change, Outcome]], flow: Flow, clock: Clock
) -> None:
    """Write a group of outcomes: attempt, link, bases and state of each, in one transaction."""
    now = clock.now()
    at = attempts.standing(db, [change.id for change, _ in group])
    settled = [(at[c.id], settle(at[c.id], outcome, flow, now)) for c, outcome in group]
    if any(isinstance(outcome, NotSent) for _, outcome in group):
        reach("notsent.withdraw")
    if not all(in_hand(one) for one, _ in settled):
        reach("late_outcome.after_takeover")
    attempts.close(db, settled, now)
