"""`connector run`: the daemon, in the foreground, as systemd and containers want it."""

from __future__ import annotations

from pathlib import Path

import click

from connector import daemon, logs
from connector.cli.options import config_option, config_path, json_option


@click.command()
@config_option
@json_option
def run(config: Path | None, as_json: bool) -> None:
    """Run every flow at its times (`every:`) until SIGTERM; reload the configuration on SIGHUP.

    A broken configuration is refused at start, and at a reload the one before stays in force.
    """
    logs.start(as_json=as_json, level="info")
    daemon.run(config_path(config))
