"""The money guard: what a document says, against what the target made of it; pure (D6)."""

from __future__ import annotations

import zlib
from decimal import Decimal

from connector.flow.flows import MoneyRules


def differs(ours: str | None, theirs: Decimal | None, rules: MoneyRules) -> Decimal | None:
    """The difference *theirs* - *ours* if it lies outside the tolerance and is to be held."""
    if ours is None or theirs is None or rules.outside != "hold":
        return None
    difference = theirs - Decimal(ours)
    return difference if abs(difference) > rules.tolerance else None


def is_verified(rules: MoneyRules, *, nth: int, key: str) -> bool:
    """Is the total of the *nth* delivery (from 1), of document *key*, read back from the target?

    `all`, `first N`, `share 0.1` (by a stable hash of the key, so that a repeat agrees), `audit`.
    """
    words = rules.verify.split()
    match words:
        case ["all"]:
            return True
        case ["first", count]:
            return nth <= int(count)
        case ["share", share]:
            return zlib.crc32(key.encode()) % 10_000 < Decimal(share) * 10_000
        case _:
            return False
