"""A part of a transaction that can be undone alone.

SQLAlchemy's own `begin_nested` compiles its three statements anew each time, which cost more than
what stands between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError, PendingRollbackError


class Nested:
    """What was written since it began, until it ends."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def undo(self) -> None:
        """Take back all that was written in it."""
        self._db.exec_driver_sql("ROLLBACK TO SAVEPOINT part")

    def end(self) -> None:
        """Keep what is left of it."""
        self._db.exec_driver_sql("RELEASE SAVEPOINT part")


@contextmanager
def nested(db: Connection) -> Iterator[Nested]:
    """A part of the running transaction: undone whole by an exception, which goes on."""
    db.exec_driver_sql("SAVEPOINT part")
    part = Nested(db)
    try:
        yield part
    except BaseException:
        # SQLite ends the whole transaction when its disk is full, a lost connection has none: what
        # fails then for lack of a savepoint must not stand before what happened.
        with suppress(OperationalError, InterfaceError, PendingRollbackError):
            part.undo()
            part.end()
        raise
    part.end()
