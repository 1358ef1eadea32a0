"""`connector map diff`: which documents and messages another version of a mapping changes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from connector import codes, logs, places
from connector.cli import output
from connector.cli.named import named, own_folders
from connector.cli.options import config_option, json_option
from connector.errors import ConnectorError
from connector.problems import Problems
from connector.workbench.compare import compare
from connector.workbench.opened import Opened, name_of, open_profile

COLUMNS = ("sample", "in", "at", "old", "new")


@click.command()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option(
    "--samples",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="More samples than those beside both.",
)
@config_option
@json_option
def diff(old: str, new: str, samples: Path | None, config: Path | None, as_json: bool) -> int:
    """Compare two versions of a mapping over samples: what becomes of each, leaf by leaf.

    OLD and NEW are folders of a profile, or names of profiles. Nothing is sent. Ends with 1 if
    anything changes.
    """
    logs.start(as_json=as_json, level="warning")
    problems = Problems()
    before, after = _opened(old, config, problems), _opened(new, config, problems)
    problems.raise_if_any()
    if before is None or after is None:
        raise ConnectorError("a mapping cannot be read", code="mapping")
    changed, compared = compare(before, after, samples)
    if as_json:
        output.emit({"compared": compared, "changed": [asdict(one) for one in changed]})
    else:
        if changed:
            rows = [{**asdict(one), "in": one.what} for one in changed]
            output.table(rows, COLUMNS)
        click.echo(f"{compared} samples, {len(changed)} leaves differ")
    return codes.ATTENTION if changed else codes.OK


def _opened(what: str, config: Path | None, problems: Problems) -> Opened | None:
    """A profile by its folder, whatever that is called, or by its name."""
    folder = Path(what).resolve()
    if not any(folder.glob("*.yaml")):
        name, folders = named(what, config)[0]
        return open_profile(name, folders, problems)
    behind = (folder.parent, *own_folders(config), places.mappings_folder())
    return open_profile(name_of(folder), behind, problems, at=folder)
