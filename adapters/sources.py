"""Read documents as a profile's `list` and `get` describe them, whatever the protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice

import msgspec
from requests.utils import parse_header_links

from adapters.dialect import Connection, Slice, text, told
from adapters.http import Reply
from adapters.onward import Bounds, onward, windows
from adapters.replies import Answer, blank, key_of, said
from adapters.walks import Ask, Batch, Hand, Row, Unreadable, scan, watermark
from connector.errors import Truncated, Unavailable
from connector.profile import Action, Entity, Walk
from connector.values import Broken, Item, Page, Payload, Read, Tombstone

_HOUR = timedelta(hours=1)
_JSON = msgspec.json.Encoder(decimal_format="number")
MOST_ROWS = 250_000  # in one reply: a whole stock list fits, a flood does not


def pages(
    at: Connection,
    entity: str,
    since: str | None,
    *,
    start: datetime | None,
    until: datetime | None,
) -> Iterator[Page]:
    """Walk the entity's list as its profile says. Raises Unavailable, Unauthorized, Truncated."""
    of, action = at.entity(entity), at.action(entity, "list")

    def fetch(ask: Ask) -> Batch:
        return _batch(at, of, action, ask)

    bounds = Bounds(start=start, until=until, lag=at.lag, zone=at.times)
    match of.walk.type:
        case "watermark":
            walked = watermark(of.walk, fetch, since, start=start, until=until, lag=at.lag)
        case "page" | "offset":
            walked = scan(of.walk, fetch, since)
        case "window":
            walked = windows(of.walk, fetch, since, bounds)
        case _:
            walked = onward(of.walk, fetch, since, bounds)
    return _whole(at, of, walked)


def _whole(at: Connection, of: Entity, walked: Iterator[Page]) -> Iterator[Page]:
    """Each page of a walk with what stands below its rows."""
    below = _wanted(at, of)
    if below is None:
        return walked
    if below.into is None:
        return _with_all_below(at, of, below, walked)
    return (replace(p, items=tuple(_filled(at, of, below, one) for one in p.items)) for p in walked)


def _wanted(at: Connection, of: Entity) -> Action | None:
    """How what stands below a row is read, if this connection wants it: else rows stay unparsed."""
    below = of.actions.get("below")
    if below is None or below.wanted is None:
        return below
    return below if told(below.wanted, {"conn": at.conn}, f"{of.name} below") else None


def _filled(at: Connection, of: Entity, action: Action, read: Read) -> Read:
    """A row with what stands below it in a member of its own."""
    item = _above(at, of, action, read)
    if item is None or not isinstance(read, Item):
        return read
    below = [one.payload for one in _slices_below(at, of, action, item)]
    if any(isinstance(one, Broken) for one in below):
        raise Unavailable(f"{of.name} below: the reply is not as the profile says")
    return replace(read, raw=_JSON.encode({**item, str(action.into): below}))


def _with_all_below(
    at: Connection, of: Entity, action: Action, walked: Iterator[Page]
) -> Iterator[Page]:
    """Each page with what stands below its rows: of the same reading, and of the same cursor."""
    for page in walked:
        rows: list[Read] = []
        more: list[Read] = []
        for read in page.items:
            item = _above(at, of, action, read)
            if item is None or not action.instead:
                rows.append(read)
            if item is not None:
                more += _below(at, of, action, item)
        yield replace(page, items=(*rows, *more))


def _above(at: Connection, of: Entity, action: Action, read: Read) -> Payload | None:
    """A row below which something may stand; None: below this one stands nothing."""
    item = at.dialect.decode(of.name, read.raw) if isinstance(read, Item) else None
    if item is None or isinstance(item, Broken):
        return None
    when = action.steps[0].when
    held = when is None or told(when, {"conn": at.conn, "item": item}, f"{of.name} below")
    return item if held else None


def _below(at: Connection, of: Entity, action: Action, item: Payload) -> Iterator[Read]:
    """What stands below one row, as rows of their own."""
    pieces = enumerate(_slices_below(at, of, action, item), 1)
    return (_row(at, of, one, f"{of.name} below, row {place}").read for place, one in pieces)


