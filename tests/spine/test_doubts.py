"""How a doubt is asked after: by the target's own key where it has one, else by our reference."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from connector.ledger.schema import attempt
from connector.testing.rig import Rig, order
from connector.values import Absent


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """Two orders are there; calls get lost from now on."""
    rig = Rig(tmp_path)
    for n in "01":
        rig.memory[0].put("order", n, order(n))
    rig.settle(rounds=3)
    yield rig
    rig.kill()


def asked(rig: Rig) -> list[tuple[str, list[str]]]:
    """What the target is asked from now on: how, and for what."""
    erp, calls = rig.memory[1], []
    get, find = erp.get, erp.find

    def getting(entity, keys):  # type: ignore[no-untyped-def]
        calls.append(("get", list(keys)))
        return get(entity, keys)

    def finding(entity, references):  # type: ignore[no-untyped-def]
        calls.append(("find", list(references)))
        return find(entity, references)

    erp.get, erp.find = getting, finding  # type: ignore[method-assign]
    return calls


def lose(rig: Rig, number: str, **change: str) -> None:
    """One call for an order gets lost: it is in doubt and never happened."""
    lost = ["lost"]
    rig.memory[1].fault = lambda _: lost.pop() if lost else None
    rig.memory[0].put("order", number, order(number, **change))
    rig.cycle()
    rig.clock.pass_(timedelta(minutes=10))


def outcomes(rig: Rig) -> list[str | None]:
    """How the attempts ended, oldest first."""
    with rig.start().engine.connect() as db:
        return list(db.scalars(select(attempt.c.outcome).order_by(attempt.c.id)))


def test_a_change_in_doubt_is_read_by_its_number_alone(rig: Rig) -> None:
    """Its number is known: nobody searches for what he can look at."""
    lose(rig, "1", note="new")
    calls = asked(rig)
    rig.cycle(pulling=False)
    assert calls == [("get", [rig.links()["1"]])]


def test_a_new_order_in_doubt_is_searched_for_and_nothing_else_is_read(rig: Rig) -> None:
    """It has no number; with it is searched what is known to be there (S7)."""
    lose(rig, "2")
    calls = asked(rig)
    rig.cycle(pulling=False)
    [(how, references)] = calls[:1]
    assert how == "find"
    assert references[0].endswith("-2")
    assert len(references) > 1
    assert "get" not in [how for how, _ in calls]


def test_both_at_once_are_asked_after_each_in_its_way(rig: Rig) -> None:
    """The answer of one way is no answer to the other."""
    rig.memory[1].fault = lambda _: "lost"
    rig.memory[0].put("order", "1", order("1", note="new"))
    rig.memory[0].put("order", "2", order("2"))
    rig.cycle()
    rig.clock.pass_(timedelta(minutes=10))
    rig.memory[1].fault = lambda _: None
    calls = asked(rig)
    rig.cycle(pulling=False)
    assert calls[0] == ("get", [rig.links()["1"]])
    how, references = calls[1]
    assert how == "find"
    assert not [r for r in references[:1] if r.endswith("-1")]
    assert references[0].endswith("-2")


def test_without_find_a_change_is_still_read_by_its_number(rig: Rig) -> None:
    """What can be read is not sent again unread."""
    rig.flow(finds=False)
    lose(rig, "1", note="new")
    rig.cycle(pulling=False)
    assert outcomes(rig)[2] == "found"


def test_what_can_neither_be_found_nor_read_is_sent_again_if_that_does_no_harm(rig: Rig) -> None:
    """An absolute change, after settle; the target is not asked what it cannot answer."""
    rig.flow(finds=False, gets=False)
    lose(rig, "1", note="new")
    calls = asked(rig)
    rig.cycle(pulling=False)
    assert calls == []
    assert outcomes(rig)[2:] == ["again", "done"]
    assert ("t-shop-order-1", "confirmed", "new") in rig.books()


def test_without_get_a_change_in_doubt_is_searched_for(rig: Rig) -> None:
    """Its number is known and nobody can look at it."""
    rig.flow(gets=False)
    lose(rig, "1", note="new")
    calls = asked(rig)
    rig.cycle(pulling=False)
    how, references = calls[0]
    assert how == "find"
    assert references[0].endswith("-1")


@pytest.mark.parametrize("how", ["nothing", "others"])
def test_not_found_counts_only_where_what_we_made_is_found(rig: Rig, how: str) -> None:
    """S7: a find that finds nothing, or other documents under our references, may be broken."""
    lose(rig, "2")
    erp = rig.memory[1]
    if how == "nothing":
        erp.find = lambda _, some: {r: Absent(at=rig.clock.now()) for r in some}  # type: ignore[method-assign]
    for paper in erp.papers:
        paper.key = f"X{paper.key}"
    for _ in range(3):
        rig.cycle(pulling=False)
        rig.clock.pass_(timedelta(minutes=10))
    assert rig.states()["2"] == ("in_doubt", None)
    assert outcomes(rig)[2:] == [None]


def test_what_cannot_be_changed_there_is_told_though_nobody_can_look(rig: Rig) -> None:
    """What is written anew after a doubt is what may be written; no other change is swallowed."""
    rig.flow(finds=False, gets=False, can=frozenset({"note"}))
    lose(rig, "1", note="new")
    rig.memory[0].put("order", "1", order("1", note="new", status="fulfilled"))
    rig.settle(rounds=3)
    assert rig.states()["1"] == ("held", "rule")
    assert rig.states()["0"][0] == "done"
