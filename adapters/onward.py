"""Lists that say themselves how they go on, and lists asked by time; no network (P1, P3).

The reply of one call gives the next its place: a bookmark, a cursor, a number, a link.  What such
a list says is not believed for ever: a page that comes twice, a place that was there before, or
more pages than the profile allows raise Truncated, and the cursor stays where it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial

from adapters.walks import Ask, Batch, Fetch, Hand, Row, Unreadable, careful, ripe
from connector.errors import Truncated
from connector.profile import Walk
from connector.values import Broken, Item, Page

_BEGIN = datetime.min.replace(tzinfo=UTC)
_HOUR = timedelta(hours=1)
_ENDLESS = 2**31 - 1  # steps of `resolution`, to the end of time
_OLDEST = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """What a walk may read, and in which zone the list's times step."""

    start: datetime | None
    until: datetime | None
    lag: timedelta
    zone: tzinfo = UTC


def onward(walk: Walk, fetch: Fetch, cursor: str | None, within: Bounds) -> Iterator[Page]:
    """Walk a list from place to place, as its replies say. Raises Truncated.

    Broken off it begins anew: its places are its own, and last as long as it likes.
    """
    low = _low(cursor, within.start)
    ask = Ask(size=walk.size, since=low and earlier(walk, low, within.zone))
    guard, sure = _Guard(walk), within.until
    by_number = walk.type == "index" and not walk.carry
    read = careful(fetch) if by_number else partial(_smaller, fetch, walk)
    for number in range(1, walk.most + 1):
        batch = read(ask)
        sure = min(batch.asked - within.lag, sure or batch.asked)  # P3, by the walk's begin
        hand = batch.hand or Hand()
        ends = _ends(walk, hand, batch, number)
        guard.check(batch, hand, number, ends=ends)
        yield Page(
            items=tuple(row.read for row in batch.rows if ripe(row, batch, walk, within.until)),
            cursor=_safe(max(sure, low or sure) if ends else low),
            complete=ends,
            began=batch.began,
        )
        if ends:
            return
        carried = {**ask.carried, **hand.carried}
        ask = replace(ask, page=ask.page + 1, bookmark=hand.bookmark, carried=carried)
    raise Truncated(f"the list has more than {walk.most} pages; raise `most` of its walk if so")


def windows(walk: Walk, fetch: Fetch, cursor: str | None, within: Bounds) -> Iterator[Page]:
    """Walk a list that has no pages by spans of time, halved until a reply holds one whole.

    A reply of `size` rows or more may have been cut. Raises Truncated.
    """
    begin = low = floor(walk, _low(cursor, within.start) or _OLDEST, within.zone)
    cap, span = within.until, walk.window
    for _ in range(walk.most):
        high: datetime | None = low + span if span else None
        batch, high = _whole(walk, fetch, low, high, within.zone)
        sure = batch.asked - within.lag
        if high is None or high > sure:
            cap = min(cap or sure, sure)
        yield Page(
            items=tuple(row.read for row in batch.rows if ripe(row, batch, walk, within.until)),
            cursor=_safe(max(min(cap or sure, high or sure), begin)),
            complete=high is None,
            began=batch.began,
        )
        if high is None:
            return
        span = min(2 * (high - low), walk.window or timedelta.max)  # back to the longest that fits
        low = high
        if low + span >= batch.asked:
            span = None
    raise Truncated(f"the list has more than {walk.most} windows; raise `most` of its walk if so")


