"""Read documents as a profile's `list` and `get` describe them, whatever the protocol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

import msgspec

from adapters.dialect import Connection, Slice, told
from adapters.listing import MOST_ROWS, batch, row_of, total_of
from adapters.onward import Bounds, onward, windows
from adapters.replies import Answer, blank
from adapters.walks import Ask, Batch, scan, watermark
from connector.errors import Truncated, Unavailable
from connector.ports import Care
from connector.profile import Action, Entity
from connector.values import Broken, Item, Page, Payload, Read, Tombstone

_HOUR = timedelta(hours=1)
_JSON = msgspec.json.Encoder(decimal_format="number")


def pages(
    at: Connection,
    entity: str,
    since: str | None,
    *,
    start: datetime | None,
    until: datetime | None,
    care: Care | None = None,
) -> Iterator[Page]:
    """Walk the entity's list as its profile says. Raises Unavailable, Unauthorized, Truncated."""
    of, action = at.entity(entity), at.action(entity, "list")

    def fetch(ask: Ask) -> Batch:
        return batch(at, of, action, ask, care)

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
    return _whole(at, of, walked, care)


def _whole(at: Connection, of: Entity, walked: Iterator[Page], care: Care | None) -> Iterator[Page]:
    """Each page of a walk with what stands below its rows."""
    below = _wanted(at, of)
    if below is None:
        return walked
    if below.into is None:
        return _with_all_below(at, of, below, walked, care)
    return (_with_filled(at, of, below, page, care) for page in walked)


def _with_filled(at: Connection, of: Entity, action: Action, page: Page, care: Care | None) -> Page:
    """A page whose rows have what stands below them in a member of their own."""
    rows: list[Read] = []
    for read in page.items:
        with _watched(care, read) as killer:
            rows.append(killer or _filled(at, of, action, read))
    return replace(page, items=tuple(rows))


@contextmanager
def _watched(care: Care | None, read: Read) -> Iterator[Broken | None]:
    """For a `with` in which a row and what stands below it are looked into (R15).

    Not if that kills whoever does: then it is a row that nobody can read, and nothing below it.
    """
    if care is None or not isinstance(read, Item):
        yield None
        return
    body = b"below " + read.raw
    if not care.may_be_read(1, body):
        yield Broken(at=f"below {read.key}", code="kills_reader", raw=body)
        return
    try:
        yield None
    finally:
        care.was_read()


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
    at: Connection, of: Entity, action: Action, walked: Iterator[Page], care: Care | None
) -> Iterator[Page]:
    """Each page with what stands below its rows: of the same reading, and of the same cursor."""
    for page in walked:
        rows: list[Read] = []
        more: list[Read] = []
        for read in page.items:
            with _watched(care, read) as killer:
                item = None if killer else _above(at, of, action, read)
                if item is None or not action.instead:
                    rows.append(killer or read)
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
    return (row_of(at, of, one, f"{of.name} below, row {place}").read for place, one in pieces)


def _slices_below(at: Connection, of: Entity, action: Action, item: Payload) -> Iterator[Slice]:
    """What stands below one row, page by page; below one that is gone by now stands nothing.

    Raises Truncated where a row may have moved from a page to one that was read already.
    """
    what, seen, length = f"{of.name} below", 0, None
    before: list[bytes] = []
    for page in range(of.walk.most):
        names = {"item": item, "page": page + of.walk.first, "size": of.walk.size}
        answer, verdict = at.ask(of.name, action, names, listing=True)
        if verdict.outcome != "done" and length is None:
            return
        pieces, total = _pieces_below(at, of, action, answer)
        raws = [one.raw for one in pieces]
        if page and total != length:
            raise Truncated(f"{what}: it changed while it was read")
        if page and (raws == before or (total is not None and not pieces)):
            raise Truncated(f"{what}: the same page twice, or none before the last")
        yield from pieces
        seen, length, before = seen + len(pieces), total, raws
        full = len(pieces) >= of.walk.size if total is None else seen < total
        if not full or action.items is None is not action.item:
            return
    raise Truncated(f"{what}: the list does not end")


def _pieces_below(
    at: Connection, of: Entity, action: Action, answer: Answer
) -> tuple[list[Slice], int | None]:
    """The rows of one page, and how many there are in all, where the list says it."""
    try:
        pieces = list(islice(at.dialect.slices(action, answer), MOST_ROWS))
    except ValueError as error:
        raise Unavailable(f"{of.name} below: the reply is not as the profile says") from error
    return pieces, total_of(of.walk, answer, {"conn": at.conn, **answer.names()})


def born(
    at: Connection,
    entity: str,
    since: str | None,
    *,
    start: datetime,
    until: datetime,
    care: Care | None = None,
) -> Iterator[Page]:
    """Walk the entity's list by birth. Raises Unavailable, Unauthorized, Truncated.

    A birth does not change, so that a walk that is gone on with needs no lag.
    """
    of, action = at.entity(entity), at.action(entity, "born")

    def fetch(ask: Ask) -> Batch:
        end = until if ask.until is None else min(ask.until, until)
        return batch(at, of, action, replace(ask, until=end), care)

    walked = watermark(of.walk, fetch, since, start=start, until=None, lag=timedelta(0))
    return _whole(at, of, walked, care)


def births(at: Connection, entity: str, *, start: datetime, until: datetime) -> int | None:
    """Count what was born from *start* to before *until*, if the list says how long it is."""
    of, action = at.entity(entity), at.action(entity, "born")
    before = of.walk.resolution if of.walk.bound == "exclusive" else timedelta(0)
    ask = Ask(size=1, since=start - before, until=until)
    return batch(at, of, action, ask).total


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
    reads = [row_of(at, of, piece, key).read for piece in said_of]
    for one in reads:
        if one.key == key:
            below = _wanted(at, of)
            return one if below is None or below.into is None else _filled(at, of, below, one)
    if reads:
        raise Unavailable(f"{of.name} get: the reply is about another document")
    return Tombstone(key=key)
