"""Many workers of one company whose ledger is a real PostgreSQL."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from company import Company
from crew import Crew
from postgres import database as database
from postgres import server as server

from connector.clock import SystemClock
from connector.ledger import migrate
from connector.ledger.store import Ledger
from connector.places import migrations_folder


@pytest.fixture
def crew(
    company: Company,
    database: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Crew]:
    """A company of now, with an empty ledger on PostgreSQL, every call and wait short."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    url = database("template1").replace("postgresql://", "postgresql+psycopg://")
    company.pass_(-company.clock.ahead.total_seconds())
    company.config(ledger=url)
    company.connection("erp", limits={"concurrency": "4", "timeout": "2s"}, settle="2s")
    company.connection("shop", limits={"concurrency": "2", "timeout": "5s"})
    company.flow("orders", start=(company.born - timedelta(seconds=5)).isoformat(), every="1s")
    ledger = Ledger(url)
    # It has watched for longer than `settle`: what is not found may be made at once (S4).
    migrate.upgrade(ledger, migrations_folder(), SystemClock().now() - timedelta(minutes=1))
    ledger.close()
    made = Crew(company, url)
    yield made
    for process in made.processes:
        process.kill()
        process.wait(10)
