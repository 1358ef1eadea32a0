"""The CSV of a rekeying: old id → new id goes out, what a person decided comes in."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from connector.cli.sheet import problem, rows
from connector.flow.rekey import Rekeyed
from connector.ledger.rekeying import Held
from connector.problems import Problems

COLUMNS = ("link", "source", "entity", "key", "old", "new", "take", "verdict", "how")
ASKED = ("link", "old", "new", "take")
TAKES = ("yes", "gone", "forget")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What a person decided of one link: its new id, that it is gone, or that it is forgotten."""

    line: int
    link: int
    old: str
    new: str
    take: str


def proposed(one: Rekeyed) -> str:
    """What is done with a link unless a person says otherwise; what is open is left to him."""
    match one.verdict:
        case "found":
            return "yes"
        case "missing" if one.link.entity == "order":
            return "gone"
        case _:
            return ""


def write(to: IO[str], found: Sequence[Rekeyed]) -> None:
    """Write one row for each link: keys and reasons, no names or addresses."""
    out = csv.writer(to, lineterminator="\n")
    out.writerow(COLUMNS)
    for one in found:
        h = one.link
        out.writerow(
            (h.id, h.source, h.entity, h.source_key, h.target_key, one.new, proposed(one),
             one.verdict, one.how)
        )  # fmt: skip


def read(path: Path) -> list[Row]:
    """What the file decides; raises ConfigError with every mistake in it."""
    problems = Problems()
    taken = []
    for line, row in rows(path, ASKED, COLUMNS, "connector link rekey"):
        if why := _wrong(row):
            problems.add(problem(path, line, *why))
            continue
        taken.append(
            Row(line=line, link=int(row["link"]), old=row["old"], new=row["new"],
                take=row["take"].casefold())
        )  # fmt: skip
    problems.raise_if_any()
    return taken


def _wrong(row: Mapping[str, str]) -> tuple[str, str] | None:
    take = row["take"].casefold()
    if re.fullmatch(r"\d{1,18}", row["link"]) is None:
        return "`link` is no number", "leave that column as it was written"
    if take not in TAKES:
        return "is not decided: `take` is none of yes, gone, forget", "name what is to become of it"
    if take == "yes" and not row["new"]:
        return "takes no new id", "write the id in `new`, or take gone or forget"
    return None


def refuse(path: Path, given: Sequence[Row], standing: Mapping[int, Held]) -> None:
    """Raise ConfigError for rows that are not as the ledger is, or that contradict each other."""
    problems = Problems()
    seen: dict[int, int] = {}
    takers: dict[tuple[str, str, str], int] = {}
    for row in given:
        held = standing.get(row.link)
        if held is None or held.target_key != row.old:
            now = "no longer there" if held is None else f"{held.target_key} by now"
            cure = "write the file anew: connector link rekey"
            problems.add(problem(path, row.line, f"link {row.link} is {now}", cure))
            continue
        if (before := seen.setdefault(row.link, row.line)) != row.line:
            message = f"link {row.link} stands on line {before} already"
            problems.add(problem(path, row.line, message, "keep one of both lines"))
        if row.take == "yes" and held.role == "identity":
            place = (held.source, held.entity, row.new)
            if (before := takers.setdefault(place, row.line)) != row.line:
                message = f"{row.new} is taken on line {before} already"
                problems.add(problem(path, row.line, message, "take one of both"))
    problems.raise_if_any()
