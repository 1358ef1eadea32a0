"""A backfill that workers share: each reads parts of it, a dead one's are read by others."""

from __future__ import annotations

import json
from datetime import timedelta

from company import until
from crew import Crew

from connector.cli import run
from connector.ledger import backfills, runs
from connector.ledger.backfills import Backfill, Range
from connector.ledger.runs import Asked
from connector.ledger.store import Ledger

ORDERS, PARTS = 24, 6
READERS = "SELECT DISTINCT owner FROM part WHERE walked"


def asked(crew: Crew) -> Backfill:
    """A backfill of two dozen orders of the days before, cut as if they were thousands."""
    born, now = crew.company.born - timedelta(days=12), crew.company.clock.now()
    for n in range(ORDERS):
        number = crew.company.order()
        at = int((born + timedelta(hours=12 * n)).timestamp())
        crew.company.shop_sql("UPDATE orders SET created = ? WHERE id = ?", at, number)
    ledger = Ledger(crew.url)
    wanted = Range(flow="orders", since=born, until=crew.company.born - timedelta(seconds=5))
    with ledger.begin() as db:
        made = backfills.begin_or_resume(db, wanted, now)
        backfills.expect(db, made.id, 1000 * PARTS)
        given = {"id": made.id}
        runs.ask(db, Asked(id=0, flow="orders", keys=(), task="backfill", given=given), now)
    ledger.close()
    return made


def ended(crew: Crew) -> bool:
    """Is the backfill's run over?"""
    found = crew.rows("SELECT state FROM run WHERE task = 'backfill'")
    return [row["state"] for row in found] == ["ended"]


def test_workers_share_the_reading_and_one_that_dies_leaves_nothing_unread(crew: Crew) -> None:
    """With a slow shop both come to read; the parts of the dead one are read by the other."""
    crew.company.flow("orders", every="1h")
    crew.company.shop.faults([{"fault": "slow", "seconds": 0.8}])
    crew.hire(2)
    until(lambda: crew.at_work() == 2, 60)  # else the first has read all before the second is there
    made = asked(crew)
    until(lambda: len(crew.rows(READERS)) == 2, 90)
    crew.kill()
    until(lambda: ended(crew), 120)
    [now] = crew.rows(f"SELECT read, walked FROM backfill WHERE id = {made.id}")
    assert now == {"read": ORDERS, "walked": True}
    found = crew.rows("SELECT key FROM record WHERE entity = 'order' AND lane = 'backfill'")
    assert len(found) == ORDERS
    assert crew.company.references() == []  # nobody has accepted it yet
    assert crew.dismiss() == [0]


def test_a_command_beside_workers_is_made_by_one_of_them(crew: Crew) -> None:
    """It would make more calls than were left to it: they have divided all of them."""
    crew.company.flow("orders", every="never")
    crew.hire(1)
    until(lambda: crew.at_work() == 1, 60)
    number = crew.company.order()
    assert (
        run(["flow", "sync", "orders", "--config", str(crew.company.folder / "config.yaml")]) == 0
    )
    assert crew.company.references() == [f"DE-{number}"]
    [row] = crew.rows("SELECT owner, result FROM run WHERE slot IS NULL")
    assert str(row["owner"]).split(":")[1] == str(crew.processes[0].pid)
    assert "orders" in json.loads(str(row["result"]))["pulled"]
    assert crew.dismiss() == [0]
