"""Bring a ledger's tables to this version."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.config import Config

from connector.ledger import life
from connector.ledger.revisions import revision
from connector.ledger.store import Ledger
from connector.points import reach


def upgrade(ledger: Ledger, migrations: Path, now: datetime) -> str | None:
    """Create or upgrade the tables; returns the revision there was before (None: a new ledger)."""
    with ledger.begin() as db:
        was = revision(db)
        config = Config()
        config.set_main_option("script_location", str(migrations).replace("%", "%%"))
        config.attributes["connection"] = db
        command.upgrade(config, "head")
        reach("migration.mid")
        life.create(db, now)
    return was
