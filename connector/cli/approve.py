"""`connector approve`: a person has seen what a brake holds, and means it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from connector import codes
from connector.cli import output
from connector.cli.desk import at_ledger, person
from connector.cli.options import config_option, json_option
from connector.errors import ConnectorError
from connector.ledger import brakes, stocktakes
from connector.ledger.persons import Person
from connector.ledger.store import Ledger

SHOWN = ("entity", "key", "reference", "total", "currency", "waits since")
MOST = 20


@click.command()
@click.argument("run", metavar="[RUN]", required=False)
@click.option("--seen", metavar="MARK", help="Only if it is what was shown with this mark.")
@config_option
@json_option
def approve(run: str | None, seen: str | None, config: Path | None, as_json: bool) -> int:
    """Let go what a brake holds; RUN (FLOW-NUMBER) as `status` names it. Without: list what waits.

    A stock reading: for a day, for the articles that were shown, for one reading. Creates: those
    that wait, and what comes after them. Each record bears who let it go.
    """
    with at_ledger(config) as (_, ledger):
        if run is None:
            return _list(ledger, as_json)
        return _approve(ledger, run, seen, person(), as_json)


def _list(ledger: Ledger, as_json: bool) -> int:
    found = open_brakes(ledger)
    if as_json:
        output.emit(found)
        return codes.OK
    for one in found:
        click.echo(f"{one['says']}\n    {one['command']}")
        if one["documents"]:
            _show(one["documents"])
    if not found:
        click.echo("nothing waits for an approval")
    return codes.OK


def open_brakes(ledger: Ledger) -> list[dict[str, Any]]:
    """Everything that waits for `approve`, each with the command that lets it go."""
    readings = [
        {
            "run": f"{one.flow}-{one.id}",
            "flow": one.flow,
            "brake": "stock",
            "since": one.begun_at,
            "waiting": one.changed,
            "says": f"{one.flow}: {one.why}",
            "documents": [],
            "command": f"connector approve {one.flow}-{one.id}",
        }
        for one in ledger.read(stocktakes.braked)
    ]
    return readings + [_held(ledger, at) for at in ledger.read(brakes.opened)]


def _held(ledger: Ledger, at: brakes.Brake) -> dict[str, Any]:
    rows = ledger.read(brakes.waiting, at)
    return {
        "run": at.run,
        "flow": at.flow,
        "brake": at.name,
        "since": at.engaged_at,
        "waiting": len(rows),
        "says": brakes.says(at, len(rows)),
        "documents": [{**row, "waits since": row["created_at"]} for row in rows],
        "command": f"connector approve {at.run} --seen {brakes.seen(rows)}",
    }


def _approve(ledger: Ledger, run: str, seen: str | None, by: Person, as_json: bool) -> int:
    flow, _, number = run.rpartition("-")
    if not flow or not number.isdecimal():
        cure = "write it as `connector approve` does: orders-17"
        raise ConnectorError(f"`{run}` names no run", code="usage", cure=cure)
    with ledger.begin() as db:
        at = next((one for one in brakes.opened(db) if one.run == run), None)
        if at is not None:
            rows = brakes.approve(db, run, by.name, by.now, seen)[1]
            told: Mapping[str, Any] = {"run": run, "flow": flow, "brake": at.name}
            told = {**told, "let_go": len(rows)}
            words = f"approved: {len(rows)} documents of {flow} go on"
        else:
            rows = []
            found = stocktakes.approve(db, flow, int(number), by.name, by.now)
            told = asdict(found)
            words = f"approved: {found.why}; its next reading goes on: connector flow sync {flow}"
    _tell(told, words, rows, as_json)
    return codes.OK


def _tell(
    told: Mapping[str, Any], words: str, rows: Sequence[dict[str, Any]], as_json: bool
) -> None:
    if as_json:
        output.emit({**told, "documents": rows} if rows else told)
        return
    if rows:
        _show([{**row, "waits since": row["created_at"]} for row in rows])
    click.echo(words)


def _show(documents: Sequence[dict[str, Any]]) -> None:
    output.table(documents[:MOST], SHOWN)
    if len(documents) > MOST:
        click.echo(f"and {len(documents) - MOST} more; all: --json")
