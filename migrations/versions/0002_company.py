"""What a day and a night need: grown until it is released, frozen then."""

import sqlalchemy as sa
from alembic import op

from connector.ledger.schema import Instant

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Bring the ledger from the revision before to this one."""
    _runs()
    _linking()
    _backfills()
    _standings()
    _brakes()
    _counting()
    _watching()
    _hearing()
    _stock()
    op.add_column("life", sa.Column("retired_at", Instant()))
    _blocked()


def _hearing() -> None:
    """What systems said of their documents, until they were read."""
    op.create_table(
        "hint",
        sa.Column("flow", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("version", sa.String()),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.CheckConstraint("n >= 1", name=op.f("ck_hint_n")),
        sa.PrimaryKeyConstraint("flow", "key", name=op.f("pk_hint")),
    )


def _counting() -> None:
    """States, reasons and ages are counted from an index alone."""
    op.drop_index("ix_record_due", "record")
    op.create_index("ix_record_due", "record", ["flow", "state", "lane", "due_at", "reason"])


def _watching() -> None:
    """When a flow's source was last read to its end; what was told to whom."""
    op.create_table(
        "confirmed",
        sa.Column("flow", sa.String(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("flow", name=op.f("pk_confirmed")),
    )
    op.create_table(
        "alarm",
        sa.Column("alert", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("upto", Instant()),
        sa.Column("told_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("alert", "what", "subject", name=op.f("pk_alarm")),
    )


def _linking() -> None:
    """What a scan saw, whom it takes for whom, what was accepted."""
    op.create_table(
        "linking",
        sa.Column("flow", sa.String(), nullable=False),
        sa.Column("begun_at", Instant(), nullable=False),
        sa.Column("source_at", sa.String()),
        sa.Column("source_done", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("target_at", sa.String()),
        sa.Column("target_done", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("judged", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("accepted_at", Instant()),
        sa.Column("accepted_by", sa.String()),
        sa.PrimaryKeyConstraint("flow", name=op.f("pk_linking")),
    )
    op.create_table(
        "sighting",
        sa.Column("flow", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("traits", sa.String(), nullable=False),
        sa.Column("birth", sa.String()),
        sa.CheckConstraint("side IN ('source', 'target')", name=op.f("ck_sighting_side")),
        sa.PrimaryKeyConstraint("flow", "side", "key", "by", name=op.f("pk_sighting")),
    )
    op.create_index("ix_sighting_value", "sighting", ["flow", "side", "by", "value"])
    op.create_table(
        "candidate",
        sa.Column("flow", sa.String(), nullable=False),
        sa.Column("source_key", sa.String(), nullable=False),
        sa.Column("target_key", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.CheckConstraint(
            "verdict IN ('sure', 'weak', 'collision')", name=op.f("ck_candidate_verdict")
        ),
        sa.PrimaryKeyConstraint("flow", "source_key", "target_key", name=op.f("pk_candidate")),
    )
    op.create_index("ix_candidate_target_key", "candidate", ["flow", "target_key"])


def _blocked() -> None:
    """Make the index of the blocked one of a short column: PostgreSQL refuses a long text in it."""
    there = sa.text("blocked_on IS NOT NULL")
    op.drop_index("ix_record_blocked_on", "record")
    op.create_index(
        "ix_record_blocked", "record", ["flow"], sqlite_where=there, postgresql_where=there
    )


def _runs() -> None:
    op.create_table(
        "run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("flow", sa.String(), nullable=False),
        sa.Column("task", sa.String(), server_default=sa.text("'sync'"), nullable=False),
        sa.Column("only", sa.String(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("given", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("result", sa.String(), nullable=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("slot", Instant(), nullable=True),
        sa.CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name=op.f("ck_run_ended")),
        sa.CheckConstraint("state IN ('asked', 'running', 'ended')", name=op.f("ck_run_state")),
        sa.CheckConstraint(
            "task IN ('sync', 'apply', 'backfill', 'vacuum')", name=op.f("ck_run_task")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
    )
    op.create_index("uq_run_slot", "run", ["flow", "slot"], unique=True)
    op.create_table(
        "share",
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.CheckConstraint("slots >= 0", name=op.f("ck_share_slots")),
        sa.PrimaryKeyConstraint("connection", "owner", name=op.f("pk_share")),
    )


def _stock() -> None:
    """What orders take, and since when the ERP counts it."""
    op.add_column("link", sa.Column("reserved_at", Instant()))
    op.add_column("attempt", sa.Column("said", sa.String()))
    op.create_table(
        "goods",
        sa.Column("record", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("lines", sa.String(), nullable=False),
        sa.Column("acked_at", Instant()),
        sa.Column("settled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["record"], ["record.id"], name=op.f("fk_goods_record")),
        sa.PrimaryKeyConstraint("record", "seq", name=op.f("pk_goods")),
    )
    op.create_index(
        "ix_goods_open",
        "goods",
        ["record"],
        sqlite_where=sa.text("settled IS 0"),
        postgresql_where=sa.text("settled IS false"),
    )
    op.create_table(
        "stock",
        sa.Column("flow", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("sku", sa.String()),
        sa.Column("offered", sa.Integer(), nullable=False),
        sa.Column("changed_at", Instant()),
        sa.Column("zeroed_at", Instant()),
        sa.PrimaryKeyConstraint("flow", "key", name=op.f("pk_stock")),
    )
    op.create_index("ix_stock_sku", "stock", ["flow", "sku"])
    _stocktakes()


def _stocktakes() -> None:
    op.create_table(
        "stocktake",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("flow", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("begun_at", Instant(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("zeroed", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("absent", sa.Integer(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("affected", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("approved_by", sa.String()),
        sa.Column("approved_at", Instant()),
        sa.CheckConstraint(
            "state IN ('braked', 'approved', 'spent', 'superseded')",
            name=op.f("ck_stocktake_state"),
        ),
        sa.CheckConstraint(
            "(state IN ('approved', 'spent')) = (approved_at IS NOT NULL)",
            name=op.f("ck_stocktake_approved"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stocktake")),
    )


def _backfills() -> None:
    """What is delivered from before a flow's start, and how far that has come."""
    op.create_table(
        "backfill",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("flow", sa.String(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.Column("statuses", sa.String(), nullable=False),
        sa.Column("per_minute", sa.Integer()),
        sa.Column("next_at", Instant()),
        sa.Column("expected", sa.Integer()),
        sa.Column("read", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("walked", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("shown_at", Instant()),
        sa.Column("accepted_at", Instant()),
        sa.Column("accepted_by", sa.String()),
        sa.Column("begun_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant()),
        sa.CheckConstraint(
            "(accepted_at IS NULL) = (accepted_by IS NULL)", name=op.f("ck_backfill_accepted")
        ),
        sa.CheckConstraint(
            "accepted_at IS NULL OR shown_at IS NOT NULL", name=op.f("ck_backfill_shown")
        ),
        sa.CheckConstraint(
            "per_minute IS NULL OR per_minute >= 1", name=op.f("ck_backfill_rate")
        ),
        sa.CheckConstraint("shown_at IS NULL OR walked", name=op.f("ck_backfill_walked")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backfill")),
        sa.UniqueConstraint(
            "flow", "since", "until", "statuses",
            name=op.f("uq_backfill_flow_since_until_statuses"),
        ),
    )  # fmt: skip
    op.create_table(
        "part",
        sa.Column("backfill", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.Column("position", sa.String(), nullable=True),
        sa.Column("walked", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("backfill", "since", name=op.f("pk_part")),
    )


def _standings() -> None:
    """How connections stand, for all processes."""
    op.create_table(
        "standing",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failing_since", Instant()),
        sa.Column("why", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("refused", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("probes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("probe_at", Instant()),
        sa.Column("told_until", Instant()),
        sa.Column("away_from", Instant()),
        sa.Column("back_at", Instant()),
        sa.Column("paused_at", Instant()),
        sa.Column("paused_until", Instant()),
        sa.Column("paused_by", sa.String()),
        sa.Column("paused_why", sa.String()),
        sa.CheckConstraint(
            "(failures = 0) = (failing_since IS NULL)", name=op.f("ck_standing_failing")
        ),
        sa.CheckConstraint(
            "probe_at IS NULL OR failing_since IS NOT NULL", name=op.f("ck_standing_probe")
        ),
        sa.CheckConstraint(
            "(away_from IS NULL) = (back_at IS NULL)", name=op.f("ck_standing_away")
        ),
        sa.CheckConstraint(
            "(paused_at IS NULL) = (paused_by IS NULL)", name=op.f("ck_standing_paused")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_standing")),
    )


def _brakes() -> None:
    """What waits for a person's approval, and who gave it."""
    op.create_table(
        "brake",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("flow", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("engaged_at", Instant(), nullable=False),
        sa.Column("detail", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("let_go", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("approved_at", Instant()),
        sa.Column("approved_by", sa.String()),
        sa.CheckConstraint(
            "name IN ('first', 'per_hour', 'same_error')", name=op.f("ck_brake_name")
        ),
        sa.CheckConstraint(
            "(approved_at IS NULL) = (approved_by IS NULL)", name=op.f("ck_brake_approved")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brake")),
    )
    op.create_index(
        "uq_brake_open",
        "brake",
        ["flow", "name"],
        unique=True,
        sqlite_where=sa.text("approved_at IS NULL"),
        postgresql_where=sa.text("approved_at IS NULL"),
    )
    op.create_table(
        "reading",
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("flow", sa.String(), nullable=False),
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("documents", sa.String(), nullable=False),
        sa.Column("began_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "flow", "entity", name=op.f("pk_reading")),
    )
    op.create_table(
        "paging",
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("flow", sa.String(), nullable=False),
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("much", sa.Integer(), nullable=False),
        sa.Column("alone", sa.String(), nullable=False),
        sa.Column("began_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "flow", "entity", name=op.f("pk_paging")),
    )
