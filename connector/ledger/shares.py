"""Shares: how many of a connection's calls each process may make at once (O3).

All processes that work on one ledger divide `limits.concurrency` among them. A share is held until
its time is over, by the database's clock, whatever becomes of its holder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, text, update

from connector.ledger.claims import into
from connector.ledger.many import many
from connector.ledger.schema import share

SECOND = timedelta(seconds=1)
DAEMON = ":daemon "  # and the namespace of its pid: `connector run`, of which there is one
HELD = timedelta(seconds=15)  # for which it is known to live without saying so again


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What of a connection is divided: *limit* calls, of which a share is taken for *lasts*.

    *most*: no more than this machine can do, however few share them. A share shrinks no faster than
    calls end: *in_use* is told how many may be, lets no more begin, and says how many are on the
    wire.
    """

    limit: int
    most: int | None = None
    in_use: Callable[[int], int]
    lasts: timedelta


def divide(db: Connection, owner: str, wanted: Mapping[str, Wanted]) -> dict[str, int]:
    """Take a fair share of each of *wanted*, never more than others leave; how many of each.

    However many there are, it takes as many statements.
    """
    if not wanted:
        return {}
    if db.dialect.name != "sqlite":
        # Who is stopped or cut off with this lock would stop all others: it is taken from him.
        db.execute(text("SET LOCAL idle_in_transaction_session_timeout = '3s'"))
        db.execute(text("LOCK TABLE share IN EXCLUSIVE MODE"))
    now = clock(db)
    db.execute(delete(share).where(share.c.until < now))
    others: dict[str, dict[str, int]] = {name: {} for name in wanted}
    asked = select(share.c.connection, share.c.owner, share.c.slots).where(share.c.owner != owner)
    for row in db.execute(asked).all():
        others.setdefault(row.connection, {})[row.owner] = row.slots
    mine = {name: _mine(owner, one, others[name]) for name, one in wanted.items()}
    rows = [
        {"connection": name, "owner": owner, "slots": mine[name], "until": now + one.lasts}
        for name, one in wanted.items()
    ]
    many(db, _taking(db.dialect.name), rows)
    return mine


def _mine(owner: str, wanted: Wanted, others: Mapping[str, int]) -> int:
    ranked, limit = sorted([*others, owner]), wanted.limit
    fair = limit // len(ranked) + (ranked.index(owner) < limit % len(ranked))
    most = limit if wanted.most is None else wanted.most
    mine = max(min(fair, most, limit - sum(others.values())), 0)
    return max(mine, wanted.in_use(mine))


@cache
def _taking(dialect: str) -> Any:
    values = {c.name: bindparam(c.name, type_=c.type) for c in share.c}
    made = into(dialect, share).values(values)
    told = {name: made.excluded[name] for name in ("slots", "until")}
    return made.on_conflict_do_update(index_elements=["connection", "owner"], set_=told)


def living(db: Connection) -> set[str]:
    """The processes that hold a share of a connection's calls now, be it none."""
    now = (share.c.until > clock(db), ~share.c.connection.startswith(":"))
    return set(db.scalars(select(share.c.owner).where(*now).distinct()))


def hold(db: Connection, owner: str, namespace: str) -> None:
    """Say that *owner* is the daemon; its pid is one of *namespace*."""
    alone = Wanted(limit=1, in_use=lambda _: 1, lasts=HELD)
    divide(db, owner, {DAEMON + namespace: alone})


def daemons(db: Connection) -> list[tuple[str, str]]:
    """The processes that said so lately, each with its namespace."""
    now = (share.c.until > clock(db), share.c.connection.startswith(DAEMON))
    rows = db.execute(select(share.c.owner, share.c.connection).where(*now))
    return [(row.owner, row.connection.removeprefix(DAEMON)) for row in rows]


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
