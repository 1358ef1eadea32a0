"""`connector init`: a commented configuration to begin with."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import click

from connector.errors import ConnectorError
from connector.places import example_file

_ENV = """\
# Secrets of config.yaml; readable for the connector's user only (mode 0600).
WOO_KEY=
WOO_SECRET=
ERP_USER=
ERP_PASSWORD=
"""


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
def init(folder: Path) -> None:
    """Write a commented config.yaml and an .env for its secrets into FOLDER.

    What is already there is kept as it is.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    example = example_file().read_text(encoding="utf-8")
    # An example's date would let orders in, or keep them out, that nobody thought of.
    config = re.sub(r"start: \S+", f"start: {now}", example)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / "config.yaml", config, 0o640)
        _write(folder / ".env", _ENV, 0o600)
    except OSError as error:
        cure = "choose a folder that we may write to"
        message = f"cannot write into {folder}: {error.strerror}"
        raise ConnectorError(message, code="usage", cure=cure) from error
    click.echo(f"next: fill in {folder / '.env'}, adapt {folder / 'config.yaml'}, connector check")


def _write(path: Path, text: str, mode: int) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        click.echo(f"kept     {path}")
        return
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    click.echo(f"written  {path}")
