"""The engine with rules of protocol.md switched off, one by one: each must be caught (§2, [M]).

A mutant is a patch of the one small function that keeps the rule; production code has no switch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, Row, and_, update

from connector.flow import doubts, settle
from connector.flow.flows import Flow
from connector.gate import ThreadGate
from connector.ledger import attempts, moves, records, staging
from connector.ledger.attempts import Settlement, Standing
from connector.ledger.content import unpack
from connector.ledger.schema import attempt, record
from connector.ledger.staging import Draft, Staged
from connector.values import Seen, Tree

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def _r1() -> Iterator[Any]:
    """Staging disturbs delivery: a record in hand is staged as if nobody had it."""
    yield patch.object(staging, "undisturbed", lambda row: row.reason == "undone")


def _r2() -> Iterator[Any]:
    """What is wanted by now is acknowledged, not what was sent."""
    yield patch.object(settle, "acknowledged", lambda at: at.seq)


def _r3() -> Iterator[Any]:
    """A late outcome moves a record that somebody else has in hand, and closes his intent."""

    def close_one(db: Connection, at: Standing, s: Settlement, now: datetime, by: str) -> bool:
        closed = {"outcome": s.outcome, "finished_at": now, "closed_by": by}
        open_ = and_(attempt.c.record == at.id, attempt.c.outcome.is_(None))
        db.execute(update(attempt).where(open_).values(closed))
        return True

    yield patch.object(attempts, "_close_one", close_one)
    yield patch.object(moves, "guard", lambda _move, mine: mine)


def _r4() -> Iterator[Any]:
    """A newer document drops the doubt about the older one."""
    original = staging.stage

    def stage(db: Connection, drafts: Sequence[Draft], now: datetime) -> Staged:
        before = _seqs(db, drafts)
        staged = original(db, drafts, now)
        changed = [id_ for id_, seq in _seqs(db, drafts).items() if before.get(id_, seq) != seq]
        doubtful = record.c.state.in_(("in_doubt", "prepared"))
        ids = [
            row.id
            for row in db.execute(
                record.select()
                .with_only_columns(record.c.id)
                .where(record.c.id.in_(changed), doubtful)
            )
        ]
        closed = {"outcome": "again", "finished_at": now}
        db.execute(
            update(attempt)
            .where(attempt.c.record.in_(ids), attempt.c.outcome.is_(None))
            .values(closed)
        )
        db.execute(
            update(record)
            .where(record.c.id.in_(ids), record.c.state == "in_doubt")
            .values(state="prepared", due_at=now)
        )
        return staged

    yield patch.object(staging, "stage", stage)


def _seqs(db: Connection, drafts: Sequence[Draft]) -> dict[int, int]:
    columns = record.select().with_only_columns(record.c.id, record.c.seq)
    rows = db.execute(columns.where(record.c.key.in_([d.key for d in drafts])))
    return {row.id: row.seq for row in rows}


def _r5() -> Iterator[Any]:
    """A document is compared with the one delivered last, not with the one staged last."""
    delivered: dict[int, str] = {}
    sent: dict[tuple[int, int], str] = {}
    original_close, original_claim = attempts.close, records.claim

    def claim(db: Connection, *args: Any, **kwargs: Any) -> list[records.Claimed]:
        work = original_claim(db, *args, **kwargs)
        for w in work:
            columns = record.select().with_only_columns(record.c.doc_hash)
            sent[w.id, w.seq] = str(db.scalar(columns.where(record.c.id == w.id)))
        return work

    def close(
        db: Connection, settled: Sequence[tuple[Standing, Settlement]], *args: Any, **kwargs: Any
    ) -> int:
        for at, s in settled:
            if s.outcome == "done":
                delivered[at.id] = sent.get((at.id, at.attempt_seq), "")
        return original_close(db, settled, *args, **kwargs)

    def same(row: Row[Any], draft: Draft) -> bool:
        return draft.doc_hash == delivered.get(row.id)

    yield patch.object(records, "claim", claim)
    yield patch.object(attempts, "close", close)
    yield patch.object(staging, "same_as_staged", same)


def _r6() -> Iterator[Any]:
    """Found counts as finished: what was sent is taken for what is there and is wanted."""

    def base(at: Standing, _seen: Seen) -> dict[str, Tree]:
        return {**unpack(at.base_source or b"{}"), **unpack(at.payload or b"{}")}

    original = settle._found

    def found(at: Standing, seen: Seen, flow: Flow, asked: datetime) -> Settlement:
        s = original(at, seen, flow, asked)
        if s.move != "found":
            return s
        return Settlement(  # whatever is wanted by now
            outcome="found", move="late_done", reason="sent", facts=s.facts,
            acked_seq=at.seq, target_key=s.target_key,
        )  # fmt: skip

    yield patch.object(settle, "base_as_read", base)
    yield patch.object(settle, "_found", found)


def _s3() -> Iterator[Any]:
    """A worker that slept past its lease sends all the same."""
    yield patch.object(ThreadGate, "too_late", lambda _self, _send_before: False)


def _s4() -> Iterator[Any]:
    """ "Not there" counts at once."""
    for module in (settle, doubts):
        yield patch.object(module, "settled_from", lambda _at, _flow: LONG_AGO)


MUTANTS: dict[str, Callable[[], Iterator[Any]]] = {
    "R1": _r1,
    "R2": _r2,
    "R3": _r3,
    "R4": _r4,
    "R5": _r5,
    "R6": _r6,
    "S3": _s3,
    "S4": _s4,
}


@contextmanager
def broken(rules: str) -> Iterator[None]:
    """Run with *rules* ("R2", "R1+R4") switched off; KeyError names an unknown one."""
    with ExitStack() as stack:
        for rule in filter(None, rules.split("+")):
            for change in MUTANTS[rule]():
                stack.enter_context(change)
        yield
