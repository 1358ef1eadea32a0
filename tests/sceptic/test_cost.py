"""What a tick costs does not depend on how much was done before it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from company import Company
from sqlalchemy import event
from sqlalchemy.engine import Engine

from connector.ledger import records

PIECE = 50  # SQLite instructions that are counted at once
FIRST = 10_000_000


@contextmanager
def counted() -> Iterator[list[int]]:
    """Pieces of work that SQLite does on every connection that is made meanwhile."""
    pieces = [0]

    def work() -> int:
        pieces[0] += 1
        return 0

    def connected(db: Any, _: Any) -> None:
        db.set_progress_handler(work, PIECE)

    event.listen(Engine, "connect", connected)
    try:
        yield pieces
    finally:
        event.remove(Engine, "connect", connected)


def much_was_done(company: Company, times: int) -> None:
    """The first order is there so many times more, each under names of its own."""
    with closing(sqlite3.connect(company.folder / "ledger.db")) as db, db:
        db.row_factory = sqlite3.Row
        one = "SELECT * FROM record WHERE entity = 'order' AND state = 'done' LIMIT 1"
        record = dict(db.execute(one).fetchone())
        name = {"key": record["key"], "of": record["id"]}
        its = "SELECT * FROM link WHERE entity = 'order' AND source_key = :key"
        link = dict(db.execute(its, name).fetchone())
        attempts = [dict(r) for r in db.execute("SELECT * FROM attempt WHERE record = :of", name)]
        events = [dict(r) for r in db.execute("SELECT * FROM event WHERE record = :of", name)]
        for n in range(FIRST, FIRST + times):
            serial = {"serial_key": record["serial_key"].replace(record["key"], str(n))}
            own = {"key": str(n), "reference": f"DE-{n}", "id": n, **serial}
            _put(db, "record", {**record, **own})
            of = {"source_key": str(n), "target_key": f"X{n}", "reference": f"DE-{n}", "id": n}
            _put(db, "link", {**link, **of})
            for at, row in enumerate(attempts):
                _put(db, "attempt", {**row, "id": n * 10 + at, "record": n, **serial})
            for at, row in enumerate(events):
                _put(db, "event", {**row, "id": n * 10 + at, "record": n})


def _put(db: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
               list(row.values()))  # fmt: skip


def ticks(company: Company, pieces: list[int], *, fresh: bool) -> int:
    """What SQLite does in one tick of the flow, the least of three; *fresh*: each with an order."""
    found = []
    company.sync()
    for _ in range(3):
        if fresh:
            company.order()
        before = pieces[0]
        company.sync()
        company.app.ledger.read(records.due_flows, company.app.flows, company.clock.now())
        found.append(pieces[0] - before)
    return min(found)


@pytest.mark.parametrize("fresh", [False, True], ids=["nothing new", "a new order"])
def test_a_tick_costs_the_ledger_the_same_after_thousands_of_orders(
    company: Company, *, fresh: bool
) -> None:
    """200 000 orders that are done are no reason for a slow night: nothing goes through them."""
    with counted() as pieces:
        company.order()
        company.settle()
        company.stop()
        little = ticks(company, pieces, fresh=fresh)
        company.stop()
        much_was_done(company, 3000)
        much = ticks(company, pieces, fresh=fresh)
    assert little > 0
    assert much < little * 1.2 + 20
