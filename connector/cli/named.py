"""Which profiles a command of the workbench means, and where each is looked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from connector import places
from connector.cli.options import config_path
from connector.errors import ConnectorError
from connector.examining import read_config


def named(what: str | None, config: Path | None) -> list[tuple[str, Sequence[Path]]]:
    """Which profiles are meant, and in which folders each is looked for."""
    behind = (*own_folders(config), places.mappings_folder())
    place = Path(what) if what else _here()
    if place is not None and place.is_dir():
        place = place.resolve()
        if any(place.glob("*.yaml")):
            return [(place.name, (place.parent, *behind))]
        names = sorted({path.parent.name for path in place.glob("*/*.yaml")})
        if names:
            return [(name, (place, *behind)) for name in names]
    if what is None:
        cure = "name a profile or a folder"
        raise ConnectorError("there is no profile here", code="usage", cure=cure)
    return [(what, behind)]


def _here() -> Path | None:
    here = Path.cwd()
    if (here / "profile.yaml").is_file():
        return here
    if any((here / "mappings").glob("*/*.yaml")):
        return here / "mappings"
    return here if any(here.glob("*/profile.yaml")) else None


def own_folders(config: Path | None) -> Sequence[Path]:
    """The folders of a configuration, if there is one."""
    try:
        return read_config(config_path(config)).mappings
    except ConnectorError as error:
        if config is not None or error.code != "config_missing":
            raise
        return ()
