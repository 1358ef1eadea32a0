"""How a connection stands: open, or why no call may begin there, and when that is tried next.

Pure: what is kept of a connection (`Noted`, shared by all processes), what a call's end makes of
it, and what follows for the next call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from connector.windows import Hours

AWAY = 3  # calls in a row that find nobody
MOST_TOLD = timedelta(hours=1)  # of a Retry-After: a slip of a header must not cost a day
# Waits before each probe in turn; the last one repeats. Credentials are tried once more at once,
# for one call may have lacked a right of its own, then rarely: many tries lock an account.
AWAY_PROBES = tuple(timedelta(seconds=s) for s in (5, 10, 20, 40, 80, 160, 300))
# A system may answer reads and no write: what fails so soon after a probe goes on waiting.
AGAIN = timedelta(minutes=5)
SET_BACK = timedelta(minutes=1)  # what lies further ahead than it may was noted by another clock
REFUSED_PROBES = tuple(timedelta(seconds=s) for s in (1, 300, 1800, 3600))
State = Literal["open", "told", "away", "refused", "closed", "paused"]
Tell = Callable[[datetime], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Noted:
    """What is kept of a connection.

    *failures* in a row since *failing_since*, the last for *why*, one of them or the last before
    them *refused*; *probe_at*: it is open-circuit, and then it is tried next; *probes* were made
    since it took a write. *told_until*: it asked us to wait. *away_from*, *back_at*: when it was
    away last.
    """

    failures: int = 0
    failing_since: datetime | None = None
    why: str = ""
    refused: bool = False
    probes: int = 0
    probe_at: datetime | None = None
    told_until: datetime | None = None
    away_from: datetime | None = None
    back_at: datetime | None = None
    paused_at: datetime | None = None
    paused_until: datetime | None = None
    paused_by: str | None = None
    paused_why: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How it stands, *since* when and for *why*; *until*: tried next, None: a person must act."""

    state: State = "open"
    since: datetime | None = None
    until: datetime | None = None
    why: str = ""
    by: str = ""

    @property
    def is_open(self) -> bool:
        """May calls begin?"""
        return self.state == "open"

    @property
    def waits(self) -> bool:
        """Is it shut because somebody said so, so that nothing counts as a failure?"""
        return self.state in ("closed", "paused")

    @property
    def code(self) -> str:
        """Its code in docs/errors.md."""
        return {
            "open": "", "told": "unavailable", "away": "unavailable", "refused": "unauthorized",
        }.get(self.state, self.state)  # fmt: skip


OPEN = Standing()


def stands(noted: Noted, reach: Hours, now: datetime) -> Standing:
    """How a connection stands at *now*; *reach*: would a call that begins now meet a window?"""
    if noted.paused_at is not None and (noted.paused_until is None or now < noted.paused_until):
        return Standing(
            state="paused",
            since=noted.paused_at,
            until=noted.paused_until,
            why=noted.paused_why or "",
            by=noted.paused_by or "",
        )
    if reach.closed:
        return Standing(state="closed", until=reach.turns)
    if noted.probe_at is not None:
        state: State = "refused" if noted.refused else "away"
        since = noted.failing_since
        return Standing(state=state, since=since, until=_next_probe(noted, now), why=noted.why)
    if noted.told_until is not None and now < noted.told_until <= now + MOST_TOLD + SET_BACK:
        return Standing(state="told", until=noted.told_until, why=noted.why)
    return OPEN


def said(at: Standing, tell: Tell) -> tuple[str, str]:
    """In words what goes on, and what is next; *tell* writes a time."""
    since = f" since {tell(at.since)}" if at.since else ""
    why = f" ({at.why})" if at.why else ""
    until = f"until {tell(at.until)}" if at.until else "until `connector resume`"
    probe = f"next probe {tell(at.until)}" if at.until else ""
    match at.state:
        case "open":
            return "open", ""
        case "told":
            return f"told us to wait{why}", f"goes on {until.removeprefix('until ')}"
        case "away":
            return f"unreachable{since}{why}", probe
        case "refused":
            return f"refuses our credentials{since}{why}", probe
        case "closed":
            return "closed", until if at.until else "for ever: its windows leave no time"
        case "paused":
            return f"paused{since} by {at.by}{why}", until


