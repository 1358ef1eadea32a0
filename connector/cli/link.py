"""`connector link`: find out who is whom on both sides, and let a person accept it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from connector import codes, logs
from connector.app import App, opened
from connector.cli import linkfile, output, rekey
from connector.cli.desk import flow_of, person
from connector.cli.options import config_option, config_path, json_option
from connector.errors import ConnectorError
from connector.flow.flows import Flow
from connector.flow.linking import (
    begin_or_resume,
    conclude,
    glance_here,
    glance_there,
    kind_of,
    walk,
)
from connector.ledger import linking
from connector.ledger.linking import Side
from connector.problems import Problems

SHOWN = 20
CANDIDATES = ("source_key", "target_key", "verdict", "reason")
COUNTS = (
    "source_seen", "target_seen", "linked", "sure", "weak", "collision", "source_only",
    "target_only", "unreadable",
)  # fmt: skip


@click.group()
def link() -> None:
    """Links: which document here is which one there."""


link.add_command(rekey.rekey)


# ── scan ────────────────────────────────────────────────────────────────────────────────────────


@link.command()
@click.argument("name", metavar="FLOW")
@click.option("--again", is_flag=True, help="From the first page, also if a scan was cut short.")
@config_option
@json_option
def scan(name: str, again: bool, config: Path | None, as_json: bool) -> int:
    """Walk both sides' lists and say who is whom by FLOW's `match`; creates and links nothing.

    Cut short, it goes on where it was. Ends with 1 if a person must look at something.
    """
    logs.start(as_json=as_json, level="warning")
    with opened(config_path(config), working=False) as app:
        flow = flow_of(app, name)
        _refuse_unmatched(app, flow)
        app.meet(sorted({flow.source, flow.target}))
        if begin_or_resume(app.ledger, flow, app.clock, again=again):
            click.echo("a scan was cut short; it goes on where it was", err=True)
        unreadable = _walk_both(app, flow)
        conclude(app.ledger, flow)
        found = app.ledger.read(linking.counts, kind_of(flow)) | {"unreadable": unreadable}
        doubtful = _doubtful(app, flow)
    if as_json:
        output.emit({"flow": name, **found, "doubtful": doubtful})
    else:
        _print(name, found, doubtful)
    return codes.ATTENTION if found["weak"] or found["collision"] or unreadable else codes.OK


def _refuse_unmatched(app: App, flow: Flow) -> None:
    if not flow.match:
        message = f"{flow.name} has no `match`: there is nothing to compare by"
        raise ConnectorError(message, code="usage", cure="add `match:` to the flow")
    for side in (flow.source, flow.target):
        there = app.wired[side].compiled.profile.entities[flow.entity]
        if "list" not in there.actions or there.there is None:
            message = f"{side} cannot list its {flow.entity}s"
            cure = "write `list` and `read` in the entity's file of its profile"
            raise ConnectorError(message, code="not_allowed", cure=cure)


def _walk_both(app: App, flow: Flow) -> int:
    entity = app.wired[flow.target].compiled.profile.entities[flow.entity]
    there = entity.there
    if there is None:
        return 0  # refused above
    seen = {"source": 0, "target": 0}

    def told(side: Side, more: int) -> None:
        seen[side] += more
        if sys.stderr.isatty():
            click.echo(f"\r{flow.source}: {seen['source']}  {flow.target}: {seen['target']}",
                       nl=False, err=True)  # fmt: skip

    sides: tuple[tuple[Side, str, Any], ...] = (
        ("source", flow.source, glance_here(flow)),
        ("target", flow.target, glance_there(flow, entity, there)),
    )
    unreadable = sum(
        walk(app.system(system), flow, side, app.ledger, glance, told)
        for side, system, glance in sides
    )
    if sys.stderr.isatty():
        click.echo("", err=True)
    return unreadable


def _doubtful(app: App, flow: Flow) -> list[dict[str, Any]]:
    found = [
        one
        for verdict in ("collision", "weak")
        for one in app.ledger.read(linking.candidates, flow.name, verdict=verdict, most=SHOWN)
    ]
    return [{name: getattr(one, name) for name in CANDIDATES} for one in found]


def _print(name: str, found: Mapping[str, int], doubtful: Sequence[Mapping[str, Any]]) -> None:
    output.table([{k.replace("_", " "): v for k, v in found.items()}],
                 [c.replace("_", " ") for c in COUNTS])  # fmt: skip
    if doubtful:
        click.echo("")
        output.table(doubtful, CANDIDATES, f"for a person (at most {SHOWN} of a kind)")
    click.echo("nothing was created or linked")
    click.echo(f"  all of it as CSV:      connector link export {name} -o FILE")
    click.echo(f"  link the {found['sure']} sure ones: connector link accept {name}")


# ── accept ──────────────────────────────────────────────────────────────────────────────────────


@link.command()
@click.argument("name", metavar="FLOW")
@config_option
@json_option
def accept(name: str, config: Path | None, as_json: bool) -> None:
    """Link the sure ones of FLOW's scan, and take its first linking for complete.

    A flow without `match` has nothing to scan: accepting says that nobody else enters its documents
    in the target. From then on what is born under the connector's watch is created without a look.
    """
    with opened(config_path(config), working=False) as app:
        flow, by = flow_of(app, name), person()
        if flow.match:
            _finished(app, flow)
        with app.ledger.begin() as db:
            sure = linking.candidates(db, flow.name, verdict="sure")
            pairs = [(c.source_key, c.target_key) for c in sure]
            made = linking.join(db, kind_of(flow), pairs, by=by.name, now=by.now)
            linking.accept(db, flow.name, by.name, by.now)
    if as_json:
        output.emit({"flow": name, "linked": made, "accepted_by": by.name, "accepted_at": by.now})
    else:
        click.echo(f"{name}: {made} linked; its linking is accepted by {by.name}")


def _finished(app: App, flow: Flow) -> None:
    scan = app.ledger.read(linking.scan_of, flow.name)
    if scan is None or not scan.judged:
        message = f"{flow.name} was not scanned to its end"
        cure = f"scan it first: connector link scan {flow.name}"
        raise ConnectorError(message, code="not_allowed", cure=cure)


# ── CSV ─────────────────────────────────────────────────────────────────────────────────────────


@link.command("export")
@click.argument("name", metavar="FLOW")
@click.option("-o", "--output", "to", type=click.Path(dir_okay=False, path_type=Path),
              help="Where to; else to stdout.")  # fmt: skip
@config_option
def export(name: str, to: Path | None, config: Path | None) -> None:
    """Write what FLOW's scan found as CSV: keys and reasons, no names or addresses.

    Say in `take` which pairs are right (yes, no), and give the file to `link import`.
    """
    with opened(config_path(config), working=False) as app:
        flow = flow_of(app, name)
        _finished(app, flow)
        kind = kind_of(flow)
        found = app.ledger.read(linking.candidates, name)
        alone = [app.ledger.read(linking.one_sided, kind, side) for side in ("source", "target")]
    if to is None:
        linkfile.write(sys.stdout, found, *alone)
        return
    with to.open("w", encoding="utf-8", newline="") as file:
        rows = linkfile.write(file, found, *alone)
    click.echo(f"{rows} rows in {to}")


@link.command("import")
@click.argument("name", metavar="FLOW")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@config_option
@json_option
def import_(name: str, file: Path, config: Path | None, as_json: bool) -> None:
    """Link every pair of FILE whose `take` is yes: all of them, or none with every reason.

    A pair that is linked already is left as it is.
    """
    problems = Problems()
    taken = linkfile.read(file, problems)
    with opened(config_path(config), working=False) as app:
        flow, by = flow_of(app, name), person()
        _finished(app, flow)
        with app.ledger.begin() as db:
            linkfile.refused(file, _against(db, flow, taken), problems)
            made = linking.join(db, kind_of(flow), list(taken.values()), by=by.name, now=by.now)
    if as_json:
        output.emit({"flow": name, "linked": made, "already": len(taken) - made})
    else:
        click.echo(f"{name}: {made} linked, {len(taken) - made} were already")


def _against(
    db: Any, flow: Flow, taken: Mapping[int, tuple[str, str]]
) -> Iterator[tuple[int, str]]:
    """Line and why it cannot be: a key that no scan saw, or a side that is linked to another."""
    pairs = list(taken.values())
    held = linking.linked(db, kind_of(flow), pairs)
    there, here = dict(held), {t: s for s, t in held}
    seen_here = linking.births(db, flow.name, "source", [s for s, _ in pairs])
    seen_there = linking.births(db, flow.name, "target", [t for _, t in pairs])
    for line, (ours, theirs) in taken.items():
        if ours not in seen_here:
            yield line, f"the scan saw no {flow.entity} {ours} in {flow.source}"
        elif there.get(ours, theirs) != theirs:
            yield line, f"{ours} is linked to {there[ours]}"
        if theirs not in seen_there:
            yield line, f"the scan saw no {flow.entity} {theirs} in {flow.target}"
        elif here.get(theirs, ours) != ours:
            yield line, f"{theirs} is linked to {here[theirs]}"
