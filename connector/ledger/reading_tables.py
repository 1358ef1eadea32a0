"""The tables of readings: what a young process looks into, until it has done so and lives."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table

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

paging = Table(
    "paging",
    meta,
    Column("owner", String, primary_key=True),
    Column("flow", String, primary_key=True),
    Column("entity", String, primary_key=True),
    Column("much", Integer, nullable=False),
    Column("alone", String, nullable=False),
    Column("began_at", Instant, nullable=False),
)
