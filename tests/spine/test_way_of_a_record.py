"""The way of a record, over systems in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.testing.rig import Rig, order


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A rig that is put away."""
    rig = Rig(tmp_path)
    yield rig
    rig.kill()


def test_an_order_reaches_the_erp_once_with_one_call(rig: Rig) -> None:
    """A new order costs one call and is acknowledged."""
    shop, erp = rig.memory
    shop.put("order", "1", order("1", note="a"))
    rig.cycle()
    rig.cycle()
    assert rig.books() == [("t-shop-order-1", "confirmed", "a")]
    assert rig.states() == {"1": ("done", "sent")}
    assert [c for c in erp.calls if c[0] == "create"] == [("create", "t-shop-order-1")]


def test_a_change_after_delivery_is_delivered(rig: Rig) -> None:
    """A later change goes out as an update of what changed."""
    shop, _ = rig.memory
    shop.put("order", "1", order("1", note="a"))
    rig.cycle()
    rig.cycle()
    shop.put("order", "1", order("1", note="b"))
    rig.cycle()
    assert rig.books() == [("t-shop-order-1", "confirmed", "b")]
    assert rig.states() == {"1": ("done", "sent")}


def test_a_lost_reply_is_looked_up_and_never_simply_repeated(rig: Rig) -> None:
    """Commit then hang: the order is there once, and found."""
    shop, erp = rig.memory
    shop.put("order", "0", order("0"))
    rig.cycle()
    erp.fault = lambda c: "hang" if len(erp.papers) < 2 else None
    shop.put("order", "1", order("1", note="a"))
    rig.settle()
    assert [b[0] for b in rig.books()] == ["t-shop-order-0", "t-shop-order-1"]
    assert set(rig.states().values()) <= {("done", "sent"), ("done", "same")}
