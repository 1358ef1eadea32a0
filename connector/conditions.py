"""Conditions: what of the ledger is worth an alarm now, and in which words it is told.

Words name flows, connections, keys and codes; never content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector import codes, standing
from connector.configured import Config, When
from connector.freshness import Freshness, freshness
from connector.ledger import alarms, brakes, standings, stocktakes
from connector.ledger.alarms import Counted
from connector.ledger.store import Ledger
from connector.standing import Standing
from connector.windows import hours

# `held` alone means these: who is blocked waits for another record, and not for a person.
NEED_A_PERSON = tuple(reason for reason in codes.HELD if reason != "blocked")
NOW = timedelta(0)
Tell = Callable[[datetime], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that holds now; *upto*: since when its newest record is among it."""

    title: str
    text: str
    upto: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """All that conditions look at, at *now*; *tell* writes a time in the zone of people.

    *down_after*: who hears of this hears of a connection that has been down for so long as well.
    """

    config: Config
    ledger: Ledger
    now: datetime
    tell: Tell
    down_after: timedelta | None = None


def findings(view: View, when: When) -> Iterator[tuple[str, Finding | None]]:
    """Each subject that *when* can be said of, with what is found there, None: nothing.

    A subject of which nothing can be said now is left out: what was told of it stands.
    """
    match when.word:
        case "stale":
            yield from _stale(view)
        case "braked":
            yield from _braked(view)
        case "connection_down":
            yield from _down(view, when)
        case _:
            yield from _records(view, when)


def live(config: Config) -> frozenset[str]:
    """The flows and connections that may alarm: none that is, or has an end, only for tests."""
    tests = {n for n, c in config.connections.items() if c.tests}
    flows = {f.name for f in config.flows.values() if not {f.source, f.target} & tests}
    return frozenset(flows | config.connections.keys() - tests)


def live_flows(config: Config) -> list[str]:
    """The flows among `live`."""
    return [name for name in config.flows if name in live(config)]


def _stale(view: View) -> Iterator[tuple[str, Finding | None]]:
    found = freshness(
        view.config, view.ledger, view.now,
        watching_since=view.ledger.life.alive_since, excused=_excused(view),
    )  # fmt: skip
    for flow in live_flows(view.config):
        if flow in found and found[flow].verdict != "unwatched":
            stale = found[flow].verdict == "stale"
            yield flow, _silent(view, flow, found[flow]) if stale else None


def _excused(view: View) -> dict[str, timedelta]:
    """Flow → for how long one of its systems was away, where that is told by itself."""
    if view.down_after is None:
        return {}
    noted = view.ledger.read(standings.read_all)
    found = {}
    for name, fresh in view.config.fresh.items():
        flow = view.config.flows[name]
        ends = [noted[end] for end in (flow.source, flow.target) if end in noted]
        lasts = [standing.away_for(end, view.now - fresh.within, view.now) for end in ends]
        found[name] = max((one for one in lasts if one >= view.down_after), default=NOW)
    return found


def _silent(view: View, flow: str, found: Freshness) -> Finding:
    last = view.tell(found.confirmed) if found.confirmed else "never"
    minutes = int(found.within / timedelta(minutes=1))
    text = f"Nothing was confirmed within {minutes} minutes; the last time: {last}.\n"
    return Finding(title=f"{flow} is stale", text=text + "connector status")


def _down(view: View, when: When) -> Iterator[tuple[str, Finding | None]]:
    for name, noted in view.ledger.read(standings.read_all).items():
        own = view.config.connections.get(name)
        if own is None or name not in live(view.config):
            continue
        at = standing.stands(noted, hours(own.closed, own.zone, view.now), view.now)
        if at.waits:
            continue  # somebody shut it: nobody knows whether it is down
        down = at.state in ("away", "refused") and at.since is not None
        lasts = down and at.since is not None and view.now - at.since >= (when.after or NOW)
        yield name, _unreachable(view, name, at) if lasts else None


def _unreachable(view: View, name: str, at: Standing) -> Finding:
    what, then = standing.said(at, view.tell)
    into = [flow.name for flow in view.config.flows.values() if flow.target == name]
    waiting = view.ledger.read(alarms.under_way, into)
    text = f"{waiting} records wait; {then}; nothing is lost.\nconnector status"
    return Finding(title=f"{name} {what}", text=text)


def _braked(view: View) -> Iterator[tuple[str, Finding | None]]:
    waiting = [(b.flow, b.run, b.engaged_at) for b in view.ledger.read(brakes.opened)]
    for one in view.ledger.read(stocktakes.braked):
        waiting.append((one.flow, f"{one.flow}-{one.id}", one.begun_at))
    for flow in live_flows(view.config):
        mine = [(run, at) for name, run, at in waiting if name == flow]
        yield flow, _stopped(flow, mine) if mine else None


def _stopped(flow: str, waiting: list[tuple[str, datetime]]) -> Finding:
    runs = "\n".join(f"connector approve {run}" for run, _ in waiting)
    return Finding(
        title=f"{flow} is braked",
        text=f"{codes.CODES['braked'].cause} {codes.CODES['braked'].cure}\n{runs}",
        upto=max(at for _, at in waiting),
    )


def _over_and_over(view: View, flow: str) -> Finding | None:
    """A flow that is refused again and again is stopped before its records are dead letters."""
    at = view.ledger.read(brakes.latest, flow).get("same_error")
    return _stopped(flow, [(at.run, at.engaged_at)]) if at is not None and at.is_open else None


def _records(view: View, when: When) -> Iterator[tuple[str, Finding | None]]:
    for flow in live_flows(view.config):
        if when.word == "in_doubt":
            before = view.now - (when.after or view.config.attempts.doubt_alarm)
            found = view.ledger.read(alarms.doubts, flow, before)
        else:
            found = _held(view, flow, when)
        over = _over_and_over(view, flow) if when.word == "refused" else None
        yield flow, over or (_counted(view, flow, when.word, found) if found else None)


def _held(view: View, flow: str, when: When) -> Counted | None:
    """What a flow that only links does not find is nobody's business until something needs it."""
    reasons = NEED_A_PERSON if when.word == "held" else (when.word,)
    before = view.now - (when.after or NOW)
    demanded = view.config.flows[flow].mode == "link_only" and "rule" in reasons
    return view.ledger.read(alarms.held, flow, reasons, before, demanded=demanded)


def _counted(view: View, flow: str, word: str, found: Counted) -> Finding:
    records = "1 record" if found.count == 1 else f"{found.count} records"
    more = f" and {found.count - len(found.some)} more" if found.count > len(found.some) else ""
    code = codes.HELD.get(word)
    state = "in_doubt" if word == "in_doubt" else "held"
    lines = [
        f"{records}, the oldest since {view.tell(found.oldest)}: {', '.join(found.some)}{more}.",
        *([f"{code.cause} {code.cure}"] if code else []),
        f"connector record list --flow {flow} --state {state}",
    ]
    is_ = f"held ({word})" if code else word.replace("_", " ")
    return Finding(title=f"{flow}: {records} {is_}", text="\n".join(lines), upto=found.newest)
