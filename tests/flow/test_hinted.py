"""Documents that their system spoke of are read until what is read is as new as was said (P7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from connector.errors import Unavailable
from connector.flow.hinted import is_answered, pull_hinted
from connector.ledger import hints
from connector.ledger.hints import Noted
from connector.testing.rig import Rig, order
from connector.values import Broken, Item, Read, Tombstone


def item(key: str, version: str | None) -> Item:
    return Item(key=key, version=version, raw=b"{}")


@pytest.mark.parametrize(
    ("said", "read", "answered"),
    [
        ("5", [item("1", "5")], True),
        ("5", [item("1", "6")], True),
        ("5", [item("1", "4")], False),  # a replica, or a cache, that is behind
        (None, [item("1", "4")], True),
        ("5", [item("1", None)], True),
        ("5", [Tombstone(key="1")], True),
        ("5", [item("2", "9")], False),
        ("5", [item("2", "9"), item("1", "5")], True),
        ("5", [Broken(at="", code="no_key", raw=b"")], False),
        ("5", [], False),
    ],
)
def test_a_hint_is_answered_by_what_is_at_least_as_new(
    said: str | None, read: list[Read], answered: bool
) -> None:
    """What is gone needs no version."""
    noted = Noted(flow="orders", key="1", n=1, version=said, tries=0)
    assert is_answered(noted, read) is answered


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """Two orders in the shop; of each its webhook spoke, of one more newly than it reads."""
    rig = Rig(tmp_path)
    for n in "12":
        rig.memory[0].put("order", n, order(n))
    ledger = rig.start()
    [first, second] = rig.shop.read("order", ["1", "2"])
    assert isinstance(first, Item)
    assert isinstance(second, Item)
    with ledger.begin() as db:
        hints.note(
            db, "orders", [("1", first.version), ("2", f"{second.version}9")], rig.clock.now()
        )
    yield rig
    rig.kill()


def waiting(rig: Rig) -> list[str]:
    """The keys of all hints that are left, whenever they are due."""
    later = rig.clock.now() + timedelta(days=1)
    return [one.key for one in rig.start().read(hints.due, "orders", later, 9)]


def test_what_was_read_is_forgotten_and_what_is_behind_is_read_again(rig: Rig) -> None:
    """Both are staged meanwhile; the second is not due at once again."""
    ledger, flow = rig.start(), rig.flows["orders"]
    done = pull_hinted(rig.shop, flow, ledger, rig.clock)
    assert done.new == 2
    assert waiting(rig) == ["2"]
    assert ledger.read(hints.due, "orders", rig.clock.now(), 9) == []
    rig.clock.pass_(hints.AGAIN[0])
    assert [one.key for one in ledger.read(hints.due, "orders", rig.clock.now(), 9)] == ["2"]


def test_what_cannot_be_read_now_stays_and_waits(rig: Rig) -> None:
    """The shop is away: nothing is forgotten, nothing is asked for every moment."""

    def away(_entity: str, _keys: Sequence[str]) -> Iterator[Read]:
        raise Unavailable("the shop is away")

    rig.shop.read = away  # type: ignore[method-assign,assignment]
    with rig.start().begin() as db:
        hints.note(db, "orders", [("3", None)], rig.clock.now())
    with pytest.raises(Unavailable):  # three in a row are an outage
        pull_hinted(rig.shop, rig.flows["orders"], rig.start(), rig.clock)
    assert waiting(rig) == ["1", "2", "3"]
    assert rig.start().read(hints.due, "orders", rig.clock.now(), 9) == []


def test_more_than_a_batch_is_read_in_one_go(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until nothing is due any more."""
    monkeypatch.setattr("connector.flow.hinted.BATCH", 1)
    assert pull_hinted(rig.shop, rig.flows["orders"], rig.start(), rig.clock).new == 2
