"""Freshness: was something confirmed in time? Pure but for two questions to the ledger.

A flow is fresh if, within the time that `fresh:` allows, its source was read to its end and
nothing of it has been under way for longer. What is held waits for somebody, and is told apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

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
    config: Config, ledger: Ledger, now: datetime, *, watching_since: datetime | None = None
) -> Mapping[str, Freshness]:
    """Every flow that must be fresh. *watching_since*: nothing is late that began before it."""
    at = ledger.read(confirmations.times)
    found = {}
    for name, fresh in config.fresh.items():
        bound = bound_of(fresh, now, config.zone)
        if bound is not None and watching_since is not None and bound < watching_since:
            bound = None
        verdict: Verdict = "unwatched"
        if bound is not None:
            read = at.get(name)
            patience = config.flows[name].wait
            waits = ledger.read(confirmations.waits_since, name, bound - patience)
            verdict = "stale" if read is None or read < bound or waits else "fresh"
        found[name] = Freshness(verdict=verdict, confirmed=at.get(name), within=fresh.within)
    return found


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
