"""A CSV that a person sends back: rows by the names of its heading, mistakes with line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from connector.errors import ConnectorError
from connector.problems import Problem, Problems


def rows(
    path: Path, asked: Sequence[str], heading: Sequence[str], command: str
) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Line -> cells of each row that is not empty, "" where one is not there.

    Raises ConnectorError(usage) for a file that is none, ConfigError without the columns *asked*.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read ({type(error).__name__})"
        cure = f"name a CSV in UTF-8, as `{command}` writes it"
        raise ConnectorError(message, code="usage", cure=cure) from error
    # A spreadsheet saves with `;` where the comma is the decimal sign.
    first = text.partition("\n")[0]
    read = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in first else ",")
    names = next(read, [])
    if missing := [name for name in asked if name not in names]:
        problems = Problems()
        message = f"the heading lacks {', '.join(missing)}"
        problems.add(problem(path, 1, message, f"its first line is {','.join(heading)}"))
        problems.raise_if_any()
    for cells in read:
        if any(cells):
            found = dict(zip(names, (cell.strip() for cell in cells), strict=False))
            yield read.line_num, dict.fromkeys(asked, "") | found


def problem(path: Path, line: int, message: str, cure: str) -> Problem:
    """What is wrong with a line."""
    return Problem(file=str(path), line=line, path="", message=message, cure=cure)
