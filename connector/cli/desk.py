"""What commands at the ledger share: opening it, naming the person, words for states and times."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connector import codes
from connector.app import App
from connector.cli import output
from connector.cli.options import config_path
from connector.clock import SystemClock
from connector.configured import Config
from connector.documents import ENTITIES
from connector.errors import ConnectorError
from connector.examining import read_config
from connector.flow.flows import Flow
from connector.ledger.history import DEAD
from connector.ledger.persons import Person
from connector.ledger.store import Ledger
from connector.ledgers import open_ledger
from connector.nearest import cure_for

SHOW = "connector record show ENTITY KEY"
LEFT = ("refund", "review")  # no flow delivers it: it can only be looked at


@contextmanager
def at_ledger(given: Path | None) -> Iterator[tuple[Config, Ledger]]:
    """The configuration and its ledger, for a `with`; beside a delivery that runs."""
    config = read_config(config_path(given))
    output.tell_times_in(config.zone)
    ledger = open_ledger(config)
    try:
        yield config, ledger
    finally:
        ledger.close()


def flow_of(app: App, name: str) -> Flow:
    """The flow of that name; raises ConnectorError(usage) naming the nearest one."""
    if name not in app.flows:
        cure = cure_for(name, app.flows, "flow")
        raise ConnectorError(f"there is no flow `{name}`", code="usage", cure=cure)
    return app.flows[name]


def no_record(entity: str, key: str) -> ConnectorError:
    """There is none; of an entity that there is not (`orders`), the nearest is named."""
    cure = "" if entity in ENTITIES else cure_for(entity, tuple(ENTITIES), "entity")
    message = f"there is no record of {entity} {key}"
    return ConnectorError(message, code="no_such_record", cure=cure)


def person() -> Person:
    """Who sits here, and now."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"uid {uid}"
    return Person(name=name, now=SystemClock().now())


def words(row: Mapping[str, Any]) -> str:
    """State and reason in the words that people use."""
    state, reason = row["state"], row["reason"]
    if state == "held" and reason in DEAD:
        return f"dead letter ({reason})"
    if state == "held" and reason == "conflict":
        return "conflict"
    return f"{state} ({reason})" if reason else state.replace("_", " ")


def command_for(row: Mapping[str, Any]) -> str:
    """The command that helps a held record on, ready to be pasted."""
    left = (row["entity"], row["reason"]) == LEFT
    command = SHOW if left else codes.HELD[row["reason"]].command
    return command.replace("ENTITY KEY", f"{row['entity']} {row['key']}")


def age(since: datetime | None, now: datetime) -> str:
    """How long ago, in one unit."""
    if since is None:
        return "never"
    seconds = int((now - since) / timedelta(seconds=1))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if abs(seconds) >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
