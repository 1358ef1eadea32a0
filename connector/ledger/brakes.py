"""Brakes of a flow: engaged until a person approves, with what waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, insert, or_, select, update

from connector.errors import ConnectorError
from connector.ledger.brake_tables import brake
from connector.ledger.claims import into
from connector.ledger.content import digest
from connector.ledger.moves import Moving, move
from connector.ledger.schema import attempt, record

MADE = ("done", "found")  # outcomes of a create that is there; an open one may be
ANSWERED = ("done", "refused", "exists", "stale", "gone")
LOOK_BACK = 2000  # attempts, of all flows


@dataclass(frozen=True, kw_only=True, slots=True)
class Brake:
    """One brake as it was engaged last; open until it is approved."""

    id: int
    flow: str
    name: str
    engaged_at: datetime
    detail: str
    let_go: int
    approved_at: datetime | None
    approved_by: str | None

    @property
    def is_open(self) -> bool:
        """Does it wait for a person?"""
        return self.approved_at is None

    @property
    def run(self) -> str:
        """What `approve` calls it."""
        return f"{self.flow}-{self.id}"

    @property
    def words(self) -> str:
        """What a record says that waits for it."""
        return f"waits for `connector approve {self.run}` (brake {self.name})"


def says(at: Brake, waiting: int) -> str:
    """What it holds, in words."""
    if at.name == "same_error":
        return f"{at.flow}: stopped, refused again and again with `{at.detail}`"
    why = "the first of this flow" if at.name == "first" else "more in an hour than usual"
    return f"{at.flow}: {waiting} creates wait, {why}"


def latest(db: Connection, flow: str) -> dict[str, Brake]:
    """Each brake of *flow* that was ever engaged, as it stands."""
    newest = select(func.max(brake.c.id)).where(brake.c.flow == flow).group_by(brake.c.name)
    rows = db.execute(select(brake).where(brake.c.id.in_(newest)))
    return {row.name: Brake(**row._mapping) for row in rows}


def opened(db: Connection) -> list[Brake]:
    """All that wait for a person, oldest first."""
    rows = db.execute(select(brake).where(brake.c.approved_at.is_(None)).order_by(brake.c.id))
    return [Brake(**row._mapping) for row in rows]


def holding(db: Connection) -> dict[str, str]:
    """Each flow of which something waits for a person's approval, and what such a record says."""
    return {at.flow: at.words for at in opened(db) if waiting(db, at)}


def engage(db: Connection, flow: str, name: str, detail: str, now: datetime) -> tuple[Brake, bool]:
    """Engage it, unless it is; and whether that was news."""
    held = latest(db, flow).get(name)
    if held is not None and held.is_open:
        return held, False
    told = {"flow": flow, "name": name, "detail": detail, "engaged_at": now}
    made = into(db.dialect.name, brake).values(told).on_conflict_do_nothing()
    news = db.scalar(made.returning(brake.c.id)) is not None  # of two workers one engages it
    return latest(db, flow)[name], news


def passed(db: Connection, flow: str, name: str, now: datetime) -> None:
    """Note that nobody needs to approve *name* any more: its creates were made before."""
    by = {"approved_at": now, "approved_by": "engine", "engaged_at": now}
    db.execute(insert(brake).values(flow=flow, name=name, detail="made before", **by))


def waiting(db: Connection, at: Brake) -> list[dict[str, Any]]:
    """The records that wait for *at*, oldest first."""
    names = "id entity key seq reference total currency created_at"
    columns = [record.c[name] for name in names.split()]
    mine = and_(record.c.state == "prepared", record.c.needs == at.words)
    rows = db.execute(select(*columns).where(mine).order_by(record.c.id))
    return [dict(row) for row in rows.mappings()]


def seen(rows: Sequence[dict[str, Any]]) -> str:
    """A mark of what was shown: how many, the newest of them, and what they held (R16)."""
    return f"{len(rows)}.{max((r['id'] for r in rows), default=0)}.{_digest(rows)}"


def _digest(rows: Sequence[dict[str, Any]]) -> str:
    return digest(" ".join(f"{r['id']}:{r['seq']}" for r in rows).encode())[:8]


