"""What orders take is kept content by content, and since when the target has acknowledged it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from ledger_rows import NOW, SECOND, a_draft, a_link, a_record
from msgspec.structs import replace
from sqlalchemy import select, update

from connector.ledger import goods, links
from connector.ledger.goods import NOTHING, packed
from connector.ledger.moves import Moving, move
from connector.ledger.schema import goods as table
from connector.ledger.schema import link, record
from connector.ledger.staging import stage

TWO, FIVE = packed([("P1", "A", Decimal(2))]), packed([("P1", "A", Decimal(5))])
LATER = NOW + 60 * SECOND


def staged(db, taken, version, **fields):
    """Stage a new content of order 1 that takes *taken*."""
    n = str(version)
    draft = a_draft(version=n, doc_hash=f"d{n}", raw_hash=f"r{n}", read_at=NOW + version * SECOND)
    stage(db, [replace(draft, goods=taken, **fields)], NOW)
    return db.scalar(select(record.c.id))


def sent(db, id_, seq, at):
    """The target has acknowledged the content of *seq*."""
    db.execute(
        update(record).where(record.c.id == id_).values(state="running", owner="me", fence=1)
    )
    name = "sent" if db.scalar(select(record.c.seq)) == seq else "sent_more"
    reason = "sent" if name == "sent" else None
    moving = Moving(id=id_, fence=1, seq=seq, reason=reason, values={"acked_seq": seq})
    assert move(db, name, [moving], now=at) == {id_}


def contents(db):
    """What is open: (seq, quantity, acknowledged at) of each content of order 1."""
    [order] = goods.open_orders(db, ["orders"])
    return [(c.seq, [int(q) for _, _, q in c.lines], c.acked_at) for c in order.contents]


def test_an_order_takes_its_goods_from_its_staging_on(db):
    """Nobody waits for its delivery."""
    staged(db, TWO, 1)
    assert contents(db) == [(1, [2], None)]


def test_a_raised_quantity_stands_beside_what_was_acknowledged(db):
    """Each content is acknowledged by itself, with its time."""
    id_ = staged(db, TWO, 1)
    sent(db, id_, 1, NOW)
    staged(db, FIVE, 2)
    assert contents(db) == [(1, [2], NOW), (2, [5], None)]

    sent(db, id_, 2, LATER)
    assert contents(db) == [(1, [2], NOW), (2, [5], LATER)]


def test_the_first_acknowledgement_counts(db):
    """A change of something else, acknowledged later, moves no time."""
    id_ = staged(db, TWO, 1)
    sent(db, id_, 1, NOW)
    staged(db, TWO, 2)
    sent(db, id_, 2, LATER)
    assert contents(db) == [(1, [2], NOW)]


def test_an_older_content_in_hand_acknowledges_no_newer_one(db):
    """R2: what was sent, not what is wanted by now."""
    id_ = staged(db, TWO, 1)
    staged(db, FIVE, 2)
    sent(db, id_, 1, NOW)
    assert contents(db) == [(1, [2], NOW), (2, [5], None)]


def test_up_and_down_again_leaves_the_lowest_to_be_seen(db):
    """A→B→A: what lies between may have been sent, and is not forgotten."""
    id_ = staged(db, FIVE, 1)
    sent(db, id_, 1, NOW)
    staged(db, TWO, 2)
    staged(db, FIVE, 3)
    assert [quantity for _, [quantity], _ in contents(db)] == [5, 2, 5]


def test_a_settled_order_is_not_asked_after_again_until_it_takes_something_else(db):
    """Cost does not grow with history."""
    id_ = staged(db, TWO, 1)
    sent(db, id_, 1, NOW)
    goods.settle(db, [(id_, 1)])
    staged(db, TWO, 2)
    assert goods.open_orders(db, ["orders"]) == []

    staged(db, FIVE, 3)
    assert contents(db)[-1] == (3, [5], None)


@pytest.mark.parametrize("before", [None, TWO])
def test_an_order_that_takes_nothing_is_not_open(db, before):
    """Cancelled before it was ever seen, or afterwards."""
    if before:
        staged(db, before, 1)
    staged(db, NOTHING, 2)
    assert goods.open_orders(db, ["orders"]) == []


def test_what_was_not_ours_and_is_now_takes_its_goods(db):
    """The same content, judged otherwise: a backfill brings an order older than the start."""
    staged(db, NOTHING, 1, verdict="filtered")
    draft = a_draft(version="1", doc_hash="d1", raw_hash="r1", read_at=LATER)
    stage(db, [replace(draft, goods=TWO)], NOW)
    assert contents(db) == [(1, [2], None)]


def test_an_unreadable_change_keeps_what_was_known(db):
    """R15: the last good goods stay, until something is known again."""
    staged(db, TWO, 1)
    staged(db, None, 2, doc=None, doc_hash=None, verdict="unreadable")
    assert contents(db) == [(1, [2], None)]


def test_where_its_document_counts_is_known_by_pair_and_forgotten_when_relinked(db):
    """Another document there begins anew."""
    id_ = staged(db, TWO, 1)
    a_link(db, "1", "SO-1")
    goods.reserved(db, [id_], NOW)
    goods.reserved(db, [id_], LATER)
    assert goods.open_orders(db, ["orders"])[0].reserved_at == NOW

    links.relink(db, a_draft(), "SO-2")
    assert db.scalar(select(link.c.reserved_at)) is None


def test_orders_that_nobody_could_read_are_named(db):
    """Unknown is not nothing."""
    a_record(db, key="dark", state="held", reason="unreadable", doc=None)
    a_record(db, key="theirs", state="held", reason="unreadable", flow="other")
    staged(db, TWO, 1, doc=None, doc_hash=None, verdict="unreadable")
    assert goods.unknown(db, ["orders"]) == [("orders", "dark")]


def test_settling_a_content_settles_none_that_came_meanwhile(db):
    """It was not looked at."""
    id_ = staged(db, TWO, 1)
    sent(db, id_, 1, NOW)
    staged(db, FIVE, 2)
    goods.settle(db, [(id_, 1)])
    assert contents(db)[-1] == (2, [5], None)


def test_history_before_the_last_acknowledged_content_is_dropped(db):
    """What is asked is: what is wanted, and what was acknowledged last."""
    id_ = staged(db, TWO, 1)
    for seq, taken in ((2, FIVE), (3, TWO), (4, FIVE)):
        sent(db, id_, seq - 1, NOW)
        staged(db, taken, seq)
    assert list(db.scalars(select(table.c.seq).order_by(table.c.seq))) == [3, 4]
