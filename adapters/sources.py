"""Read documents as a profile's `list` and `get` describe them, whatever the protocol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from adapters.dialect import Connection, Slice, text
from adapters.http import Reply
from adapters.replies import blank, key_of, said
from adapters.walks import Ask, Batch, Row, Unreadable, scan, watermark
from connector.errors import Unavailable
from connector.profile import Action, Entity
from connector.values import Broken, Item, Page, Read, Tombstone


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

    if of.walk.type == "watermark":
        return watermark(of.walk, fetch, since, start=start, until=until, lag=at.lag)
    return scan(of.walk, fetch, since)


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
        except ValueError as error:
            raise Unavailable(f"{entity} get: the reply is not as the profile says") from error


def _only(at: Connection, of: Entity, pieces: list[Slice], key: str) -> Read:
    """The document of *key*; a reply that says nothing of any says that it is gone."""
    said_of = [piece for piece in pieces if not blank(piece.payload)]
    reads = [_row(at, of, piece, key).read for piece in said_of]
    for one in reads:
        if one.key == key:
            return one
    if reads:
        raise Unavailable(f"{of.name} get: the reply is about another document")
    return Tombstone(key=key)


def _batch(at: Connection, of: Entity, action: Action, ask: Ask) -> Batch:
    names = {
        "since": ask.since and at.dialect.time(ask.since),
        "until": ask.until and at.dialect.time(ask.until),
        "page": ask.page,
        "size": ask.size,
        "order": "asc",
    }
    answer, verdict = at.ask(of.name, action, names, listing=True)
    if verdict.outcome != "done":
        return _clocked(answer.http, (), None)
    try:
        rows = tuple(
            _row(at, of, piece, f"page {ask.page}, row {place}")
            for place, piece in enumerate(at.dialect.slices(action, answer), 1)
        )
    except ValueError as error:
        raise Unreadable(
            "unsplittable", answer.http.body, _clocked(answer.http, (), None)
        ) from error
    total = answer.http.headers.get("x-wp-total", "")
    return _clocked(answer.http, rows, int(total) if total.isascii() and total.isdigit() else None)


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


def _row(at: Connection, of: Entity, piece: Slice, place: str) -> Row:
    if isinstance(piece.payload, Broken):
        return Row(read=Broken(at=place, code=piece.payload.code, raw=piece.raw))
    version = text(of.version, piece.payload)
    changed = at.moment(version) if version is not None else None
    key = key_of(said(of.key, piece.payload))
    if key is None:
        return Row(read=Broken(at=place, code="no_key", raw=piece.raw), at=changed)
    if of.gone is not None and said(of.gone, piece.payload):
        return Row(read=Tombstone(key=key), at=changed)
    return Row(read=Item(key=key, version=version, raw=piece.raw), at=changed)
