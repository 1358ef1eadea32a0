"""How a list is read while it changes, so that no row is missed (protocol P1 to P4); no network.

Two positions: `walk` is where the running walk stands, `safe` what will never change behind us.
A bound is a *low*: rows at or after it are read.  A list that gives only rows *after* a time is
asked for one resolution less.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from msgspec import Struct

from connector.errors import Truncated
from connector.points import reach
from connector.profile import Walk
from connector.values import Broken, Item, Page, Read

_MOST_PAGES = 2**24  # that no honest list has


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """One page to ask for, in ascending order; the bounds are as the list takes them.

    *much*: how much that is, where it is not *size* that is made smaller.
    """

    size: int
    much: int | None = None
    page: int = 1
    since: datetime | None = None
    until: datetime | None = None
    bookmark: object = None
    carried: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hand:
    """What a reply hands to the next call: its place, and what the list says of its end."""

    bookmark: object = None
    carried: Mapping[str, object] = field(default_factory=dict)
    more: bool | None = None
    pages: int | None = None


class Row(Struct, frozen=True, kw_only=True):
    """A row read, and when it was last changed, as far as it tells."""

    read: Read
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What one call gave. *asked* and *answered*: the source's clock then; *total*: rows in all."""

    rows: tuple[Row, ...]
    asked: datetime
    answered: datetime
    began: datetime
    total: int | None = None
    hand: Hand | None = None

    def more(self, size: int) -> bool:
        """Whether the list goes on behind this, its first, page."""
        if self.total is None:
            return len(self.rows) >= size
        return bool(self.rows) and self.total > len(self.rows)


Fetch = Callable[[Ask], Batch]


class Unreadable(Exception):
    """A whole page cannot be split into rows; without *batch* not even a clock came with it."""

    def __init__(self, code: str, raw: bytes, batch: Batch | None) -> None:
        super().__init__(code)
        self.code, self.raw, self.batch = code, raw, batch


def careful(fetch: Fetch) -> Fetch:
    """Read a page that cannot be split in smaller pages, down to the one row that is broken.

    The parts are read from the last to the first, so that a row which leaves shifts none past us.
    Where none of them can be read it is not a row that is broken: Truncated.
    """

    def whole(ask: Ask) -> _Part:
        try:
            batch = fetch(ask)
        except Unreadable as error:
            if ask.size > 1:
                return halved(ask)
            broken = Broken(at=f"page {ask.page}", code=error.code, raw=error.raw or _of(ask))
            return _Part(rows=(Row(read=broken),), batch=error.batch, error=error)
        return _Part(rows=batch.rows, batch=batch)

    def halved(ask: Ask) -> _Part:
        parts = next(n for n in range(2, ask.size + 1) if ask.size % n == 0)
        first, size = (ask.page - 1) * parts + 1, ask.size // parts
        pages = range(first + parts - 1, first - 1, -1)
        found = [whole(replace(ask, page=page, size=size)) for page in pages]
        if any(len(part.rows) > size for part in found):
            raise Truncated("a page cannot be read, and the list gives no smaller one")
        return _joined(found)

    def some(ask: Ask) -> Batch:
        part = whole(ask)
        if part.batch is None or (part.error is not None and ask.size > 1):
            message = "no row of a page can be read, however small the page"
            raise Truncated(message) from part.error
        return replace(part.batch, rows=part.rows)

    return some


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """Rows of a page. *batch*: what else was said, if anything; *error*: of it nothing was read."""

    rows: tuple[Row, ...]
    batch: Batch | None
    error: Unreadable | None = None


