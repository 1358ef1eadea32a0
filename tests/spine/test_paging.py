"""A row that kills whoever splits its page is found out and set aside; all others go on (R15)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from deaths import lives
from sqlalchemy import select

from connector.errors import Truncated
from connector.flow.paging import HOPELESS, careful, gives
from connector.flow.wary import DEATHS, YOUNG
from connector.ledger.schema import paging, quarantine
from connector.ledger.store import Ledger
from connector.testing.rig import Killed, Rig, order

POISON = "poison"
ORDERS = 11
HALVINGS = 1  # the page of eleven; what is eight times smaller is one row
RESTARTS = 15  # more than it takes


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """Eleven orders, of which the eighth kills who splits what it stands in."""
    rig = Rig(tmp_path)
    shop, _ = rig.memory
    for n in range(ORDERS):
        shop.put("order", f"{n}", order(f"{n}", note=POISON if n == 7 else "fine"))
    split: list[int] = []

    def dying(items: Any) -> Any:
        split.append(len(items))
        if any(POISON.encode() in item.raw for item in items):
            raise Killed
        return tuple(items)

    shop.split = dying  # type: ignore[method-assign]
    rig.split = split  # type: ignore[attr-defined]
    yield rig
    rig.kill()


def aside(rig: Rig) -> list[tuple[str, str]]:
    """Place and code of what was set aside."""
    with rig.start().engine.connect() as db:
        return [tuple(row) for row in db.execute(select(quarantine.c.at, quarantine.c.code))]


def noted(rig: Rig) -> int:
    """How many notes are left."""
    with rig.start().engine.connect() as db:
        return len(db.execute(select(paging)).all())


def others(rig: Rig) -> set[str]:
    """The orders that the ERP has, by their numbers."""
    return {reference.rpartition("-")[2] for reference, *_ in rig.books() if reference}


def test_what_kills_alone_is_set_aside_and_all_others_are_delivered(rig: Rig) -> None:
    """Else the process dies for ever, at the same page, and no order passes."""
    assert (
        lives(rig, RESTARTS) == 1 + HALVINGS + DEATHS
    )  # unseen, in ever smaller pages, then alone
    rig.settle()
    assert others(rig) == {f"{n}" for n in range(ORDERS)} - {"7"}
    assert aside(rig) == [("row", "kills_reader")]
    assert noted(rig) == 0


def test_it_kills_nobody_again_and_once_corrected_it_is_an_order_as_any_other(rig: Rig) -> None:
    """It is known by its bytes, in whatever page it comes; with other bytes it is another row."""
    lives(rig, RESTARTS)
    for n in range(5, 10):  # the whole neighbourhood is listed again, in another order
        if n != 7:
            rig.memory[0].put("order", f"{n}", order(f"{n}", note="changed"))
    flow = rig.flows["orders"]
    rig.kill()
    with careful(flow, rig.start(), rig.clock) as care:
        pages = rig.shop.pages("order", None, start=None, until=None, care=care)
        read = [item for page in pages for item in page.items]
    assert len(read) == ORDERS
    rig.memory[0].put("order", "7", order("7", note="corrected"))
    rig.settle()
    assert others(rig) == {f"{n}" for n in range(ORDERS)}


def test_one_that_comes_to_a_process_of_old_age_is_found_out_as_well(rig: Rig) -> None:
    """Who is old notes nothing; who follows him does."""
    shop = rig.memory[0]
    shop.put("order", "7", order("7", note="fine"))
    assert lives(rig, RESTARTS) == 0
    rig.clock.pass_(YOUNG * 2)
    shop.put("order", "7", order("7", note=POISON))
    shop.put("order", "9", order("9", note="changed"))
    assert lives(rig, RESTARTS) < RESTARTS
    rig.settle()
    assert rig.states()["9"] == ("done", "sent")
    assert aside(rig) == [("row", "kills_reader")]


def test_who_died_of_something_else_while_a_page_was_split_is_not_its_victim(rig: Rig) -> None:
    """Killed again and again in the same page, then it is read: nothing is held against any row."""
    rig.memory[0].put("order", "7", order("7", note="fine"))
    for _ in range(HALVINGS + DEATHS - 1):
        rig.kill_at("split.kills_process")
        assert rig.run_until_killed()
    assert lives(rig, RESTARTS) == 0
    rig.settle()
    assert others(rig) == {f"{n}" for n in range(ORDERS)}
    assert aside(rig) == []
    assert noted(rig) == 0


def test_who_died_of_something_else_after_a_row_was_read_alone_is_not_its_victim(rig: Rig) -> None:
    """A page of one row is a row alone; what was looked into and over is in nobody's hand."""
    rig.memory[0].put("order", "7", order("7", note="fine"))
    rig.memory[0].page = 1
    for _ in range(2 + DEATHS):
        rig.kill_at("page.fetched")
        assert rig.run_until_killed()
    assert lives(rig, RESTARTS) == 0
    rig.settle()
    assert others(rig) == {f"{n}" for n in range(ORDERS)}
    assert aside(rig) == []


