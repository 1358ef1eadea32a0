"""State of a sandbox in one SQLite file: it outlives restarts and may be read and edited beside."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

COMMON = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS journal (
    n INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, op TEXT NOT NULL,
    fault TEXT NOT NULL, executed INTEGER NOT NULL, status INTEGER NOT NULL);
"""


class Store:
    """One connection behind one lock; every change is one transaction."""

    def __init__(self, path: Path, schema: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.executescript(COMMON + schema)
        self._offset = float(self.meta("clock_offset", "0"))

    @contextmanager
    def begin(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock; commit at the end, roll back on any error; may be nested."""
        with self._lock:
            if self._depth:
                yield self._db
                return
            self._db.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            else:
                self._db.execute("COMMIT")
            finally:
                self._depth = 0

    def rows(self, sql: str, args: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self._lock:
            return self._db.execute(sql, args).fetchall()

    def row(self, sql: str, args: tuple[object, ...] = ()) -> sqlite3.Row | None:
        """The first row of a query, if there is one."""
        found = self.rows(sql, args)
        return found[0] if found else None

    def take(self, counter: str, first: int) -> int:
        """The next number of *counter*, never given twice."""
        with self.begin() as db:
            row = db.execute(
                "INSERT INTO counter VALUES (?, ?) ON CONFLICT (name)"
                " DO UPDATE SET value = value + 1 RETURNING value",
                (counter, first),
            ).fetchone()
        return int(row[0])

    def meta(self, name: str, default: str) -> str:
        """A remembered setting."""
        row = self.row("SELECT value FROM meta WHERE name = ?", (name,))
        return default if row is None else str(row[0])

    def remember(self, name: str, value: str) -> None:
        """Keep a setting across restarts."""
        with self.begin() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def keep(self, name: str, value: str) -> str:
        """The remembered setting, which becomes *value* if there is none yet."""
        if not self.meta(name, ""):
            self.remember(name, value)
        return self.meta(name, value)

    def now(self) -> datetime:
        """The sandbox's clock: aware UTC, shifted as its admin said."""
        return datetime.fromtimestamp(time.time() + self._offset, UTC)

    def shift(self, seconds: float) -> None:
        """Shift the sandbox's clock against the machine's."""
        self.remember("clock_offset", str(seconds))
        self._offset = seconds

    def note(self, op: str, fault: str, status: int, *, executed: bool) -> int:
        """Write a call into the journal and return its number."""
        with self.begin() as db:
            row = db.execute(
                "INSERT INTO journal (at, op, fault, executed, status) VALUES (?, ?, ?, ?, ?)",
                (self.now().isoformat(), op, fault, int(executed), status),
            )
            return int(row.lastrowid or 0)

    def mark_executed(self, n: int, status: int) -> None:
        """Say that the journalled call *n* has been executed after all."""
        with self.begin() as db:
            db.execute("UPDATE journal SET executed = 1, status = ? WHERE n = ?", (status, n))

    def journal(self) -> list[dict[str, object]]:
        """All calls in the order of their arrival."""
        found = [dict(row) for row in self.rows("SELECT * FROM journal ORDER BY n")]
        return [row | {"executed": bool(row["executed"])} for row in found]

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()
