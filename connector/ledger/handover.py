"""Hand a ledger over to another database: one file between them, and the old one retired (O4)."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, delete, func, select, text, update

from connector.errors import ConnectorError
from connector.ledger.copies import fill
from connector.ledger.revisions import HEAD, revision
from connector.ledger.schema import life, link, meta, record
from connector.ledger.store import Ledger
from connector.points import reach

WATCHED = timedelta(seconds=60)  # a beat younger than that: somebody works on it
VERSION = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"


def export(ledger: Ledger, file: Path, now: datetime) -> dict[str, int]:
    """Write all of *ledger* to *file*, itself a ledger, and retire it in the same transaction.

    May be repeated: a retired ledger gives the same again. Raises ConnectorError(ledger_locked)
    while somebody delivers from it, (usage) when *file* is there or cannot be made.
    """
    if file.exists():
        raise ConnectorError(f"{file} is there already", code="usage", cure="name another file")
    ledger.own()
    part = file.with_name(f"{file.name}.part")
    _made(part)
    copy = Ledger(f"sqlite:///{part}")
    try:
        with ledger.begin() as db:
            if db.dialect.name == "postgresql":
                db.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
                _refuse_if_watched(db, now)
            copied = _written(copy, db)
            db.execute(update(life).where(life.c.retired_at.is_(None)).values(retired_at=now))
    except BaseException:
        part.unlink(missing_ok=True)  # it holds personal data
        raise
    finally:
        copy.close()
    reach("export.after_retire")
    with part.open("rb") as written:
        os.fsync(written.fileno())
    part.replace(file)
    return copied


def take_over(ledger: Ledger, file: Path) -> dict[str, int]:
    """Fill the empty *ledger* with what `export` wrote to *file*; all of it or nothing.

    It begins a new life when it is first used: nothing is created without looking first (S1).
    Raises ConnectorError(ledger_outdated, not_allowed, usage).
    """
    if not file.exists():
        raise ConnectorError(f"there is no {file}", code="usage", cure="name an export")
    source = Ledger(f"sqlite:///{file}")
    try:
        found = source.read(revision)
        if found != HEAD:
            raise ConnectorError(
                f"the export is at revision {found}, this version needs {HEAD}",
                code="ledger_outdated",
                cure="export it with the version that imports it",
            )
        with ledger.begin() as to:
            for table in (record, link):
                if to.scalar(select(func.count()).select_from(table)):
                    raise ConnectorError(
                        "the ledger holds records already",
                        code="not_allowed",
                        cure="import into a new ledger: connector ledger upgrade makes it",
                    )
            for table in reversed(meta.sorted_tables):
                to.execute(delete(table))
            copied = source.read(lambda db: fill(to, db))
            reach("import.mid")
            _number_on(to)
    finally:
        source.close()
    return copied


def _made(part: Path) -> None:
    """An export holds personal data: its file is for us alone."""
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
    except OSError as error:
        why = f"{part.parent} cannot be written: {error.strerror}"
        raise ConnectorError(why, code="usage", cure="name another folder") from error


def _refuse_if_watched(db: Connection, now: datetime) -> None:
    if now - (db.scalar(select(life.c.beat_at)) or now) < WATCHED:
        raise ConnectorError(
            "somebody has delivered from this ledger within a minute",
            code="ledger_locked",
            cure="stop every worker and wait a minute",
        )


def _written(copy: Ledger, db: Connection) -> dict[str, int]:
    with copy.begin() as to:
        meta.create_all(to)
        to.execute(text(VERSION))
        to.execute(text("INSERT INTO alembic_version VALUES (:at)"), {"at": HEAD})
        copied = fill(to, db)
        to.execute(update(life).values(retired_at=None))
    return copied


def _number_on(db: Connection) -> None:
    """PostgreSQL counts ids by itself: from behind those that came along."""
    if db.dialect.name != "postgresql":
        return
    for table in meta.sorted_tables:
        column = table.autoincrement_column
        if column is not None:
            highest = db.scalar(select(func.max(column)))
            name = func.pg_get_serial_sequence(table.name, column.name)
            if highest is not None:
                db.execute(select(func.setval(name, highest)))