def test_once_it_is_set_aside_pages_are_whole_again_even_if_the_walk_ends_in_a_death(
    rig: Rig,
) -> None:
    """What was found out is known with its page: no long backfill is read row by row after it."""
    rig.memory[0].page = 4  # it is the last of the second page
    for _ in range(RESTARTS):
        rig.kill_at("page.fetched", 2)
        assert rig.run_until_killed()
        if aside(rig):
            break
        rig.kill()
    split: list[int] = rig.split  # type: ignore[attr-defined]
    split.clear()
    rig.kill()
    assert lives(rig, RESTARTS) == 0
    assert split == [3]


def test_a_healthy_walk_notes_once_that_it_is_one(rig: Rig) -> None:
    """Not each page: that would be a commit for each."""
    shop = rig.memory[0]
    shop.put("order", "7", order("7", note="fine"))
    shop.page = 2
    flow, seen = rig.flows["orders"], []
    with careful(flow, rig.start(), rig.clock) as care:
        for _ in shop.pages("order", None, start=None, until=None, care=care):
            with rig.start().engine.connect() as db:
                seen += db.execute(select(paging.c.much, paging.c.began_at)).all()
            rig.clock.pass_(timedelta(seconds=1))
    assert len(seen) > 2
    assert len(set(seen)) == 1
    assert seen[0].much == 0
    assert noted(rig) == 0


@pytest.mark.parametrize("who", ["an old process", "one that never watched"])
def test_who_is_old_or_only_looks_notes_nothing(rig: Rig, who: str) -> None:
    """It saves a commit a walk; and of a copy nobody will look what died with it."""
    ledger = rig.start()
    rig.clock.pass_(YOUNG + timedelta(seconds=1))
    if who == "one that never watched":
        rig.kill()
        ledger = Ledger(rig.url)
    with careful(rig.flows["orders"], ledger, rig.clock) as care:
        assert care.may_be_read(100, b"page")
        assert care.may_be_read(1, b"row")
        assert ledger.read(lambda db: db.execute(select(paging)).all()) == []
    ledger.close()
    rig.ledger = None


def test_a_row_that_looks_different_every_time_stops_its_flow_and_not_the_process(rig: Rig) -> None:
    """It cannot be known again, so nothing is set aside by mistake; the flow says what is wrong."""
    count = iter(range(10**6))
    shop = rig.memory[0]
    item = shop._item

    def changing(paper: Any) -> Any:
        made = item(paper)
        return type(made)(key=made.key, version=made.version, raw=made.raw + b" " * next(count))

    shop._item = changing  # type: ignore[method-assign]
    for _ in range(1 + HALVINGS + HOPELESS):
        rig.clock.pass_(timedelta(seconds=1))
        assert rig.run_until_killed()
    with pytest.raises(Truncated, match="kills who reads it"):
        rig.cycle()
    assert aside(rig) == []


def test_a_row_is_known_again_wherever_it_stands_in_a_reply() -> None:
    """First, in the middle, last, alone; and not where it does not stand."""
    alone = b'{"rows": [{"id": 17, "note": "kills"}], "took": 1}'
    rows = [b'{"id": 16, "note": "fine"}', b'{"id": 17, "note": "kills"}', b'{"id": 18, "x": 1}']
    for order_ in ((1, 0, 2), (0, 1, 2), (0, 2, 1), (1,)):
        assert gives(b'{"rows": [' + b", ".join(rows[n] for n in order_) + b'], "took": 1}', alone)
    assert not gives(b'{"rows": [' + b", ".join((rows[0], rows[2])) + b'], "took": 1}', alone)
    assert not gives(b'{"rows": [], "took": 1}', alone)
