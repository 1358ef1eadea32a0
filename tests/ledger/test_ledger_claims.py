"""The right to create who answers to a natural key: one holder each, as long as he works (D2)."""

import pytest
from ledger_rows import NOW, a_record, an_attempt

from connector.ledger import claims


def takes(db, id_, key="a"):
    """Who else holds the right, None: *id_* has it by now."""
    holder = claims.take(db, "erp", "customer", key, id_, NOW)
    return None if holder is None else holder.id


@pytest.fixture
def two(db):
    """Two records that nobody has in hand; the first has the right to "a", the second to "b"."""
    ids = [a_record(db, entity="customer") for _ in range(2)]
    assert [takes(db, ids[0], "a"), takes(db, ids[1], "b")] == [None, None]
    return ids


def test_a_holder_that_does_not_work_on_it_loses_it(db, two):
    """That one key changes hands touches no other."""
    third = a_record(db, entity="customer", state="running")
    assert takes(db, third, "a") is None
    fourth = a_record(db, entity="customer")
    assert takes(db, fourth, "a") == third
    assert takes(db, fourth, "b") is None


@pytest.mark.parametrize("state", ["running", "in_doubt"])
def test_a_holder_in_hand_or_in_doubt_keeps_it(db, state):
    """And takes it again himself."""
    holder = a_record(db, entity="customer", state=state)
    assert takes(db, holder) is None
    assert takes(db, a_record(db, entity="customer")) == holder
    assert takes(db, holder) is None


def test_a_holder_with_a_call_out_keeps_it(db, two):
    """His own, and open: what another has out, or what is over, is no reason."""
    an_attempt(db, two[1])
    an_attempt(db, two[0], outcome="absent", finished_at=NOW)
    third = a_record(db, entity="customer")
    assert takes(db, third, "b") == two[1]
    assert takes(db, third, "a") is None
    an_attempt(db, third)
    assert takes(db, two[0], "a") == third
