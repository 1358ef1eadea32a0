"""What is known of a record: from the ledger alone, or by looking at the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from connector.documents import load
from connector.flow.flows import Flow
from connector.flow.match import candidates, match_values
from connector.ledger.content import unpack
from connector.ledger.life import Life
from connector.ledger.links import REPLACED
from connector.ledger.records import Claimed
from connector.ledger.store import Ledger
from connector.points import reach
from connector.ports import Clock, Target
from connector.values import Absent, Ambiguous, Known, Linked, New, Seen, Unsure

SKEW = timedelta(seconds=30)  # by how much `check` lets clocks differ


def known_of(work: Claimed, flow: Flow, life: Life) -> Known:
    """What the ledger knows of *work*, without asking anybody."""
    if work.target_key is not None and work.target_key.startswith(REPLACED):
        return Absent(at=work.created_at)
    if work.target_key is not None:
        if not work.base_known or work.base_source is None:
            return Unsure(why="base") if flow.finds or flow.gets else _unread(work, flow)
        return Linked(
            key=work.target_key,
            version=work.target_version,
            base=unpack(work.base_source),
            steps_left=tuple((work.steps_left or "").split()),
        )
    if flow.match:
        return Unsure(why="first contact")
    return (
        New()
        if trusted(work, flow, life)
        else Unsure(why="born before the watch", since=life.unsettled_since)
    )


def _unread(work: Claimed, flow: Flow) -> Seen:
    """It is there, and nobody can look what it holds: all of it is written, over any version.

    No update carries what cannot be changed there, so of that no doubt makes unknown what it was.
    """
    left, key = tuple((work.steps_left or "").split()), str(work.target_key)
    was, can = unpack(work.base_source or b"{}"), flow.can
    base = {} if can is None else {f: v for f, v in was.items() if f not in can}
    return Seen(key=key, version=None, there={}, item={}, base=base, steps_left=left)


def trusted(work: Claimed, flow: Flow, life: Life) -> bool:
    """S1: may this document be created without a look? Only if it was born under our eyes.

    A birth later than its first reading is a date of the shop's, and proves nothing.
    """
    accepted = flow.accepted or (flow.start is not None and flow.start >= life.created_at)
    return (
        accepted
        and work.lane == "live"
        and work.born_at is not None
        and life.alive_since + flow.lag < work.born_at <= work.created_at + flow.lag + SKEW
    )


def look(
    target: Target,
    flow: Flow,
    work: Sequence[Claimed],
    ledger: Ledger,
    clock: Clock,
) -> dict[int, Known]:
    """Ask the target about *work*: by its key where there is a link, by reference, by match keys.

    Raises Unavailable, Unauthorized.
    """
    reach("find.before")
    asked = clock.now()
    ledger.beat(asked, clock.boottime())  # a jump of the clock is seen before an absence counts
    seen = _by_key(target, flow, [w for w in work if w.target_key is not None])
    unlinked = [w for w in work if w.target_key is None]
    if flow.finds and unlinked:
        found = target.find(flow.entity, [w.reference for w in unlinked])
        seen |= {w.id: found[w.reference] for w in unlinked}
    missing = [w for w in unlinked if isinstance(seen.get(w.id, Absent(at=asked)), Absent)]
    if flow.match and missing:
        seen |= by_match(target, flow, missing, asked)
    since = None if not flow.finds else ledger.life.unsettled_since
    return {w.id: _placed(seen.get(w.id, Absent(at=asked)), w, asked, since) for w in work}


def _placed(seen: Known, work: Claimed, asked: datetime, since: datetime | None) -> Known:
    match seen:
        case Absent():
            return Absent(at=asked, since=since)
        case Seen():
            return replace(seen, base=unpack(work.base_source) if work.base_source else {})
        case _:
            return seen


def _by_key(target: Target, flow: Flow, work: Sequence[Claimed]) -> dict[int, Known]:
    if not work:
        return {}
    if not flow.gets:
        found: Mapping[str, Known] = target.find(flow.entity, [w.reference for w in work])
        return {w.id: found[w.reference] for w in work}
    read = target.get(flow.entity, [str(w.target_key) for w in work])
    return {w.id: read[str(w.target_key)] for w in work}


def by_match(
    target: Target, flow: Flow, work: Sequence[Claimed], asked: datetime
) -> dict[int, Known]:
    """First contact by natural keys: one hit that is equal after normalising, or a person."""
    docs = {w.id: load(w.entity, w.doc) for w in work}
    hits: dict[int, dict[str, Seen]] = {w.id: {} for w in work}
    for by in flow.match:
        values = {w.id: match_values(docs[w.id], by) for w in work}
        asked_for = sorted({v for v in values.values() if v})
        if by not in flow.matches or not asked_for:
            continue
        answers = target.match(flow.entity, by, asked_for)
        for w in work:
            value = values[w.id]
            if value and (equal := candidates(docs[w.id], by, answers.get(value, ()))):
                hits[w.id] |= {s.key: s for s in equal}
    return {w.id: _one(hits[w.id], asked) for w in work}


def _one(hits: Mapping[str, Seen], asked: datetime) -> Known:
    match sorted(hits):
        case []:
            return Absent(at=asked)
        case [only]:
            return hits[only]
        case several:
            return Ambiguous(keys=tuple(several), reason="ambiguous")
