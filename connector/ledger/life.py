"""The ledger's life: since when it has watched without a gap, and whether it was set back (S1).

The proof lies in two places: a row in the database, and a small file beside it that holds the same
random id and the highest intent ever committed. Left alone for more than two minutes, set back to
a backup or moved to another machine, it starts a new life: nothing born before is created without
looking first.  Set back or moved, calls that it does not remember may still be under way, so that
"not there" counts only after the settle time (docs/decisions/life.md).
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, func, insert, select, text, update

from connector.errors import ConnectorError
from connector.ledger.schema import attempt, life
from connector.points import reach

GAP = timedelta(minutes=2)
DRIFT = timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True, slots=True)
class Life:
    """One unbroken watch: *alive_since* is its start, *epoch* counts lives of this ledger.

    Calls of a forgotten life may have been under way until *unsettled_since*.
    """

    id: str
    installation: str
    epoch: int
    created_at: datetime
    alive_since: datetime
    unsettled_since: datetime


def machine(db: Connection | None = None) -> str:
    """This boot of this machine; of a PostgreSQL ledger its cluster and timeline, which all

    machines that work on it share, and which another history of it does not.
    """
    if db is not None and db.dialect.name == "postgresql":
        cluster = "SELECT system_identifier FROM pg_control_system()"
        line = "SELECT timeline_id FROM pg_control_checkpoint()"
        return f"pg:{db.scalar(text(cluster))}:{db.scalar(text(line))}"
    boot = Path("/proc/sys/kernel/random/boot_id")
    return boot.read_text().strip() if boot.exists() else os.uname().nodename


def create(db: Connection, now: datetime) -> None:
    """Give a fresh ledger its first life; an existing one keeps its own."""
    if db.execute(select(life.c.id)).first() is None:
        db.execute(
            insert(life).values(
                only=True,
                id=secrets.token_hex(8),
                installation=secrets.token_hex(3),
                epoch=1,
                created_at=now,
                alive_since=now,
                unsettled_since=now,
                beat_at=now,
                machine=machine(db),
            )
        )


def read(db: Connection) -> Life:
    """The life as it stands."""
    columns = [life.c[name] for name in Life.__dataclass_fields__]
    return Life(**db.execute(select(*columns)).one()._mapping)


def wake(db: Connection, now: datetime, witness: Witness, boot: float | None = None) -> Life:
    """Continue the life if its watch is unbroken, else start the next one at *now*.

    *boot*: seconds since boot, by which a wall clock that jumped meanwhile is noticed (O3).
    """
    row = db.execute(select(life)).one()
    highest = highest_intent(db)
    unknown = not witness.path.exists()
    # A machine that never worked on a PostgreSQL ledger has nothing to say against it.
    untouched = unknown and ((row.epoch == 1 and highest == 0) or db.dialect.name == "postgresql")
    whole = untouched or witness.agrees(row.id, highest)
    ours = row.machine == machine(db) and whole
    if not ours or abs(now - row.beat_at) > GAP:
        next_life = {"id": secrets.token_hex(8), "epoch": row.epoch + 1, "alive_since": now}
        db.execute(update(life).values(next_life))
    if not ours:
        db.execute(update(life).values(unsettled_since=now, beat_boot=None, machine=machine(db)))
    if not whole:
        reach("failover.lost_tail")
    return beat(db, now, boot)


def beat(db: Connection, now: datetime, boot: float | None = None, *, jumped: bool = False) -> Life:
    """Say that the ledger is watched at *now*; *jumped*: who says it saw its own clock jump.

    O3: after a jump of the wall clock nobody knows how long ago a call went out, so that "not
    there" counts only after the settle time, counted from the jump.

    Raises ConnectorError(ledger_retired): another ledger took over (O4).
    """
    columns = (life.c.beat_at, life.c.beat_boot, life.c.retired_at)
    # Locked: one that waits for an export sees that it retired this ledger.
    row = db.execute(select(*columns).with_for_update()).one()
    if row.retired_at is not None:
        raise ConnectorError(
            f"this ledger was exported and retired at {row.retired_at:%Y-%m-%d %H:%M} UTC",
            code="ledger_retired",
            cure="point `ledger:` to the one that took over; or import its export anew",
        )
    values: dict[str, object] = {"beat_at": now}
    if jumped:
        values["unsettled_since"] = now
    if boot is not None:
        values["beat_boot"] = int(boot * 1_000_000)
        if row.beat_boot is not None:
            gone = timedelta(microseconds=int(boot * 1_000_000) - row.beat_boot)
            if abs(now - row.beat_at - gone) > DRIFT:
                values["unsettled_since"] = now
    db.execute(update(life).values(values))
    return read(db)


def renew(db: Connection, now: datetime) -> None:
    """Watch anew from *now* on: in a system that was replaced nothing is known to be absent."""
    db.execute(update(life).values(epoch=life.c.epoch + 1, alive_since=now))


def jumped(before: tuple[datetime, float] | None, now: tuple[datetime, float]) -> bool:
    """Did the wall clock move otherwise than the boot clock between these two readings of both?"""
    if before is None:
        return False
    return abs(now[0] - before[0] - timedelta(seconds=now[1] - before[1])) > DRIFT


def highest_intent(db: Connection) -> int:
    """The id of the newest intent, 0 for none."""
    return db.scalar(select(func.max(attempt.c.id))) or 0


class Witness:
    """The file beside the database that remembers its life and its highest intent."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def agrees(self, life_id: str, highest: int) -> bool:
        """Does the file know this life, and no intent that the database lacks?"""
        try:
            known, seen = self.path.read_text().split()
        except (OSError, ValueError):
            return False
        return known == life_id and int(seen) <= highest

    def note(self, life_id: str, highest: int) -> None:
        """Remember *highest*; called after its intent is committed and before it is sent."""
        with self.path.open("w") as file:
            file.write(f"{life_id} {highest}\n")
