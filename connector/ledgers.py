"""Which ledger a configuration means, and whether it may be used here and now."""

from __future__ import annotations

from connector.config import ledger_url
from connector.configured import Config
from connector.errors import ConnectorError
from connector.ledger.revisions import HEAD, revision
from connector.ledger.store import Ledger
from connector.owner import another, is_anothers
from connector.problems import Problems


def open_ledger(config: Config) -> Ledger:
    """The ledger of *config*, its tables as this version needs them.

    Raises ConfigError, ConnectorError(ledger_missing, ledger_outdated, other_user).
    """
    problems = Problems()
    url = ledger_url(config, problems)
    problems.raise_if_any()
    ledger = Ledger(str(url))
    if ledger.path is not None and not ledger.path.exists():
        raise ConnectorError(f"there is no ledger at {ledger.path}", code="ledger_missing")
    # O1: files that another user made beside the ledger would lock its owner out.
    if ledger.path is not None and is_anothers(ledger.path):
        raise another(ledger.path, "the ledger at")
    found = ledger.read(revision)
    if found is None:
        raise ConnectorError("the ledger has no tables yet", code="ledger_missing")
    if found != HEAD:
        raise ConnectorError(
            f"the ledger is at revision {found}, this version needs {HEAD}",
            code="ledger_outdated",
        )
    return ledger
