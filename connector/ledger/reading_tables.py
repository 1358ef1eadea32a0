"""The table of readings: what a young process is turning into documents, until it has done so."""

from __future__ import annotations

from sqlalchemy import Column, String, Table

from connector.ledger.columns import Instant, meta

reading = Table(
    "reading",
    meta,
    Column("owner", String, primary_key=True),
    Column("flow", String, primary_key=True),
    Column("entity", String, primary_key=True),
    Column("documents", String, nullable=False),
    Column("began_at", Instant, nullable=False),
)
