"""Judge a complete reading of the stock before it is used: is it probable? Pure (P6).

A level counts as changed or zeroed for a day.  What a person approved counts no more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from connector.flow.levels import StockRules

DAY = timedelta(days=1)
FEW = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Before:
    """An article by the readings so far: what was offered, when that changed, when it became 0."""

    offered: int
    changed_at: datetime | None = None
    zeroed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """What a reading would do; *why*: for what it needs a person (empty: nothing)."""

    items: int
    zeroed: frozenset[str]
    changed: frozenset[str]
    absent: frozenset[str]
    why: str = ""

    @property
    def affected(self) -> frozenset[str]:
        """Every article that it touches."""
        return self.zeroed | self.changed | self.absent


def judge(
    before: Mapping[str, Before],
    now: Mapping[str, int],
    rules: StockRules,
    at: datetime,
    approved: Collection[str] = (),
) -> Judged:
    """Compare a reading with those before it. *now*: what each article of it would offer."""
    both = before.keys() & now.keys()
    changed = frozenset(key for key in both if now[key] != before[key].offered)
    zeroed = frozenset(key for key in changed if now[key] <= 0 < before[key].offered)
    absent = frozenset(before.keys() - now.keys())
    found = Judged(items=len(before.keys() | now.keys()), zeroed=zeroed, changed=changed,
                   absent=absent)  # fmt: skip
    return _with_reasons(found, before, rules, at, frozenset(approved))


def _with_reasons(
    found: Judged,
    before: Mapping[str, Before],
    rules: StockRules,
    at: datetime,
    approved: frozenset[str],
) -> Judged:
    lately = {k for k, b in before.items() if b.zeroed_at and b.zeroed_at > at - DAY}
    moved = {k for k, b in before.items() if b.changed_at and b.changed_at > at - DAY}
    counts = (
        ("without stock", found.zeroed, lately & before.keys(), rules.zeroed),
        ("changed", found.changed, moved, rules.changed),
        ("missing", found.absent, set[str](), rules.zeroed),
    )
    reasons = [
        f"{len(keys | day)} of {found.items} articles {word} in a day"
        for word, keys, day, share in counts
        if keys - approved and len((keys | day) - approved) > max(Decimal(FEW), share * found.items)
    ]
    if found.absent - approved and found.absent == before.keys():
        reasons = [f"no article of {len(before)} is there any more"]
    return Judged(
        items=found.items, zeroed=found.zeroed, changed=found.changed, absent=found.absent,
        why="; ".join(reasons),
    )  # fmt: skip
