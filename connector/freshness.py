"""Freshness: was something confirmed in time? Pure but for two questions to the ledger.

A flow is fresh if, within the time that `fresh:` allows, its source was read to its end and
nothing of it has been under way for longer. What is held waits for somebody, and is told apart.
Hours in which one of its systems is closed do not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

from connector import windows
from connector.configured import Config, Fresh
from connector.ledger import confirmations
from connector.ledger.store import Ledger

Verdict = Literal["fresh", "stale", "unwatched"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Freshness:
    """How fresh one flow is; *confirmed*: when its last whole reading began."""

    verdict: Verdict
    confirmed: datetime | None
    within: timedelta


def freshness(
    config: Config,
    ledger: Ledger,
    now: datetime,
    *,
    watching_since: datetime | None = None,
    excused: Mapping[str, timedelta] = MappingProxyType({}),
) -> Mapping[str, Freshness]:
    """Every flow that must be fresh. *watching_since*: nothing is late that began before it.

    *excused*: flows, and for how long nothing could be confirmed that is told in another way.
    """
    at = ledger.read(confirmations.times)
    found = {}
    for name, fresh in config.fresh.items():
        bound = bound_of(fresh, now, config.zone)
        if bound is not None:
            lasts = fresh.within + excused.get(name, timedelta(0))
            bound = min(bound, _open_since(config, name, lasts, now))
        verdict: Verdict = "unwatched"
        if bound is not None:
            read = at.get(name)
            patience = config.flows[name].wait
            waits = ledger.read(confirmations.waits_since, name, bound - patience)
            early = watching_since is not None and bound < watching_since
            late = read is None or read < bound or waits
            verdict = "fresh" if not late else "unwatched" if early else "stale"
        found[name] = Freshness(verdict=verdict, confirmed=at.get(name), within=fresh.within)
    return found


def _open_since(config: Config, flow: str, lasts: timedelta, now: datetime) -> datetime:
    """Since when both systems of *flow* have been open for as long as *lasts*."""
    ends = {config.flows[flow].source, config.flows[flow].target}
    own = [config.connections[name] for name in ends]
    return min(windows.open_since(one.closed, one.zone, lasts, now) for one in own)


def bound_of(fresh: Fresh, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Since when something must have been confirmed; None: outside of the hours that count,

    or not inside them for long enough.
    """
    bound = now - fresh.within
    if fresh.during is None:
        return bound
    began = _began(fresh.during, now.astimezone(zone))
    return bound if began is not None and began <= bound else None


def _began(during: tuple[time, time], now: datetime) -> datetime | None:
    """When the hours that *now* lies in began; None: it lies in none."""
    begin, end = during
    day = now.date()
    if begin < end:
        inside = begin <= now.time() < end
    else:
        inside = now.time() >= begin or now.time() < end
        day -= timedelta(days=now.time() < end)
    return datetime.combine(day, begin, now.tzinfo) if inside else None
