"""`connector map test`: the cases beside a mapping, and how what came differs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from connector import codes, logs
from connector.cli import output
from connector.cli.named import named
from connector.cli.options import config_option, config_path, json_option
from connector.errors import ConnectorError
from connector.examining import read_config
from connector.problems import Problems
from connector.workbench.cases import Ran, run_cases
from connector.workbench.opened import open_profile
from connector.workbench.written import members


@click.command("test")
@click.argument("what", required=False, metavar="[PROFILE|FOLDER]")
@config_option
@json_option
def test_(what: str | None, config: Path | None, as_json: bool) -> int:
    """Run the `tests:` of a mapping: given this payload, expect this document, request, outcome.

    Nothing is sent. Parameters are those of samples/connection.yaml, else of the configuration's
    connection with this profile. Ends with 1 if a case differs, with 2 if a case is wrong itself.
    """
    logs.start(as_json=as_json, level="warning")
    problems, ran = Problems(), list[Ran]()
    for name, folders in named(what, config):
        opened = open_profile(name, folders, problems, otherwise=_parameters(name, config))
        if opened is not None:
            ran += run_cases(opened, problems)
    if as_json:
        output.emit(
            {"cases": [asdict(case) for case in ran], "problems": output.problems(problems)}
        )
    else:
        _say(ran, problems)
    if problems:
        return codes.USAGE
    return codes.ATTENTION if any(case.differences for case in ran) else codes.OK


def _parameters(profile: str, config: Path | None) -> dict[str, str]:
    """What a configuration gives the profile; secrets stay references."""
    try:
        connections = read_config(config_path(config)).connections.values()
    except ConnectorError as error:
        if config is not None or error.code != "config_missing":
            raise
        return {}
    given = next((members(c.parameters) for c in connections if c.profile == profile), {})
    return {name: node.value for name, node in given.items() if isinstance(node.value, str)}


def _say(ran: list[Ran], problems: Problems) -> None:
    for case in ran:
        if not case.differences:
            click.echo(f"ok      {case.profile} {case.entity} {case.name}")
            continue
        click.echo(f"differs {case.profile} {case.entity} {case.name}  # {case.place}")
        for one in case.differences:
            click.echo(f"  {one.at}\n    expected: {one.expected}\n    got:      {one.got}")
            if one.made:
                click.echo(f"    made by:  {one.made}")
    if problems:
        click.echo(str(problems))
    wrong = sum(bool(case.differences) for case in ran)
    click.echo(f"{len(ran)} cases, {wrong} differ")
