"""Shares: how many of a connection's calls each process may make at once (O3).

All processes that work on one ledger divide `limits.concurrency` among them. A share is held until
its time is over, by the database's clock, whatever becomes of its holder.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, text, update

from connector.ledger.schema import share

SECOND = timedelta(seconds=1)


def divide(  # noqa: PLR0913 - whose, of how many, for how long
    db: Connection,
    connection: str,
    owner: str,
    *,
    limit: int,
    most: int | None = None,
    in_use: Callable[[int], int],
    lasts: timedelta,
) -> int:
    """Take a fair share of *limit* calls at once for *lasts*; never more than others leave.

    *most*: no more than this machine can do, however few share them.
    A share shrinks no faster than calls end: *in_use* is told how many may be, lets no more begin,
    and says how many are on the wire.
    """
    now = clock(db)
    if db.dialect.name != "sqlite":
        db.execute(text("LOCK TABLE share IN EXCLUSIVE MODE"))
    db.execute(delete(share).where(share.c.connection == connection, share.c.until < now))
    asked = select(share.c.owner, share.c.slots).where(share.c.connection == connection)
    others = {row.owner: row.slots for row in db.execute(asked) if row.owner != owner}
    ranked = sorted([*others, owner])
    fair = limit // len(ranked) + (ranked.index(owner) < limit % len(ranked))
    mine: int = max(min(fair, limit if most is None else most, limit - sum(others.values())), 0)
    mine = max(mine, in_use(mine))
    told = {"slots": mine, "until": now + lasts}
    held = (share.c.connection == connection, share.c.owner == owner)
    if db.execute(update(share).where(*held).values(told)).rowcount == 0:
        db.execute(insert(share).values(connection=connection, owner=owner, **told))
    return mine


def living(db: Connection) -> set[str]:
    """The processes that hold a share of a connection's calls now, be it none."""
    now = (share.c.until > clock(db), ~share.c.connection.startswith(":"))
    return set(db.scalars(select(share.c.owner).where(*now).distinct()))


def rate(connection: str) -> str:
    """The name by which the calls that may begin there in a second are shared."""
    return f":rate {connection}"


def release(db: Connection, owner: str) -> None:
    """Give every share back; that of a second's calls when the last second is over."""
    mine, rates = share.c.owner == owner, share.c.connection.startswith(rate(""))
    db.execute(delete(share).where(mine, ~rates))
    db.execute(update(share).where(mine, rates).values(until=clock(db) + SECOND))


def clock(db: Connection) -> datetime:
    """The database's own clock, so that no machine's counts."""
    if db.dialect.name == "sqlite":
        return datetime.now(UTC)
    found: datetime = db.execute(select(func.clock_timestamp())).scalar_one()
    return found.astimezone(UTC)
