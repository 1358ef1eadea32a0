"""Which call goes wrong, and how: rules by call, share or count, replaceable while it runs."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

EXECUTED = ("commit_then_hang", "commit_then_cut", "late_commit", "slow", "half_reply")
SPOILED = ("accepted_html", "text_before", "garbage", "grown")
REFUSED = ("unavailable", "fault", "refuse", "outage", "unauthorized")
FAULTS = frozenset(EXECUTED + SPOILED + REFUSED)
CHOICE = ("fault", "ops", "share", "calls", "count", "seed", "after", "seconds")
KEYS = frozenset((*CHOICE, "code", "status", "retry_after"))


@dataclass(kw_only=True, slots=True)
class Rule:
    """One fault and the calls it strikes; *ops* are prefixes of call names, none means all.

    share, calls (nth matching) and count (next n) combine; an outage lasts *seconds* from *after*.
    """

    fault: str
    ops: tuple[str, ...] = ()
    share: float | None = None
    calls: frozenset[int] = frozenset()
    count: int | None = None
    seconds: float | None = None
    after: float = 0.0
    code: str = ""
    status: int = 500
    retry_after: int | None = None
    dice: random.Random = field(default_factory=random.Random)
    since: float = field(default_factory=time.monotonic)
    met: int = 0

    def strikes(self, op: str) -> bool:
        """Whether this call is struck; each matching call counts and draws, struck or not."""
        if not self._concerns(op):
            return False
        if self.fault == "outage":
            return 0 <= time.monotonic() - self.since - self.after < (self.seconds or 0)
        self.met += 1
        if self.share is not None and self.dice.random() >= self.share:
            return False
        if self.calls and self.met not in self.calls:
            return False
        if self.count is not None:
            self.count -= 1
            return self.count >= 0
        return True

    def _concerns(self, op: str) -> bool:
        if not self.ops:
            return op != "wsdl" or self.fault == "outage"
        return op.startswith(self.ops)


class Faults:
    """The rules in force; the first that strikes wins."""

    def __init__(self, rules: Sequence[Mapping[str, Any]] = ()) -> None:
        self._lock = threading.Lock()
        self.replace(rules)

    def replace(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """Put *rules* in force instead of the present ones; raises ValueError for a wrong one."""
        made = [parse(rule, n) for n, rule in enumerate(rules)]
        with self._lock:
            self._rules = made

    def strike(self, op: str) -> Rule | None:
        """The rule that strikes this call, if any."""
        with self._lock:
            struck = [rule for rule in self._rules if rule.strikes(op)]
        return struck[0] if struck else None


def parse(rule: Mapping[str, Any], n: int = 0) -> Rule:
    """Make a rule of its JSON form; raises ValueError naming what is wrong."""
    if unknown := set(rule) - KEYS:
        raise ValueError(f"faults[{n}]: unknown key {sorted(unknown)[0]!r}; known: {sorted(KEYS)}")
    if rule.get("fault") not in FAULTS:
        raise ValueError(f"faults[{n}]: fault must be one of {sorted(FAULTS)}")
    given = dict(rule)
    seed = given.pop("seed", n)
    given["ops"] = tuple(given.get("ops", ()))
    given["calls"] = frozenset(given.get("calls", ()))
    return Rule(**given, dice=random.Random(f"{seed}/{n}"))  # noqa: S311 (repeatable, no secret)
