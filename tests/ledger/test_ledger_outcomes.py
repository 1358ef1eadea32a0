"""Outcomes are written with what follows from them: intent, link, move, each under its guard."""

from __future__ import annotations

import pytest
from ledger_rows import NOW, SECOND, a_link, a_record, an_attempt, columns_of
from sqlalchemy import select

from connector.ledger import attempts, claims
from connector.ledger.attempts import Settlement
from connector.ledger.links import Facts
from connector.ledger.moves import Moving, move_together
from connector.ledger.schema import attempt, event, link

WELL = {"outcome": "done", "move": "sent", "reason": "sent", "acked_seq": 1, "target_key": "SO-1"}


@pytest.fixture
def in_hand(db):
    """An order in our hand, with its call out."""
    return a_record(db, key="1", state="running", fence=1)


def close(db, of, facts=None, **settled):
    """Settle the open intent of record *of*; how many records moved."""
    open_ = select(attempt.c.id).where(attempt.c.record == of).order_by(attempt.c.id)
    id_ = db.scalars(open_).first()
    at = attempts.standing(db, [id_])[id_]
    facts = facts or Facts(target_key="SO-1", version="7", base_source=b"{}")
    given = WELL | {"facts": facts} | settled
    return attempts.close(db, [(at, Settlement(**given))], NOW + SECOND)


def the_link(db):
    return db.execute(select(link.c.source_key, link.c.target_key, link.c.target_version)).all()


def test_a_done_create_closes_links_and_moves_at_once(db, in_hand):
    """Three facts, one transaction."""
    an_attempt(db, in_hand, fence=1)
    assert close(db, in_hand) == 1

    assert columns_of(db, in_hand, "state", "reason", "acked_seq") == ("done", "sent", 1)
    assert the_link(db) == [("1", "SO-1", "7")]
    assert db.execute(select(attempt.c.outcome, attempt.c.target_key)).all() == [("done", "SO-1")]
    assert db.scalars(select(event.c.move)).all() == ["sent"]


def test_many_are_closed_as_one_is(db):
    """The quick way and the slow way write the same."""
    ids = [a_record(db, key=key, state="running", fence=1) for key in "123"]
    made = [an_attempt(db, id_, fence=1) for id_ in ids]
    standing = attempts.standing(db, made)
    settled = [
        (
            standing[a],
            Settlement(**WELL | {"target_key": f"S{a}", "facts": Facts(target_key=f"S{a}")}),
        )
        for a in made
    ]

    assert attempts.close(db, settled, NOW) == 3
    assert [columns_of(db, id_, "state") for id_ in ids] == [("done",)] * 3
    assert sorted(db.scalars(select(link.c.target_key))) == sorted(f"S{a}" for a in made)
    assert sorted(db.scalars(select(event.c.record))) == ids


def test_a_late_outcome_makes_the_link_and_moves_nothing(db):
    """R3: the id is a fact, the record is somebody else's by now."""
    id_ = a_record(db, key="1", state="running", fence=2)
    an_attempt(db, id_, fence=1)

    assert close(db, id_) == 0
    assert columns_of(db, id_, "state", "fence", "acked_seq") == ("running", 2, 0)
    assert the_link(db) == [("1", "SO-1", "7")]


def test_an_outcome_for_a_closed_intent_moves_nothing(db, in_hand):
    """Somebody settled it meanwhile: told as a late reply."""
    an_attempt(db, in_hand, fence=1, outcome="found", finished_at=NOW)
    a_link(db, "1", "SO-1", target_version="9")

    assert close(db, in_hand) == 0
    assert columns_of(db, in_hand, "state") == ("running",)
    assert db.scalars(select(attempt.c.outcome)).all() == ["found"]
    assert db.scalars(select(event.c.move)).all() == ["late reply"]


def test_one_that_lost_its_fence_does_not_spoil_its_group(db):
    """P5: what cannot be written together is written one by one."""
    mine = a_record(db, key="1", state="running", fence=1)
    lost = a_record(db, key="2", state="running", fence=5)
    made = [an_attempt(db, id_, fence=1) for id_ in (mine, lost)]
    standing = attempts.standing(db, made)
    settled = [
        (
            standing[a],
            Settlement(**WELL | {"target_key": f"S{a}", "facts": Facts(target_key=f"S{a}")}),
        )
        for a in made
    ]

    assert attempts.close(db, settled, NOW) == 1
    assert columns_of(db, mine, "state") == ("done",)
    assert columns_of(db, lost, "state") == ("running",)
    assert len(the_link(db)) == 2


def test_a_move_together_is_made_by_all_or_says_so(db):
    """Each guard counts, as if it were made alone."""
    mine = a_record(db, state="running", fence=1)
    lost = a_record(db, state="running", fence=2)
    both = [
        Moving(id=id_, fence=1, seq=1, reason="sent", values={"acked_seq": 1})
        for id_ in (mine, lost)
    ]

    assert not move_together(db, "sent", both, now=NOW, actor="engine")
    assert db.scalars(select(event.c.record)).all() == []
    assert move_together(db, "sent_more", [Moving(id=lost, fence=2)], now=NOW, actor="engine")


def test_a_started_call_is_known_to_have_started(db, in_hand):
    """S2: the difference between surely not sent and doubt."""
    id_ = an_attempt(db, in_hand)
    attempts.start(db, [id_], NOW)

    assert attempts.standing(db, [id_])[id_].started_at == NOW


def test_doubts_are_asked_after_oldest_first_and_not_before_their_time(db):
    """Only those of the flow, with their intent open."""
    for key, due, flow in (("late", 1, "orders"), ("b", 0, "orders"), ("a", -1, "orders")):
        id_ = a_record(db, key=key, state="in_doubt", due_at=NOW + due * SECOND, flow=flow)
        an_attempt(db, id_)
    an_attempt(db, a_record(db, key="other", state="in_doubt", flow="others"))

    assert [one.key for one in attempts.doubts(db, "orders", NOW, 10)] == ["a", "b"]


def test_a_natural_key_is_taken_by_one_creator(db):
    """D2: whoever works on it keeps it; whoever gave up loses it."""
    first, second = a_record(db, key="1", state="running"), a_record(db, key="2", state="running")
    match = ("erp", "customer", "email:a@example.org")

    assert claims.take(db, *match, first, NOW) is None
    assert claims.take(db, *match, first, NOW) is None
    assert claims.take(db, *match, second, NOW).key == "1"


@pytest.mark.parametrize(("state", "intent", "kept"), [
    ("running", False, True),
    ("in_doubt", True, True),
    ("held", True, True),
    ("held", False, False),
    ("done", False, False),
    ("prepared", False, False),
])  # fmt: skip
def test_a_natural_key_is_kept_while_its_creator_may_have_sent(db, state, intent, kept):
    """An open intent holds it, whatever became of the record."""
    first, second = a_record(db, key="1", state=state), a_record(db, key="2", state="running")
    match = ("erp", "customer", "email:a@example.org")
    claims.take(db, *match, first, NOW)
    if intent:
        an_attempt(db, first)

    assert (claims.take(db, *match, second, NOW) is not None) == kept