def _joined(found: list[_Part]) -> _Part:
    """What the parts of a page say together; *found* is in the order in which they were read."""
    rows = tuple(row for part in reversed(found) for row in part.rows)
    error = next((part.error for part in found), None)
    if any(part.error is None for part in found):
        error = None
    clocked = [part.batch for part in found if part.batch is not None]
    if not clocked:
        return _Part(rows=rows, batch=None, error=error)
    total = next((one.total for one in reversed(clocked) if one.total is not None), None)
    hand = next((one.hand for one in reversed(clocked) if one.hand is not None), None)
    if hand is not None and hand.pages is not None:
        hand = replace(hand, pages=-(-hand.pages // len(found)))
    return _Part(rows=rows, batch=replace(clocked[0], total=total, hand=hand), error=error)


def _of(ask: Ask) -> bytes:
    """What was asked for, in the place of a reply that nobody could even receive."""
    told = {"since": ask.since, "until": ask.until, "page": ask.page, "size": ask.size}
    return json.dumps(told, default=str).encode()


def ripe(row: Row, batch: Batch, walk: Walk, until: datetime | None) -> bool:
    """What is younger than the walk's end waits for the next; what is dated ahead does not."""
    if until is None or row.at is None or row.at <= until:
        return True
    return row.at > batch.answered + walk.resolution


def watermark(
    walk: Walk,
    fetch: Fetch,
    cursor: str | None,
    *,
    start: datetime | None,
    until: datetime | None,
    lag: timedelta,
) -> Iterator[Page]:
    """Walk a list sorted by its times of change, always its first page. Raises Truncated."""
    return _Watermark(walk, careful(fetch), until, lag).pages(cursor, start)


def scan(walk: Walk, fetch: Fetch, cursor: str | None) -> Iterator[Page]:
    """Walk a list sorted by key, from its last page to its first: deletions shift none past us."""
    fetch = careful(fetch)
    page = json.loads(cursor).get("page") if cursor else None
    ask = Ask(size=walk.size)
    batch = None
    if page is None:
        batch = fetch(ask)
        page = _last(ask, batch, fetch)
    before: set[Read] = set()
    while page > 0:
        if batch is None or page > 1:
            batch = fetch(replace(ask, page=page))
        if before and not batch.rows:
            raise Truncated("a page before the last one is empty")
        page -= 1
        reads = tuple(dict.fromkeys(row.read for row in batch.rows))
        yield Page(
            items=tuple(read for read in reads if read not in before),
            cursor=json.dumps({"page": page or None}),
            complete=page == 0,
            began=batch.began,
        )
        before, batch = set(reads), None


class _Seen:
    """What this walk has given and may be given again; only an identical row is a duplicate."""

    def __init__(self) -> None:
        self._rows: dict[datetime | None, set[bytes]] = {}

    def new(self, row: Row, low: datetime | None) -> bool:
        """Was it not given? What changed before *low* the walk does not ask for again."""
        behind = low is not None and row.at is not None and row.at < low
        if behind and row.at not in self._rows:
            return True
        raw = row.read.raw if isinstance(row.read, Item | Broken) else row.read.key.encode()
        digest = hashlib.blake2b(raw, digest_size=16).digest()
        known = self._rows.setdefault(row.at, set())
        fresh = digest not in known
        known.add(digest)
        return fresh

    def forget_before(self, low: datetime) -> None:
        self._rows = {at: of for at, of in self._rows.items() if at is not None and at >= low}


class _Watermark:
    """One walk: *low* is its position, *sure* up to where nothing can have been missed."""

    def __init__(self, walk: Walk, fetch: Fetch, until: datetime | None, lag: timedelta) -> None:
        self._walk, self._fetch, self._until, self._lag = walk, fetch, until, lag
        self._cap = until or datetime.max.replace(tzinfo=UTC)
        self._seen = _Seen()
        self._safe: datetime | None = None

    def pages(self, cursor: str | None, start: datetime | None) -> Iterator[Page]:
        low = self._resume(cursor, start)
        while True:
            ask = Ask(size=self._walk.size, since=self._since(low))
            batch = self._fetch(ask)
            top = self._top(batch)
            more = batch.more(ask.size)
            if more and (top is None or (low is not None and top < low)):
                raise Truncated("the list does not go on: it ignores its bounds or its order")
            at = low if top is None else self._beyond_young(top, batch)
            stuck = more and at == low
            ends = not more or (stuck and not self._closed(at, batch))
            self._cover(batch, at)
            yield self._page(batch, at, complete=ends, proven=not more and _proven(batch))
            if ends or at is None:
                return
            if stuck:
                yield from self._second(at)
                at += self._walk.resolution
            low = at
            self._seen.forget_before(low)

    def _resume(self, cursor: str | None, start: datetime | None) -> datetime | None:
        """The one place where the lag is subtracted (P1)."""
        stored = json.loads(cursor) if cursor else {}
        positions = [_time(stored[name]) for name in ("walk", "safe") if stored.get(name)]
        self._safe = _time(stored["safe"]) if stored.get("safe") else None
        low = min(positions) - self._lag if positions else start
        return low if low is None else self._floor(low)

    def _second(self, second: datetime) -> Iterator[Page]:
        """Read a second with more rows than a page, from its last page to its first (P2)."""
        step = self._walk.resolution
        exclusive = self._walk.bound == "exclusive"
        until = second + step if exclusive else second + step - timedelta(microseconds=1)
        ask = Ask(size=self._walk.size, since=self._since(second), until=until)
        for page in range(_last(ask, self._fetch(ask), self._fetch), 0, -1):
            batch = self._fetch(replace(ask, page=page))
            reach("second.mid_backward")
            self._cover(batch, second)
            yield self._page(batch, second, complete=False, proven=False)

    def _top(self, batch: Batch) -> datetime | None:
        """The last time of change that is surely a place in the list's order.

        A row changed while the page was made shows a time from after its place was found.
        """
        times = [row.at for row in batch.rows if row.at is not None]
        open_from = self._floor(batch.asked)
        settled = [at for at in times if at < open_from]
        if any(after < before for before, after in pairwise(settled)):
            raise Truncated("the list is not in the order of its times of change")
        found = max(settled) if settled else min(times, default=None)
        return None if found is None else self._floor(found)

    def _beyond_young(self, at: datetime, batch: Batch) -> datetime:
        """Behind the walk's end only what is dated ahead of the clock is left to see."""
        return max(at, self._floor(batch.asked)) if self._young(at) else at

    def _cover(self, batch: Batch, at: datetime | None) -> None:
        """Beyond source-now minus the lag a row may still appear behind this page (P3)."""
        sure = batch.asked - self._lag
        if at is not None and at > sure:
            self._cap = min(self._cap, sure)

    def _page(self, batch: Batch, at: datetime | None, *, complete: bool, proven: bool) -> Page:
        sure = batch.asked - self._lag if proven else at
        if sure is not None:
            safe = min(sure, self._cap)
            self._safe = safe if self._safe is None else max(self._safe, safe)
        place = None if complete or at is None else at.isoformat()
        safe_text = None if self._safe is None else self._safe.isoformat()
        return Page(
            items=tuple(
                row.read
                for row in batch.rows
                if ripe(row, batch, self._walk, self._until) and self._seen.new(row, at)
            ),
            cursor=json.dumps({"walk": place, "safe": safe_text}),
            complete=complete,
            began=batch.began,
        )

    def _young(self, at: datetime | None) -> bool:
        return self._until is not None and at is not None and at > self._until

    def _closed(self, second: datetime | None, batch: Batch) -> bool:
        """A second is closed once no row can enter it; none enters one that is dated ahead."""
        if second is None or (self._young(second) and second <= batch.answered):
            return False
        over = second + self._walk.resolution
        return over + self._lag <= batch.asked or second > batch.answered

    def _since(self, low: datetime | None) -> datetime | None:
        if low is None or self._walk.bound == "inclusive":
            return low
        return low - self._walk.resolution

    def _floor(self, at: datetime) -> datetime:
        step = self._walk.resolution
        return at - (at - datetime.min.replace(tzinfo=UTC)) % step


def _last(ask: Ask, first: Batch, fetch: Fetch) -> int:
    """The number of a list's last page, or of one behind it."""
    if first.total is not None:
        return max(1, math.ceil(first.total / max(1, min(ask.size, len(first.rows)))))
    page, batch = 1, first
    digests = {row.read for row in first.rows}
    while len(batch.rows) >= ask.size:
        page *= 2
        if page > _MOST_PAGES:
            raise Truncated("the list gives a page for every number")
        batch = fetch(replace(ask, page=page))
        if batch.rows and {row.read for row in batch.rows} == digests:
            raise Truncated("the list gives the same page for every number")
    return page


def _proven(batch: Batch) -> bool:
    """Whether the list said itself that this is all of it."""
    return (not batch.rows) if batch.total is None else batch.total <= len(batch.rows)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
