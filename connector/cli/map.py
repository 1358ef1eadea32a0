"""`connector map`: try out mappings. It shows what documents say: that is what it is for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from connector import logs
from connector.app import open_system
from connector.building import wire_all
from connector.cli import output
from connector.cli.mapdiff import diff
from connector.cli.mapmessage import messages, told, unknown
from connector.cli.maprecord import record_
from connector.cli.mapscaffold import scaffold
from connector.cli.mapschema import schema_
from connector.cli.maptest import test_
from connector.cli.options import config_option, config_path, json_option
from connector.cli.workbench import lint_, show
from connector.clock import SystemClock
from connector.configured import Config
from connector.documents import ENTITIES, Document
from connector.documents.meaning import meanings
from connector.errors import ConnectorError
from connector.examining import read_config
from connector.flow.compose import with_rules
from connector.flow.draft import reference
from connector.flow.flows import Flow
from connector.gate import ThreadGate
from connector.ledger.content import unpack
from connector.mapping.preview import Made, read_preview, write_preview
from connector.mapping.write import Writer
from connector.nearest import cure_for
from connector.problems import Problems
from connector.values import Broken, Item, Payload, Ref
from connector.wiring import Wired

COLUMNS = ("field", "value", "made by", "expression")


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """From where a payload comes, and where it would go; *flow*: the flow that takes it there."""

    source: Wired
    target: Wired | None
    flow: Flow | None


@click.group("map")
def map_() -> None:
    """Mappings: what becomes of a payload, field by field."""


for command in (lint_, show, test_, diff, record_, scaffold, schema_):
    map_.add_command(command)


@map_.command()
@click.argument("entity")
@click.argument("file_or_key", metavar="FILE|KEY")
@click.option("--from", "source", metavar="CONNECTION", help="Left out: where the flow begins.")
@click.option("--to", "target", metavar="CONNECTION", help="Left out: where the flow ends.")
@config_option
@json_option
def preview(
    entity: str,
    file_or_key: str,
    source: str | None,
    target: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Show what an ENTITY becomes: each field, its value, the line that made it, the message.

    FILE holds one payload in the source's own form (JSON) and needs no network; a KEY is read from
    the source. Credentials are masked; personal data is shown. Needs no ledger; writes nothing.
    """
    logs.start(as_json=as_json, level="warning")
    read = read_config(config_path(config))
    problems = Problems()
    wired, flows = wire_all(read, "000000", problems)
    problems.raise_if_any()
    way = _way(entity, (source, target), wired, list(flows.values()))
    path = Path(file_or_key)
    payload = _stored(path) if path.is_file() else _fetched(entity, file_or_key, read, way.source)
    document, there, sent = _made(entity, payload, way)
    if as_json:
        output.emit({"document": _rows(document), "target": _rows(there), "messages": sent})
        return
    output.table(_short(document), COLUMNS, f"document, read from {way.source.config.name}")
    if there and way.target is not None:
        click.echo("")
        output.table(_short(there), COLUMNS, f"payload, written to {way.target.config.name}")
    for row in sent:
        click.echo("")
        for line in told(row):
            click.echo(line)


@map_.command()
@click.argument("entity")
@json_option
def fields(entity: str, as_json: bool) -> None:
    """List the fields that a mapping of ENTITY may read into or write from; needs no files."""
    if entity not in ENTITIES:
        cure = cure_for(entity, ENTITIES, "entity")
        raise ConnectorError(f"there is no entity `{entity}`", code="usage", cure=cure)
    rows = [
        {"field": m.path, "required": m.required, "meaning": m.meaning} for m in meanings(entity)
    ]
    if as_json:
        output.emit(rows)
        return
    output.table(rows, ("field", "required", "meaning"))


def _way(
    entity: str, ends: tuple[str | None, str | None], wired: dict[str, Wired], flows: list[Flow]
) -> Way:
    for name in ends:
        if name is not None and name not in wired:
            cure = cure_for(name, wired, "connection")
            raise ConnectorError(f"there is no connection `{name}`", code="usage", cure=cure)
    source, target = ends
    fitting = [
        f
        for f in flows
        if f.entity == entity and source in (None, f.source) and target in (None, f.target)
    ]
    if len(fitting) == 1:
        [only] = fitting
        return Way(source=wired[only.source], target=wired[only.target], flow=only)
    if source is None:
        what = "several flows carry" if fitting else "no flow carries"
        message, cure = f"{what} {entity}", "say --from CONNECTION and --to CONNECTION"
        raise ConnectorError(message, code="usage", cure=cure)
    return Way(source=wired[source], target=wired[target] if target else None, flow=None)


def _stored(path: Path) -> Payload:
    try:
        return unpack(path.read_bytes())
    except (OSError, ValueError) as error:
        message = f"{path.name} is not one JSON payload"
        raise ConnectorError(message, code="usage", cure="save one document as JSON") from error


def _fetched(entity: str, key: str, config: Config, wired: Wired) -> Payload:
    clock = SystemClock()
    gate = ThreadGate(clock, replace(wired.limits, concurrency=1))
    system = open_system(config, wired, gate, clock)
    try:
        [found] = system.read(entity, [key])
        payload = system.decode(entity, found.raw) if isinstance(found, Item) else None
    finally:
        system.close()
        gate.close()
    if payload is None or isinstance(payload, Broken):
        message = f"{wired.config.name} has no {entity} {key} that can be read"
        raise ConnectorError(message, code="no_such_record", cure="check the key, or the file name")
    return payload


def _made(
    entity: str, payload: Payload, way: Way
) -> tuple[Sequence[Made], Sequence[Made], list[dict[str, object]]]:
    reader = way.source.compiled.readers.get(entity)
    if reader is None:
        message = f"{way.source.config.profile} cannot be read for {entity}"
        raise ConnectorError(message, code="usage", cure="choose another connection")
    document, made = read_preview(reader, payload)
    writer, conn, minted = _writing(entity, way, document, reader.key(payload))
    if writer is None or way.target is None:
        return made, (), []
    doc = with_rules(document, way.flow, frozenset()) if way.flow else document
    names: dict[str, Any] = {"conn": conn, "reference": minted}
    payload_made = unknown(lambda look: write_preview(writer, doc, there=look, **names))

    def written(there: Callable[[Ref], str]) -> Payload:
        return writer.payload(doc, there=there, **names)

    return made, payload_made, messages(way.target, entity, minted, written)


def _writing(entity: str, way: Way, doc: Document, key: str) -> tuple[Writer | None, Any, str]:
    if way.flow is not None:
        own = way.flow.writer
        return (
            own if isinstance(own, Writer) else None,
            way.flow.conn,
            reference(doc, key, way.flow),
        )
    if way.target is None:
        return None, {}, ""
    return way.target.compiled.writers.get(entity), way.target.conn, "(reference)"


def _rows(made: Sequence[Made]) -> list[dict[str, object]]:
    return [
        {"field": m.path, "value": m.value, "made by": m.origin, "expression": m.expression}
        for m in made
    ]


def _short(made: Sequence[Made]) -> list[dict[str, object]]:
    """For people: file and line without the folders that all have in common."""
    return [{**row, "made by": _last(row["made by"])} for row in _rows(made)]


def _last(origin: object) -> str:
    return "/".join(str(origin).split("/")[-2:])
