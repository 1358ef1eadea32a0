"""A short storm inside `make test`, and the proof that its count can be red."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connector.sandbox.books import hooks_taken

from .audit import Result, judge
from .course import play
from .world import Size, World

SHORT = Size(first=25, later=15, changes=40, storm=20, lives=4, calm=60)


@pytest.fixture(scope="module")
def stormed(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Result]:
    """A world after its storm and its calm."""
    told: list[str] = []
    world = World(tmp_path_factory.mktemp("chaos") / "run", 7, SHORT)
    try:
        result = play(world, told.append)
    finally:
        world.close()
    result.told += told
    return world, result


@pytest.fixture
def world(stormed: tuple[World, Result]) -> Iterator[World]:
    """The same, to be spoiled: its databases are put back afterwards."""
    world, _ = stormed
    files = {world.folder / name: b"" for name in ("shop.db", "erp.db", "ledger.db")}
    for file in files:
        with closing(sqlite3.connect(file)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        files[file] = file.read_bytes()
    yield world
    for file, before in files.items():
        file.write_bytes(before)


def spoil(file: Path, sql: str) -> None:
    with closing(sqlite3.connect(file)) as db, db:
        assert db.execute(sql).rowcount


def test_a_short_storm_leaves_nothing_lost_doubled_or_unexplained(
    stormed: tuple[World, Result],
) -> None:
    """Kills, a bad network and outages, over the real daemon and both sandboxes."""
    world, result = stormed
    assert result.clean, "\n".join(result.told)
    assert result.kills == world.tally.kills > 1
    assert world.tally.points, "no crash point was reached"
    assert len(world.tally.met) > 2, world.tally.met
    assert result.orders == SHORT.first + SHORT.later
    assert hooks_taken(world.folder / "shop.db") > 0


def spoiled(path: str, value: str) -> str:
    """The statement that writes *value* into every order."""
    return f"UPDATE orders SET data = json_set(data, '{path}', '{value}')"


@pytest.mark.parametrize(
    ("file", "sql", "name"),
    [
        ("erp.db", "DELETE FROM orders", "lost"),
        ("erp.db", "", "duplicated"),
        ("erp.db", "UPDATE orders SET grand_total = '1.00'", "stale"),
        ("erp.db", "UPDATE orders SET released = 0", "stale"),
        ("erp.db", spoiled("$.Lines.Line[0].NetAmount", "0.01"), "stale"),
        ("erp.db", spoiled("$.BillTo.City", "Elsewhere"), "stale"),
        ("erp.db", spoiled("$.ShipTo.Street", "Elsewhere"), "stale"),
        ("erp.db", spoiled("$.CustomerNo", "C-GUEST-DE"), "stale"),
        ("erp.db", "UPDATE stock SET on_hand = 7", "stock_wrong"),
        ("ledger.db", "UPDATE record SET state = 'prepared', reason = NULL", "unexplained"),
        ("ledger.db", "DELETE FROM event", "unexplained"),
    ],
)
def test_what_is_wrong_is_counted(world: World, file: str, sql: str, name: str) -> None:
    """The count looks into the databases themselves: each kind of harm shows under its name."""
    spoil(world.folder / file, sql or doubling(world.folder / file))
    assert getattr(judge(world), name) > 0


def doubling(file: Path) -> str:
    """The statement that enters one order a second time under another number."""
    with closing(sqlite3.connect(file)) as db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(orders)")]
    taken = ", ".join("no || '-2'" if name == "no" else name for name in columns)
    return f"INSERT INTO orders SELECT {taken} FROM orders LIMIT 1"


def test_a_line_that_says_bug_is_counted(world: World) -> None:
    """A daemon that contradicts itself is not explained by anything we did."""
    with (world.folder / "daemon.log").open("a") as log:
        log.write('{"event": "flow failed", "code": "bug", "error": "KeyError"}\n')
    assert judge(world).unexplained == 1
