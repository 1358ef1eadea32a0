"""Readings of the stock, on both databases: what the last one said, what waits for a person."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ledger_rows import NOW, SECOND, a_link, a_record, an_attempt

from connector.errors import ConnectorError
from connector.ledger import goods, stocktakes
from connector.ledger.stocktakes import Counted

DAY = timedelta(days=1)
JUDGED = {"begun_at": NOW, "items": 3, "zeroed": 1, "changed": 1, "absent": 0, "why": "odd"}


def noted(db, *counted, at=NOW, approved=()):
    """Keep what a reading said: (key, sku, offered) of each article."""
    made = [Counted(key=key, sku=sku, offered=offered) for key, sku, offered in counted]
    stocktakes.note(db, "stock", made, at, approved)


def kept(db):
    """Key → (offered, changed at, zeroed at)."""
    rows = stocktakes.last(db, "stock")
    return {row.key: (row.offered, row.changed_at, row.zeroed_at) for row in rows}


def test_the_first_reading_changes_nothing(db):
    """There was none to change from."""
    noted(db, ("1", "A", 5), ("2", None, 0))
    assert kept(db) == {"1": (5, None, None), "2": (0, None, None)}


def test_a_reading_notes_what_changed_and_what_became_empty(db):
    """Each with its time, until it is filled again."""
    noted(db, ("1", "A", 5), ("2", "B", 5), ("3", "C", 5))
    noted(db, ("1", "A", 0), ("2", "B", 4), ("3", "C", 5), at=NOW + SECOND)
    later = NOW + SECOND
    assert kept(db) == {"1": (0, later, later), "2": (4, later, None), "3": (5, None, None)}

    noted(db, ("1", "A", 2), at=NOW + 2 * SECOND)
    assert kept(db)["1"] == (2, NOW + 2 * SECOND, None)


def test_what_a_person_approved_is_no_change_of_the_day(db):
    """It counts towards no other brake."""
    noted(db, ("1", "A", 5))
    noted(db, ("1", "A", 0), at=NOW + SECOND, approved=["1"])
    assert kept(db) == {"1": (0, None, None)}


def test_articles_are_found_by_their_sku(db):
    """All that carry it; of this flow."""
    noted(db, ("2", "A", 1), ("1", "A", 1), ("3", "B", 1))
    stocktakes.note(db, "other", [Counted(key="9", sku="A", offered=1)], NOW)
    assert stocktakes.by_sku(db, "stock", {"A", "Z"}) == {"A": ["1", "2"]}
    stocktakes.drop(db, "stock", ["1"])
    assert stocktakes.by_sku(db, "stock", {"A"}) == {"A": ["2"]}


def test_the_same_articles_wait_under_one_number_and_others_under_another(db):
    """R16: one question, one number."""
    first = stocktakes.brake(db, "stock", JUDGED, ["1", "2"])
    assert stocktakes.brake(db, "stock", JUDGED, ["2", "1"]) == first
    second = stocktakes.brake(db, "stock", JUDGED, ["1", "2", "3"])
    assert [one.id for one in stocktakes.braked(db)] == [second]
    with pytest.raises(ConnectorError, match="waits for no approval"):
        stocktakes.approve(db, "stock", first, "me", NOW)


def test_an_approval_holds_for_a_day_and_for_one_reading(db):
    """Then the same change is a question again."""
    number = stocktakes.brake(db, "stock", JUDGED, ["1", "2"])
    with pytest.raises(ConnectorError):
        stocktakes.approve(db, "other", number, "me", NOW)
    stocktakes.approve(db, "stock", number, "me", NOW)
    assert stocktakes.approved(db, "stock", NOW + SECOND) == {"1", "2"}
    assert stocktakes.approved(db, "stock", NOW + DAY + SECOND) == set()
    assert stocktakes.approved(db, "other", NOW) == set()

    stocktakes.spend(db, "stock")
    assert stocktakes.approved(db, "stock", NOW + SECOND) == set()


def test_a_sealed_reading_overtakes_one_that_waits(db):
    """Nobody is asked what is over."""
    stocktakes.brake(db, "stock", JUDGED, ["1"])
    stocktakes.spend(db, "stock")
    assert stocktakes.braked(db) == []


def article(db, key, **columns):
    """A record of a stock flow."""
    given = {"flow": "stock", "entity": "stock", "source": "erp", "target": "shop"}
    return a_record(db, key=key, **(given | {"state": "done", "reason": "filtered"} | columns))


def test_only_what_this_run_has_read_and_nobody_has_in_hand_is_offered(db):
    """By key, from one on; neither held, nor in doubt, nor waiting for its next try."""
    article(db, "a")
    article(db, "b", state="prepared", reason=None)
    article(db, "c", state="prepared", reason=None, due_at=NOW + SECOND)
    article(db, "d", state="held", reason="rule")
    article(db, "e", read_at=NOW - SECOND)
    article(db, "f", doc=None, state="held", reason="unreadable")
    an_attempt(db, article(db, "g", state="in_doubt", reason=None))
    article(db, "h", state="running", reason=None)
    article(db, "i")
    article(db, "j", flow="other")
    rows = stocktakes.offerable(db, "stock", NOW, NOW, "", 10)
    assert [(row.key, row.state) for row in rows] == [
        ("a", "done"),
        ("b", "prepared"),
        ("i", "done"),
    ]
    assert [row.key for row in stocktakes.offerable(db, "stock", NOW, NOW, "a", 1)] == ["b"]


def test_what_is_due_between_readings_is_named(db):
    """And nothing else of the flow."""
    article(db, "a")
    article(db, "b", state="prepared", reason=None)
    article(db, "c", state="prepared", reason=None, due_at=NOW + SECOND)
    assert stocktakes.due(db, "stock", NOW) == ["b"]


def test_articles_have_records_that_can_be_explained(db):
    """Those that could be read."""
    first = article(db, "a")
    article(db, "b", doc=None)
    assert stocktakes.records_of(db, "stock", ["b", "a", "z"]) == [first]


def test_a_pair_that_counts_keeps_its_first_time(db):
    """Of several seen at once, each its own."""
    ids = [a_record(db, key=key) for key in ("1", "2")]
    for key in ("1", "2"):
        a_link(db, key, f"SO-{key}")
    goods.note(db, [(id_, 1, goods.packed([("P", "A", 1)])) for id_ in ids])
    goods.reserved(db, ids[:1], NOW)
    goods.reserved(db, ids, NOW + SECOND)
    orders = goods.open_orders(db, ["orders"])
    assert [one.reserved_at for one in orders] == [NOW, NOW + SECOND]
