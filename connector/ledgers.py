"""Which ledger a configuration means, and whether it may be used here and now."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from connector.config import ledger_url
from connector.configured import Config
from connector.errors import ConnectorError
from connector.ledger.revisions import HEAD, revision
from connector.ledger.store import Ledger
from connector.problems import Problems


def open_ledger(config: Config) -> Ledger:
    """The ledger of *config*, its tables as this version needs them.

    Raises ConfigError, ConnectorError(ledger_missing, ledger_outdated).
    """
    problems = Problems()
    url = ledger_url(config, problems)
    problems.raise_if_any()
    ledger = Ledger(str(url))
    if ledger.path is not None and not ledger.path.exists():
        raise ConnectorError(f"there is no ledger at {ledger.path}", code="ledger_missing")
    if ledger.path is not None:
        refuse_other_user(ledger.path)
    found = ledger.read(revision)
    if found is None:
        raise ConnectorError("the ledger has no tables yet", code="ledger_missing")
    if found != HEAD:
        raise ConnectorError(
            f"the ledger is at revision {found}, this version needs {HEAD}",
            code="ledger_outdated",
        )
    return ledger


def refuse_other_user(path: Path) -> None:
    """O1: files that another user made beside the ledger would lock its owner out."""
    owner = path.stat().st_uid
    if owner != os.geteuid():
        try:
            name = pwd.getpwuid(owner).pw_name
        except KeyError:
            name = f"#{owner}"
        raise ConnectorError(
            f"the ledger at {path} belongs to another user",
            code="other_user",
            cure=f"sudo -u '{name}' connector …" if "#" in name else f"sudo -u {name} connector …",
        )