def approve(
    db: Connection, run: str, by: str, now: datetime, mark: str | None
) -> tuple[Brake, list[dict[str, Any]]]:
    """A person lets go what waits for *run*; with *mark* only if it is what was shown.

    What came later than the mark was not seen: nobody let it go, and the brakes judge it anew.
    Raises ConnectorError(usage, not_allowed, seq_moved).
    """
    at = next((one for one in opened(db) if one.run == run), None)
    if at is None:
        raise ConnectorError(
            f"`{run}` waits for no approval", code="not_allowed", cure="connector approve"
        )
    waits = waiting(db, at)
    rows = waits if mark is None else _shown(waits, mark)
    db.execute(
        update(brake)
        .where(brake.c.id == at.id, brake.c.approved_at.is_(None))
        .values(approved_at=now, approved_by=by, let_go=len(rows))
    )
    free = [
        Moving(id=r["id"], seq=r["seq"], due_at=now, detail=f"{at.run} was approved") for r in rows
    ]
    move(db, "retry", free, now=now, actor=by)
    seen_ids, why = {r["id"] for r in rows}, f"it came after what was shown of {at.run}"
    unseen = [
        Moving(id=r["id"], seq=r["seq"], due_at=now, detail=why)
        for r in waits
        if r["id"] not in seen_ids
    ]
    move(db, "retry", unseen, now=now)
    return at, rows


def _shown(rows: Sequence[dict[str, Any]], mark: str) -> list[dict[str, Any]]:
    """R16: what was shown, if it still waits, each as it was."""
    try:
        count, newest, told = mark.split(".")
        shown = [r for r in rows if r["id"] <= int(newest)]
    except ValueError:
        cure = "take it from `connector approve`"
        raise ConnectorError(f"`{mark}` is no mark", code="usage", cure=cure) from None
    if str(len(shown)) != count or _digest(shown) != told:
        raise ConnectorError(
            "what waits is not what was shown", code="seq_moved", cure="connector approve"
        )
    return shown


def wake(db: Connection, now: datetime) -> None:
    """Let what waits for a brake be looked at anew: it is judged again, and goes or waits."""
    at_brake = [one.words for one in opened(db)]
    due = and_(record.c.state == "prepared", record.c.needs.in_(at_brake))
    if at_brake:
        db.execute(update(record).where(due).values(due_at=now))


def created(db: Connection, flow: str, since: datetime | None, most: int) -> int:
    """How many documents *flow* created, or may have, since then; *most* are counted."""
    begun = select(attempt.c.id).join_from(attempt, record, attempt.c.record == record.c.id)
    mine = begun.where(
        record.c.flow == flow,
        record.c.lane == "live",
        attempt.c.action == "create",
        attempt.c.step.is_(None),
        or_(attempt.c.outcome.is_(None), attempt.c.outcome.in_(MADE)),
    )
    if since is not None:
        mine = mine.where(attempt.c.written_at > since)
    return db.scalar(select(func.count()).select_from(mine.limit(most).subquery())) or 0


def repeated(db: Connection, flow: str, most: int, since: datetime | None) -> str | None:
    """The code with which *most* records of *flow* were refused in a row, no other answer between.

    *since*: what was answered before is forgotten.
    """
    newest = db.scalar(select(func.max(attempt.c.id))) or 0
    rows = db.execute(
        select(attempt.c.record, attempt.c.outcome, attempt.c.code)
        .join_from(attempt, record, attempt.c.record == record.c.id)
        .where(
            attempt.c.id > newest - LOOK_BACK,
            record.c.flow == flow,
            attempt.c.outcome.in_(ANSWERED),
            *([attempt.c.finished_at > since] if since is not None else []),
        )
        .order_by(attempt.c.id.desc())
    )
    code: str | None = None
    refused: set[int] = set()
    for row in rows:
        if row.outcome != "refused" or (code is not None and row.code != code):
            return None
        code = row.code or ""
        refused.add(row.record)
        if len(refused) >= most:
            return code
    return None
