"""`connector record erase`: drop a person's data, and keep the proof of what was delivered (O4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from connector.cli import output
from connector.cli.desk import at_ledger, no_record, person
from connector.cli.options import config_option, json_option
from connector.errors import ConnectorError
from connector.flow.draft import subject_key
from connector.ledger import history, keeping, life

SHOWN = ("flow", "entity", "key")


@click.command()
@click.argument("entity")
@click.argument("key")
@click.option("--yes", is_flag=True, help="Do it; left out: only show which records it would be.")
@config_option
@json_option
def erase(entity: str, key: str, yes: bool, config: Path | None, as_json: bool) -> None:
    """Erase the person of a record from all records that hold data of his.

    ENTITY KEY: he himself (customer 17), or a guest's order. Documents, what was sent and on what
    both sides agreed are dropped; keys, links, references, totals, times and digests stay. Erase
    him in the shop first: what is read there anew comes back.
    """
    with at_ledger(config) as (_, ledger):
        # Judged and dropped in one transaction: nothing is staged in between.
        with ledger.begin() as db:
            rows = _done(db, entity, key)
            if yes:
                by = person()
                keeping.erase(db, [row["id"] for row in rows], by.name, by.now)
        if yes:
            keeping.shrink(ledger)
    if as_json:
        output.emit({"erased": yes, "records": [{n: r[n] for n in SHOWN} for r in rows]})
        return
    output.table(rows, SHOWN)
    done = "erased" if yes else "would be erased; with --yes they are"
    click.echo(f"{len(rows)} records {done}")


def _done(db: Connection, entity: str, key: str) -> list[dict[str, Any]]:
    """Those of `_of`; raises ConnectorError(not_allowed) unless all of them are done."""
    rows = _of(db, entity, key)
    if open_ := [r for r in rows if r["state"] != "done" or r["doubtful"]]:
        named = ", ".join(f"{r['entity']} {r['key']}" for r in open_)
        raise ConnectorError(
            f"not done yet: {named}",
            code="not_allowed",
            cure="let them end, or settle them: then there is nothing left to deliver",
        )
    return rows


def _of(db: Connection, entity: str, key: str) -> list[dict[str, Any]]:
    """Every record of the person of this one; raises ConnectorError(no_such_record)."""
    found = history.find(db, entity, key)
    installation = life.read(db).installation
    subjects = set(keeping.subjects(db, [row["id"] for row in found]))
    if entity == "customer":
        subjects |= {subject_key(installation, f"{row['source']}/{key}") for row in found}
    if not found:
        raise no_record(entity, key)
    rows = keeping.of_person(db, sorted(subjects))
    known = {row["id"] for row in rows}
    return rows + [
        {**row, "doubtful": row["state"] == "in_doubt"} for row in found if row["id"] not in known
    ]
