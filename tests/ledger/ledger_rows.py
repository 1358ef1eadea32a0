"""Rows to begin with, valid as they are; a test says only what matters to it."""

from __future__ import annotations

import itertools
from datetime import timedelta

from sqlalchemy import insert, select

from connector.ledger.attempts import Intent
from connector.ledger.schema import attempt, event, link, record
from connector.ledger.staging import Draft
from connector.testing.rig import START

NOW = START
SECOND = timedelta(seconds=1)
_number = itertools.count(1)


def a_record(db, **columns):
    """Insert a record and give its id."""
    key = columns.get("key", f"k{next(_number)}")
    row = {
        "flow": "orders",
        "entity": "order",
        "key": key,
        "source": "shop",
        "target": "erp",
        "serial_key": f"shop:erp:order:{key}",
        "reference": f"ref-{key}",
        "state": "prepared",
        "doc": b"{}",
        "due_at": NOW,
        "read_at": NOW,
        "created_at": NOW,
        "changed_at": NOW,
    } | columns
    if row["state"] == "running":
        row.setdefault("owner", "somebody")
    if row["state"] == "held":
        row.setdefault("reason", "rule")
    if row["state"] == "done":
        row.setdefault("reason", "filtered")
    return db.execute(insert(record).values(row)).inserted_primary_key[0]


def an_event(db, of):
    """Insert an event of record *of*: something became of it."""
    row = {"record": of, "at": NOW, "move": "hold", "state": "held", "seq": 1, "actor": "engine"}
    db.execute(insert(event).values(row))


def an_attempt(db, of, **columns):
    """Insert an attempt of record *of*, an open intent unless told, and give its id."""
    row = {
        "record": of,
        "serial_key": db.scalar(select(record.c.serial_key).where(record.c.id == of)),
        "action": "create",
        "op_class": "create",
        "seq": 1,
        "payload": b"{}",
        "payload_hash": "h",
        "write_digest": "w",
        "fence": 0,
        "written_at": NOW,
        "send_before": NOW + 20 * SECOND,
    } | columns
    return db.execute(insert(attempt).values(row)).inserted_primary_key[0]


def a_link(db, source_key, target_key, **columns):
    """Insert a link and give its id."""
    row = {
        "role": "identity",
        "entity": "order",
        "source": "shop",
        "source_key": source_key,
        "target": "erp",
        "target_key": target_key,
        "made_at": NOW,
        "made_by": "engine",
    } | columns
    return db.execute(insert(link).values(row)).inserted_primary_key[0]


def a_draft(key="1", **fields):
    """A draft of one order, readable and due."""
    given = {
        "flow": "orders",
        "entity": "order",
        "key": key,
        "source": "shop",
        "target": "erp",
        "serial_key": f"shop:erp:order:{key}",
        "read_at": NOW,
        "due_at": NOW,
        "birth": f"born-{key}",
        "reference": f"ref-{key}",
        "version": "1",
        "doc": b"{}",
        "doc_hash": "d1",
        "raw_hash": "r1",
        "read_digest": "m1",
    }
    return Draft(**(given | fields))


def an_intent(of, **fields):
    """An intent to create record *of*, which is in our hand with fence 1."""
    given = {
        "record": of,
        "serial_key": "s",
        "action": "create",
        "step": None,
        "op_class": "create",
        "seq": 1,
        "fence": 1,
        "payload": b"{}",
        "payload_hash": "h",
        "write_digest": "w",
        "send_before": NOW + 20 * SECOND,
        "creates": True,
    }
    return Intent(**(given | fields))


def columns_of(db, id_, *names):
    """Some columns of a record."""
    return tuple(db.execute(select(*(record.c[n] for n in names)).where(record.c.id == id_)).one())