def _whole(
    walk: Walk, fetch: Fetch, low: datetime, high: datetime | None, zone: tzinfo
) -> tuple[Batch, datetime | None]:
    """Ask for the longest span from *low* on that one reply surely holds, and that can be read."""
    while True:
        much = max(1, (high - low) // walk.resolution) if high else _ENDLESS
        ask = Ask(size=walk.size, much=much, since=earlier(walk, low, zone), until=high)
        batch, error = _split(fetch, ask)
        if error is None and len(batch.rows) < walk.size:
            return batch, high
        end = high or max(batch.asked, low) + walk.resolution
        middle = floor(walk, low + (end - low) / 2, zone)
        if middle <= low and error is not None:
            raise Truncated(f"what changed at {low} cannot be read: {error.code}") from error
        if middle <= low:
            raise Truncated("one step of `resolution` holds more rows than a reply takes (`size`)")
        high = middle


def _split(fetch: Fetch, ask: Ask) -> tuple[Batch, Unreadable | None]:
    """A page, or why it cannot be split; Truncated where not even a clock came with it."""
    try:
        return fetch(ask), None
    except Unreadable as error:
        if error.batch is None:
            raise Truncated(f"a page cannot be read: {error.code}") from error
        return error.batch, error


def floor(walk: Walk, at: datetime, zone: tzinfo) -> datetime:
    """The last full step of the list's times, by the clock on its wall."""
    if walk.resolution < _HOUR:  # no zone differs from UTC by less than minutes
        return at - (at - _BEGIN) % walk.resolution
    wall = at.astimezone(zone).replace(tzinfo=UTC)
    return (wall - (wall - _BEGIN) % walk.resolution).replace(tzinfo=zone).astimezone(UTC)


def earlier(walk: Walk, low: datetime, zone: tzinfo) -> datetime:
    """What to ask for so that rows at *low* are read: a list may give only what lies behind it."""
    low = floor(walk, low, zone)
    if walk.bound == "inclusive":
        return low
    if walk.resolution < _HOUR:
        return low - walk.resolution
    return (low.astimezone(zone) - walk.resolution).astimezone(UTC)


def _low(cursor: str | None, start: datetime | None) -> datetime | None:
    """Where to begin: the safe position, in which the lag is subtracted already (P1)."""
    stored = json.loads(cursor).get("safe") if cursor else None
    return datetime.fromisoformat(stored).astimezone(UTC) if stored else start


def _safe(at: datetime | None) -> str:
    return json.dumps({"safe": at.isoformat() if at else None})


def _smaller(fetch: Fetch, walk: Walk, ask: Ask) -> Batch:
    """Read a page that cannot be split in a smaller page from the same place (R15).

    Where the one row stands that is broken, only its reply says where the list goes on.
    """
    while True:
        try:
            return fetch(ask)
        except Unreadable as error:
            if ask.size == 1 or walk.type == "index":
                raise Truncated(f"a page cannot be read, nor what follows: {error.code}") from error
            ask = replace(ask, size=ask.size // 2)


def _ends(walk: Walk, hand: Hand, batch: Batch, number: int) -> bool:
    """Whether the list ends here; one that does not say so has not ended."""
    match walk.type:
        case "bookmark":
            return not batch.rows
        case "more":
            if hand.more is None:
                raise Truncated("the reply does not say whether there is more (`more`)")
            return not hand.more
        case "index":
            if hand.pages is None and batch.rows:
                raise Truncated("the reply does not say how many pages there are (`pages`)")
            return number >= (hand.pages or 0)
        case _:
            return hand.bookmark in (None, "")


class _Guard:
    """Refuses a list that does not get on."""

    def __init__(self, walk: Walk) -> None:
        self._by_number = walk.type == "index"
        self._places: set[str] = set()
        self._last = b""
        self._promised = 1  # pages; some count one in an empty list

    def check(self, batch: Batch, hand: Hand, number: int, *, ends: bool) -> None:
        """Raise Truncated if this page, or the next's place, was there before, or rows are not."""
        self._promised = max(self._promised, hand.pages or 0)
        if self._by_number and not batch.rows and 1 < self._promised >= number:
            raise Truncated("a page that the list has by its own count is empty")
        page = _digest(batch.rows)
        if batch.rows and page == self._last:
            raise Truncated("the list gave the same page twice")
        self._last = page
        if ends or self._by_number:
            return
        place = json.dumps([hand.bookmark, hand.carried], default=str, sort_keys=True)
        if hand.bookmark in (None, "") and not hand.carried:
            raise Truncated("the list has more and does not say where")
        if place in self._places:
            raise Truncated("the list goes round: it gave a place twice")
        self._places.add(place)


def _digest(rows: tuple[Row, ...]) -> bytes:
    made = hashlib.blake2b(digest_size=16)
    for row in rows:
        made.update(row.read.raw if isinstance(row.read, Item | Broken) else row.read.key.encode())
        made.update(b"\0")
    return made.digest()
