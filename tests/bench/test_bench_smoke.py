"""The bench measures what it says: both tools deliver every order once, and the same sums."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import update

from benchmarks import __main__ as bench
from benchmarks import million, ours, peers, quick, shares, shop_data
from benchmarks.trial import Figures, Plan, run
from connector.ledger.schema import record
from connector.testing.rig import Rig, order

SECOND = timedelta(seconds=1)
TOOK = {"seconds": 0.5, "again": 220.0, "calls": 40, "rejected": 1}
PLAN = Plan(small=5, large=10, warm=100, slots=4, latency=0.0, rounds=1)


def test_both_tools_deliver_every_order_once_with_one_call_each_and_the_same_sum():
    """What is compared is the same work: `run` itself refuses lost and doubled orders."""
    naive = {n: run("naive", n, PLAN) for n in (PLAN.small, PLAN.large)}
    ours = {n: run("ours", n, PLAN) for n in (PLAN.small, PLAN.large)}

    assert {n: r["cents"] for n, r in naive.items()} == {n: r["cents"] for n, r in ours.items()}
    for took in (naive, ours):
        assert took[PLAN.large]["calls"] - took[PLAN.small]["calls"] == PLAN.large - PLAN.small


def test_what_is_read_once_more_is_counted():
    """A reading that finds nothing would be the fastest of all."""
    assert run("ours", 5, PLAN, again=True)["again"] > 0


def test_what_is_held_is_not_waited_for(tmp_path, monkeypatch):
    """Only a person helps it: the run ends, and its count says what did not come."""
    rig = Rig(tmp_path)
    rig.memory[0].put("order", "1", order("1"))
    rig.cycle()
    ledger = rig.start()
    with ledger.begin() as db:
        db.execute(update(record).values(state="held", reason="rule", owner=None))
    done = SimpleNamespace(delivered={"orders": {"Done": 1}})
    monkeypatch.setattr(ours, "time", SimpleNamespace(sleep=lambda _: pytest.fail("it waits")))
    app = SimpleNamespace(ledger=ledger, sync=lambda _: done)

    assert ours.deliver(app, rig.flows["orders"]) == {"Done": 1}
    rig.kill()


def test_the_quick_bench_tells_ratios_and_shares(monkeypatch):
    """Of stubs with plain figures."""
    figures = Figures(rate=2.0, cpu_ms=1.0, calls=1.0, rss=50.0)
    monkeypatch.setattr(quick, "marginal", lambda tool, plan: (figures, (1, 2)))
    monkeypatch.setattr(quick, "httpclient", lambda orders, slots: 4.0)
    monkeypatch.setattr(shares, "run", lambda *_, **__: TOOK)

    assert quick.measure(PLAN, far_orders=20, posted=20) == (
        "an ERP of 16 calls at once, unknown to us: 2.5% rejected\n"
        "bench: naive=1.00 httpclient=0.500 cpu_ms=1.00 latency100=0.25 unchanged=220 rss_mb=50"
    )


def test_orders_that_http_client_brings_are_counted():
    """Twenty of them, by the server."""
    assert shares.httpclient(20, 4) > 0


def test_orders_of_http_client_that_did_not_come_are_an_error(monkeypatch):
    """A server that lost one would make it look fast."""
    monkeypatch.setattr(shares, "asked", lambda url: {"orders": 19})

    with pytest.raises(AssertionError, match="19 of 20"):
        shares.httpclient(20, 4)


def test_a_backfill_that_is_killed_in_the_middle_brings_every_order_once(monkeypatch):
    """The course of `make bench-million`, in small."""
    monkeypatch.setattr(million, "LOOK", 0.02)

    assert "orders=300 killed=1 lost=0 duplicated=0" in million.run(300)


def test_orders_that_are_made_when_they_are_asked_for_are_the_same_each_time():
    """A page is what its place says, and the bounds of time cut where the orders' times do."""
    first = datetime(2026, 1, 1, tzinfo=UTC)
    rows = shop_data.Many(105, seed=1, first=first)
    times = [row.at for row in rows]

    assert [row.raw for row in rows[40:50]] == [rows[n].raw for n in range(40, 50)]
    for moment in (first - SECOND, first, times[40], times[40] + SECOND / 2, times[-1] + SECOND):
        assert rows.before(moment, inclusive=True) == sum(at <= moment for at in times)
        assert rows.before(moment, inclusive=False) == sum(at < moment for at in times)


def test_the_table_tells_what_is_owed_beside_what_was_measured(monkeypatch):
    """The fastest peer is the one that we beat least; who could not be measured is told."""
    ours, slow = (
        Figures(rate=8.0, cpu_ms=1.0, calls=1.0, rss=50.0),
        {"cpu_ms": 2, "calls": 1, "rss": 9},
    )
    found = {
        "naive": [Figures(rate=2.0, **slow)],
        "dlt": [Figures(rate=1.0, **slow)],
        "node-red": [Figures(rate=5.0, **slow)],
        "ours": [ours],
    }
    for name in ("httpclient", "unchanged", "help_seconds", "first_seconds"):
        monkeypatch.setattr(shares, name, lambda *_: 16.0)
    monkeypatch.setattr(shares, "far", lambda *_: (0.93, 0.004))

    told = bench.owed(found, PLAN)
    assert "against the fastest peer (node-red)                       1.7      1.60" in told
    assert "share of http.client, written beforehand                 0.25     0.500" in told
    rows = bench.table(found, PLAN, {"node-soap": "needs Node.js"}).splitlines()
    assert [row.split()[-1] for row in rows[3:]] == ["4.00", "8.00", "1.60", "1.00", "Node.js"]


def test_a_peer_that_fails_says_why_and_one_that_ends_well_is_measured(tmp_path, monkeypatch):
    """A pipe of two fails if its first half does; what it takes is counted from outside."""
    works = "python3 -c 'sum(range(3000000))'"
    monkeypatch.setitem(peers.PEERS, "dlt", f"{works} | cat")
    took = peers.run("dlt", "http://127.0.0.1:9", str(tmp_path))
    assert took["cpu"] > 0.01
    assert took["rss"] > 1
    monkeypatch.setitem(peers.PEERS, "dlt", "(echo broken >&2; exit 3) | cat")
    with pytest.raises(AssertionError, match="dlt ended with 3: broken"):
        peers.run("dlt", "http://127.0.0.1:9", str(tmp_path))


def test_without_node_its_peers_are_told_and_no_other_is_held_up(tmp_path, monkeypatch):
    """Each with its cure; an environment is made once for a lock file."""
    made = []
    monkeypatch.setattr(peers.shutil, "which", lambda _: None)
    monkeypatch.setattr(peers, "ROOT", tmp_path)

    def pip(_, folder):
        folder.mkdir(parents=True)
        made.append(folder.name)

    monkeypatch.setattr(peers, "_pip", pip)
    for _ in range(2):
        lacking = peers.install(peers.PEERS)
        assert lacking.keys() == {"node-soap", "node-red"}
        assert "apt-get install nodejs npm" in lacking["node-red"]
    assert made == ["dlt", "singer"]


def test_a_start_is_timed_to_its_first_order_at_the_erp(monkeypatch):
    """By the clock that both processes share."""
    monkeypatch.setattr(shares, "STARTS", 1)
    assert 0 < shares.first_seconds(replace(PLAN, warm=1)) < 60
