"""The table of brakes: what waits for a person's approval, and who gave it."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Integer, String, Table, text

from connector.ledger.columns import Id, Instant, meta, one_of

BRAKES = ("first", "per_hour", "same_error")

brake = Table(
    "brake",
    meta,
    Column("id", Id, primary_key=True),
    Column("flow", String, nullable=False),
    Column("name", String, nullable=False),
    Column("engaged_at", Instant, nullable=False),
    Column("detail", String, nullable=False, server_default=text("''")),
    Column("let_go", Integer, nullable=False, server_default=text("0")),
    Column("approved_at", Instant),
    Column("approved_by", String),
    CheckConstraint(one_of("name", BRAKES), name="name"),
    CheckConstraint("(approved_at IS NULL) = (approved_by IS NULL)", name="approved"),
)
Index(
    "uq_brake_open",
    brake.c.flow, brake.c.name,
    unique=True,
    sqlite_where=brake.c.approved_at.is_(None),
    postgresql_where=brake.c.approved_at.is_(None),
)  # fmt: skip
