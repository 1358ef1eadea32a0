"""The ledger's tables. The database keeps the invariants: states, reasons, uniqueness, one intent.

`due_at` says when a record may next be touched by anyone: prepared → claimed, running → its owner's
lease lapses, in_doubt → asked after.  Times are stored as microseconds since 1970 (UTC).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    false,
    text,
    true,
)

from connector.ledger.brake_tables import brake as brake
from connector.ledger.columns import EPOCH as EPOCH
from connector.ledger.columns import Id, one_of
from connector.ledger.columns import Instant as Instant
from connector.ledger.columns import meta as meta
from connector.ledger.errands import backfill as backfill
from connector.ledger.errands import part as part
from connector.ledger.errands import run as run
from connector.ledger.errands import share as share
from connector.ledger.reading_tables import paging as paging
from connector.ledger.reading_tables import reading as reading
from connector.ledger.stock_tables import goods as goods
from connector.ledger.stock_tables import stock as stock
from connector.ledger.stock_tables import stocktake as stocktake

STATES = ("prepared", "running", "in_doubt", "held", "done")
HELD = (
    "rule", "review", "blocked", "conflict", "refused", "unreadable", "gave_up", "doubt",
    "duplicate", "money", "locked", "gone_at_target", "ambiguous",
)  # fmt: skip
RESERVED = ("undone",)  # for a command that takes a delivery back; nothing comes there yet
DONE = ("sent", "same", "filtered", "never_delivered", "gone", "adopted")
OUTCOMES = (
    "done", "refused", "exists", "stale", "gone", "unavailable", "unauthorized", "not_sent",
    "found", "absent", "again",
)  # fmt: skip
OP_CLASSES = ("absolute", "append", "create", "transition")

record = Table(
    "record",
    meta,
    Column("id", Id, primary_key=True),
    Column("flow", String, nullable=False),
    Column("entity", String, nullable=False),
    Column("key", String, nullable=False),
    Column("source", String, nullable=False),
    Column("target", String, nullable=False),
    Column("serial_key", String, nullable=False),
    Column("birth", String),
    Column("born_at", Instant),
    Column("reference", String),
    Column("seq", Integer, nullable=False, server_default=text("1")),
    Column("acked_seq", Integer, nullable=False, server_default=text("0")),
    Column("source_version", String),
    Column("read_at", Instant, nullable=False),
    Column("doc", LargeBinary),
    Column("doc_hash", String),
    Column("raw_hash", String),
    Column("read_digest", String),
    Column("verdict", String, nullable=False, server_default=text("'due'")),
    Column("total", String),
    Column("currency", String),
    Column("subject", String),
    Column("state", String, nullable=False),
    Column("reason", String),
    Column("needs", String),
    Column("blocked_on", String),
    Column("decision", String),
    Column("decided_seq", Integer),
    Column("due_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("owner", String),
    Column("fence", Integer, nullable=False, server_default=text("0")),
    Column("lane", String, nullable=False, server_default=text("'live'")),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    UniqueConstraint("flow", "entity", "key"),
    UniqueConstraint("target", "entity", "reference"),
    CheckConstraint(one_of("state", STATES), name="state"),
    CheckConstraint(
        f"(state = 'held' AND {one_of('reason', (*HELD, *RESERVED))} AND reason IS NOT NULL)"
        f" OR (state = 'done' AND {one_of('reason', DONE)} AND reason IS NOT NULL)"
        " OR state IN ('prepared', 'running', 'in_doubt')",
        name="reason",
    ),
    CheckConstraint("(state = 'running') = (owner IS NOT NULL)", name="owner"),
    CheckConstraint("acked_seq <= seq AND acked_seq >= 0 AND seq >= 1", name="seq"),
    CheckConstraint(
        "state <> 'done' OR reason NOT IN ('sent', 'same', 'adopted') OR acked_seq = seq",
        name="done_is_acknowledged",
    ),
    CheckConstraint("(reason = 'blocked') = (blocked_on IS NOT NULL) OR reason IS NULL",
                    name="blocked_on"),
    CheckConstraint(one_of("lane", ("live", "backfill")), name="lane"),
)  # fmt: skip
# The reason is there for who counts: states, reasons and ages of all records, without their rows.
Index(
    "ix_record_due",
    record.c.flow, record.c.state, record.c.lane, record.c.due_at, record.c.reason,
)  # fmt: skip
Index(  # of a short column: an order may wait for more than an entry of PostgreSQL's index holds
    "ix_record_blocked",
    record.c.flow,
    sqlite_where=record.c.blocked_on.is_not(None),
    postgresql_where=record.c.blocked_on.is_not(None),
)
Index(
    "ix_record_owner",
    record.c.owner,
    sqlite_where=record.c.owner.is_not(None),
    postgresql_where=record.c.owner.is_not(None),
)
Index("ix_record_serial_key", record.c.serial_key)

attempt = Table(
    "attempt",
    meta,
    Column("id", Id, primary_key=True),
    Column("record", Id, ForeignKey("record.id"), nullable=False),
    Column("serial_key", String, nullable=False),
    Column("action", String, nullable=False),
    Column("step", String),
    Column("op_class", String, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("payload", LargeBinary),
    Column("payload_hash", String, nullable=False),
    Column("write_digest", String, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("written_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("send_before", Instant, nullable=False),
    Column("settle_until", Instant),
    Column("outcome", String),
    Column("code", String),
    Column("said", String),
    Column("target_key", String),
    Column("closed_by", String),
    Column("finished_at", Instant),
    CheckConstraint(one_of("outcome", OUTCOMES), name="outcome"),
    CheckConstraint(one_of("op_class", OP_CLASSES), name="op_class"),
    CheckConstraint("(outcome IS NULL) = (finished_at IS NULL)", name="finished"),
)
Index(
    "uq_attempt_open_intent",
    attempt.c.serial_key,
    unique=True,
    sqlite_where=attempt.c.outcome.is_(None),
    postgresql_where=attempt.c.outcome.is_(None),
)
Index("ix_attempt_record", attempt.c.record)

link = Table(
    "link",
    meta,
    Column("id", Id, primary_key=True),
    Column("role", String, nullable=False),
    Column("entity", String, nullable=False),
    Column("source", String, nullable=False),
    Column("source_key", String, nullable=False),
    Column("target", String, nullable=False),
    Column("target_key", String, nullable=False),
    Column("reference", String),
    Column("birth", String),
    Column("target_version", String),
    Column("base_source", LargeBinary),
    Column("base_target", LargeBinary),
    Column("base_known", Boolean, nullable=False, server_default=true()),
    Column("steps_left", String, nullable=False, server_default=text("''")),
    Column("total", String),
    Column("made_at", Instant, nullable=False),
    Column("made_by", String, nullable=False),
    Column("reserved_at", Instant),
    CheckConstraint(one_of("role", ("identity", "alias", "part")), name="role"),
)
Index(
    "uq_link_source",
    link.c.source, link.c.target, link.c.entity, link.c.source_key,
    unique=True,
    sqlite_where=link.c.role != "part",
    postgresql_where=link.c.role != "part",
)  # fmt: skip
Index(
    "uq_link_target",
    link.c.source, link.c.target, link.c.entity, link.c.target_key,
    unique=True,
    sqlite_where=link.c.role == "identity",
    postgresql_where=link.c.role == "identity",
)  # fmt: skip
Index(
    "uq_link_part",
    link.c.source, link.c.target, link.c.entity, link.c.source_key, link.c.target_key,
    unique=True,
    sqlite_where=link.c.role == "part",
    postgresql_where=link.c.role == "part",
)  # fmt: skip

cursor = Table(
    "cursor",
    meta,
    Column("connection", String, primary_key=True),
    Column("entity", String, primary_key=True),
    Column("scope", String, primary_key=True),
    Column("position", String, nullable=False),
    Column("rev", Integer, nullable=False),
    Column("moved_at", Instant, nullable=False),
)

confirmed = Table(
    "confirmed",
    meta,
    Column("flow", String, primary_key=True),
    Column("at", Instant, nullable=False),
)

alarm = Table(
    "alarm",
    meta,
    Column("alert", String, primary_key=True),
    Column("what", String, primary_key=True),
    Column("subject", String, primary_key=True),
    Column("upto", Instant),
    Column("told_at", Instant, nullable=False),
)

hint = Table(
    "hint",
    meta,
    Column("flow", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("n", Integer, nullable=False),
    Column("version", String),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("due_at", Instant, nullable=False),
    Column("since", Instant, nullable=False),
    CheckConstraint("n >= 1", name="n"),
)

claim = Table(
    "claim",
    meta,
    Column("target", String, primary_key=True),
    Column("entity", String, primary_key=True),
    Column("match_key", String, primary_key=True),
    Column("record", Id, ForeignKey("record.id"), nullable=False),
    Column("made_at", Instant, nullable=False),
)

quarantine = Table(
    "quarantine",
    meta,
    Column("id", Id, primary_key=True),
    Column("flow", String, nullable=False),
    Column("entity", String, nullable=False),
    Column("at", String, nullable=False),
    Column("code", String, nullable=False),
    Column("raw", LargeBinary),
    Column("raw_hash", String, nullable=False),
    Column("seen_at", Instant, nullable=False),
    UniqueConstraint("flow", "entity", "raw_hash"),
)

connection = Table(
    "connection",
    meta,
    Column("name", String, primary_key=True),
    Column("identity", String, nullable=False),
    Column("proven", String, nullable=False, server_default=text("'{}'")),
    Column("first_seen", Instant, nullable=False),
    Column("checked_at", Instant, nullable=False),
)

standing = Table(
    "standing",
    meta,
    Column("name", String, primary_key=True),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("failing_since", Instant),
    Column("why", String, nullable=False, server_default=text("''")),
    Column("refused", Boolean, nullable=False, server_default=false()),
    Column("probes", Integer, nullable=False, server_default=text("0")),
    Column("probe_at", Instant),
    Column("told_until", Instant),
    Column("away_from", Instant),
    Column("back_at", Instant),
    Column("paused_at", Instant),
    Column("paused_until", Instant),
    Column("paused_by", String),
    Column("paused_why", String),
    CheckConstraint("(failures = 0) = (failing_since IS NULL)", name="failing"),
    CheckConstraint("probe_at IS NULL OR failing_since IS NOT NULL", name="probe"),
    CheckConstraint("(away_from IS NULL) = (back_at IS NULL)", name="away"),
    CheckConstraint("(paused_at IS NULL) = (paused_by IS NULL)", name="paused"),
)

event = Table(
    "event",
    meta,
    Column("id", Id, primary_key=True),
    Column("record", Id, ForeignKey("record.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("move", String, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", String),
    Column("seq", Integer, nullable=False),
    Column("actor", String, nullable=False),
    Column("detail", String),
)
Index("ix_event_record", event.c.record)

life = Table(
    "life",
    meta,
    Column("only", Boolean, primary_key=True),
    Column("id", String, nullable=False),
    Column("installation", String, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("alive_since", Instant, nullable=False),
    Column("unsettled_since", Instant, nullable=False),
    Column("beat_at", Instant, nullable=False),
    Column("beat_boot", BigInteger),
    Column("machine", String, nullable=False),
    Column("retired_at", Instant),
)

linking = Table(
    "linking",
    meta,
    Column("flow", String, primary_key=True),
    Column("begun_at", Instant, nullable=False),
    Column("source_at", String),
    Column("source_done", Boolean, nullable=False, server_default=false()),
    Column("target_at", String),
    Column("target_done", Boolean, nullable=False, server_default=false()),
    Column("judged", Boolean, nullable=False, server_default=false()),
    Column("accepted_at", Instant),
    Column("accepted_by", String),
)

sighting = Table(
    "sighting",
    meta,
    Column("flow", String, primary_key=True),
    Column("side", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("by", String, primary_key=True),
    Column("value", String, nullable=False),
    Column("traits", String, nullable=False),
    Column("birth", String),
    CheckConstraint(one_of("side", ("source", "target")), name="side"),
)
Index("ix_sighting_value", sighting.c.flow, sighting.c.side, sighting.c.by, sighting.c.value)

candidate = Table(
    "candidate",
    meta,
    Column("flow", String, primary_key=True),
    Column("source_key", String, primary_key=True),
    Column("target_key", String, primary_key=True),
    Column("verdict", String, nullable=False),
    Column("reason", String, nullable=False),
    CheckConstraint(one_of("verdict", ("sure", "weak", "collision")), name="verdict"),
)
Index("ix_candidate_target_key", candidate.c.flow, candidate.c.target_key)
