"""A document that kills whoever reads it is found out and held, and all others go on (R15)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from deaths import lives
from sqlalchemy import select

from connector.errors import Unavailable
from connector.flow.pull import read_keys
from connector.flow.wary import DEATHS, YOUNG, wary
from connector.ledger.schema import reading
from connector.ledger.store import Ledger
from connector.testing.rig import Killed, Rig, order

POISON = "poison"
RESTARTS = 8  # more than it takes


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """Five orders, of which the third kills."""
    rig = Rig(tmp_path)
    shop, _ = rig.memory
    for n in "01234":
        shop.put("order", n, order(n, note=POISON if n == "2" else "fine"))
    read: list[str] = []
    decode = shop.decode

    def dying(entity: str, raw: bytes) -> Any:
        if POISON.encode() in raw:
            read.append(POISON)
            raise Killed
        return decode(entity, raw)

    shop.decode = dying  # type: ignore[method-assign]
    rig.read = read  # type: ignore[attr-defined]
    yield rig
    rig.kill()


def test_what_kills_its_reader_is_held_and_all_others_are_delivered(rig: Rig) -> None:
    """Else the process dies for ever, at the same page, and no order passes."""
    died = lives(rig, RESTARTS)
    assert died == 1 + DEATHS  # once in the page, then alone
    rig.settle()
    assert rig.states()["2"] == ("held", "unreadable")
    assert {reference[-1] for reference, *_ in rig.books() if reference} == set("0134")


def test_it_is_not_read_again_until_it_changes(rig: Rig) -> None:
    """What was held is known by its bytes; corrected at its source it is an order as any other."""
    lives(rig, RESTARTS)
    rig.settle()
    before = len(rig.read)  # type: ignore[attr-defined]
    rig.kill()
    assert lives(rig, RESTARTS) == 0
    assert len(rig.read) == before  # type: ignore[attr-defined]
    rig.memory[0].put("order", "2", order("2", note="corrected"))
    rig.settle()
    assert rig.states()["2"] == ("done", "sent")


def test_one_that_comes_to_a_process_of_old_age_is_found_out_as_well(rig: Rig) -> None:
    """Who is old notes nothing; who follows him does."""
    shop = rig.memory[0]
    shop.put("order", "2", order("2", note="fine"))
    assert lives(rig, RESTARTS) == 0
    rig.clock.pass_(YOUNG * 2)
    shop.put("order", "2", order("2", note=POISON))
    shop.put("order", "4", order("4", note="changed"))
    assert lives(rig, RESTARTS) == 2 + DEATHS  # unseen, in the page, then alone
    rig.settle()
    assert rig.states()["2"] == ("held", "unreadable")
    assert rig.states()["4"] == ("done", "sent")


def test_who_died_of_something_else_while_it_was_read_is_not_its_victim(rig: Rig) -> None:
    """Killed twice in the same document, then read to its end: nothing is held against it."""
    shop = rig.memory[0]
    shop.put("order", "2", order("2", note="fine"))
    for _ in range(2):
        rig.kill_at("parse.kills_process", 3)
        assert rig.run_until_killed()
    assert lives(rig, RESTARTS) == 0
    for note in "ab":
        rig.kill()
        shop.put("order", "2", order("2", note=note))
        rig.kill_at("parse.kills_process")
        assert rig.run_until_killed()
        assert lives(rig, RESTARTS) == 0
    rig.settle()
    assert rig.states()["2"] == ("done", "sent")


@pytest.mark.parametrize("keys", [["0"], ["0", "1", "3"]])
def test_who_was_refused_a_document_did_not_die_of_it(rig: Rig, keys: list[str]) -> None:
    """A timer's processes, while the shop is away: each asks for it, and ends."""
    shop, flow = rig.memory[0], rig.flows["orders"]
    read = shop._read

    def away(*_: str) -> None:
        raise Unavailable("away")

    shop._read = away  # type: ignore[method-assign]
    for _ in range(DEATHS + 1):
        with pytest.raises(Unavailable):
            read_keys(rig.shop, flow, rig.start(), rig.clock, keys)
        rig.kill()
    shop._read = read  # type: ignore[method-assign]
    read_keys(rig.shop, flow, rig.start(), rig.clock, keys)
    assert rig.states() == dict.fromkeys(keys, ("prepared", None))


def test_who_never_watched_the_ledger_notes_nothing(rig: Rig) -> None:
    """A copy to try things on is nobody's: nobody will look what died with it."""
    rig.start()
    rig.kill()
    copy = Ledger(rig.url)
    try:
        with wary(rig.flows["orders"], copy, ["1"], rig.clock.now()) as may_be_read:
            assert may_be_read("1")
            assert copy.read(lambda db: db.execute(select(reading)).all()) == []
    finally:
        copy.close()


@pytest.mark.parametrize("age", [YOUNG, YOUNG + timedelta(seconds=1)])
def test_only_the_young_note_what_they_read(rig: Rig, age: timedelta) -> None:
    """While it is read; afterwards nothing is left of it."""
    ledger = rig.start()
    rig.clock.pass_(age)
    noted = 1 if age == YOUNG else 0
    with wary(rig.flows["orders"], ledger, ["1", "2"], rig.clock.now()) as may_be_read:
        assert may_be_read("1")
        rows = ledger.read(lambda db: db.scalars(select(reading.c.documents)).all())
        assert rows == ['["1", "2"]'][:noted]
    assert ledger.read(lambda db: db.execute(select(reading)).all()) == []
