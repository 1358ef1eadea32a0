"""What people ask of the ledger: backfills at a rate, plans, rekeying, and what is kept (O4)."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from ledger_rows import NOW, SECOND, a_link, a_record, an_attempt, an_event, columns_of
from sqlalchemy import func, insert, select, update

from connector.ledger import backfills, keeping, life, plans, records, rekeying
from connector.ledger.backfills import Range
from connector.ledger.content import blind, is_agreed, pack, unpack
from connector.ledger.keeping import Bounds
from connector.ledger.schema import attempt, event, link, quarantine, record

WHY = "not accepted"
DAY = timedelta(days=1)
ASKED = Range(flow="orders", since=NOW - 9 * DAY, until=NOW, per_minute=7)


def waiting(db, count, **columns):
    """Records of a backfill that wait for its acceptance."""
    held = {"state": "held", "reason": "review", "needs": WHY, "lane": "backfill"}
    return [
        a_record(db, **held | {"born_at": NOW - DAY, "due_at": NOW + n * SECOND} | columns)
        for n in range(count)
    ]


def accepted(db, wanted=ASKED):
    """A backfill whose plan was shown and accepted."""
    at = backfills.begin_or_resume(db, wanted, NOW)
    backfills.expect(db, at.id, 5)
    at = backfills.get(db, at.id)
    part = backfills.take(db, at, "me", [])
    assert part is not None
    backfills.moved(db, part, "end", 5, complete=True)
    backfills.shown(db, at.id, NOW)
    backfills.accept(db, at.id, "me", NOW)
    return backfills.get(db, at.id)


def test_a_backfill_is_resumed_by_its_range_and_begun_anew_once_it_ended(db):
    """The same range, whatever its rate; another status is another backfill."""
    at = accepted(db)
    again = backfills.begin_or_resume(db, Range(flow="orders", since=ASKED.since, until=NOW), NOW)
    assert (again.id, again.walked, again.read, again.per_minute) == (at.id, True, 5, None)
    other = Range(flow="orders", since=ASKED.since, until=NOW, statuses=("confirmed",))
    assert backfills.begin_or_resume(db, other, NOW).id != at.id
    backfills.end(db, at.id, NOW)
    fresh = backfills.begin_or_resume(db, ASKED, NOW)
    assert (fresh.id, fresh.read, fresh.walked, fresh.accepted_by) == (at.id, 0, False, None)
    again = backfills.take(db, fresh, "me", [])
    assert again is not None
    assert again.position is None


@pytest.mark.parametrize("rate", [1, 7, 60, 200, 600])
def test_no_minute_has_more_than_the_rate(db, rate):
    """Asked at random times, with a long pause: in no minute more, and all of them in time."""
    at = accepted(db, Range(flow="orders", since=ASKED.since, until=NOW, per_minute=rate))
    waiting(db, 3 * rate)
    gone, now, dice = [], NOW, random.Random(rate)
    while len(gone) < 3 * rate and now < NOW + timedelta(minutes=30):
        before = db.scalar(select(func.count()).where(record.c.state == "prepared"))
        backfills.release(db, backfills.get(db, at.id), WHY, now)
        after = db.scalar(select(func.count()).where(record.c.state == "prepared"))
        gone += [now] * (after - before)
        now += timedelta(seconds=dice.choice([0.05, 0.4, 1, 3, 90 if len(gone) == rate else 1]))
    assert len(gone) == 3 * rate
    for first in set(gone):
        assert sum(first <= other < first + timedelta(minutes=1) for other in gone) <= rate
    assert gone[-1] - NOW < timedelta(minutes=3 + 3 + 100 * 1.5 / 60 + 1)


def test_only_what_was_shown_as_it_was_shown_is_let_go(db):
    """Another range, another reason, live, or changed since: they wait for a person still (R16)."""
    at = accepted(db)
    [ours] = waiting(db, 1)
    waiting(db, 1, born_at=NOW)
    waiting(db, 1, born_at=NOW - 10 * DAY)
    waiting(db, 1, needs="something else")
    waiting(db, 1, lane="live")
    waiting(db, 1, changed_at=NOW + SECOND)
    backfills.release(db, at, WHY, NOW + timedelta(minutes=5))
    free = list(db.scalars(select(record.c.id).where(record.c.state == "prepared")))
    assert free == [ours]
    assert columns_of(db, ours, "decision", "decided_seq") == ("release", 1)
    assert not backfills.is_left(db, at, WHY)
    assert db.scalar(select(event.c.actor).where(event.c.record == ours)) == "me"


def test_a_backfill_is_counted_by_what_became_of_its_records(db):
    """There, created, to be created with their sum, and held by reason."""
    at = accepted(db)
    waiting(db, 2, total="1.10", currency="EUR")
    for key, made_by in (("1", "found"), ("2", "engine"), ("3", "engine")):
        a_record(db, key=key, state="done", reason="sent", acked_seq=1, born_at=NOW - DAY)
        a_link(db, key, f"A{key}", made_by=made_by)
    a_record(db, state="held", reason="rule", lane="backfill", born_at=NOW - DAY)
    a_record(db, lane="backfill", born_at=NOW - DAY, due_at=NOW + SECOND)
    told = backfills.counts(db, at, WHY)
    assert {k: str(v) for k, v in told.pop("amount").items()} == {"EUR": "2.20"}
    assert told == {"there": 1, "created": 2, "to_create": 2, "under_way": 1, "held": {"rule": 1}}
    assert backfills.moving_at(db, at) == NOW + SECOND


# ── plans ───────────────────────────────────────────────────────────────────────────────────────


def test_what_another_mapping_wrote_is_named_once(db):
    """R14: delivered by another digest, linked, with content; what this one wrote is left out."""
    ids = {}
    for key, digest in (("1", "old"), ("2", "new"), ("3", "old")):
        ids[key] = a_record(db, key=key, state="done", reason="sent", acked_seq=1)
        a_link(db, key, f"A{key}", base_source=b"{}")
        an_attempt(db, ids[key], write_digest=digest, outcome="done", finished_at=NOW)
    db.execute(update(record).where(record.c.id == ids["3"]).values(doc=None))
    a_record(db, key="4")
    found = plans.written_otherwise(db, "orders", "new", 0)
    assert found == [ids["1"]]
    assert plans.written_otherwise(db, "orders", "new", ids["1"]) == []
    assert plans.again(db, {ids["1"]: 2}, "me", NOW) == set()
    assert plans.again(db, {ids["1"]: 1}, "me", NOW) == {ids["1"]}


# ── rekeying ────────────────────────────────────────────────────────────────────────────────────


def test_ids_that_swap_are_rekeyed_together(db):
    """One's new id is the other's old one; bases, versions and totals are unknown afterwards."""
    for key, there in (("1", "A"), ("2", "B")):
        a_record(db, key=key, state="done", reason="sent", acked_seq=1)
        a_link(db, key, there, base_source=b"{}", target_version="7", total="1.00")
    one, two = rekeying.page(db, "erp", 0)
    rekeying.rekey(db, {one.id: "B", two.id: "A"}, "me", NOW)
    rows = db.execute(select(link).order_by(link.c.id)).all()
    assert [(r.source_key, r.target_key) for r in rows] == [("1", "B"), ("2", "A")]
    assert {(r.base_known, r.base_source, r.target_version, r.total) for r in rows} == {
        (False, None, None, None)
    }
    assert list(db.scalars(select(event.c.move))) == ["rekey", "rekey"]


def test_what_is_gone_keeps_its_link_and_is_nobodys_number(db):
    """It is not given out as an id, and laying it aside twice names it once."""
    a_record(db, key="1", state="done", reason="sent", acked_seq=1)
    a_link(db, "1", "A")
    for _ in range(2):
        rekeying.lay_aside(db, rekeying.page(db, "erp", 0), "me", NOW)
    assert db.scalar(select(link.c.target_key)) == "(replaced) A"
    refs = {records.Ref(entity="order", key="1")}
    assert records.missing(db, "shop", "erp", refs) == refs


def test_what_is_forgotten_is_due_again(db):
    """Without its link: it is looked for, and nothing born before is taken for absent (S1)."""
    id_ = a_record(db, key="1", state="done", reason="sent", acked_seq=1)
    a_link(db, "1", "A")
    life.create(db, NOW)
    rekeying.forget(db, rekeying.page(db, "erp", 0), "me", NOW)
    rekeying.replace(db, "erp", {"company": "NEW"}, NOW + DAY)
    assert columns_of(db, id_, "state") == ("prepared",)
    assert db.scalar(select(func.count()).select_from(link)) == 0
    assert life.read(db).alive_since == NOW + DAY


# ── what is kept ────────────────────────────────────────────────────────────────────────────────


def test_a_blind_base_still_tells_what_was_agreed():
    """By digest; a field that was written after is compared in words; nothing can be read."""
    base = unpack(blind(blind(pack({"Note": "please ring", "Lines": [{"Net": 1}], "Nil": None}))))
    assert "ring" not in str(base)
    assert is_agreed(base, "Note", "please ring")
    assert is_agreed(base, "Lines", [{"Net": 1}])
    assert is_agreed(base, "Nil", None)
    assert not is_agreed(base, "Note", "later")
    assert not is_agreed(base, "Other", None)
    assert is_agreed({**base, "Note": "later"}, "Note", "later")


def test_pages_are_dropped_until_nothing_is_left(ledger, monkeypatch):
    """More than a page of each; what is open, held, young or the newest stays."""
    monkeypatch.setattr(keeping, "PAGE", 3)
    old = NOW - 9 * DAY
    with ledger.begin() as db:
        for n in range(8):
            id_ = a_record(db, key=str(n), state="done", reason="sent", acked_seq=1, changed_at=old)
            a_link(db, str(n), f"A{n}", base_source=pack({"a": n}), base_target=b"{}")
            an_attempt(db, id_, outcome="done", finished_at=old, payload=b"{}")
            an_event(db, id_)
        shelf = a_record(
            db, key="shelf", entity="stock", state="done", reason="sent", acked_seq=1,
            changed_at=old,
        )  # fmt: skip
        young = a_record(db, key="young", state="done", reason="sent", acked_seq=1)
        held = a_record(db, key="held", state="held", changed_at=old)
        doubt = a_record(db, key="doubt", state="in_doubt", changed_at=old)
        an_attempt(db, doubt, payload=b"{}")
    bounds = Bounds(payloads=NOW - DAY, attempts=NOW - DAY, proof=NOW + DAY)
    gone = keeping.drop(ledger, bounds)
    assert {k: gone[k] for k in ("documents", "payloads", "bases", "attempts", "events")} == {
        "documents": 8, "payloads": 8, "bases": 8, "attempts": 8, "events": 7,
    }  # fmt: skip
    with ledger.begin() as db:
        left = set(db.scalars(select(record.c.id).where(record.c.doc.is_not(None))))
        assert left == {young, held, doubt, shelf}
        assert db.scalar(select(attempt.c.payload)) == b"{}"
        assert db.scalar(select(func.count()).select_from(link)) == 8
    assert set(keeping.drop(ledger, bounds).values()) == {0}


def test_pieces_that_were_set_aside_lose_what_they_hold(ledger):
    """R15: they have no key, and hold whatever a page held; that there was one stays."""
    piece = {"flow": "f", "entity": "order", "at": "1", "code": "x", "raw_hash": "h"}
    with ledger.begin() as db:
        for raw, seen in ((b"old", NOW - 2 * DAY), (b"young", NOW)):
            db.execute(
                insert(quarantine).values(
                    **piece | {"raw_hash": raw.decode()}, raw=raw, seen_at=seen
                )
            )
    bounds = Bounds(payloads=NOW - DAY, attempts=NOW - DAY, proof=NOW - 3 * DAY)
    assert keeping.drop(ledger, bounds)["set_aside"] == 1
    with ledger.begin() as db:
        found = db.execute(select(quarantine.c.raw_hash, quarantine.c.raw)).all()
    assert {row.raw_hash: row.raw for row in found} == {"old": None, "young": b"young"}
