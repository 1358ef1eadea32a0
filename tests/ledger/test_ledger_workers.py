"""Two workers at one PostgreSQL ledger: what only one may do is done by one, and both go on."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from ledger_rows import NOW, a_draft, a_record, an_intent
from msgspec.structs import replace
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from connector.errors import ConnectorError, LedgerAway, NotNow
from connector.ledger import attempts, brakes, claims, life, runs, schema, shares, staging
from connector.ledger.schema import attempt
from connector.ledger.shares import Wanted
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


def beside(mine, other, ours, theirs):
    """Do *ours* in a transaction and *theirs* in another worker's, which waits for its commit."""
    answers = []

    def act():
        with other.begin() as db:
            answers.append(theirs(db))

    rival = threading.Thread(target=act)
    with mine.begin() as db:
        answers.append(ours(db))
        rival.start()
        while rival.is_alive() and not waits_for_another(mine):
            rival.join(0.01)
        assert rival.is_alive()
    rival.join(20)
    return answers


def test_of_two_workers_that_open_one_pair_at_once_one_sends(two):
    """R7: the second waits for the first one's commit, then writes nothing and goes on."""
    mine, other = two
    with mine.begin() as db:
        order = a_record(db, key="1", state="running", fence=1, serial_key="root")
        refund = a_record(db, key="1/2", entity="refund", state="running", fence=1)
        free = a_record(db, key="3", state="running", fence=1)
    page = [an_intent(refund, serial_key="root"), an_intent(free, serial_key="free")]

    ours, theirs = beside(
        mine,
        other,
        lambda db: attempts.open_all(db, [an_intent(order, serial_key="root")], NOW),
        lambda db: attempts.open_all(db, page, NOW),
    )

    assert (list(ours), list(theirs)) == ([order], [free])
    pairs = select(attempt.c.record).order_by(attempt.c.record)
    assert mine.read(lambda db: list(db.scalars(pairs))) == [order, free]


def test_an_intent_of_who_took_the_record_over_is_not_ours(two, monkeypatch):
    """R3: we slept past our lease in the transaction: what the other sends is not ours to close."""
    mine, other = two
    with mine.begin() as db:
        order = a_record(db, key="1", state="running", fence=1)
    theirs = {}
    original = attempts.many

    def take_over(*args):
        monkeypatch.setattr(attempts, "many", original)
        with other.begin() as db:
            db.execute(update(schema.record).values(fence=2))
            theirs.update(attempts.open_all(db, [an_intent(order, fence=2)], NOW))
        return original(*args)

    monkeypatch.setattr(attempts, "many", take_over)
    with mine.begin() as db:
        ours = attempts.open_all(db, [an_intent(order, fence=1)], NOW)
    assert list(theirs) == [order]
    assert ours == {}


@pytest.mark.parametrize("before", [False, True])
def test_of_two_workers_that_would_create_one_customer_one_may(two, before):
    """D2: whether nobody held the right before or one who is done with it."""
    mine, other = two
    with mine.begin() as db:
        one = a_record(db, key="1", entity="customer", state="running", fence=1)
        twin = a_record(db, key="2", entity="customer", state="running", fence=1)
        if before:
            past = a_record(db, key="0", entity="customer", state="held")
            assert claims.take(db, "erp", "customer", "email:a", past, NOW) is None

    ours, theirs = beside(
        mine,
        other,
        lambda db: claims.take(db, "erp", "customer", "email:a", one, NOW),
        lambda db: claims.take(db, "erp", "customer", "email:a", twin, NOW),
    )

    assert ours is None
    assert theirs.key == "1"


def test_of_two_workers_that_meet_one_brake_one_engages_it(two):
    """The other delivers nothing more either, and nobody is told twice."""
    mine, other = two

    def engage(db):
        return brakes.engage(db, "orders", "first", "3", NOW)

    (ours, news), (theirs, again) = beside(mine, other, engage, engage)
    assert (news, again) == (True, False)
    assert theirs.id == ours.id


def test_a_beat_that_waited_for_an_export_knows_that_the_ledger_is_retired(two):
    """O4: no worker goes on with it until its next beat."""
    mine, other = two
    with mine.begin() as db:
        life.create(db, NOW)

    def retire(db):
        db.execute(update(schema.life).values(retired_at=NOW))

    def beat(db):
        try:
            return life.beat(db, NOW)
        except ConnectorError as error:
            return error.code

    assert beside(mine, other, retire, beat) == [None, "ledger_retired"]


def test_of_two_workers_that_read_the_same_new_orders_one_stages_them(two):
    """P3: the second is told that another reads, as with a position, and writes nothing."""
    mine, other = two
    page = [a_draft("1"), a_draft("2")]

    def refused(db):
        with pytest.raises(NotNow) as told:
            staging.stage(db, [*page, a_draft("0")], NOW)
        db.rollback()
        return told.value.code

    staged, code = beside(mine, other, lambda db: staging.stage(db, page, NOW), refused)

    assert (staged.new, code) == (2, "read_elsewhere")
    keys = select(schema.record.c.key).order_by(schema.record.c.key)
    assert mine.read(lambda db: list(db.scalars(keys))) == ["1", "2"]


def test_what_else_is_wrong_with_a_new_record_is_no_matter_of_another_process(two):
    """A rule of the schema that we break is a bug of ours, and said to be one."""
    mine, _ = two
    with pytest.raises(IntegrityError), mine.begin() as db:
        staging.stage(db, [replace(a_draft("1"), verdict="nonsense")], NOW)


def test_of_two_workers_that_tick_at_once_one_asks(two):
    """O2: the second waits for the first one's commit, and finds the time asked for."""
    mine, other = two

    asked, again = beside(
        mine,
        other,
        lambda db: runs.schedule(db, "orders", NOW, NOW),
        lambda db: runs.schedule(db, "orders", NOW, NOW),
    )

    assert (asked is not None, again) == (True, None)
    assert len(mine.read(runs.asked_flows)) == 1


def test_who_is_stopped_while_he_takes_his_share_stops_nobody(two):
    """The table is taken from him: his share was never written, and he is told."""
    mine, other = two

    def take(db, owner):
        wanted = Wanted(limit=4, in_use=lambda _: 0, lasts=timedelta(minutes=1))
        return shares.divide(db, owner, {"erp": wanted})["erp"]

    def stopped(db):
        assert take(db, "stopped") == 4
        with other.begin() as beside_him:
            assert take(beside_him, "b") == 4

    with pytest.raises(LedgerAway), mine.begin() as db:
        stopped(db)
    assert mine.read(shares.living) == {"b"}
