"""Backfill: documents from before a flow's start, page by page, by the date of their creation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from connector.documents import Document
from connector.flow.flows import Flow
from connector.flow.pull import read_page, stop_if_reborn
from connector.ledger import backfills, cursors, staging
from connector.ledger.backfills import Backfill
from connector.ledger.store import Ledger
from connector.points import reach
from connector.ports import Archive, Clock, Source


class Shelf(Source, Archive, Protocol):
    """A source that also gives what is old."""


def looking_back(flow: Flow, statuses: Sequence[str]) -> Flow:
    """*flow* with a backfill's filter: any birth, and *statuses* in place of `only`, if given."""
    wanted = frozenset(statuses)

    def of_status(doc: Document) -> bool:
        return getattr(doc, "status", None) in wanted

    only = of_status if wanted else flow.only
    return replace(flow, start=None, only=only, lane="backfill")


def stage_pages(
    source: Shelf, flow: Flow, at: Backfill, ledger: Ledger, clock: Clock
) -> Iterator[int]:
    """Stage what was born in that time, a page for each step, and go on where it stood.

    Raises Unavailable, Unauthorized, Truncated, Braked.
    """
    back = looking_back(flow, at.statuses)
    for page in source.born(flow.entity, at.position, start=at.since, until=at.until):
        reach("page.fetched")
        found, broken = read_page(source, page, back, ledger)
        reach("page.mapped")
        with ledger.begin() as db:
            staged = staging.stage(db, found, clock.now())
            for piece in broken:
                cursors.set_aside(db, flow.name, flow.entity, piece, clock.now())
            if not staged.reborn:
                backfills.moved(db, at.id, page.cursor, len(page.items), complete=page.complete)
            reach("page.before_commit")
        reach("page.committed")
        stop_if_reborn(staged, flow)
        yield len(page.items)
