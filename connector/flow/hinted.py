"""Hinted: documents that their system spoke of are read soon, and then forgotten as hints (P7)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from connector.errors import Unauthorized, Unavailable
from connector.flow.flows import Flow
from connector.flow.pull import Pulled, read_keys
from connector.ledger import hints
from connector.ledger.hints import Noted
from connector.ledger.staging import later
from connector.ledger.store import Ledger
from connector.points import reach
from connector.ports import Clock, Source
from connector.values import Item, Read

BATCH = 50


def pull_hinted(source: Source, flow: Flow, ledger: Ledger, clock: Clock) -> Pulled:
    """Read every document of *flow* that was hinted at; raises Unavailable, Unauthorized, Braked.

    A hint is closed in the transaction that stages its document, if that is at least as new as was
    said, and no further word came since it was noted.
    """
    done = Pulled()
    while noted := ledger.read(hints.due, flow.name, clock.now(), BATCH):

        def closing(db: Connection, items: Sequence[Read], noted: list[Noted] = noted) -> None:
            reach("hint.read_before_close")
            read = [one for one in noted if is_answered(one, items)]
            hints.close(db, read)
            hints.postpone(db, [one for one in noted if one not in read], clock.now())

        try:
            keys = [one.key for one in noted]
            done.add(read_keys(source, flow, ledger, clock, keys, closing))
        except (Unavailable, Unauthorized):
            with ledger.begin() as db:
                hints.postpone(db, noted, clock.now())
            raise
    return done


def is_answered(noted: Noted, items: Sequence[Read]) -> bool:
    """Was the document read, and at least as new as was said? What is gone needs no version."""
    for item in items:
        if item.key == noted.key:
            told = item.version if isinstance(item, Item) else None
            return told is None or noted.version is None or not later(noted.version, told)
    return False
