"""A short storm inside `make test`, and the proof that its count can be red."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connector.demo.count import count
from connector.sandbox.books import hooks_taken

from .__main__ import main
from .audit import Result, bugs, judge
from .course import play, promised
from .hazards import HAZARDS
from .nursery import Born
from .world import Size, Tally, World

# Those that come once in a run take their time; one of them is enough here.
KINDS = [name for name, one in HAZARDS.items() if not one.once] + ["document_kills_reader"]
SHORT = Size(first=25, later=15, changes=40, storm=20, lives=4, calm=60)


@pytest.fixture(scope="module")
def stormed(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Result]:
    """A world after its storm and its calm."""
    told: list[str] = []
    world = World(tmp_path_factory.mktemp("chaos") / "run", 7, SHORT)
    try:
        result = play(world, told.append, KINDS)
    finally:
        world.close()
    result.told += told
    return world, result


@pytest.fixture
def world(stormed: tuple[World, Result]) -> Iterator[World]:
    """The same, to be spoiled: its databases and its log are put back afterwards."""
    world, _ = stormed
    for name in ("shop.db", "erp.db", "ledger.db"):
        with closing(sqlite3.connect(world.folder / name)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    names = ("shop.db", "erp.db", "ledger.db", "daemon.log")
    files = {world.folder / name: (world.folder / name).read_bytes() for name in names}
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
    assert result.skus == world.skus > 100
    assert hooks_taken(world.folder / "shop.db") > 0


@pytest.mark.parametrize(
    ("file", "sql", "name"),
    [
        ("erp.db", "DELETE FROM orders", "lost"),
        ("erp.db", "", "duplicated"),
        ("erp.db", "UPDATE orders SET grand_total = '1.00'", "stale"),
        ("erp.db", "UPDATE stock SET on_hand = 7", "stock_wrong"),
        ("erp.db", "DELETE FROM stock", "unexplained"),
        ("ledger.db", "UPDATE record SET state = 'prepared', reason = NULL", "unexplained"),
        ("ledger.db", "DELETE FROM event", "unexplained"),
    ],
)
def test_what_is_wrong_is_counted(world: World, file: str, sql: str, name: str) -> None:
    """The count looks into the databases themselves: each kind of harm shows under its name."""
    spoil(world.folder / file, sql or doubling(world.folder / file))
    assert getattr(judge(world), name) > 0


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("$.Note", "note"),
        ("$.BillTo.City", "bill_to"),
        ("$.ShipTo.Street", "ship_to"),
        ("$.CustomerNo", "email"),
        ("$.Lines.Line[0].NetAmount", "lines"),
    ],
)
def test_what_an_order_says_is_compared(world: World, path: str, named: str) -> None:
    """Its total alone would not tell that it is another's, goes elsewhere or is of other goods."""
    erp = world.folder / "erp.db"
    spoil(erp, f"UPDATE orders SET data = json_set(data, '{path}', '1.23')")
    assert {f.detail for f in count(world.folder / "shop.db", erp).findings} == {named}


def test_an_order_that_was_never_released_is_not_finished(world: World) -> None:
    """A document has two steps in this ERP."""
    erp = world.folder / "erp.db"
    spoil(erp, "UPDATE orders SET released = 0")
    assert {f.detail for f in count(world.folder / "shop.db", erp).findings} == {"released"}


def doubling(file: Path) -> str:
    """The statement that enters one order a second time under another number."""
    with closing(sqlite3.connect(file)) as db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(orders)")]
    taken = ", ".join("no || '-2'" if name == "no" else name for name in columns)
    return f"INSERT INTO orders SELECT {taken} FROM orders LIMIT 1"


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "flow failed", "code": "bug", "error": "KeyError"}',
        "Traceback (most recent call last):",
    ],
)
def test_a_line_that_says_bug_is_counted(world: World, line: str) -> None:
    """A daemon that contradicts itself is not explained by anything we did."""
    with (world.folder / "daemon.log").open("a") as log:
        log.write(f"{line}\n")
    assert judge(world).unexplained == 1


@pytest.mark.parametrize(
    ("code", "point", "sent", "odd"),
    [
        (-9, "", [signal.SIGKILL], 0),
        (-9, "page.fetched", [], 0),
        (-9, "", [], 1),
        (0, "", [signal.SIGTERM], 0),
        (0, "", [], 1),
        (-15, "", [signal.SIGTERM], 0),
        (4, "", [], 0),
        (1, "", [signal.SIGTERM], 1),
        (-11, "", [signal.SIGKILL], 1),
    ],
)
def test_an_end_that_nobody_caused_is_counted(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    point: str,
    sent: list[signal.Signals],
    odd: int,
) -> None:
    """What we did explains how a daemon ended, or it is unexplained."""
    one = Born(1)
    for name, value in {"daemon": one, "tally": Tally(), "_sent": set(sent)}.items():
        monkeypatch.setattr(world, name, value)
    if point:
        (world.folder / "reached").write_text(point)
    one.code = code
    one.ended.set()
    world.buried()
    assert len(bugs(world)) == odd


def test_what_is_promised_and_never_happened_is_known(stormed: tuple[World, Result]) -> None:
    """A misfortune that met nobody, a fault that struck no call: both are missed at the end."""
    world, result = stormed
    assert set(world.tally.met) | world.tally.points <= result.happened
    assert "erp commit_then_cut" in promised(KINDS)
    assert promised(KINDS) - result.happened, "so short a storm cannot hold everything"
    missed = Tally()
    missed.count("kill", struck=False)
    assert not missed.met


@pytest.mark.parametrize(
    ("name", "value"), [("CHAOS_RUNS", "0"), ("CHAOS_SECONDS", "0"), ("CHAOS_KINDS", "kil rush")]
)
def test_words_that_would_run_nothing_are_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    """Nothing run is not clean."""
    monkeypatch.setenv(name, value)
    assert main() == 2
    assert name in capsys.readouterr().out
