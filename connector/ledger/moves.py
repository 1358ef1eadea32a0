"""The table of moves (protocol §7), and `move`, the only way a record changes its state.

Guards stand in the WHERE clause; every move writes an event. A move that finds no row did not
happen: somebody else was first, and the caller learns it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    exists,
    or_,
    select,
    update,
)

from connector.ledger.many import add, many
from connector.ledger.nested import nested
from connector.ledger.schema import attempt, event, goods, record

ALIVE = ("prepared", "running", "in_doubt", "held", "done")
WAITS = ("wait", "ask_later")
FEW = 3  # records that are moved one by one
PAGE = 500  # records that one statement names: PostgreSQL takes no more than 65 535
ONE = record.c.id == bindparam("b_id")
SEVERAL = record.c.id.in_(bindparam("b_ids", expanding=True))


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """One row of the table. *intent*: an open one must (True) or must not (False) be there.

    *fenced*: only by who holds it (R3); *unchanged*: only if nothing newer is wanted meanwhile.
    """

    name: str
    origins: tuple[str, ...]
    to: str
    intent: bool | None = None
    fenced: bool = False
    unchanged: bool = False


MOVES = {
    m.name: m
    for m in (
        Move(name="claim", origins=("prepared",), to="running", intent=False),
        Move(
            name="nothing",
            origins=("running",),
            to="done",
            intent=False,
            fenced=True,
            unchanged=True,
        ),
        Move(name="adopted", origins=("running",), to="prepared", intent=False, fenced=True),
        Move(
            name="hold",
            origins=("running",),
            to="held",
            intent=False,
            fenced=True,
            unchanged=True,
        ),
        Move(name="wait", origins=("running",), to="prepared", intent=False, fenced=True),
        Move(name="lapse", origins=("running",), to="prepared", intent=False),
        Move(name="sweep", origins=("held",), to="prepared", intent=False),
        Move(name="not_sent", origins=("running",), to="prepared", intent=False, fenced=True),
        Move(name="sent", origins=("running",), to="done", intent=False, fenced=True),
        Move(name="sent_more", origins=("running",), to="prepared", intent=False, fenced=True),
        Move(name="sent_held", origins=("running",), to="held", intent=False, fenced=True),
        Move(name="later", origins=("running",), to="prepared", intent=False, fenced=True),
        Move(name="refused", origins=("running",), to="held", intent=False, fenced=True),
        Move(name="gone", origins=("running",), to="held", intent=False, fenced=True),
        Move(name="doubt", origins=("running",), to="in_doubt", intent=True, fenced=True),
        Move(name="lapse_doubt", origins=("running",), to="in_doubt", intent=True),
        Move(name="gave_up", origins=("prepared", "running"), to="held", intent=False),
        Move(name="found", origins=("in_doubt",), to="prepared", intent=False),
        Move(name="found_held", origins=("in_doubt",), to="held", intent=False),
        Move(name="absent", origins=("in_doubt",), to="prepared", intent=False),
        Move(name="ask_later", origins=("in_doubt",), to="in_doubt", intent=True),
        Move(name="unanswerable", origins=("in_doubt",), to="held", intent=True),
        Move(name="late", origins=("in_doubt", "held"), to="prepared", intent=False),
        Move(name="late_done", origins=("in_doubt", "held"), to="done", intent=False),
        Move(name="answered", origins=("held", "in_doubt"), to="prepared", intent=False),
        Move(
            name="retry", origins=("held", "prepared"), to="prepared", intent=False, unchanged=True
        ),
        Move(name="read_again", origins=("held",), to="held", intent=False, unchanged=True),
        Move(name="release", origins=("held",), to="prepared", intent=False, unchanged=True),
        Move(name="resolve", origins=("held",), to="prepared", intent=False, unchanged=True),
        Move(name="accept", origins=("held",), to="done", intent=False, unchanged=True),
        Move(name="again", origins=("done",), to="prepared", intent=False, unchanged=True),
        Move(name="differs", origins=("done", "prepared"), to="held", intent=False),
    )
}


def open_intent(*more: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition "this record has an open intent", of which *more* holds."""
    mine = (attempt.c.record == record.c.id, attempt.c.outcome.is_(None))
    return exists(select(attempt.c.id).where(*mine, *more))


def owned() -> ColumnElement[bool]:
    """R3: only the holder of the fence moves a running record."""
    return record.c.fence == bindparam("b_fence")


def guard(move: Move, mine: ColumnElement[bool]) -> ColumnElement[bool]:
    """The WHERE of *move* for *mine*: origin, fence and intent."""
    origin = or_(*(record.c.state == state for state in move.origins))
    conditions = [mine, origin]
    if move.fenced:
        conditions.append(owned())
    if move.unchanged:
        conditions.append(record.c.seq == bindparam("b_seq"))
    if move.intent is not None:
        conditions.append(open_intent() if move.intent else ~open_intent())
    return and_(*conditions)


class Moving(Struct, frozen=True, kw_only=True, gc=False):
    """One record to move: values to set beside the state, and what the event should say."""

    id: int
    fence: int = 0
    due_at: datetime | None = None
    values: dict[str, Any] | None = None
    reason: str | None = None
    detail: str | None = None
    seq: int = 0


