"""The tables of what people ask for: single runs, and backfills."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    false,
    text,
)

from connector.ledger.columns import Id, Instant, meta, one_of

RUN_STATES = ("asked", "running", "ended")
TASKS = ("sync", "apply", "backfill", "vacuum")

run = Table(
    "run",
    meta,
    Column("id", Id, primary_key=True),
    Column("flow", String, nullable=False),
    Column("task", String, nullable=False, server_default=text("'sync'")),
    Column("only", String, nullable=False, server_default=text("'[]'")),
    Column("given", String),
    Column("state", String, nullable=False),
    Column("result", String),
    Column("actor", String, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("owner", String),  # the worker that has it in hand; a daemon's has none
    Column("slot", Instant),  # the scheduled time that it is for; one run a flow and slot
    CheckConstraint(one_of("state", RUN_STATES), name="state"),
    CheckConstraint(one_of("task", TASKS), name="task"),
    CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended"),
)
Index("uq_run_slot", run.c.flow, run.c.slot, unique=True)

share = Table(
    "share",
    meta,
    Column("connection", String, primary_key=True),
    Column("owner", String, primary_key=True),
    Column("slots", Integer, nullable=False),
    Column("until", Instant, nullable=False),
    CheckConstraint("slots >= 0", name="slots"),
)

backfill = Table(
    "backfill",
    meta,
    Column("id", Id, primary_key=True),
    Column("flow", String, nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("statuses", String, nullable=False),
    Column("per_minute", Integer),
    Column("next_at", Instant),
    Column("expected", Integer),
    Column("read", Integer, nullable=False, server_default=text("0")),
    Column("walked", Boolean, nullable=False, server_default=false()),
    Column("shown_at", Instant),
    Column("accepted_at", Instant),
    Column("accepted_by", String),
    Column("begun_at", Instant, nullable=False),
    Column("ended_at", Instant),
    UniqueConstraint("flow", "since", "until", "statuses"),
    CheckConstraint("per_minute IS NULL OR per_minute >= 1", name="rate"),
    CheckConstraint("(accepted_at IS NULL) = (accepted_by IS NULL)", name="accepted"),
    CheckConstraint("accepted_at IS NULL OR shown_at IS NOT NULL", name="shown"),
    CheckConstraint("shown_at IS NULL OR walked", name="walked"),
)

part = Table(
    "part",
    meta,
    Column("backfill", Id, primary_key=True),
    Column("since", Instant, primary_key=True),
    Column("until", Instant, nullable=False),
    Column("position", String),
    Column("walked", Boolean, nullable=False, server_default=false()),
    Column("owner", String),  # who reads it; another may once that one lives no more
)
