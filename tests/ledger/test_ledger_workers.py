"""Two workers at one PostgreSQL ledger: what only one may do is done by one, and both go on."""

from __future__ import annotations

import threading

import pytest
from ledger_rows import NOW, a_record, an_intent
from sqlalchemy import select, text

from connector.ledger import attempts
from connector.ledger.schema import attempt
from connector.ledger.store import Ledger


@pytest.fixture
def two(database):
    """One ledger, opened by two workers."""
    url = database()
    pair = [Ledger(url), Ledger(url)]
    yield pair
    for ledger in pair:
        ledger.close()


def waits_for_another(ledger):
    """Does a transaction of this database wait for a lock?"""
    query = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    return ledger.read(lambda db: db.scalar(query)) > 0


def test_of_two_workers_that_open_one_pair_at_once_one_sends(two):
    """R7: the second waits for the first one's commit, then writes nothing and goes on."""
    mine, other = two
    with mine.begin() as db:
        order = a_record(db, key="1", state="running", fence=1, serial_key="root")
        refund = a_record(db, key="1/2", entity="refund", state="running", fence=1)
        free = a_record(db, key="3", state="running", fence=1)
    opened = {}

    def open_the_refund():
        with other.begin() as db:
            page = [an_intent(refund, serial_key="root"), an_intent(free, serial_key="free")]
            opened.update(attempts.open_all(db, page, NOW))

    rival = threading.Thread(target=open_the_refund)
    with mine.begin() as db:
        assert list(attempts.open_all(db, [an_intent(order, serial_key="root")], NOW)) == [order]
        rival.start()
        while rival.is_alive() and not waits_for_another(other):
            rival.join(0.01)
        assert rival.is_alive()
    rival.join(20)

    assert list(opened) == [free]
    pairs = select(attempt.c.record).order_by(attempt.c.record)
    assert mine.read(lambda db: list(db.scalars(pairs))) == [order, free]