def move(
    db: Connection, name: str, moving: Sequence[Moving], *, now: datetime, actor: str = "engine"
) -> set[int]:
    """Make move *name* for each of *moving*; returns the ids that did move, with an event each."""
    moved: set[int] = set()
    for at in range(0, len(moving), PAGE):
        moved |= _move_page(db, MOVES[name], moving[at : at + PAGE], now, actor)
    return moved


def _move_page(
    db: Connection, rule: Move, moving: Sequence[Moving], now: datetime, actor: str
) -> set[int]:
    known = _told_already(db, moving) if rule.name in WAITS else set()
    moved = _moved(db, rule, moving, now)
    _acknowledge(db, [m for m in moving if m.id in moved], now)
    _tell(db, rule, [m for m in moving if m.id in moved - known], now, actor)
    return moved


def _told_already(db: Connection, moving: Sequence[Moving]) -> set[int]:
    """Those that wait for the same reason already: events are bounded by changes, not by polls."""
    needs = {m.id: m.detail for m in moving}
    rows = db.execute(_needs(), {"ids": list(needs)})
    return {id_ for id_, told in rows if told is not None and told == needs[id_]}


@cache
def _needs() -> Any:
    mine = record.c.id.in_(bindparam("ids", expanding=True))
    return select(record.c.id, record.c.needs).where(mine)


def _moved(db: Connection, rule: Move, moving: Sequence[Moving], now: datetime) -> set[int]:
    """All of *moving* at once; where that does not move every one of them, one by one."""
    if len(moving) > FEW:
        with nested(db) as together:
            if _move_all(db, rule, moving, now):
                return {m.id for m in moving}
            together.undo()
    return {m.id for m in moving if _move_one(db, rule, m, now)}


def move_together(
    db: Connection, name: str, moving: Sequence[Moving], *, now: datetime, actor: str
) -> bool:
    """Make move *name* for all of *moving*; False if one did not move.

    Then some may have moved: the caller rolls back.
    """
    rule = MOVES[name]
    if not _move_all(db, rule, moving, now):
        return False
    _acknowledge(db, moving, now)
    _tell(db, rule, moving, now, actor)
    return True


def _move_all(db: Connection, rule: Move, moving: Sequence[Moving], now: datetime) -> bool:
    """Did all of them move? They must set the same columns."""
    rows = [_set(rule, m, now) for m in moving]
    names = tuple(rows[0])
    if any(tuple(row) != names for row in rows):
        return False
    kinds = {(m.fence, m.seq, *row.values()) for m, row in zip(moving, rows, strict=True)}
    if len(moving) > 2 * FEW and len(kinds) == 1:
        # One statement: SQLite makes the lists in the table's CHECKs once, and not for each row.
        given = {**_named(moving[0], rows[0]), "b_ids": [m.id for m in moving]}
        moved: int = db.execute(_moving_to(rule, names, guard, SEVERAL), given).rowcount
    else:
        named = [_named(m, row) for m, row in zip(moving, rows, strict=True)]
        moved = many(db, _moving_to(rule, names, guard, ONE), named)
    return moved == len(moving)


def _named(m: Moving, values: Mapping[str, Any]) -> dict[str, Any]:
    given = {f"v_{name}": value for name, value in values.items()}
    return {"b_id": m.id, "b_fence": m.fence, "b_seq": m.seq, **given}


def _acknowledge(db: Connection, moved: Sequence[Moving], now: datetime) -> None:
    """Note since when the target has what those of *moved* take that were acknowledged (D5)."""
    acked = [{"b_id": m.id, "b_at": now} for m in moved if m.values and "acked_seq" in m.values]
    if acked:
        many(db, _ACKED, acked)


_ACKED = (
    update(goods)
    .where(
        goods.c.record == bindparam("b_id"),
        goods.c.acked_at.is_(None),
        goods.c.seq
        <= select(record.c.acked_seq).where(record.c.id == goods.c.record).scalar_subquery(),
    )
    .values(acked_at=bindparam("b_at", type_=goods.c.acked_at.type))
)


@cache
def _moving_to(
    rule: Move,
    names: tuple[str, ...],
    guarded: Callable[[Move, ColumnElement[bool]], ColumnElement[bool]],
    mine: ColumnElement[bool],
) -> Any:
    values = {name: bindparam(f"v_{name}", type_=record.c[name].type) for name in names}
    return update(record).where(guarded(rule, mine)).values(values)


def _tell(db: Connection, rule: Move, moved: Sequence[Moving], now: datetime, actor: str) -> None:
    told = {"at": now, "move": rule.name, "state": rule.to, "actor": actor}
    if moved:
        said = [
            {"record": m.id, "reason": m.reason, "seq": m.seq, "detail": m.detail, **told}
            for m in moved
        ]
        add(db, event, said)


def _move_one(db: Connection, rule: Move, m: Moving, now: datetime) -> bool:
    values = _set(rule, m, now)
    return many(db, _moving_to(rule, tuple(values), guard, ONE), [_named(m, values)]) == 1


def _set(rule: Move, m: Moving, now: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {
        "state": rule.to,
        "reason": m.reason,
        "changed_at": now,
        "owner": None,
        "blocked_on": None,
        "needs": m.detail if rule.to in ("held", "in_doubt", "prepared") else None,
        **(m.values or {}),
    }
    return values if m.due_at is None else values | {"due_at": m.due_at}
