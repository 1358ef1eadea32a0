"""`connector trace`: all that happened to one document, and what happens next. Keys and codes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from connector import codes
from connector.cli import output
from connector.cli.desk import at_ledger, command_for, no_record, words
from connector.cli.options import config_option, json_option
from connector.clock import SystemClock
from connector.ledger import brakes, history
from connector.ledger.store import Ledger

Row = Mapping[str, Any]
EVENTS = ("at", "move", "state", "reason", "seq", "actor", "detail")
ATTEMPTS = (
    *("id", "action", "step", "seq", "written_at", "started_at", "settle_until", "outcome"),
    *("code", "target_key", "finished_at", "closed_by", "mapping"),
)
_SHORT = 12  # of a digest: enough to see that two attempts were made by different mappings
LINKS = ("target", "target_key", "role", "reference", "target_version", "total", "made_at")
SEVERAL = ("key", "flow", "reference", "there", "state", "fits")
_CALLED = {"product": "sku", "stock": "sku"}  # what people call it by; all else: its number
CHILDREN = ("entity", "key", "is", "needs")


@click.command()
@click.argument("entity")
@click.argument("key")
@config_option
@json_option
def trace(entity: str, key: str, config: Path | None, as_json: bool) -> None:
    """Tell all that happened to ENTITY KEY: states, attempts, its number there, what is next.

    KEY is the source's own id; or the target's, our reference, the order's number, an article's
    SKU: where that means several, they are listed. Keys and codes only: no personal data.
    """
    now = SystemClock().now()
    with at_ledger(config) as (_, ledger):
        rows = _meant(ledger, entity, key)
        found = [_told(row, ledger, now) for row in rows]
    if not found:
        raise no_record(entity, key)
    if as_json:
        output.emit(found)
        return
    first = [told for told in found if told["record"]["fits"] == "key"]
    one = first or (found if len({row["key"] for row in rows}) == 1 else [])
    for told in one:
        _print(told)
    others = [told["record"] for told in found if told not in one]
    if others:
        _list(others, "also meant by it" if one else "several are meant by it")


def _meant(ledger: Ledger, entity: str, name: str) -> Sequence[Row]:
    """The records that a person may mean by *name*, those of that key first."""
    word = _CALLED.get(entity, "number")
    within = f'"{word}":{json.dumps(name, ensure_ascii=False)}'.encode()
    rows = ledger.read(history.named, entity, name, within)
    fit = [r for r in rows if r["fits"] != "document" or _called(ledger, r, word) == name]
    return sorted(fit, key=lambda row: row["fits"] != "key")


def _called(ledger: Ledger, row: Row, word: str) -> object:
    """What the document itself, and no part of it, has as its *word*."""
    stored = ledger.read(history.content, row["id"])
    return json.loads(stored).get(word) if stored else None


def _list(rows: Sequence[Row], title: str) -> None:
    output.table(rows, SEVERAL, title)
    for entity, key in dict.fromkeys((row["entity"], row["key"]) for row in rows):
        click.echo(f"connector trace {entity} {key}")


def _told(row: Row, ledger: Ledger, now: datetime) -> dict[str, Any]:
    tried = ledger.read(history.attempts, row["id"])
    open_ = [a for a in tried if a["outcome"] is None]
    braked = row["needs"] in ledger.read(brakes.holding).values()
    return {
        "record": row,
        "links": ledger.read(history.links, row["id"]),
        "events": ledger.read(history.events, row["id"]),
        "attempts": tried,
        "children": ledger.read(history.children, row["serial_key"], row["id"]),
        "next": f"it {row['needs']}" if braked else next_step(row, open_, now),
    }


def next_step(row: Row, open_: Sequence[Row], now: datetime) -> str:
    """In one sentence, what happens to the record next, or who must do what."""
    due = output.text(row["due_at"])
    match row["state"]:
        case "prepared":
            when = f"a run from {due} on" if row["due_at"] > now else "the next run"
            return f"{when} takes it in hand: connector flow sync {row['flow']}"
        case "running":
            return (
                f"it is in hand; if its owner is dead, others take it over at {due} at the latest"
            )
        case "in_doubt":
            until = max((a["settle_until"] for a in open_ if a["settle_until"]), default=None)
            counts = f"; not there counts from {output.text(until)}" if until else ""
            return f"a run from {due} on asks {row['target']} whether it happened{counts}"
        case "held" if row["reason"] == "blocked":
            on = str(row["blocked_on"]).replace(":", " ").replace("\n", ", ")
            return f"it goes on by itself once there is a link for {on}"
        case "held":
            return f"{codes.HELD[row['reason']].cure} ({command_for(row)})"
        case _:
            return "nothing, until it changes at the source"


def _print(told: Mapping[str, Any]) -> None:
    row = told["record"]
    click.echo(f"{row['entity']} {row['key']} of flow {row['flow']}: {words(row)}")
    click.echo(f"  {row['source']} > {row['target']}, reference {row['reference']}")
    click.echo(f"  wanted: seq {row['seq']}, acknowledged: seq {row['acked_seq']}")
    if row["needs"]:
        click.echo(f"  needs: {row['needs']}")
    children = [{**child, "is": words(child)} for child in told["children"]]
    opened = [
        {**a, "outcome": a["outcome"] or "open", "mapping": a["write_digest"][:_SHORT]}
        for a in told["attempts"]
    ]
    for title, rows, columns in (
        ("there", told["links"], LINKS),
        ("what happened", told["events"], EVENTS),
        ("attempts", opened, ATTEMPTS),
        ("of the same document", children, CHILDREN),
    ):
        if rows:
            click.echo("")
            output.table(rows, columns, title)
    click.echo(f"\nnext: {told['next']}")
