"""The CSV of a linking: what the scan found goes out, what a person decided comes in."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from connector.cli.sheet import problem, rows
from connector.ledger.linking import Candidate
from connector.problems import Problems

COLUMNS = ("source_key", "target_key", "take", "verdict", "reason")
ASKED = ("source_key", "target_key", "take")


def write(
    to: IO[str], found: Sequence[Candidate], source_only: Sequence[str], target_only: Sequence[str]
) -> int:
    """Write one row for each pair and each document that stands alone; return how many."""
    lines: list[tuple[str, ...]] = [
        (c.source_key, c.target_key, "yes" if c.verdict == "sure" else "", c.verdict, c.reason)
        for c in found
    ]
    lines += [(key, "", "", "source only", "") for key in source_only]
    lines += [("", key, "", "target only", "") for key in target_only]
    out = csv.writer(to, lineterminator="\n")
    out.writerow(COLUMNS)
    out.writerows(lines)
    return len(lines)


def read(path: Path, problems: Problems) -> dict[int, tuple[str, str]]:
    """Line → pair of every row that says `take: yes`; every mistake goes to *problems*."""
    taken = dict(_taken(path, problems))
    _once(path, taken, problems)
    return taken


def _taken(path: Path, problems: Problems) -> Iterator[tuple[int, tuple[str, str]]]:
    for line, row in rows(path, ASKED, COLUMNS, "connector link export"):
        match row["take"].casefold():
            case "yes" if row["source_key"] and row["target_key"]:
                yield line, (row["source_key"], row["target_key"])
            case "yes":
                problems.add(problem(path, line, "takes a pair with one side", "name both keys"))
            case "" | "no":
                continue
            case _:
                problems.add(problem(path, line, "`take` is neither yes nor no", "write yes"))


def _once(path: Path, taken: Mapping[int, tuple[str, str]], problems: Problems) -> None:
    for side, name in enumerate(("source_key", "target_key")):
        first: dict[str, int] = {}
        for line, pair in taken.items():
            if (before := first.setdefault(pair[side], line)) != line:
                message = f"{name} {pair[side]} is taken on line {before} already"
                problems.add(problem(path, line, message, "take one of both lines"))


def refused(path: Path, wrong: Iterable[tuple[int, str]], problems: Problems) -> None:
    """Raise ConfigError with *problems* and what the ledger says against lines, if there is any."""
    for line, message in wrong:
        cure = "correct the key, or scan again: connector link scan FLOW --again"
        problems.add(problem(path, line, message, cure))
    problems.raise_if_any()
