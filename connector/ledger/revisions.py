"""Which revision the tables of a ledger have; without alembic, whose memory only a change needs."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

HEAD = "0002"


def revision(db: Connection) -> str | None:
    """The revision of the tables; None where there are none."""
    if not inspect(db).has_table("alembic_version"):
        return None
    found = db.scalar(text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)