def failed(noted: Noted, now: datetime, *, why: str, refused: bool) -> Noted:
    """A call found nobody, or was *refused* for its credentials."""
    since, count = noted.failing_since or now, noted.failures + 1
    refused = refused or (noted.failures > 0 and noted.refused)
    after = replace(noted, failures=count, failing_since=since, why=why, refused=refused)
    if after.probe_at is not None or not (refused or count >= AWAY):
        return after
    if after.back_at is None or now - after.back_at > AGAIN or refused != noted.refused:
        after = replace(after, probes=0)
    return replace(after, probe_at=now + wait(after))


def wait(noted: Noted) -> timedelta:
    """How long until the next probe, after so many."""
    ladder = REFUSED_PROBES if noted.refused else AWAY_PROBES
    return ladder[min(noted.probes, len(ladder) - 1)]


def _next_probe(noted: Noted, now: datetime) -> datetime | None:
    """When it is probed next: now, where it was noted by a clock that has been set back since."""
    if noted.probe_at is not None and noted.probe_at - now > wait(noted) + SET_BACK:
        return now
    return noted.probe_at


def answered(noted: Noted, now: datetime, *, wrote: bool) -> Noted:
    """Somebody answered: what was counted is forgotten; how long it was away is not.

    Nor, until a call that *wrote* is answered, how many probes were made, and on which ladder.
    """
    if noted.probe_at is not None:
        noted = replace(noted, away_from=noted.failing_since, back_at=now)
    if wrote:
        noted = replace(noted, probes=0, refused=False)
    return replace(noted, failures=0, failing_since=None, why="", probe_at=None)


def away_for(noted: Noted, since: datetime, now: datetime) -> timedelta:
    """How long its outage lasts, or lasted if it ended after *since*; none: no time."""
    if noted.probe_at is not None and noted.failing_since is not None:
        return now - noted.failing_since
    if noted.away_from is not None and noted.back_at is not None and noted.back_at > since:
        return noted.back_at - noted.away_from
    return timedelta(0)


def told(noted: Noted, until: datetime, now: datetime, why: str) -> Noted:
    """It asked us to wait *until* then."""
    until = min(until, now + MOST_TOLD)
    if noted.told_until is not None and noted.told_until >= until:
        return noted
    return replace(noted, told_until=until, why=why)


def probing(noted: Noted, now: datetime) -> Noted:
    """Book the probe that is due: who books it makes it, and the next one comes later."""
    due = _next_probe(noted, now)
    if due is None or now < due:
        return noted
    later = replace(noted, probes=noted.probes + 1)
    return replace(later, probe_at=now + wait(later))


def renewed(noted: Noted, changed_at: datetime, now: datetime) -> Noted:
    """Credentials may have changed since they were refused last: then they are tried at once."""
    if noted.probe_at is None or not noted.refused or noted.probe_at - wait(noted) >= changed_at:
        return noted
    return replace(noted, probe_at=min(now, noted.probe_at))


def paused(noted: Noted, now: datetime, *, until: datetime | None, by: str, why: str) -> Noted:
    """A person stops it."""
    return replace(noted, paused_at=now, paused_until=until, paused_by=by, paused_why=why)


def resumed(noted: Noted, now: datetime) -> Noted:
    """A person lets it go on: at once, whatever it was told, and with a probe that is due now."""
    on = replace(
        noted, paused_at=None, paused_until=None, paused_by=None, paused_why=None, told_until=None
    )
    return on if on.probe_at is None else replace(on, probe_at=now)
