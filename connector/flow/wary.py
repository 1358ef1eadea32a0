"""Wary: a document that kills whoever reads it is found out and held; all others go on (R15).

A process that is young notes what it reads before it reads it. Where a dead one had noted
something, documents are read one by one; what killed its reader as often as `DEATHS`, alone, is not
read again until it changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from connector.errors import Unauthorized, Unavailable
from connector.flow.flows import Flow
from connector.ledger import readings
from connector.ledger.store import Ledger

DEATHS = 3
MayBeRead = Callable[[str], bool]  # asked of each document, by its key, before it is looked into
YOUNG = timedelta(minutes=10)  # who is older notes nothing: it saves a commit a page
KILLER = "kills_reader"


def harmless(_key: str) -> bool:
    """Nothing was ever seen to kill."""
    return True


@contextmanager
def wary(flow: Flow, ledger: Ledger, keys: Sequence[str], now: datetime) -> Iterator[MayBeRead]:
    """For a `with` in which *keys* are read: may this one be read? Asked before each.

    Who could not read it, and says so, did not die of it.
    """
    if not keys or ledger.woken_at is None or now - ledger.woken_at > YOUNG:
        yield harmless
        return
    scope = (flow.name, flow.entity)
    died = ledger.read(readings.left, scope, ledger.owner, now)
    alone = Counter(key for of in died if len(of) == 1 for key in of)

    def note(some: Sequence[str]) -> None:
        with ledger.begin() as db:
            readings.begin(db, scope, ledger.owner, some, now)

    def lives(read: Sequence[str]) -> None:
        with ledger.begin() as db:
            readings.end(db, scope, ledger.owner, read, now)

    def may_be_read(key: str) -> bool:
        if died and alone[key] < DEATHS:
            note([key])
        return alone[key] < DEATHS

    if not died:
        note(keys)
    try:
        yield may_be_read
    except (Unavailable, Unauthorized):
        lives([])
        raise
    lives(keys)
