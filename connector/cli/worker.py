"""`connector worker`: one of many processes that work on one PostgreSQL ledger."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click

from connector import logs, spelled
from connector.cli.options import config_option, config_path, json_option
from connector.errors import ConnectorError
from connector.spelled import Misspelled

# An extra: who runs one machine needs neither of them.
WORKING = import_module("connector.worker") if find_spec("procrastinate") else None


def _address(_: click.Context, __: click.Parameter, given: str | None) -> tuple[str, int] | None:
    try:
        return None if given is None else spelled.listen(given)
    except Misspelled as error:
        raise click.BadParameter(f"{error}; {error.cure}") from error


@click.command()
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    help="Flows that this process runs at once.",
)
@click.option(
    "--calls",
    type=click.IntRange(1, 1000),
    help="Calls that this process makes at once on one connection, where its share would be more.",
)
@click.option(
    "--listen",
    metavar="ADDRESS:PORT",
    callback=_address,
    help="Instead of `web.listen`, where several workers share a machine.",
)
@config_option
@json_option
def worker(
    jobs: int,
    calls: int | None,
    listen: tuple[str, int] | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Work on a PostgreSQL ledger beside any number of others, until SIGTERM.

    Start as many as you like, on any machines that reach the database and both systems, with one
    configuration. A connection's `limits.concurrency` is divided among them.
    """
    logs.start(as_json=as_json, level="info")
    if WORKING is None:
        cure = "install shop-erp-connector[postgres]"
        raise ConnectorError("procrastinate is not installed", code="usage", cure=cure)
    WORKING.run(config_path(config), jobs, calls=calls, listen=listen)
