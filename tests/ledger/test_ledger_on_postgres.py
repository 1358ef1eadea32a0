"""The way of a record, with its faults and deaths, on a PostgreSQL ledger."""

from __future__ import annotations

import tempfile

import pytest

from connector.testing.rig import Rig, order


@pytest.fixture
def rig(tmp_path, database, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rig = Rig(tmp_path, url=database("template1"))
    yield rig
    rig.kill()


def test_an_order_reaches_the_erp_once_with_one_call_on_postgres(rig):
    """The whole way works on PostgreSQL as it does on SQLite."""
    shop, erp = rig.memory
    shop.put("order", "1", order("1", note="a"))
    rig.cycle()
    rig.cycle()

    assert rig.books() == [("t-shop-order-1", "confirmed", "a")]
    assert rig.states() == {"1": ("done", "sent")}
    assert [c for c in erp.calls if c[0] == "create"] == [("create", "t-shop-order-1")]


@pytest.mark.parametrize("fault", ["hang", "late", "lost"])
@pytest.mark.parametrize(
    "point",
    [
        "page.before_commit",
        "claim.before_commit",
        "intent.none_sent",
        "reply.before_outcome",
        "outcome.group_half",
        "find.found_before_link",
        "find.absent_before_commit",
    ],
)
def test_dying_here_loses_and_doubles_nothing_on_postgres(rig, point, fault):
    """No lock file proves an owner dead there: what he held lapses by its lease."""
    shop, erp = rig.memory
    shop.put("order", "0", order("0", note="control"))
    rig.cycle()
    rig.cycle()
    faults = [fault]
    erp.fault = lambda _: faults.pop() if faults else None
    shop.put("order", "1", order("1", note="a"))
    died = False
    for _ in range(3):
        rig.kill_at(point) if not died else None
        died = rig.run_until_killed() or died
    shop.put("order", "1", order("1", note="b"))
    rig.settle()

    assert rig.books() == [
        ("t-shop-order-0", "confirmed", "control"),
        ("t-shop-order-1", "confirmed", "b"),
    ]
    assert {state for state, _ in rig.states().values()} == {"done"}
    assert rig.open_intents() == 0