def _slices_below(at: Connection, of: Entity, action: Action, item: Payload) -> Iterator[Slice]:
    """What stands below one row, page by page; below one that is gone by now stands nothing."""
    what = f"{of.name} below"
    for page in range(of.walk.most):
        names = {"item": item, "page": page + of.walk.first, "size": of.walk.size}
        answer, verdict = at.ask(of.name, action, names, listing=True)
        if verdict.outcome != "done":
            return
        try:
            pieces = list(islice(at.dialect.slices(action, answer), MOST_ROWS))
        except ValueError as error:
            raise Unavailable(f"{what}: the reply is not as the profile says") from error
        yield from pieces
        if len(pieces) < of.walk.size:
            return
    raise Truncated(f"{what}: the list does not end")


def born(
    at: Connection, entity: str, since: str | None, *, start: datetime, until: datetime
) -> Iterator[Page]:
    """Walk the entity's list by birth. Raises Unavailable, Unauthorized, Truncated.

    A birth does not change, so that a walk that is gone on with needs no lag.
    """
    of, action = at.entity(entity), at.action(entity, "born")

    def fetch(ask: Ask) -> Batch:
        end = until if ask.until is None else min(ask.until, until)
        return _batch(at, of, action, replace(ask, until=end))

    walked = watermark(of.walk, fetch, since, start=start, until=None, lag=timedelta(0))
    return _whole(at, of, walked)


def births(at: Connection, entity: str, *, start: datetime, until: datetime) -> int | None:
    """Count what was born from *start* to before *until*, if the list says how long it is."""
    of, action = at.entity(entity), at.action(entity, "born")
    before = of.walk.resolution if of.walk.bound == "exclusive" else timedelta(0)
    ask = Ask(size=1, since=start - before, until=until)
    return _batch(at, of, action, ask).total


def read(at: Connection, entity: str, keys: Sequence[str]) -> Iterator[Read]:
    """Read each key alone: only its own reply says that a document is gone."""
    of, action = at.entity(entity), at.action(entity, "get")
    for key in keys:
        answer, verdict = at.ask(entity, action, {"key": key, "keys": (key,)})
        if verdict.outcome != "done":
            yield Tombstone(key=key)
            continue
        try:
            yield _only(at, of, list(at.dialect.slices(action, answer)), key)
        except (ValueError, Truncated) as error:
            raise Unavailable(f"{entity} get: the reply is not as the profile says") from error


def _only(at: Connection, of: Entity, pieces: list[Slice], key: str) -> Read:
    """The document of *key*; a reply that says nothing of any says that it is gone."""
    said_of = [piece for piece in pieces if not blank(piece.payload)]
    reads = [_row(at, of, piece, key).read for piece in said_of]
    for one in reads:
        if one.key == key:
            below = _wanted(at, of)
            return one if below is None or below.into is None else _filled(at, of, below, one)
    if reads:
        raise Unavailable(f"{of.name} get: the reply is about another document")
    return Tombstone(key=key)


def _batch(at: Connection, of: Entity, action: Action, ask: Ask) -> Batch:
    walk = of.walk
    names = {
        "since": bound(at, walk, ask.since, -_HOUR),
        "until": bound(at, walk, ask.until, _HOUR),
        "page": ask.page - 1 + walk.first,
        "offset": (ask.page - 1) * ask.size,
        "size": ask.size,
        "order": "asc",
        "bookmark": ask.bookmark,
        "carried": {**dict.fromkeys(walk.carry), **ask.carried},
    }
    answer, verdict = at.ask(of.name, _call(walk, action, ask), names, listing=True)
    if verdict.outcome != "done":
        return replace(_clocked(answer.http, (), None), hand=Hand(more=False, pages=0))
    try:
        slices = at.dialect.slices(action, answer, _asked(of, action))
        pieces = list(islice(slices, MOST_ROWS + 1))
    except ValueError as error:
        raise Unreadable(
            "unsplittable", answer.http.body, _clocked(answer.http, (), None)
        ) from error
    if len(pieces) > MOST_ROWS:
        raise Truncated(
            f"{of.name}: a list of more than {MOST_ROWS} rows is not what was asked for"
        )
    rows = tuple(
        _row(at, of, piece, f"page {ask.page}, row {place}", action)
        for place, piece in enumerate(pieces, 1)
    )
    known = {"conn": at.conn, **names, **answer.names()}
    known["item"] = pieces[-1].payload if pieces else None
    batch = _clocked(answer.http, rows, _total(walk, answer, known))
    return replace(batch, hand=_hand(walk, answer, known, _pages(walk, known, batch, ask)))


