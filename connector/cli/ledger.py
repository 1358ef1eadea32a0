"""`connector ledger`: create, upgrade and measure the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from connector import nightly, places
from connector.cli import output
from connector.cli.desk import age, at_ledger
from connector.cli.options import config_option, config_path, json_option
from connector.clock import SystemClock
from connector.config import ledger_url
from connector.errors import ConnectorError
from connector.examining import read_config
from connector.ledger import handover, history, keeping, migrate
from connector.ledger.revisions import HEAD
from connector.ledger.store import Ledger
from connector.owner import another, is_anothers
from connector.problems import Problems


@click.group()
def ledger() -> None:
    """The ledger: everything that the connector knows."""


@ledger.command()
@config_option
@json_option
def upgrade(config: Path | None, as_json: bool) -> None:
    """Create the ledger, or bring its tables to this version. Keep a copy first."""
    problems, path = Problems(), config_path(config)
    url = ledger_url(read_config(path), problems)
    problems.raise_if_any()
    opened = Ledger(str(url))
    try:
        if opened.path is not None:
            _make_room(opened.path, path.with_name(".env"))
        was = migrate.upgrade(opened, places.migrations_folder(), SystemClock().now())
    finally:
        opened.close()
    if as_json:
        output.emit({"was": was, "now": HEAD})
    elif was == HEAD:
        click.echo(f"the ledger is at revision {was} already")
    else:
        click.echo(f"the ledger is at revision {HEAD} now (was: {was or 'not there'})")


def _make_room(path: Path, secrets: Path) -> None:
    """A new ledger holds personal data: its file is made for its owner alone.

    Who made it as root, say, would lock out him who delivers, to whom the *secrets* belong.
    """
    for file, what in ((path, "the ledger at"), (secrets, "the configuration's file")):
        if file.exists():
            if is_anothers(file):
                raise another(file, what)
            break
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        raise ConnectorError(
            f"the ledger cannot be made at {path}: {error.strerror}",
            code="ledger_missing",
            cure="correct `ledger:`, or let us write into that folder",
        ) from error


@ledger.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@config_option
@json_option
def hand_over(file: Path, config: Path | None, as_json: bool) -> None:
    """Write the whole ledger to FILE and retire it: from now on nothing delivers from it.

    Stop the daemon or every worker first. FILE holds personal data and is itself a SQLite ledger.
    """
    with at_ledger(config) as (_, opened):
        copied = handover.export(opened, file, SystemClock().now())
    if as_json:
        output.emit({"file": str(file), "rows": copied})
    else:
        click.echo(f"{sum(copied.values())} rows are in {file}; this ledger is retired")


@ledger.command("import")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@config_option
@json_option
def take_over(file: Path, config: Path | None, as_json: bool) -> None:
    """Fill the configuration's ledger, new and empty, with what `export` wrote to FILE."""
    with at_ledger(config) as (_, opened):
        copied = handover.take_over(opened, file)
    if as_json:
        output.emit({"file": str(file), "rows": copied})
    else:
        click.echo(f"{sum(copied.values())} rows came from {file}; remove it when all is well")


@ledger.command()
@config_option
@json_option
def stats(config: Path | None, as_json: bool) -> None:
    """Measure the ledger: rows, states, size, since when it watches without a gap."""
    with at_ledger(config) as (_, opened):
        found = _measured(opened)
    if as_json:
        output.emit(found)
        return
    now = SystemClock().now()
    watched = found["life"]
    since, beat = (age(watched[name], now) for name in ("alive_since", "beat_at"))
    click.echo(f"life {watched['epoch']}: watching since {since} ago, last beat {beat} ago")
    if found["bytes"] is not None:
        click.echo(f"size {found['bytes'] / 1_000_000:.1f} MB")
    rows = [{"table": name, "rows": count} for name, count in found["rows"].items()]
    output.table(rows, ("table", "rows"))
    output.table(found["states"], ("flow", "state", "reason", "count"))
    aged = [{**c, "age": age(c["moved_at"], now)} for c in found["cursors"]]
    output.table(aged, ("connection", "entity", "scope", "age"))


@ledger.command()
@config_option
@json_option
def vacuum(config: Path | None, as_json: bool) -> None:
    """Drop what `keep:` keeps no longer; the daemon does it every night.

    Content, then attempts, then proof; never links, keys, references, hashes, or what is not done.
    """
    with at_ledger(config) as (read, opened):
        if read.keep is None:
            raise ConnectorError(
                "the configuration has no `keep:`, so that everything is kept",
                code="usage",
                cure="add `keep: {payloads: 90d, attempts: 1y, proof: 10y}`",
            )
        gone = nightly.vacuum(opened, read.keep, SystemClock().now())
        keeping.shrink(opened)
    if as_json:
        output.emit(gone)
    else:
        output.table([{"dropped": n.replace("_", " "), "rows": c} for n, c in gone.items()],
                     ("dropped", "rows"))  # fmt: skip


def _measured(opened: Ledger) -> dict[str, Any]:
    path = opened.path
    files = [path, path.with_name(f"{path.name}-wal")] if path else []
    return {
        "life": opened.read(history.watch),
        "bytes": sum(f.stat().st_size for f in files if f.exists()) if files else None,
        "rows": opened.read(history.sizes),
        "states": opened.read(history.standing),
        "cursors": opened.read(history.cursors),
    }
