"""Shares: what processes may do at once never sums to more than the connection allows (O3)."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update

from connector.ledger import runs, shares
from connector.ledger.schema import run, share
from connector.ledger.shares import Wanted

LONG = timedelta(minutes=1)


def take(db, owner, *, of="erp", limit=10, most=None, in_use=0):
    wanted = Wanted(limit=limit, most=most, in_use=lambda _: in_use, lasts=LONG)
    return shares.divide(db, owner, {of: wanted})[of]


def held(db):
    return {row.owner: row.slots for row in db.execute(select(share))}


def test_one_has_all_and_gives_way_to_the_next(db):
    """The second waits until the first looks again; then each has its half."""
    assert take(db, "a") == 10
    assert take(db, "b") == 0
    assert take(db, "a") == 5
    assert take(db, "b") == 5
    assert sum(held(db).values()) == 10


def test_an_odd_share_is_somebodys_and_the_sum_is_never_passed(db):
    """Whatever the order in which they look."""
    names = ["a", "b", "c", "a", "c", "b", "b", "a", "c", "a", "b", "c"]
    for name in names:
        take(db, name)
        assert sum(held(db).values()) <= 10
    assert sorted(held(db).values()) == [3, 3, 4]


def test_more_workers_than_calls_leave_some_with_none(db):
    """Two calls among three."""
    for name in "abcabc":
        take(db, name, limit=2)
    assert sorted(held(db).values()) == [0, 1, 1]


def test_what_is_on_the_wire_is_kept(db):
    """A share shrinks no faster than calls end."""
    assert take(db, "a") == 10
    take(db, "b")
    assert take(db, "a", in_use=8) == 8
    assert take(db, "b") == 2
    assert take(db, "a", in_use=0) == 5


def test_the_share_of_the_dead_is_free_once_its_time_is_over(db):
    """By the database's clock, not by theirs."""
    take(db, "a")
    assert take(db, "b") == 0
    db.execute(update(share).where(share.c.owner == "a").values(until=over(db)))
    assert take(db, "b") == 10
    assert held(db) == {"b": 10}


def test_connections_have_shares_of_their_own_and_who_leaves_gives_them_back(db):
    """A worker that ends leaves nothing behind."""
    take(db, "a")
    take(db, "b", of="shop", limit=3)
    shares.release(db, "a")
    assert held(db) == {"b": 3}


def test_a_scheduled_time_is_asked_for_once(db):
    """O2: every worker may tick, none is a leader."""
    now = shares.clock(db)
    assert runs.schedule(db, "orders", now, now) is not None
    assert runs.schedule(db, "orders", now, now) is None
    assert runs.schedule(db, "stock", now, now) is not None
    assert [flow for _, flow in runs.asked_flows(db)] == ["orders", "stock"]
    first = runs.asked_flows(db)[0][0]
    taken = runs.take(db, first)
    assert taken is not None
    assert taken.flow == "orders"
    assert runs.take(db, first) is None
    assert db.scalars(select(run.c.state).order_by(run.c.id)).all() == ["running", "asked"]


def test_a_run_whose_worker_lives_no_more_is_anothers(db):
    """Its share says whether it lives; a daemon's runs are its own."""
    now = shares.clock(db)
    first, second, third = (runs.schedule(db, name, now, now) for name in ("a", "b", "c"))
    runs.take(db, first, "dead")
    runs.take(db, second, "alive")
    runs.take(db, third)
    take(db, "alive")
    runs.reclaim(db, shares.living(db))
    assert [id_ for id_, _ in runs.asked_flows(db)] == [first]
    runs.abandon(db, now)
    ended = db.scalars(select(run.c.id).where(run.c.state == "ended")).all()
    assert ended == [third]


def test_a_small_machine_takes_no_more_than_it_can_do(db):
    """However few share the calls; what it leaves is there for others."""
    assert take(db, "a", most=3) == 3
    assert take(db, "b") == 5
    assert take(db, "a", most=3) == 3
    assert take(db, "a", most=0) == 0


def test_calls_of_a_second_are_given_back_when_the_last_second_is_over(db):
    """Who ends has made calls just before: nobody makes as many in the same second."""
    share_of = shares.rate("erp")
    take(db, "a")
    assert take(db, "a", of=share_of, limit=5) == 5
    shares.release(db, "a")
    assert "a" not in shares.living(db)
    assert take(db, "b", of=share_of, limit=5) == 0
    db.execute(update(share).where(share.c.owner == "a").values(until=over(db)))
    assert take(db, "b", of=share_of, limit=5) == 5


def over(db):
    """A time that has passed."""
    return shares.clock(db) - timedelta(seconds=1)


def test_many_connections_are_shared_at_once_each_by_itself(db):
    """One that others have whole takes nothing from the next, and each has its time."""
    take(db, "a", of="c1", limit=4)
    wanted = {f"c{n}": Wanted(limit=4, in_use=lambda _: 0, lasts=n * LONG) for n in range(1, 4)}
    assert shares.divide(db, "b", wanted) == {"c1": 0, "c2": 4, "c3": 4}
    told = select(share.c.connection, share.c.until).where(share.c.owner == "b")
    until = dict(tuple(row) for row in db.execute(told))
    assert until["c3"] - until["c1"] == 2 * LONG
    assert shares.divide(db, "b", {}) == {}