class _Silent(Mapping[str, object]):
    """A row that says nothing, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> object:
        self.asked.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _asked(of: Entity, action: Action) -> frozenset[str]:
    """The members that the rules of a row ask for, as far as one that says nothing can tell."""
    row = _Silent()
    for rule in (of.key, of.version, of.gone):
        said(rule, row)
    said(action.at, {"item": row})
    return frozenset(row.asked)


def bound(at: Connection, walk: Walk, moment: datetime | None, away: timedelta) -> object:
    """Write a bound of time as the list takes it; one that the clock shows twice moves *away*."""
    if moment is None:
        return None
    if walk.form is None:
        return at.dialect.time(moment)
    there = moment.astimezone(at.times)
    if there.replace(fold=0).utcoffset() != there.replace(fold=1).utcoffset():
        there = (moment + away).astimezone(at.times)
    return there.strftime(walk.form)


def _call(walk: Walk, action: Action, ask: Ask) -> Action:
    """The call of this page: the first's, or what later pages are read with."""
    step = action.steps[0]
    if ask.page > 1 and walk.type not in ("watermark", "page", "offset"):
        step = action.next or step
    if walk.type == "link" and ask.bookmark is not None:
        step = replace(step, path=lambda _: ask.bookmark, query=None)
    return replace(action, steps=(step,))


def _pages(walk: Walk, names: Mapping[str, object], batch: Batch, ask: Ask) -> int | None:
    """How many pages a list has, as it says or by its rows."""
    if walk.pages is None and walk.total is not None and batch.total is not None:
        return -(-batch.total // ask.size)
    return _count(said(walk.pages, names))


def _hand(walk: Walk, answer: Answer, names: Mapping[str, object], pages: int | None) -> Hand:
    """What the reply hands to the next call."""
    place = _next_link(answer.http) if walk.type == "link" else said(walk.place, names)
    more = said(walk.more, names)
    return Hand(
        bookmark=place,
        carried={name: said(one, names) for name, one in walk.carry.items()},
        more=None if more is None else more not in (False, "false", "0", 0, ""),
        pages=pages,
    )


def _next_link(http: Reply) -> str | None:
    links = parse_header_links(http.headers.get("link", ""))
    return next((one["url"] for one in links if "next" in one.get("rel", "").split()), None)


def _total(walk: Walk, answer: Answer, names: Mapping[str, object]) -> int | None:
    if walk.total is not None:
        return _count(said(walk.total, names))
    return _count(answer.http.headers.get("x-wp-total"))


def _count(value: object) -> int | None:
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    text = str(value) if isinstance(value, str | int) else ""
    return int(text) if text.isascii() and text.isdigit() else None


def _clocked(http: Reply, rows: tuple[Row, ...], total: int | None) -> Batch:
    """The source's clock when it was asked: its Date, less the time that the call took."""
    answered = http.date or http.began + http.took
    return Batch(
        rows=rows,
        asked=answered - http.took,
        answered=answered,
        began=http.began,
        total=total,
    )


def _row(at: Connection, of: Entity, piece: Slice, place: str, action: Action | None = None) -> Row:
    """One row; it stands in its list by its birth, where the action says when that was."""
    if isinstance(piece.payload, Broken):
        return Row(read=Broken(at=place, code=piece.payload.code, raw=piece.raw))
    version = text(of.version, piece.payload)
    when: object = version
    if action is not None and action.at is not None and not isinstance(piece.payload, Broken):
        when = said(action.at, {"item": piece.payload})
    changed = at.moment(when) if when is not None else None
    key = key_of(said(of.key, piece.payload))
    if key is None:
        return Row(read=Broken(at=place, code="no_key", raw=piece.raw), at=changed)
    if of.gone is not None and said(of.gone, piece.payload):
        return Row(read=Tombstone(key=key), at=changed)
    return Row(read=Item(key=key, version=version, raw=piece.raw), at=changed)
