"""Options that commands share: which configuration, and whether to answer in JSON."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import click

from connector.errors import ConnectorError
from connector.owner import another, is_anothers
from connector.spelled import Misspelled, moment

F = TypeVar("F", bound=Callable[..., object])
PLACES = (Path("config.yaml"), Path("/etc/connector/config.yaml"))


def config_option(command: F) -> F:
    """Add `--config PATH`; the command gets `config: Path | None`."""
    return click.option(
        "--config",
        "-c",
        type=click.Path(dir_okay=False, path_type=Path),
        help=f"Configuration file; left out: {', then '.join(map(str, PLACES))}.",
    )(command)


def json_option(command: F) -> F:
    """Add `--json`; the command gets `as_json: bool`."""
    return click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")(command)


def moment_of(_: click.Context, __: click.Parameter, text: str | None) -> datetime | None:
    """A time on the command line, with its offset."""
    try:
        return None if text is None else moment(text)
    except Misspelled as wrong:
        raise click.BadParameter(f"{wrong}; {wrong.cure}") from wrong


def config_path(given: Path | None) -> Path:
    """Return the configuration to use; raises ConnectorError[config_missing] if there is none,

    [other_user] if its owner alone may read it.
    """
    places = (given,) if given else PLACES
    for place in places:
        if _is_there(place):
            return place
    looked = ", ".join(str(place) for place in places)
    raise ConnectorError(f"no configuration at {looked}", code="config_missing")


def _is_there(place: Path) -> bool:
    try:
        found = place.is_file()
    except PermissionError as error:
        raise another(place.parent, "the folder") from error
    for file in (place, place.with_name(".env")):
        if found and file.exists() and is_anothers(file) and not os.access(file, os.R_OK):
            raise another(file, "the configuration's file")
    return found
