"""Drafts: what is staged, as the reading of a page makes it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class Draft(Struct, frozen=True, kw_only=True, gc=False):
    """What a page says of one document, judged by rules, ready to be staged.

    *doc* None: unreadable, the last good document stays. *verdict*: due, filtered, or the reason
    for which it is held; *due_at*: when it may first be delivered. *goods*: what an order takes of
    the stock (see connector.ledger.goods), None: it does not say. *old*: born before the flow's
    start, so that only a backfill delivers it for the first time (P8). *only_new*, *only_known*:
    what is known already, or is not known yet, stays as it is. *beside*: the flow of the order that
    it is told with (R11); *kept_back*: that order is delivered only if it was before (R10).
    """

    flow: str
    entity: str
    key: str
    source: str
    target: str
    serial_key: str
    read_at: datetime
    due_at: datetime
    verdict: str = "due"
    needs: str = ""
    birth: str | None = None
    born_at: datetime | None = None
    reference: str | None = None
    version: str | None = None
    doc: bytes | None = None
    doc_hash: str | None = None
    raw_hash: str | None = None
    read_digest: str = ""
    total: str | None = None
    currency: str | None = None
    subject: str | None = None
    lane: str = "live"
    only_new: bool = False
    only_known: bool = False
    beside: str | None = None
    kept_back: bool = False
    goods: str | None = None
    old: bool = False
