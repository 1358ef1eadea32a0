"""`connector record`: list, show and settle single records; people act on what they saw (R16)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from connector.cli import output
from connector.cli.desk import LEFT, at_ledger, no_record, person, words
from connector.cli.erase import erase
from connector.cli.explain import explain
from connector.cli.options import F, config_option, json_option
from connector.documents import ENTITIES
from connector.errors import ConnectorError
from connector.ledger import history, persons
from connector.ledger.content import unpack
from connector.ledger.persons import Shown
from connector.ledger.schema import DONE, HELD, STATES
from connector.ledger.store import Ledger
from connector.nearest import cure_for

COLUMNS = ("flow", "entity", "key", "is", "there", "seq", "changed_at", "needs")


@click.group()
def record() -> None:
    """Single records: what is wanted of one document, and how far it is."""


record.add_command(explain)
record.add_command(erase)


@record.command("list")
@click.option("--flow", help="Only of this flow.")
@click.option("--state", type=click.Choice([*STATES, "dead_letter"]), help="Only in this state.")
@click.option("--reason", help=f"Only held or done for this reason: {', '.join(HELD)}, …")
@click.option("--entity", help="Only orders, customers, …")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@config_option
@json_option
def list_(config: Path | None, as_json: bool, limit: int, **given: str | None) -> None:
    """List records, those that changed last first."""
    dead = given["state"] == "dead_letter"
    if dead:
        given.pop("state")
    with at_ledger(config) as (read, ledger):
        rows = ledger.read(history.dead if dead else history.listed, given, limit)
    if not rows:
        _known(given, read.flows)
    if as_json:
        output.emit(rows)
    else:
        output.table([{**row, "is": words(row)} for row in rows], COLUMNS)


def _known(given: Mapping[str, str | None], flows: Iterable[str]) -> None:
    """None of a word that there is not is no answer."""
    words = {"flow": tuple(flows), "reason": (*HELD, *DONE, "settling"), "entity": tuple(ENTITIES)}
    for name, known in words.items():
        if (word := given.get(name)) is not None and word not in known:
            cure = cure_for(word, known, name)
            raise ConnectorError(f"there is no {name} `{word}`", code="usage", cure=cure)


@record.command()
@click.argument("entity")
@click.argument("key")
@click.option("--flow", help="Which, where several flows carry it.")
@click.option("--content", is_flag=True, help="Show the document too: personal data.")
@config_option
@json_option
def show(
    entity: str, key: str, flow: str | None, content: bool, config: Path | None, as_json: bool
) -> None:
    """Show the record of a document; what it says only with --content."""
    with at_ledger(config) as (_, ledger):
        rows = ledger.read(history.find, entity, key, flow)
        found = [_with_content(row, ledger) if content else row for row in rows]
    if not found:
        raise no_record(entity, key)
    if as_json:
        output.emit(found)
        return
    for row in found:
        _print(row)


def _with_content(row: dict[str, Any], ledger: Ledger) -> dict[str, Any]:
    stored, words = ledger.read(history.content, row["id"]), ledger.read(history.said, row["id"])
    return {**row, "said there": words, "content": unpack(stored) if stored else None}


def _print(row: Mapping[str, Any]) -> None:
    click.echo(f"{row['entity']} {row['key']} of flow {row['flow']}: {words(row)}")
    for name, value in row.items():
        if value is not None and name not in ("entity", "key", "flow", "state", "reason"):
            text = output.text(value)
            click.echo(f"  {name.replace('_', ' ')}: {text}")


# ── what people may do ──────────────────────────────────────────────────────────────────────────


def _one(command: F) -> F:
    """The arguments and options that say which record is meant, as it was seen."""
    for add in (
        click.argument("key"),
        click.argument("entity"),
        click.option("--flow", help="Which, where several flows carry it."),
        click.option("--seq", type=int, help="Only if it is still the one seen: its seq."),
        config_option,
        json_option,
    ):
        command = add(command)
    return command


@record.command()
@_one
def retry(**which: Any) -> None:
    """Try again now, with attempts from 0."""
    _do(which, persons.retry)


@record.command()
@_one
def release(**which: Any) -> None:
    """Let a held record go on as it stands; a difference of money is accepted."""
    _do(which, persons.release)


@record.command()
@_one
@click.option("--exists", metavar="ID", help="It is there, under this id.")
@click.option("--absent", is_flag=True, help="It is not there.")
@click.option("--side", type=click.Choice(["source", "target"]), help="Which side holds.")
@click.argument("id_", metavar="[ID]", required=False)
def resolve(id_: str | None, exists: str | None, absent: bool, side: Any, **which: Any) -> None:
    """Answer what a record asks: --exists ID or --absent, or the side of a conflict.

    ID alone is short for --exists ID, `absent` for --absent.
    """
    if id_ == "absent":
        absent = True
    elif id_ is not None:
        exists = exists or id_
    if [bool(exists), absent, bool(side)].count(True) != 1:
        raise ConnectorError(
            "say one of --exists ID, --absent, --side",
            code="usage",
            cure="see connector record resolve --help",
        )
    if exists:
        _do(which, lambda db, at, by: persons.exists(db, at, str(exists), by))
    elif absent:
        _do(which, persons.absent)
    else:
        _do(which, lambda db, at, by: persons.choose(db, at, side, by))


def _do(which: Mapping[str, Any], act: Callable[[Any, Shown, persons.Person], None]) -> None:
    entity, key, flow = which["entity"], which["key"], which["flow"]
    with at_ledger(which["config"]) as (_, ledger):
        by = person()
        with ledger.begin() as db:
            at = persons.shown(db, entity, key, flow=flow, seq=which["seq"])
            if (at.entity, at.reason) == LEFT:
                message = f"no flow delivers {entity} {key}"
                raise ConnectorError(message, code="not_allowed", cure="book it by hand")
            act(db, at, by)
        [now] = ledger.read(history.find, entity, key, at.flow)
    if which["as_json"]:
        output.emit(now)
    else:
        click.echo(f"{entity} {key}: was {at.words}, is {words(now)}")
        if now["state"] == "prepared" or now["reason"] in ("unreadable", "conflict"):
            only = f" --only {key}" if now["reason"] else ""
            click.echo(f"  it goes on with: connector flow sync {at.flow}{only}")
