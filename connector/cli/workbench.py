"""`connector map lint` and `show`: what a mapping says, and what is wrong with it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from connector import codes, logs
from connector.cli import output
from connector.cli.named import named
from connector.cli.options import config_option, json_option
from connector.errors import ConnectorError
from connector.mapping.load import leaves, load_profile
from connector.nearest import cure_for
from connector.problems import Problems
from connector.workbench.lint import Report, lint
from connector.workbench.opened import open_profile
from connector.workbench.origins import shown


@click.command("lint")
@click.argument("what", required=False, metavar="[PROFILE|FOLDER]")
@config_option
@json_option
def lint_(what: str | None, config: Path | None, as_json: bool) -> int:
    """Judge a profile without its system: every mistake at once, with file, line and cure.

    PROFILE is a name, FOLDER the folder of one profile or of several; left out: ./mappings, or
    this folder. Ends with 2 if something is wrong, with 1 if something wants a look.
    """
    logs.start(as_json=as_json, level="warning")
    reports = {}
    for name, folders in named(what, config):
        problems = Problems()
        opened = open_profile(name, folders, problems)
        reports[name] = (
            lint(opened, problems)
            if opened is not None
            else Report(problems=tuple(sorted(set(problems.found))), warnings=(), notes=())
        )
    if as_json:
        output.emit({name: asdict(report) for name, report in reports.items()})
    else:
        for name, report in reports.items():
            _say(name, report)
    if any(report.problems for report in reports.values()):
        return codes.USAGE
    return codes.ATTENTION if any(r.warnings for r in reports.values()) else codes.OK


@click.command()
@click.argument("profile")
@click.argument("entity")
@config_option
@json_option
def show(profile: str, entity: str, config: Path | None, as_json: bool) -> None:
    """Print ENTITY of PROFILE as it is after `extends`, each leaf with its file and line.

    ENTITY may be `profile`: then profile.yaml is shown.
    """
    logs.start(as_json=as_json, level="warning")
    name, folders = named(profile, config)[0]
    problems = Problems()
    raw = load_profile(name, folders, problems)
    problems.raise_if_any()
    if raw is None:
        raise ConnectorError(f"profile {name} cannot be read", code="mapping")
    node = raw.top if entity == "profile" else raw.entities.get(entity)
    if node is None:
        cure = cure_for(entity, [*raw.entities, "profile"], "entity")
        raise ConnectorError(f"{name} has no `{entity}`", code="usage", cure=cure)
    if as_json:
        output.emit(
            [
                {"path": path, "value": value, "file": leaf.file, "line": leaf.line}
                for path, value, leaf in leaves(node)
            ]
        )
        return
    lines = list(shown(node))
    width = min(max(len(text) for text, _ in lines), 60)
    for text, origin in lines:
        place = f"  # {'/'.join(origin.split('/')[-2:])}" if origin else ""
        click.echo(f"{text.ljust(width) if place else text}{place}")


def _say(name: str, report: Report) -> None:
    for problem in report.problems:
        click.echo(str(problem))
    for warning in report.warnings:
        click.echo(f"warning: {warning}")
    for note in report.notes:
        click.echo(f"note: {name}: {note}")
    verdict = f"{len(report.problems)} problems" if report.problems else "ok"
    more = f", {len(report.warnings)} warnings" if report.warnings else ""
    click.echo(f"{name}: {verdict}{more}")
