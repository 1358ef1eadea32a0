"""The ERP's stock: what lies in its warehouses, and what its own orders have taken of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from decimal import Decimal

from connector.sandbox.erp_xml import Fields, Tree
from connector.sandbox.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS stock (
    item TEXT NOT NULL, warehouse TEXT NOT NULL, on_hand TEXT NOT NULL, reserved TEXT NOT NULL,
    PRIMARY KEY (item, warehouse));
CREATE TABLE IF NOT EXISTS booked (
    order_no TEXT NOT NULL, item TEXT NOT NULL, quantity TEXT NOT NULL, stage TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS booked_order ON booked (order_no);
CREATE INDEX IF NOT EXISTS booked_item ON booked (item);
"""
MAIN = "main"  # the warehouse that orders are shipped from
RESERVES_AT = "validate"
# What an order reserves by its stage, for each `reserves_at` that a company may have chosen.
RESERVING = {"create": ("open", "released"), "validate": ("released",), "ship": ()}


def count(
    store: Store, item: str, on_hand: str, *, warehouse: str = MAIN, reserved: str = "0"
) -> None:
    """A clerk counts a shelf: so much lies there, so much of it is put aside by hand."""
    with store.begin() as db:
        db.execute(
            "INSERT OR REPLACE INTO stock VALUES (?, ?, ?, ?)", (item, warehouse, on_hand, reserved)
        )


def book(db: sqlite3.Connection, no: str, lines: Sequence[Fields], stage: str) -> None:
    """Note what order *no* takes: all of its item lines, or nothing once it is cancelled."""
    db.execute("DELETE FROM booked WHERE order_no = ?", (no,))
    if stage == "cancelled":
        return
    db.executemany(
        "INSERT INTO booked VALUES (?, ?, ?, ?)",
        [(no, line["ItemNo"], line["Quantity"], stage) for line in lines if line.get("ItemNo")],
    )


def stage_of(status: Tree, *, released: bool) -> str:
    """How far an order is, for its goods: open, released, shipped or cancelled."""
    if status in ("shipped", "cancelled"):
        return str(status)
    return "released" if released else "open"


def listed(store: Store, page: tuple[int, int]) -> tuple[list[Fields], bool]:
    """A page of all items by number; the flag says whether more follows."""
    number, size = page
    rows = store.rows(
        "SELECT no FROM items ORDER BY no LIMIT ? OFFSET ?", (size + 1, (number - 1) * size)
    )
    return of(store, [row["no"] for row in rows[:size]]), len(rows) > size


def of(store: Store, items: Sequence[str]) -> list[Fields]:
    """The stock of the items of these numbers, in their order; unknown numbers are left out."""
    with store.begin():  # one moment for all of it
        return [told for item in items if (told := _told(store, item)) is not None]


def _told(store: Store, item: str) -> Fields | None:
    row = store.row("SELECT no, sku, data FROM items WHERE no = ?", (item,))
    if row is None:
        return None
    reserving = RESERVING[store.meta("reserves_at", RESERVES_AT)]
    taken = {"reserved": Decimal(0), "shipped": Decimal(0)}
    for booked in store.rows("SELECT quantity, stage FROM booked WHERE item = ?", (item,)):
        if booked["stage"] == "shipped":
            taken["shipped"] += Decimal(booked["quantity"])
        elif booked["stage"] in reserving:
            taken["reserved"] += Decimal(booked["quantity"])
    shelves = store.rows("SELECT * FROM stock WHERE item = ? ORDER BY warehouse", (item,))
    units = store.meta(f"unit:{item}", "pcs:1").split(":")
    return {
        "ItemNo": item,
        "Sku": row["sku"],
        "Unit": units[0],
        "PiecesPerUnit": units[1],
        "Level": [_level(shelf, taken) for shelf in shelves],
    }


def _level(shelf: sqlite3.Row, taken: dict[str, Decimal]) -> Fields:
    on_hand, reserved = Decimal(shelf["on_hand"]), Decimal(shelf["reserved"])
    if shelf["warehouse"] == MAIN:
        on_hand, reserved = on_hand - taken["shipped"], reserved + taken["reserved"]
    told = {"OnHand": on_hand, "Reserved": reserved, "Available": on_hand - reserved}
    return {"Warehouse": shelf["warehouse"], **{name: f"{n:f}" for name, n in told.items()}}
