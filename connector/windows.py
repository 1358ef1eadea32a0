"""When a system is closed: windows of its week, by its own wall clock, whatever summer time does.

An hour that a clock shows twice is closed twice, one that it skips is closed never.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from itertools import pairwise

from connector.spelled import Misspelled

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = 24 * 60  # minutes
AHEAD = 9  # days in which every window of a week comes round once
WINDOW = r"^[a-z][a-z,-]* \d\d:\d\d-\d\d:\d\d$"
_CURE = 'write days and times: "daily 00:00-01:00", "mon-fri 22:00-05:30", "sat,sun 00:00-24:00"'


@dataclass(frozen=True, slots=True)
class Window:
    """Closed on these *days* (0: Monday) from *begin* to *end*, in minutes after midnight.

    One that crosses midnight ends beyond 24 hours, and belongs to the day on which it begins.
    """

    days: frozenset[int]
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Hours:
    """Is it closed, and when does that change next? None: never."""

    closed: bool
    turns: datetime | None


def window(text: str) -> Window:
    """Read `daily 00:00-01:00`, `mon-fri 22:00-05:30`, `sat,sun 00:00-24:00`."""
    if not re.fullmatch(WINDOW, text):
        raise Misspelled("is not a window of time", _CURE)
    words, _, hours = text.partition(" ")
    begin, end = (_minute(one) for one in hours.split("-"))
    if begin in (end, DAY):
        raise Misspelled("is a window without length", _CURE)
    return Window(_days(words), begin, end if end > begin else end + DAY)


def hours(windows: Sequence[Window], zone: tzinfo, at: datetime) -> Hours:
    """How it stands at *at*, by the clocks of *zone*."""
    closed = _closed(windows, zone, at)
    later = (edge for edge in _edges(windows, zone, at) if _closed(windows, zone, edge) != closed)
    return Hours(closed, next(later, None))


def closed_time(
    windows: Sequence[Window], zone: tzinfo, since: datetime, until: datetime
) -> timedelta:
    """For how long it was closed between *since* and *until*."""
    total, at = timedelta(0), since
    while windows and at < until:
        found = hours(windows, zone, at)
        turns = min(found.turns or until, until)
        total += turns - at if found.closed else timedelta(0)
        at = turns
    return total


def open_since(
    windows: Sequence[Window], zone: tzinfo, lasts: timedelta, until: datetime
) -> datetime:
    """The moment since which it has been open for as long as *lasts*, closed hours left out."""
    since = until - lasts
    while (earlier := until - lasts - closed_time(windows, zone, since, until)) < since:
        since = earlier
    return since


def never_open(windows: Sequence[Window], zone: tzinfo) -> bool:
    """Do they leave no time at all?"""
    found = hours(windows, zone, datetime(2026, 1, 1, tzinfo=UTC))
    return found.closed and found.turns is None


def reach(windows: Sequence[Window], zone: tzinfo, at: datetime, span: timedelta) -> Hours:
    """Would a call that begins at *at* and lasts *span* meet a window, and when does that change?

    `turns` of one that would: the end of that window.
    """
    found = hours(windows, zone, at) if windows else Hours(False, None)
    if found.closed or found.turns is None:
        return found
    if at + span > found.turns:
        return hours(windows, zone, found.turns)
    return Hours(False, found.turns - span)


class Diary:
    """The windows of one connection, whose calls last *span*; reckoned when they change."""

    def __init__(
        self, windows: Sequence[Window] = (), zone: tzinfo = UTC, span: timedelta = timedelta(0)
    ) -> None:
        self.zone = zone
        self._windows, self._span = tuple(windows), span
        self._known: tuple[datetime, Hours] | None = None

    def at(self, now: datetime) -> Hours:
        """Would a call that begins *now* meet a window, and when does that change?"""
        if self._known is not None:
            since, found = self._known
            if since <= now and (found.turns is None or now < found.turns):
                return found
        found = reach(self._windows, self.zone, now, self._span)
        self._known = (now, found)
        return found


def _minute(text: str) -> int:
    hour, minute = (int(part) for part in text.split(":"))
    if minute > 59 or hour * 60 + minute > DAY:
        raise Misspelled("names a time that no clock shows", _CURE)
    return hour * 60 + minute


def _days(words: str) -> frozenset[int]:
    if words == "daily":
        return frozenset(range(7))
    found: set[int] = set()
    for word in words.split(","):
        first, _, last = word.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise Misspelled("names a day that is none", f"write {' '.join(DAYS)}, or daily")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        found |= {day % 7 for day in range(begin, end + 1 if end >= begin else end + 8)}
    return frozenset(found)


def _closed(windows: Sequence[Window], zone: tzinfo, at: datetime) -> bool:
    local = at.astimezone(zone)
    minute, today = local.hour * 60 + local.minute, local.weekday()
    return any(
        (today in w.days and w.begin <= minute < w.end)
        or ((today - 1) % 7 in w.days and minute + DAY < w.end)
        for w in windows
    )


def _edges(windows: Sequence[Window], zone: tzinfo, at: datetime) -> list[datetime]:
    """Every moment after *at* at which a window may begin or end, or the clocks are changed."""
    days = [at + timedelta(days=n) for n in range(-2, AHEAD + 1)]
    shifts = {day.astimezone(zone).utcoffset() or timedelta(0) for day in days}
    first = datetime.combine(days[0].astimezone(zone).date(), time(), UTC)
    found = {
        first + timedelta(days=n, minutes=minute) - shift
        for n in range(AHEAD + 2)
        for one in windows
        for minute in (one.begin, one.end)
        for shift in shifts
    }
    found |= {_change(a, b, zone) for a, b in pairwise(days)}
    return sorted(edge for edge in found if edge > at)


def _change(a: datetime, b: datetime, zone: tzinfo) -> datetime:
    """The minute between *a* and *b* in which the clocks are changed; *b* if they are not."""
    before = a.astimezone(zone).utcoffset()
    if before == b.astimezone(zone).utcoffset():
        return b
    a = a.replace(second=0, microsecond=0)
    while b - a > timedelta(minutes=1):
        middle = a + (b - a) // 2
        middle = middle.replace(second=0, microsecond=0)
        if middle == a:
            break
        a, b = (middle, b) if middle.astimezone(zone).utcoffset() == before else (a, middle)
    return b.replace(second=0, microsecond=0)
