"""What commands print: tables for people, JSON for scripts, one report for a failure."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from importlib import import_module
from pathlib import Path

import click

from connector import codes
from connector.errors import ConfigError, ConnectorError
from connector.problems import Problems

Row = Mapping[str, object]
_zone: ContextVar[tzinfo] = ContextVar("zone", default=UTC)


def tell_times_in(zone: tzinfo) -> None:
    """Let tables and sentences tell times in *zone*; JSON stays in UTC."""
    _zone.set(zone)


def emit(value: object) -> None:
    """Print *value* as JSON: money and times as strings."""
    click.echo(json.dumps(value, default=_jsonable, ensure_ascii=False, indent=2))


def table(rows: Sequence[Row], columns: Sequence[str], title: str = "") -> None:
    """Print *rows* as a table; plain and aligned where nobody watches."""
    cells = [[text(row.get(column)) for column in columns] for row in rows]
    if sys.stdout.isatty():
        _rich_table(cells, columns, title)
        return
    if title:
        click.echo(title)
    widths = [max(len(line[n]) for line in [list(columns), *cells]) for n in range(len(columns))]
    for line in [list(columns), *cells]:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def fail(error: ConnectorError, as_json: bool) -> int:
    """Report *error* on stderr: message, cure, command; return the exit code of its code."""
    code = codes.CODES.get(error.code, codes.CODES["bug"])
    # The class says who acts next, so it decides how we end; its code may be a finer one.
    own = type(error).code
    ends_by = code if own == ConnectorError.code else codes.CODES.get(own, code)
    cure = error.cure or code.cure
    command = error.cure if error.cure.startswith("connector ") else code.command
    if as_json:
        report = {
            "code": error.code,
            "message": str(error),
            "cure": cure,
            "command": command,
            "problems": _problems(error),
        }
        click.echo(json.dumps({"error": report}, ensure_ascii=False), err=True)
    else:
        click.echo(f"error[{error.code}]: {error}", err=True)
        click.echo(f"  cure: {cure}\n  command: {command}", err=True)
    return ends_by.exit_code


def problems(found: Problems) -> list[dict[str, object]]:
    """Problems as JSON, each once, in the order of their places."""
    return [
        {"file": p.file, "line": p.line, "path": p.path, "message": p.message, "cure": p.cure}
        for p in sorted(set(found.found))
    ]


def _problems(error: ConnectorError) -> list[dict[str, object]]:
    if not isinstance(error, ConfigError) or not isinstance(error.problems, Problems):
        return []
    return problems(error.problems)


def _rich_table(cells: list[list[str]], columns: Sequence[str], title: str) -> None:
    # rich costs 0.1 s to import: only where a person sees it.
    shown = import_module("rich.table").Table(*columns, title=title or None)
    for line in cells:
        shown.add_row(*(import_module("rich.text").Text(cell) for cell in line))
    import_module("rich.console").Console().print(shown)


def text(value: object) -> str:
    """One value as people read it."""
    match value:
        case None:
            return ""
        case datetime():
            return value.astimezone(_zone.get()).isoformat(sep=" ", timespec="seconds")
        case Decimal():
            return format(value, "f")
        case _:
            return "".join(c if c.isprintable() else _visible(c) for c in str(value))


def short(at: datetime, now: datetime) -> str:
    """A time as people say it: today's without the date."""
    here, today = at.astimezone(_zone.get()), now.astimezone(_zone.get())
    return f"{here:%H:%M}" if here.date() == today.date() else f"{here:%Y-%m-%d %H:%M}"


def _visible(control: str) -> str:
    """What would move a terminal's cursor, or worse, as the escape it is written with."""
    return control.encode("unicode_escape").decode()


def _jsonable(value: object) -> object:
    match value:
        case Decimal():
            return format(value, "f")
        case datetime() | date():
            return value.isoformat()
        case Path():
            return str(value)
        case _:
            raise TypeError(f"{type(value).__name__} has no JSON form")
