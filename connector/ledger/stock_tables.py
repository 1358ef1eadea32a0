"""The tables of the stock: what orders take, what was read, what waits for a person."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    false,
)

from connector.ledger.columns import Id, Instant, meta, one_of

STOCKTAKES = ("braked", "approved", "spent", "superseded")

goods = Table(
    "goods",
    meta,
    Column("record", Id, ForeignKey("record.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("lines", String, nullable=False),
    Column("acked_at", Instant),
    Column("settled", Boolean, nullable=False, server_default=false()),
)
Index(
    "ix_goods_open",
    goods.c.record,
    sqlite_where=goods.c.settled.is_(False),
    postgresql_where=goods.c.settled.is_(False),
)

stock = Table(
    "stock",
    meta,
    Column("flow", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("sku", String),
    Column("offered", Integer, nullable=False),
    Column("changed_at", Instant),
    Column("zeroed_at", Instant),
)
Index("ix_stock_sku", stock.c.flow, stock.c.sku)

stocktake = Table(
    "stocktake",
    meta,
    Column("id", Id, primary_key=True),
    Column("flow", String, nullable=False),
    Column("state", String, nullable=False),
    Column("begun_at", Instant, nullable=False),
    Column("items", Integer, nullable=False),
    Column("zeroed", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("absent", Integer, nullable=False),
    Column("why", String, nullable=False),
    Column("affected", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("approved_by", String),
    Column("approved_at", Instant),
    CheckConstraint(one_of("state", STOCKTAKES), name="state"),
    CheckConstraint(
        "(state IN ('approved', 'spent')) = (approved_at IS NOT NULL)", name="approved"
    ),
)
