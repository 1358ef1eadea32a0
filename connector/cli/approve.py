"""`connector approve`: a person has seen an improbable mass change, and means it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from connector.cli import output
from connector.cli.desk import at_ledger, person
from connector.cli.options import config_option, json_option
from connector.errors import ConnectorError
from connector.ledger import stocktakes


@click.command()
@click.argument("run", metavar="RUN")
@config_option
@json_option
def approve(run: str, config: Path | None, as_json: bool) -> None:
    """Let a run go on that its brakes stopped; RUN (FLOW-NUMBER) as `status` names it.

    It holds for a day, for the articles that were shown, and for one reading.
    """
    flow, _, number = run.rpartition("-")
    if not flow or not number.isdecimal():
        cure = "write it as the message does: stock-17"
        raise ConnectorError(f"`{run}` names no run", code="usage", cure=cure)
    by = person()
    with at_ledger(config) as (_, ledger), ledger.begin() as db:
        found = stocktakes.approve(db, flow, int(number), by.name, by.now)
    if as_json:
        output.emit(asdict(found))
    else:
        click.echo(f"approved: {found.why}; its next reading goes on: connector flow sync {flow}")
