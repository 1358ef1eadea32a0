"""`connector check PROFILE --offline`: every action built from samples, nothing sent."""

from __future__ import annotations

from pathlib import Path

import click

from connector import codes
from connector.cli import output
from connector.cli.named import named
from connector.errors import ConnectorError
from connector.problems import Problems
from connector.workbench.lint import lint
from connector.workbench.offline import check_offline, told
from connector.workbench.opened import open_profile


def rehearse(profile: str, config: Path | None, as_json: bool) -> int:
    """Lint *profile*, then build every action of it; 2 if anything is wrong."""
    name, folders = named(profile, config)[0]
    problems = Problems()
    opened = open_profile(name, folders, problems)
    if opened is None:
        problems.raise_if_any()
        raise ConnectorError(f"profile {name} cannot be read", code="mapping")
    report = lint(opened, problems)
    offline = check_offline(opened, problems)
    rows, notes = told(offline), (*report.notes, *offline.notes)
    if as_json:
        wrong = output.problems(problems)
        output.emit({"profile": name, "built": rows, "problems": wrong, "notes": notes})
    else:
        output.table(rows, ("entity", "action", "step", "messages", "judged by"))
        for note in notes:
            click.echo(f"note: {note}")
        if problems:
            click.echo(str(problems))
        count = len(set(problems.found))
        click.echo(f"{name}: {f'{count} problems' if count else 'ok'}")
    return codes.USAGE if problems else codes.OK
