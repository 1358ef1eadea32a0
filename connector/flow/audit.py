"""Compare what a shop sold with what an ERP holds: nothing lost, nothing twice, to the cent; pure.

Administrators feed it through the adapters, the demo from the sandboxes' own databases.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

Kind = Literal["lost", "doubled", "different_total", "stale", "stray"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One document of one side. None is not compared.

    *status* is in words that both sides share. *number*: how people there call it. *differing*:
    fields of the target's document that do not hold what the shop's says.
    """

    reference: str
    number: str
    total: Decimal | None = None
    currency: str | None = None
    status: str | None = None
    differing: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that is not as it should be: facts only, no content."""

    kind: Kind
    reference: str
    number: str
    there: tuple[str, ...] = ()
    difference: Decimal | None = None
    detail: str = ""


@dataclass(kw_only=True, slots=True)
class Audit:
    """The result: *checked* documents of the shop, of which *matched* stand there exactly once.

    *difference* is Σ|total there - total here|, those inside the tolerance included; *excused*
    counts by reason what is rightly not there, or not there as it stands in the shop.
    """

    checked: int = 0
    matched: int = 0
    difference: Decimal = Decimal("0.00")
    findings: list[Finding] = field(default_factory=list)
    excused: Counter[str] = field(default_factory=Counter)

    def count(self, kind: Kind) -> int:
        """How many findings of that kind there are."""
        return sum(f.kind == kind for f in self.findings)

    @property
    def clean(self) -> bool:
        """Is everything where it belongs?"""
        return not self.findings


def audit(
    ours: Iterable[Entry],
    theirs: Iterable[Entry],
    *,
    tolerance: Decimal = Decimal(0),
    excuses: Mapping[str, str] | None = None,
) -> Audit:
    """Hold the shop's documents (*ours*) against the ERP's.

    *excuses*: reference → why it may be missing or stand there otherwise. Nothing excuses a double.
    """
    result = Audit()
    there: dict[str, list[Entry]] = {}
    for entry in theirs:
        there.setdefault(entry.reference, []).append(entry)
    for mine in ours:
        result.checked += 1
        found = there.pop(mine.reference, [])
        _judge(result, mine, found, tolerance, (excuses or {}).get(mine.reference))
    for entries in there.values():
        numbers = tuple(e.number for e in entries)
        result.findings.append(
            Finding(kind="stray", reference=entries[0].reference, number="", there=numbers)
        )
    return result


def _judge(
    result: Audit, mine: Entry, found: list[Entry], tolerance: Decimal, excuse: str | None
) -> None:
    if len(found) > 1:
        result.findings.append(_finding("doubled", mine, found))
        return
    result.matched += len(found)
    wrong = _differences(result, mine, found[0], tolerance) if found else [
        _finding("lost", mine, found)
    ]  # fmt: skip
    if wrong and excuse is not None:
        result.excused[excuse] += 1
    else:
        result.findings += wrong


def _differences(result: Audit, mine: Entry, its: Entry, tolerance: Decimal) -> list[Finding]:
    wrong: list[Finding] = []
    if None not in (mine.currency, its.currency) and mine.currency != its.currency:
        wrong.append(_finding("different_total", mine, [its], detail="currency"))
    elif mine.total is not None and its.total is not None:
        difference = its.total - mine.total
        result.difference += abs(difference)
        if abs(difference) > tolerance:
            wrong.append(_finding("different_total", mine, [its], difference=difference))
    stale = list(its.differing)
    if None not in (mine.status, its.status) and mine.status != its.status:
        stale.insert(0, "status")
    if stale:
        wrong.append(_finding("stale", mine, [its], detail=", ".join(stale)))
    return wrong


def _finding(
    kind: Kind,
    mine: Entry,
    found: list[Entry],
    *,
    difference: Decimal | None = None,
    detail: str = "",
) -> Finding:
    return Finding(
        kind=kind,
        reference=mine.reference,
        number=mine.number,
        there=tuple(e.number for e in found),
        difference=difference,
        detail=detail,
    )
