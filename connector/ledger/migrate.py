"""Bring a ledger's tables to this version, or say that they are not."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect, text

from connector.ledger import life
from connector.ledger.store import Ledger

HEAD = "0002"


def upgrade(ledger: Ledger, migrations: Path, now: datetime) -> str | None:
    """Create or upgrade the tables; returns the revision there was before (None: a new ledger)."""
    with ledger.begin() as db:
        was = revision(db)
        config = Config()
        config.set_main_option("script_location", str(migrations).replace("%", "%%"))
        config.attributes["connection"] = db
        command.upgrade(config, "head")
        life.create(db, now)
    return was


def revision(db: Connection) -> str | None:
    """The revision of the tables; None where there are none."""
    if not inspect(db).has_table("alembic_version"):
        return None
    found = db.scalar(text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)
