"""A target that is away or refuses us, a stop in the middle, a system that tells more of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from sqlite3 import connect

import pytest
from company import Company

from connector import points
from connector.testing.rig import Rig, order


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A rig whose find is proven, with twenty more orders in the shop."""
    rig = Rig(tmp_path)
    rig.memory[0].put("order", "0", order("0"))
    rig.cycle()
    rig.cycle()
    for number in range(1, 21):
        rig.memory[0].put("order", str(number), order(str(number)))
    yield rig
    rig.kill()


@pytest.mark.parametrize(("fault", "most"), [("denied", 1), ("away", 3)])
def test_a_target_that_is_away_or_refuses_us_is_not_asked_for_every_order(
    rig: Rig, fault: str, most: int
) -> None:
    """A wrong password is not tried twenty times: the account would be locked (S2)."""
    _, erp = rig.memory
    before = len(erp.calls)
    erp.fault = lambda _: fault
    rig.cycle()
    assert [c[0] for c in erp.calls[before:]].count("create") == most
    erp.fault = lambda _: None
    rig.settle()
    assert len(rig.books()) == 21
    assert set(rig.states().values()) == {("done", "sent")}


def test_a_stop_ends_the_run_though_more_is_due(company: Company) -> None:
    """SIGTERM withdraws what is not sent and ends, however long the queue is."""
    company.order()
    company.sync()
    company.sync()
    for _ in range(3):
        company.order()
    app, claims = company.app, 0

    def on_reach(name: str) -> None:
        nonlocal claims
        if name == "started.before_send":
            app.gate("erp").stop()
        if name == "outcome.committed":
            company.clock.ahead += timedelta(seconds=5)
        if name == "claim.before_commit":
            claims += 1
            assert claims < 9, "it goes on and on"

    points.on_reach = on_reach
    try:
        company.sync()
    finally:
        points.on_reach = points._nothing
    assert not company.rows("SELECT * FROM attempt WHERE outcome IS NULL")
    assert not company.rows("SELECT * FROM record WHERE state = 'running'")


def test_what_a_system_tells_for_the_first_time_is_learnt(company: Company) -> None:
    """R9: a right granted later makes no other system of it; what was known must stay."""
    company.sync()
    [row] = company.rows("SELECT identity FROM connection WHERE name = 'erp'")
    known = json.loads(row["identity"])
    with closing(connect(company.folder / "ledger.db")) as db, db:
        db.execute(
            "UPDATE connection SET identity = ? WHERE name = 'erp'",
            (json.dumps({"host": known["host"]}),),
        )
    company.sync()
    assert len(known) > 1
    assert company.rows("SELECT identity FROM connection WHERE name = 'erp'") == [row]


def test_a_clock_that_was_set_back_proves_no_unbroken_watch(rig: Rig) -> None:
    """S1: a watch that seems to end in the future has a gap of unknown length."""
    first = rig.start().life.epoch
    rig.kill()
    rig.clock.pass_(timedelta(hours=-3))
    assert rig.start().life.epoch == first + 1
