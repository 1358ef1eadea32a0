"""What a person may do to a record: retry, release, resolve; each on what he saw (R16).

A refusal is a ConnectorError: no_such_record, seq_moved or not_allowed, with what to do instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, select

from connector import codes
from connector.errors import ConnectorError
from connector.ledger import attempts, links
from connector.ledger.attempts import Settlement
from connector.ledger.links import Facts, own_link
from connector.ledger.moves import Moving, move
from connector.ledger.schema import attempt, link, record

RETRIED = ("refused", "gave_up", "unreadable", "rule", "blocked")
RELEASED = ("rule", "review", "money", "locked")
CHOSEN = ("duplicate", "ambiguous", "gone_at_target", "review")
Side = Literal["source", "target"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A record as a person sees it when he decides, with its link and its open intent."""

    id: int
    flow: str
    source: str
    target: str
    entity: str
    key: str
    birth: str | None
    reference: str | None
    seq: int
    acked_seq: int
    state: str
    reason: str | None
    verdict: str
    needs: str | None
    readable: bool
    target_key: str | None
    steps_left: str | None
    base_source: bytes | None
    intent: int | None

    @property
    def words(self) -> str:
        """State and reason, as people read them."""
        return f"{self.state} ({self.reason})" if self.reason else self.state


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Who decides, and when."""

    name: str
    now: datetime


def shown(
    db: Connection, entity: str, key: str, *, flow: str | None = None, seq: int | None = None
) -> Shown:
    """The one record meant, locked for this transaction; *seq*: what the person saw of it."""
    named = {c.name for c in record.c} & set(Shown.__dataclass_fields__)
    query = (
        select(
            *(record.c[n] for n in sorted(named)),
            record.c.doc.is_not(None).label("readable"),
            link.c.target_key,
            link.c.steps_left,
            link.c.base_source,
            attempt.c.id.label("intent"),
        )
        .join_from(record, link, own_link(), isouter=True)
        .outerjoin(attempt, (attempt.c.record == record.c.id) & attempt.c.outcome.is_(None))
        .where(record.c.entity == entity, record.c.key == key)
        .with_for_update(of=record)
    )
    if flow is not None:
        query = query.where(record.c.flow == flow)
    found = [Shown(**row._mapping) for row in db.execute(query)]
    if not found:
        raise ConnectorError(f"there is no record of {entity} {key}", code="no_such_record")
    if len(found) > 1:
        flows = ", ".join(f.flow for f in found)
        message = f"{entity} {key} goes by several flows: {flows}"
        raise ConnectorError(message, code="not_allowed", cure="say which with --flow")
    if seq is not None and seq != found[0].seq:
        raise _moved(found[0])
    return found[0]


def retry(db: Connection, at: Shown, by: Person) -> None:
    """Try again at once, attempts from 0; what was unreadable or nameless is read again first."""
    nameless = at.reason == "conflict" and at.reference is None
    if at.state == "held" and (at.reason == "unreadable" or at.verdict == "rule" or nameless):
        _read_again(db, at, by, {"attempts": 0})
        return
    if at.state != "prepared" and (at.state != "held" or at.reason not in RETRIED):
        raise _refused(at, "retry")
    _move(db, at, by, "retry", attempts=0)


def release(db: Connection, at: Shown, by: Person) -> None:
    """Let it go on as it stands; a difference of money is accepted."""
    if at.state != "held" or at.reason not in RELEASED:
        raise _refused(at, "release")
    if not at.readable:
        _rest(db, at, by)
        return
    decided = {"decision": "release", "decided_seq": at.seq}
    if at.reason == "money" and at.acked_seq == at.seq and not at.steps_left:
        _move(db, at, by, "accept", reason="sent", **decided)
        return
    if at.reason == "locked":
        links.unread(db, at)
    _move(db, at, by, "release", **decided)


def _rest(db: Connection, at: Shown, by: Person) -> None:
    """The source has no such document: a key that was mistyped, or one that is gone."""
    if at.reason != "review":
        raise _refused(at, "release", "there is no document that could be delivered")
    _move(db, at, by, "accept", reason="gone")


def exists(db: Connection, at: Shown, target_key: str, by: Person) -> None:
    """The answer "it is there, under this id": linked; what differs is seen at the next look."""
    held = links.holder(db, at, target_key)
    if held is not None and at.entity == "order":
        raise _refused(at, "resolve", f"{target_key} is {at.entity} {held.source_key}'s already")
    facts = Facts(
        target_key=target_key,
        base_source=at.base_source,
        steps_left=at.steps_left or "",
        role="identity" if held is None else "alias",
    )
    if at.intent is not None:
        if at.target_key not in (None, target_key):
            raise _refused(at, "resolve", f"it is linked to {at.target_key}")
        _answer(db, at, by, Settlement(outcome="found", move="answered", facts=facts,
                                       forget_base=True, target_key=target_key, due_at=by.now,
                                       detail=f"exists {target_key}"))  # fmt: skip
        return
    if at.state != "held" or at.reason not in CHOSEN:
        raise _refused(at, "resolve")
    if at.target_key not in (None, target_key):
        links.relink(db, at, target_key)
    else:
        links.put(db, at, facts, by.now, by.name)
    links.unread(db, at)
    _move(db, at, by, "resolve", detail=f"exists {target_key}", attempts=0)


def absent(db: Connection, at: Shown, by: Person) -> None:
    """The answer "it is not there": a doubt ends unexecuted; what is gone there stays gone."""
    if at.intent is not None:
        _answer(db, at, by, Settlement(outcome="absent", move="answered", forget_base=True,
                                       due_at=by.now, detail="absent"))  # fmt: skip
    elif at.state == "held" and at.reason == "gone_at_target":
        _move(db, at, by, "accept", reason="gone", detail="absent")
    else:
        raise _refused(at, "resolve")


def choose(db: Connection, at: Shown, side: Side, by: Person) -> None:
    """The answer to a conflict: the side that holds."""
    if at.state != "held" or at.reason != "conflict":
        raise _refused(at, "resolve")
    if at.reference is None:
        raise _refused(at, "resolve", "another record has its reference: make `reference:` unique")
    if at.verdict == "conflict" and at.target_key is not None:
        why = "the document that was delivered under this key is another one"
        raise _refused(at, "resolve", f"{why}: restore the ledger of that day, or begin a new one")
    decided: dict[str, Any] = {"decision": side, "decided_seq": at.seq}
    if side == "target":
        _move(db, at, by, "accept", reason="same", acked_seq=at.seq, **decided)
    elif at.verdict == "conflict":
        # The key belongs to the new document: its birth is learnt when it is read next.
        _read_again(db, at, by, {"birth": None, **decided})
    else:
        _move(db, at, by, "resolve", detail="the source holds", **decided)


def to_read_again(db: Connection, flow: str, entity: str) -> list[str]:
    """Keys that a person asked to read again, and those that are due and have no content (O4)."""
    ours = record.c.reason.in_(("unreadable", "conflict")) | (record.c.verdict == "rule")
    asked = (record.c.state == "held") & ours & record.c.raw_hash.is_(None)
    dropped = (record.c.state == "prepared") & record.c.doc.is_(None)
    # By flow and state there is an index; by flow and entity SQLite would go through all keys.
    few = (record.c.flow == flow) & record.c.state.in_(("held", "prepared"))
    rows = db.execute(select(record.c.entity, record.c.key).where(few, asked | dropped))
    return [key for of, key in rows if of == entity]


def _answer(db: Connection, at: Shown, by: Person, answer: Settlement) -> None:
    """Close the open intent as a person says; the engine decides again on what is known then."""
    if at.state == "running":
        raise _refused(at, "resolve", "it is being delivered right now")
    [(_, intent)] = attempts.standing(db, [int(at.intent or 0)]).items()
    if not attempts.close(db, [(intent, answer)], by.now, by=by.name):
        raise _moved(at)


def _read_again(db: Connection, at: Shown, by: Person, values: dict[str, Any]) -> None:
    """Without the hash of its last reading the source's next answer is judged anew."""
    _move(db, at, by, "read_again", reason=at.reason, detail=at.needs, raw_hash=None, **values)


def _move(db: Connection, at: Shown, by: Person, name: str, **values: Any) -> None:
    said = {n: values.pop(n) for n in ("reason", "detail") if n in values}
    one = Moving(id=at.id, seq=at.seq, due_at=by.now, values=values, **said)
    if not move(db, name, [one], now=by.now, actor=by.name):
        raise _moved(at)


def _moved(at: Shown) -> ConnectorError:
    message = f"{at.entity} {at.key} has changed since: it is now seq {at.seq}, {at.words}"
    return ConnectorError(message, code="seq_moved")


def _refused(at: Shown, what: str, why: str = "") -> ConnectorError:
    """What is not possible, and what is: the cure of the reason for which it is held."""
    held = codes.HELD.get(at.reason or "")
    command = (held.command if held else "").replace("ENTITY KEY", f"{at.entity} {at.key}")
    cure = f"{held.cure} ({command})" if held and not why else ""
    message = f"{what} is not possible: {at.entity} {at.key} is {at.words}"
    return ConnectorError(f"{message}; {why}" if why else message, code="not_allowed", cure=cure)
