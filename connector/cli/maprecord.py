"""`connector map record`: samples from a live system, personal data masked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import click

from connector import codes, logs, places
from connector.app import open_system
from connector.building import wire_all
from connector.cli import output
from connector.cli.options import config_option, config_path, json_option
from connector.clock import SystemClock
from connector.configured import Config
from connector.errors import ConnectorError
from connector.examining import read_config
from connector.gate import ThreadGate
from connector.guarded import System
from connector.mapping.load import load_profile
from connector.nearest import cure_for
from connector.problems import Problems
from connector.values import Broken, Item, Payload
from connector.wiring import Wired
from connector.workbench.recording import Recorded, mask_for, record, secret_beside


@click.command("record")
@click.argument("entity")
@click.argument("keys", metavar="[KEY...]", nargs=-1)
@click.option("--from", "source", metavar="CONNECTION", required=True, help="The system to read.")
@click.option(
    "--to",
    "folder",
    metavar="FOLDER",
    default="samples",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where samples go.",
)
@click.option(
    "--most",
    metavar="N",
    default=3,
    show_default=True,
    type=click.IntRange(1, 100),
    help="Without KEY: how many of the list.",
)
@config_option
@json_option
def record_(
    entity: str,
    keys: tuple[str, ...],
    source: str,
    config: Path | None,
    as_json: bool,
    **where: Any,
) -> int:
    """Read records of ENTITY and save them as samples, with personal data masked.

    What is not known to be harmless is masked: letters become letters, digits digits, the same
    word the same everywhere. Reads only; nothing is overwritten. Look at the files before you
    give them to anybody. Ends with 1 if masking made a sample unreadable for the mapping.
    """
    logs.start(as_json=as_json, level="warning")
    read = read_config(config_path(config))
    problems = Problems()
    wired, _ = wire_all(read, "000000", problems)
    problems.raise_if_any()
    if source not in wired:
        cure = cure_for(source, wired, "connection")
        raise ConnectorError(f"there is no connection `{source}`", code="usage", cure=cure)
    at = wired[source]
    if entity not in at.compiled.profile.entities:
        cure = cure_for(entity, at.compiled.profile.entities, "entity")
        raise ConnectorError(f"{source} has no `{entity}`", code="usage", cure=cure)
    made = _recorded(entity, keys, read, at, **where)
    if as_json:
        output.emit([{"file": one.path, "lost": one.lost} for one in made])
    else:
        for one in made:
            click.echo(f"{one.path}{': masked away: ' + ', '.join(one.lost) if one.lost else ''}")
    return codes.ATTENTION if any(one.lost for one in made) else codes.OK


def _recorded(
    entity: str, keys: tuple[str, ...], config: Config, at: Wired, *, folder: Path, most: int
) -> list[Recorded]:
    raw = load_profile(at.config.profile, (*config.mappings, places.mappings_folder()), Problems())
    if raw is None:
        raise ConnectorError(f"{at.config.profile} cannot be read", code="mapping")
    mask = mask_for(raw, secret_beside(config.file.parent))
    clock = SystemClock()
    gate = ThreadGate(clock, replace(at.limits, concurrency=1))
    system = open_system(config, at, gate, clock)
    try:
        payloads = list(islice(_payloads(system, entity, keys), most if not keys else len(keys)))
    finally:
        system.close()
        gate.close()
    if not payloads:
        raise ConnectorError(f"{at.config.name} gives no such {entity}", code="no_such_record",
                             cure="check the keys")  # fmt: skip
    reader = at.compiled.readers.get(entity)
    name = (entity, at.config.profile)
    return [record(payload, name, folder, mask, reader) for payload in payloads]


def _payloads(system: System, entity: str, keys: tuple[str, ...]) -> Iterator[Payload]:
    pages = (page.items for page in system.pages(entity, None, start=None, until=None))
    reads = system.read(entity, keys) if keys else (one for page in pages for one in page)
    for one in reads:
        if isinstance(one, Item):
            payload = system.decode(entity, one.raw)
            if not isinstance(payload, Broken):
                yield payload
