"""One page of a list: what is asked for, what its reply gives, or why that is nothing (R15)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice

from requests.utils import parse_header_links

from adapters.dialect import Connection, Slice, text
from adapters.http import Reply
from adapters.replies import Answer, key_of, said
from adapters.walks import Ask, Batch, Hand, Row, Unreadable
from connector.errors import ConnectorError, Truncated, Unavailable
from connector.points import reach
from connector.ports import Care
from connector.profile import Action, Entity, Walk
from connector.values import Broken, Item, Tombstone

MOST_ROWS = 250_000  # in one reply: a whole stock list fits, a flood does not
_HOUR = timedelta(hours=1)
# What splitting a reply may end with: a mistake of the reply's, one of ours, no memory for it. A
# smaller page may do without any of them.
BREAKS = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError,
          MemoryError, RecursionError)  # fmt: skip


def batch(at: Connection, of: Entity, action: Action, ask: Ask, care: Care | None = None) -> Batch:
    """One page. Raises Unreadable where a smaller one may do, Unavailable, Unauthorized, Truncated.

    *care* is asked as soon as the reply is here, before anything looks into it.
    """
    came: list[Reply] = []

    def arrived(reply: Reply) -> None:
        came.append(reply)
        if care is not None and not care.may_be_read(ask.much or ask.size, core(reply.body)):
            here = unreadable("kills_reader", came)
            raise Unreadable(here.code, core(here.raw), here.batch)
        reach("split.kills_process")

    try:
        page = _asked_for(at, of, action, ask, arrived)
    except (ConnectorError, *BREAKS) as error:
        _survived(care)
        code = _broken_by(error, came)
        if code is None:
            raise
        raise unreadable(code, came) from error
    _survived(care)
    return page


def core(body: bytes) -> bytes:
    """What of a reply are surely rows, found without looking into it: not how many there are in

    all, how long it took or which message it answers, which differ from call to call.
    """
    text = body.strip()
    if text[:1] == b"{" and (begin := text.find(b"[")) > 0:
        return text[begin : text.rfind(b"]") + 1] or text
    if text[:1] == b"<" and (end := text.rfind(b"Body>")) > 0:
        return text[text.find(b"Body") : end]
    return text


def _survived(care: Care | None) -> None:
    if care is not None:
        care.was_read()


def unreadable(code: str, came: Sequence[Reply]) -> Unreadable:
    """What says so of the reply that came last, if any did."""
    if not came:
        return Unreadable(code, b"", None)
    return Unreadable(code, came[-1].body, clocked(came[-1], (), None))


def _broken_by(error: Exception, came: Sequence[Reply]) -> str | None:
    """What a smaller page may do without; None: it is not the page's size."""
    if isinstance(error, Unavailable):
        text = came[-1].body.strip() if came else b""
        whole = error.why == "unreadable_reply" and text[:1] == b"{" and text[-1:] == b"}"
        return "unsplittable" if whole else "too_large" if error.why == "too_large" else None
    if isinstance(error, ConnectorError) or not came:
        return None
    return "unsplittable" if isinstance(error, ValueError) else "breaks_reader"


def _asked_for(
    at: Connection, of: Entity, action: Action, ask: Ask, arrived: Callable[[Reply], None]
) -> Batch:
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
    call = _call(walk, action, ask)
    answer, verdict = at.ask(of.name, call, names, listing=True, arrived=arrived)
    if verdict.outcome != "done":
        return replace(clocked(answer.http, (), None), hand=Hand(more=False, pages=0))
    slices = at.dialect.slices(action, answer, _asked(of, action))
    pieces = list(islice(slices, MOST_ROWS + 1))
    if len(pieces) > MOST_ROWS:
        raise Truncated(
            f"{of.name}: a list of more than {MOST_ROWS} rows is not what was asked for"
        )
    rows = tuple(
        row_of(at, of, piece, f"page {ask.page}, row {place}", action)
        for place, piece in enumerate(pieces, 1)
    )
    known = {"conn": at.conn, **names, **answer.names()}
    known["item"] = pieces[-1].payload if pieces else None
    page = clocked(answer.http, rows, total_of(walk, answer, known))
    return replace(page, hand=_hand(walk, answer, known, _pages(walk, known, page, ask)))


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


def total_of(walk: Walk, answer: Answer, names: Mapping[str, object]) -> int | None:
    """How many rows a list has in all; None where it does not say it."""
    if walk.total is not None:
        return _count(said(walk.total, names))
    return _count(answer.http.headers.get("x-wp-total"))


def _count(value: object) -> int | None:
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    text = str(value) if isinstance(value, str | int) else ""
    return int(text) if text.isascii() and text.isdigit() else None


def clocked(http: Reply, rows: tuple[Row, ...], total: int | None) -> Batch:
    """The source's clock when it was asked: its Date, less the time that the call took."""
    answered = http.date or http.began + http.took
    return Batch(
        rows=rows,
        asked=answered - http.took,
        answered=answered,
        began=http.began,
        total=total,
    )


def row_of(
    at: Connection, of: Entity, piece: Slice, place: str, action: Action | None = None
) -> Row:
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
