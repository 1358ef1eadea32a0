"""The CSV of a linking: what the scan found goes out, what a person decided comes in."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from connector.errors import ConnectorError
from connector.ledger.linking import Candidate
from connector.problems import Problem, Problems

COLUMNS = ("source_key", "target_key", "take", "verdict", "reason")
ASKED = ("source_key", "target_key", "take")


def write(
    to: IO[str], found: Sequence[Candidate], source_only: Sequence[str], target_only: Sequence[str]
) -> int:
    """Write one row for each pair and each document that stands alone; return how many."""
    rows: list[tuple[str, ...]] = [
        (c.source_key, c.target_key, "yes" if c.verdict == "sure" else "", c.verdict, c.reason)
        for c in found
    ]
    rows += [(key, "", "", "source only", "") for key in source_only]
    rows += [("", key, "", "target only", "") for key in target_only]
    out = csv.writer(to, lineterminator="\n")
    out.writerow(COLUMNS)
    out.writerows(rows)
    return len(rows)


def read(path: Path) -> dict[int, tuple[str, str]]:
    """Line → pair of every row that says `take: yes`; raises ConfigError with every mistake."""
    problems = Problems()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read ({type(error).__name__})"
        cure = "name a CSV in UTF-8, as `connector link export` writes it"
        raise ConnectorError(message, code="usage", cure=cure) from error
    # A spreadsheet saves with `;` where the comma is the decimal sign.
    first = text.partition("\n")[0]
    rows = csv.reader(text.splitlines(), delimiter=";" if ";" in first else ",")
    names = next(rows, [])
    if missing := [name for name in ASKED if name not in names]:
        message = f"the heading lacks {', '.join(missing)}"
        problems.add(_problem(path, 1, message, f"its first line is {','.join(COLUMNS)}"))
        problems.raise_if_any()
    taken = dict(_taken(path, rows, names, problems))
    _once(path, taken, problems)
    problems.raise_if_any()
    return taken


def _taken(
    path: Path, rows: Iterator[list[str]], names: Sequence[str], problems: Problems
) -> Iterator[tuple[int, tuple[str, str]]]:
    for line, cells in enumerate(rows, start=2):
        row = dict(zip(names, (cell.strip() for cell in cells), strict=False))
        match row.get("take", "").casefold():
            case "yes" if row["source_key"] and row["target_key"]:
                yield line, (row["source_key"], row["target_key"])
            case "yes":
                problems.add(_problem(path, line, "takes a pair with one side", "name both keys"))
            case "" | "no":
                continue
            case _:
                problems.add(_problem(path, line, "`take` is neither yes nor no", "write yes"))


def _once(path: Path, taken: Mapping[int, tuple[str, str]], problems: Problems) -> None:
    for side, name in enumerate(("source_key", "target_key")):
        first: dict[str, int] = {}
        for line, pair in taken.items():
            if (before := first.setdefault(pair[side], line)) != line:
                message = f"{name} {pair[side]} is taken on line {before} already"
                problems.add(_problem(path, line, message, "take one of both lines"))


def refused(path: Path, wrong: Mapping[int, str]) -> None:
    """Raise ConfigError with what the ledger says against lines, if it says anything."""
    problems = Problems()
    for line, message in wrong.items():
        cure = "correct the key, or scan again: connector link scan FLOW --again"
        problems.add(_problem(path, line, message, cure))
    problems.raise_if_any()


def _problem(path: Path, line: int, message: str, cure: str) -> Problem:
    return Problem(file=str(path), line=line, path="", message=message, cure=cure)
