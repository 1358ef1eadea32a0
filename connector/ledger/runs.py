"""Runs that commands ask of the daemon: asked, taken once, ended with what came of it (O1)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from connector.ledger.claims import into
from connector.ledger.schema import run

KEPT = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A run that *actor* asked for; *keys*: only these documents; *given*: what its task needs."""

    id: int
    flow: str
    keys: tuple[str, ...]
    task: str = "sync"
    given: Mapping[str, Any] | None = None
    actor: str = ""


def ask(db: Connection, wanted: Asked, now: datetime) -> int:
    """Ask for a run; its id."""
    given = None if wanted.given is None else json.dumps(wanted.given)
    asked = {"flow": wanted.flow, "only": json.dumps(wanted.keys), "actor": wanted.actor}
    told = {**asked, "task": wanted.task, "given": given, "state": "asked", "asked_at": now}
    made = db.scalar(insert(run).values(told).returning(run.c.id))
    return int(made or 0)


def take(db: Connection, id_: int, owner: str | None = None) -> Asked | None:
    """Take this run for *owner*; None if it does not wait any more: each is given once."""
    row = db.execute(
        update(run)
        .where(run.c.state == "asked", run.c.id == id_)
        .values(state="running", owner=owner)
        .returning(run.c.id, run.c.flow, run.c.only, run.c.task, run.c.given, run.c.actor)
    ).first()
    if row is None:
        return None
    return Asked(
        id=row.id,
        flow=row.flow,
        keys=tuple(json.loads(row.only)),
        task=row.task,
        given=None if row.given is None else json.loads(row.given),
        actor=row.actor,
    )


def schedule(
    db: Connection, flow: str, slot: datetime, now: datetime, task: str = "sync"
) -> int | None:
    """Ask for the run of a scheduled time; None if another process has asked for it (O2)."""
    told = {"flow": flow, "task": task, "actor": "schedule", "state": "asked"}
    made = (
        into(db.dialect.name, run)
        .values(**told, asked_at=now, slot=slot)
        .on_conflict_do_nothing()
        .returning(run.c.id)
    )
    found: int | None = db.scalar(made)
    return found


def asked_flows(db: Connection) -> list[tuple[int, str]]:
    """The runs that wait to be taken, with their flows, oldest first."""
    waits = select(run.c.id, run.c.flow).where(run.c.state == "asked").order_by(run.c.id)
    return [(row.id, row.flow) for row in db.execute(waits)]


def reclaim(db: Connection, living: Collection[str]) -> None:
    """Let others make the runs that workers had in hand who live no more."""
    gone = (run.c.state == "running", run.c.owner.is_not(None), run.c.owner.not_in(living))
    db.execute(update(run).where(*gone).values(state="asked", owner=None))


def end(db: Connection, id_: int, result: Mapping[str, Any], now: datetime) -> None:
    """Write down what came of a run; what ended long ago is forgotten."""
    db.execute(delete(run).where(run.c.ended_at < now - KEPT))
    values = {"state": "ended", "result": json.dumps(result), "given": None, "ended_at": now}
    db.execute(update(run).where(run.c.id == id_, run.c.state == "running").values(values))


def abandon(db: Connection, now: datetime) -> None:
    """End what a dead daemon had in hand and will not go on with; workers keep theirs."""
    result = json.dumps({"stopped": True})
    db.execute(
        update(run)
        .where(run.c.state == "running", run.c.owner.is_(None))
        .values(state="ended", result=result, given=None, ended_at=now)
    )


def withdraw(db: Connection, id_: int) -> bool:
    """Take back a run that nobody has taken; False if somebody has."""
    return db.execute(delete(run).where(run.c.id == id_, run.c.state == "asked")).rowcount > 0


def result(db: Connection, id_: int) -> tuple[str, dict[str, Any]]:
    """The state of a run, and what came of it."""
    row = db.execute(select(run.c.state, run.c.result).where(run.c.id == id_)).one()
    return row.state, json.loads(row.result or "{}")
