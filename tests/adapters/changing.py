"""A list that changes while it is read, and what a walk gives of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from adapters.walks import Ask, Batch, Row, watermark
from connector.profile import Walk
from connector.values import Item

T0 = datetime(2026, 11, 10, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LAG = timedelta(seconds=30)


class Shop:
    """A list sorted by (changed, key), as WooCommerce pages it; something happens per call."""

    def __init__(self, rows, *, now=T0 + timedelta(hours=1), totals=True, inclusive=False):
        self.rows = dict(rows)
        self.edits = dict.fromkeys(self.rows, 0)
        self.now, self.totals, self.inclusive = now, totals, inclusive
        self.asks, self.happens, self.tick = [], lambda shop: None, SECOND

    def touch(self, *keys, at=None):
        for key in keys:
            self.rows[key] = at or self.now.replace(microsecond=0)
            self.edits[key] = self.edits.get(key, 0) + 1

    def within(self, ask):
        for key, at in self.rows.items():
            after = ask.since is None or at > ask.since or (self.inclusive and at == ask.since)
            before = ask.until is None or at < ask.until or (self.inclusive and at == ask.until)
            if after and before:
                yield at, key

    def __call__(self, ask: Ask) -> Batch:
        self.asks.append(ask)
        self.now += self.tick
        rows = sorted(self.within(ask))
        page = rows[(ask.page - 1) * ask.size : ask.page * ask.size]
        batch = Batch(
            rows=tuple(self.row(at, key) for at, key in page),
            asked=self.now,
            answered=self.now,
            began=self.now,
            total=len(rows) if self.totals else None,
        )
        self.happens(self)
        return batch

    def row(self, at, key):
        raw = f"{key} {at} {self.edits.get(key)}".encode()
        return Row(read=Item(key=str(key), version=at.isoformat(), raw=raw), at=at)


def walked(shop, cursor=None, *, size=100, start=None, until=None, lag=LAG, inclusive=False):
    walk = Walk(type="watermark", size=size, bound="inclusive" if inclusive else "exclusive")
    return list(watermark(walk, shop, cursor, start=start, until=until, lag=lag))


def keys(pages):
    return [item.key for page in pages for item in page.items]


def safe(page):
    return datetime.fromisoformat(json.loads(page.cursor)["safe"])


def spread(count):
    return {n: T0 + n * SECOND for n in range(count)}
