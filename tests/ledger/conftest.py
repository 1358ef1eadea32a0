"""Every test of the ledger runs on SQLite and on a real PostgreSQL, in a database of its own."""

from __future__ import annotations

import shutil
import tempfile

import pytest
from postgres import database as database
from postgres import server as server
from sqlalchemy import create_engine

from connector.ledger.schema import meta
from connector.ledger.store import Ledger


@pytest.fixture(scope="session")
def empty(tmp_path_factory):
    """A SQLite file with the tables and nothing in them, to be copied."""
    path = tmp_path_factory.mktemp("empty") / "ledger.db"
    engine = create_engine(f"sqlite:///{path}")
    meta.create_all(engine)
    engine.dispose()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path, monkeypatch):
    """The address of a ledger with its tables and nothing in them."""
    if request.param == "postgresql":
        made = request.getfixturevalue("database")()
    else:
        copy = shutil.copy(request.getfixturevalue("empty"), tmp_path / "ledger.db")
        made = f"sqlite:///{copy}"
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # the witness of a PostgreSQL ledger
    return made


@pytest.fixture
def ledger(url):
    """An open ledger."""
    ledger = Ledger(url)
    yield ledger
    ledger.close()


@pytest.fixture
def db(ledger):
    """A write transaction that ends with the test."""
    with ledger.engine.connect() as connection:
        connection = connection.execution_options(connector_write=True)
        with connection.begin() as transaction:
            yield connection
            transaction.rollback()
