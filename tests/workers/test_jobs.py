"""Jobs and times: hints that may come twice, and say the same to everybody."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from company import until
from crew import Crew
from sqlalchemy import create_engine, text

from connector import jobs
from connector.app import open_app
from connector.ledger import shares
from connector.schedule import passed
from connector.worker import share

NOW = datetime(2026, 11, 28, 6, 0, 30, tzinfo=UTC)


def test_workers_that_start_together_make_the_tables_once(database: Callable[..., str]) -> None:
    """The second waits for the first, and finds them."""
    url = database("template1").replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url)

    def start() -> None:
        with engine.begin() as db:
            jobs.prepare(db)

    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as db:
            jobs.prepare(db)
            second = pool.submit(start)
            with pytest.raises(TimeoutError):
                second.result(0.5)
        second.result(30)
    engine.dispose()


def test_what_a_dead_worker_had_in_hand_is_forgotten_and_may_wait_again(
    database: Callable[..., str],
) -> None:
    """Its job is in nobody's way; those of the living are left alone."""
    url = database("template1").replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url)
    with engine.begin() as db:
        jobs.prepare(db)
        beats = "INSERT INTO procrastinate_workers (last_heartbeat) VALUES"
        beats += " (now()), (now() - interval '1 minute') RETURNING id"
        living, dead = db.scalars(text(beats)).all()
        for number, worker in enumerate((living, dead, None)):
            assert jobs.defer(db, "drain", f"drain {number}", flow="orders")
            taken = "UPDATE procrastinate_jobs SET status = 'doing', worker_id = :worker"
            db.execute(text(f"{taken} WHERE queueing_lock = 'drain {number}'"), {"worker": worker})
        assert jobs.defer(db, "drain", "drain 1", flow="orders")  # the second waits beside it
        assert jobs.forget_stalled(db) == 2
        left = text("SELECT queueing_lock, status::text FROM procrastinate_jobs ORDER BY id")
        assert [tuple(row) for row in db.execute(left)] == [
            ("drain 0", "doing"),
            ("drain 1", "todo"),
        ]
    engine.dispose()


def config(**every: Any) -> Any:
    """Flows with these times."""
    flows = {n: SimpleNamespace(name=n, mode="create", every=e) for n, e in every.items()}
    return SimpleNamespace(flows=flows, zone=ZoneInfo("Europe/Berlin"))


def test_a_job_waits_once_and_is_gone_with_its_transaction(database: Callable[..., str]) -> None:
    """It is deferred where the ledger is written, or not at all."""
    url = database("template1").replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url)
    with engine.begin() as db:
        jobs.prepare(db)
    with engine.begin() as db:
        jobs.prepare(db)
        assert jobs.defer(db, "drain", "drain orders", flow="orders")
        assert not jobs.defer(db, "drain", "drain orders", flow="orders")
        assert jobs.defer(db, "drain", None, flow="orders")
        assert jobs.defer(db, "drain", None, flow="orders")
    with engine.connect() as db, db.begin() as undone:
        assert jobs.defer(db, "run", "run 1", asked=1)
        undone.rollback()
    with engine.begin() as db:
        assert db.scalar(text("SELECT count(*) FROM procrastinate_jobs")) == 3
    engine.dispose()


def test_every_process_sees_the_same_times() -> None:
    """An interval counts from the epoch, a cron line in the configuration's zone."""
    told = config(often=timedelta(minutes=1), nightly="0 7 * * *", never="never")
    assert passed(told, None, NOW) == {"often": NOW.replace(second=0)}
    assert passed(told, NOW - timedelta(seconds=10), NOW) == {}
    found = passed(told, NOW - timedelta(minutes=5), NOW)
    assert found == {"often": NOW.replace(second=0), "nightly": NOW.replace(second=0)}


def test_what_was_missed_is_one_run_also_over_the_change_of_time() -> None:
    """25 October 2026: Berlin has two hours from 2 to 3."""
    since = datetime(2026, 10, 24, 12, tzinfo=UTC)
    found = passed(config(hourly="30 * * * *"), since, datetime(2026, 10, 25, 1, 45, tzinfo=UTC))
    assert found == {"hourly": datetime(2026, 10, 25, 1, 30, tzinfo=UTC)}


def test_a_worker_needs_postgresql(crew: Crew) -> None:
    """On a SQLite ledger it says what to do instead."""
    crew.company.config(ledger="sqlite:///ledger.db")
    crew.hire()
    assert until(lambda: crew.said("needs a PostgreSQL ledger"), 60) is None
    assert crew.processes[0].wait(30) != 0


def test_a_machine_whose_clock_is_off_makes_no_call(crew: Crew) -> None:
    """Its leases and settle times would be over before they are (O2)."""
    app = open_app(crew.company.folder / "config.yaml", crew.company.clock)
    try:
        slots = app.gate("erp").slots
        assert share(app, crew.company.clock.now())
        assert slots.allowed == 4
        crew.company.pass_(60)
        assert not share(app, crew.company.clock.now())
        assert slots.allowed == 0
    finally:
        app.close()


def test_two_workers_share_the_calls_of_a_second(crew: Crew) -> None:
    """Of three a second one has two, the other one; with one a second only one of them calls."""
    for per_second, paces, allowed in (("3", [1, 2], [2, 2]), ("1", [0, 1], [0, 2])):
        crew.company.connection("erp", limits={"per_second": per_second})
        pair = [open_app(crew.company.folder / "config.yaml", crew.company.clock) for _ in "ab"]
        for app in pair * 3:
            share(app, crew.company.clock.now())
        gates = [app.gate("erp") for app in pair]
        assert sorted(gate.pace.within(1.0, None) or 0 for gate in gates) == paces
        assert sorted(gate.slots.allowed for gate in gates) == allowed
        for app in pair:
            with app.ledger.begin() as db:
                shares.release(db, app.ledger.owner)
                db.execute(text("DELETE FROM share"))
            app.close()
