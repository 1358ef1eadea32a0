"""Examining a configuration as a whole: what is wrong in any part of it comes in one report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from connector import messenger, wiring
from connector.building import wire_all
from connector.config import ledger_url, load_as_far
from connector.configured import Config
from connector.errors import ConnectorError
from connector.flow.flows import Flow
from connector.problems import Problems
from connector.wiring import Wired


def read_config(path: Path) -> Config:
    """The configuration at *path*; raises ConfigError with every mistake in it.

    Once one is found, everything that hangs on it is looked at too: profiles, secrets, expressions.
    """
    problems = Problems()
    config = load_as_far(path, problems)
    if problems and config is not None:
        examine(config, problems)
    problems.raise_if_any()
    if config is None:
        raise ConnectorError("the configuration cannot be used", code="config")
    return config


def examine(config: Config, problems: Problems) -> tuple[Mapping[str, Wired], Mapping[str, Flow]]:
    """Put together what can be of *config*, its secrets looked up, and say all that is wrong."""
    ledger_url(config, problems)
    wired, flows = wire_all(config, "000000", problems)
    for one in wired.values():
        wiring.settings(config, one, problems)
        wiring.hints(config, one, problems)
    messenger.senders(config, problems)
    return wired, flows
