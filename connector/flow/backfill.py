"""Backfill: documents from before a flow's start, page by page, by the date of their creation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from sqlalchemy import Connection

from connector.documents import Document
from connector.flow.flows import Flow
from connector.flow.paging import careful
from connector.flow.pull import read_page, stop_if_reborn
from connector.ledger import backfills, cursors, staging
from connector.ledger.parts import Part
from connector.ledger.store import Ledger
from connector.points import reach
from connector.ports import Archive, Clock, Source
from connector.values import Page


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
    source: Shelf, back: Flow, part: Part, ledger: Ledger, clock: Clock
) -> Iterator[int]:
    """Stage what was born in that part of the time, a page for each step, from where it stood.

    *back*: the flow as it looks back. Raises Unavailable (read_elsewhere, too), Unauthorized,
    Truncated, Braked.
    """
    with careful(back, ledger, clock) as care:
        at = part.position
        for page in source.born(back.entity, at, start=part.since, until=part.until, care=care):
            reach("page.fetched")
            found, broken = read_page(source, page, back, ledger)
            reach("page.mapped")
            with ledger.begin() as db:
                staged = staging.stage(db, found, clock.now())
                for piece in broken:
                    cursors.set_aside(db, back.name, back.entity, piece, clock.now())
                care.settle(db)
                if not staged.reborn:
                    part = _moved(db, part, page)
                reach("page.before_commit")
            reach("page.committed")
            stop_if_reborn(staged, back)
            yield len(page.items)


def _moved(db: Connection, part: Part, page: Page) -> Part:
    return backfills.moved(db, part, page.cursor, len(page.items), complete=page.complete)
