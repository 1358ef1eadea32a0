"""Pull: pages become staged records; the cursor moves in their transaction (P1 to P5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from sqlalchemy import Connection

from connector.documents import CHILDREN
from connector.errors import Braked, NotNow, Unavailable
from connector.flow.compose import GUEST
from connector.flow.decide import NOT_ACCEPTED
from connector.flow.draft import drafts, tombstone, unreadable
from connector.flow.flows import Flow
from connector.flow.paging import careful
from connector.flow.wary import KILLER, MayBeRead, harmless, wary
from connector.ledger import backfills, cursors, persons, records, staging
from connector.ledger.content import digest
from connector.ledger.staging import Draft, Staged
from connector.ledger.store import Ledger
from connector.points import reach
from connector.ports import Clock, Source
from connector.values import Broken, Item, Page, Payload, Read, Tombstone

BATCH = 100
OUTAGE = 3  # failures in a row


@dataclass(kw_only=True, slots=True)
class Pulled:
    """What a pull did, in documents."""

    pages: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0
    set_aside: int = 0

    def add(self, more: Pulled) -> None:
        """Count what another reading did too."""
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(more, name))


def pull(source: Source, flow: Flow, ledger: Ledger, clock: Clock) -> Pulled:
    """Read what changed since the cursor and stage it; raises Unavailable, Unauthorized, Truncated,

    and Braked when a known key turns out to be another document (R9).
    """
    done = Pulled()
    at = (flow.source, flow.entity, flow.name)
    cursor = ledger.read(cursors.get, *at)
    with careful(flow, ledger, clock) as care:
        walk = source.pages(flow.entity, cursor.position, start=flow.start, until=None, care=care)
        for page in walk:
            reach("page.fetched")
            found, broken = read_page(source, page, flow, ledger)
            reach("page.mapped")
            with ledger.begin() as db:  # SQL only from here
                staged = staging.stage(db, found, clock.now())
                for piece in broken:
                    cursors.set_aside(db, flow.name, flow.entity, piece, clock.now())
                care.settle(db)
                if page.complete:
                    reach("walk.before_safe")
                if not staged.reborn and page.cursor != cursor.position:
                    cursor = cursors.move(db, at, cursor, page.cursor, clock.now())
                reach("page.before_commit")
            reach("page.committed")
            _count(done, page.items, found, staged, broken)
            stop_if_reborn(staged, flow)
    return done


def read_page(
    source: Source,
    page: Page,
    flow: Flow,
    ledger: Ledger,
    may_be_read: MayBeRead | None = None,
) -> tuple[list[Draft], list[Broken]]:
    """The drafts of a page's items that are new or changed, and its pieces without a key.

    *may_be_read*: of whoever read the items, too, and notes what he has in hand.
    """
    keys = [i.key for i in page.items if isinstance(i, Item)]
    known = ledger.read(staging.hashes, flow.name, flow.entity, keys)
    mapping = flow.reader.digest
    # R14: skipped only if both the bytes and the mapping that read them are the same.
    news = [
        i
        for i in page.items
        if not (isinstance(i, Item) and known.get(i.key) == (digest(i.raw), mapping))
    ]
    found: list[Draft] = []
    broken: list[Broken] = []
    unread = [i.key for i in news if isinstance(i, Item)]
    noted = nullcontext(may_be_read) if may_be_read else wary(flow, ledger, unread, page.began)
    with noted as may:
        for read in news:
            match read:
                case Item():
                    payload = decoded(source, read, flow, may)
                    found += drafts(read, payload, flow, page.began)
                case Tombstone():
                    found.append(tombstone(read, flow, page.began))
                case Broken(key=None):
                    broken.append(read)
                case Broken():
                    found.append(unreadable(read, flow, page.began))
    return newest(found), broken


def decoded(source: Source, item: Item, flow: Flow, may_be_read: MayBeRead) -> Payload | Broken:
    """What an item says, unless it kills whoever reads it."""
    if not may_be_read(item.key):
        return Broken(at="", code=KILLER, raw=item.raw)
    reach("parse.kills_process")
    return source.decode(flow.entity, item.raw)


def newest(found: Sequence[Draft]) -> list[Draft]:
    """One draft for each record: of several in a page, the newest version, or the last read."""
    best: dict[tuple[str, str, str], Draft] = {}
    for draft in found:
        key = (draft.flow, draft.entity, draft.key)
        held = best.get(key)
        if held is None or not staging.later(held.version or "", draft.version or ""):
            best[key] = draft
    return list(best.values())


def pull_demanded(
    source: Source, flow: Flow, ledger: Ledger, clock: Clock, *, keys: Sequence[str] = ()
) -> Pulled:
    """Read *keys*, or what blocked records wait for and was never staged (D1).

    Raises Unavailable, Unauthorized, Braked.
    """
    done = Pulled()
    if flow.entity in CHILDREN:
        return done
    wanted = list(keys) or _demanded(flow, ledger, clock)
    for start in range(0, len(wanted), BATCH):
        done.add(read_keys(source, flow, ledger, clock, wanted[start : start + BATCH]))
    return done


def _nothing(_db: Connection, _items: Sequence[Read]) -> None:
    """Nothing is committed with what was read."""


def read_keys(
    source: Source,
    flow: Flow,
    ledger: Ledger,
    clock: Clock,
    keys: Sequence[str],
    also: Callable[[Connection, Sequence[Read]], None] = _nothing,
) -> Pulled:
    """Read *keys* as they are now and stage them; *also* is committed in their transaction.

    Raises Unavailable, Unauthorized, Braked.
    """
    done, began = Pulled(), clock.now()
    with wary(flow, ledger, keys, began) as may_be_read:
        items = read_each(source, flow, keys, may_be_read)
        page = Page(items=items, cursor="", complete=True, began=began)
        found, broken = read_page(source, page, flow, ledger, may_be_read)
    with ledger.begin() as db:
        staged = staging.stage(db, found, clock.now())
        for piece in broken:
            cursors.set_aside(db, flow.name, flow.entity, piece, clock.now())
        also(db, items)
    _count(done, items, found, staged, broken)
    stop_if_reborn(staged, flow)
    return done


def read_each(
    source: Source, flow: Flow, keys: Sequence[str], may_be_read: MayBeRead = harmless
) -> tuple[Read, ...]:
    """Read *keys*; one that the source fails to give holds up no other, nor one that kills.

    Raises Unavailable when nothing can be read; three failures in a row are an outage.
    """
    got: list[Read] = []
    failed = 0
    for key in keys:
        try:
            got += _read(source, flow, key, may_be_read)
            failed = 0
        except Unavailable as error:
            failed += 1
            over = failed == OUTAGE or isinstance(error, NotNow)
            if not got and (over or failed == len(keys)):
                raise
            if over:
                break
    return tuple(got)


def _read(source: Source, flow: Flow, key: str, may_be_read: MayBeRead) -> Iterable[Read]:
    if not may_be_read(key):
        return (Broken(at="", code=KILLER, raw=b"", key=key),)
    return source.read(flow.entity, [key])


def _demanded(flow: Flow, ledger: Ledger, clock: Clock) -> list[str]:
    wanted = ledger.read(records.demands, flow.source, flow.target, flow.entity)
    guests = [key for key in wanted if key.startswith(GUEST)]
    waits: bool = ledger.read(backfills.is_needed, flow.name, guests, NOT_ACCEPTED)
    if waits:
        # Of a backfill that nobody accepted, and of an order that may go: the order decides.
        with ledger.begin() as db:
            backfills.release_needed(db, flow.name, guests, NOT_ACCEPTED, clock.now())
    known = ledger.read(staging.hashes, flow.name, flow.entity, wanted)
    new = [key for key in wanted if key not in known]
    again = ledger.read(persons.to_read_again, flow.name, flow.entity)
    return [key for key in new + again if not key.startswith(GUEST)]


def stop_if_reborn(staged: Staged, flow: Flow) -> None:
    """R9: raise Braked when keys that we know came back as other documents."""
    if staged.reborn:
        raise Braked(
            f"{flow.source}: {flow.entity} {', '.join(staged.reborn[:5])} is another document than "
            "the ledger knows under that key",
            code="conflict",
            cure="a restored or cloned shop? Restore the ledger of that day, or start a new one",
        )


def _count(
    done: Pulled,
    items: Sequence[Read],
    found: Sequence[Draft],
    staged: Staged,
    broken: Sequence[Broken],
) -> None:
    touched = {d.key for d in found if not d.only_new}.intersection(
        i.key for i in items if not isinstance(i, Broken)
    )
    done.pages += 1
    done.new += staged.new
    done.changed += staged.changed
    done.same += len(items) - len(broken) - len(touched)
    done.set_aside += len(broken)
