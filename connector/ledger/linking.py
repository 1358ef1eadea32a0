"""Linking what both systems have: what a scan saw, whom it takes for whom, what was accepted.

Natural keys are kept as digests: whom a scan saw is nobody's business after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from connector.ledger.schema import candidate, link, linking, sighting

Side = Literal["source", "target"]
Verdict = Literal["sure", "weak", "collision"]
WINDOW = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Sight:
    """A document as a scan saw it: by each natural key its digest ('': blank), and its traits."""

    key: str
    values: tuple[tuple[str, str], ...]
    traits: tuple[str, ...] = ()
    birth: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Meeting:
    """Two documents with one natural key; *alike*: they share a trait as well."""

    source_key: str
    target_key: str
    by: str
    alike: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """Whom the scan takes for whom, how surely and why."""

    source_key: str
    target_key: str
    verdict: Verdict
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """How far a flow's scan is, and whether its linking was accepted."""

    flow: str
    source_at: str | None
    source_done: bool
    target_at: str | None
    target_done: bool
    judged: bool
    accepted_at: datetime | None
    accepted_by: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """The links that a flow makes: from where to where, of what."""

    flow: str
    source: str
    target: str
    entity: str


def scan_of(db: Connection, flow: str) -> Scan | None:
    """The scan of *flow*; None if there was none."""
    columns = [linking.c[name] for name in Scan.__dataclass_fields__]
    row = db.execute(select(*columns).where(linking.c.flow == flow)).first()
    return None if row is None else Scan(**row._mapping)


def begin(db: Connection, flow: str, now: datetime) -> None:
    """Begin a scan from the first page; an acceptance given before stays."""
    for table in (sighting, candidate):
        db.execute(delete(table).where(table.c.flow == flow))
    fresh = {
        "begun_at": now, "source_at": None, "source_done": False,
        "target_at": None, "target_done": False, "judged": False,
    }  # fmt: skip
    if db.execute(update(linking).where(linking.c.flow == flow).values(fresh)).rowcount == 0:
        db.execute(insert(linking).values(flow=flow, **fresh))


def see(
    db: Connection, flow: str, side: Side, sights: Sequence[Sight], at: str, *, complete: bool
) -> None:
    """Keep a page of sights, and how far the walk is: one transaction, so that it resumes."""
    keys = [s.key for s in sights]
    db.execute(
        delete(sighting).where(
            sighting.c.flow == flow, sighting.c.side == side, sighting.c.key.in_(keys)
        )
    )
    once = {s.key: s for s in sights}
    rows = [
        {
            "flow": flow, "side": side, "key": s.key, "by": by, "value": value,
            "traits": " ".join(s.traits), "birth": s.birth,
        }
        for s in once.values()
        for by, value in s.values
    ]  # fmt: skip
    if rows:
        db.execute(insert(sighting), rows)
    far = {f"{side}_at": at, f"{side}_done": complete}
    db.execute(update(linking).where(linking.c.flow == flow).values(far))


def meetings(db: Connection, kind: Kind) -> Iterator[list[Meeting]]:
    """Whoever shares a natural key and is not linked yet: all of some sources at a time."""
    ours, theirs = sighting.alias(), sighting.alias()
    met = (
        select(
            ours.c.key, theirs.c.key.label("there"), ours.c.by, ours.c.traits,
            theirs.c.traits.label("their_traits"),
        )
        .join_from(ours, theirs, and_(
            theirs.c.flow == ours.c.flow, theirs.c.by == ours.c.by, theirs.c.value == ours.c.value,
            theirs.c.side == "target",
        ))
        .where(
            ours.c.flow == kind.flow, ours.c.side == "source", ours.c.value != "",
            ~_linked(kind, "source", ours.c.key), ~_linked(kind, "target", theirs.c.key),
        )
    )  # fmt: skip
    for first, last in _windows(db, kind.flow):
        rows = db.execute(met.where(ours.c.key.between(first, last)).order_by(ours.c.key))
        yield [
            Meeting(
                source_key=r.key,
                target_key=r.there,
                by=r.by,
                alike=bool(set(r.traits.split()) & set(r.their_traits.split())),
            )
            for r in rows
        ]


def _windows(db: Connection, flow: str) -> Iterator[tuple[str, str]]:
    after: str | None = None
    mine = and_(sighting.c.flow == flow, sighting.c.side == "source")
    while True:
        later = mine if after is None else and_(mine, sighting.c.key > after)
        some = select(sighting.c.key).where(later).distinct().order_by(sighting.c.key)
        keys = list(db.scalars(some.limit(WINDOW)))
        if not keys:
            return
        yield keys[0], keys[-1]
        after = keys[-1]


def propose(db: Connection, flow: str, found: Sequence[Candidate]) -> None:
    """Keep what the scan found."""
    rows = [
        {
            "flow": flow, "source_key": c.source_key, "target_key": c.target_key,
            "verdict": c.verdict, "reason": c.reason,
        }
        for c in found
    ]  # fmt: skip
    if rows:
        db.execute(insert(candidate), rows)


def judged(db: Connection, flow: str) -> None:
    """End the scan: a document there that several of ours surely are is none of theirs."""
    mine = and_(candidate.c.flow == flow, candidate.c.verdict == "sure")
    several = (
        select(candidate.c.target_key)
        .where(mine)
        .group_by(candidate.c.target_key)
        .having(func.count() > 1)
    )
    db.execute(
        update(candidate)
        .where(mine, candidate.c.target_key.in_(several.scalar_subquery()))
        .values(verdict="collision", reason="several of the source are this one of the target")
    )
    db.execute(update(linking).where(linking.c.flow == flow).values(judged=True))


def _linked(kind: Kind, side: Side, key: ColumnElement[str]) -> ColumnElement[bool]:
    return exists().where(
        link.c.source == kind.source,
        link.c.target == kind.target,
        link.c.entity == kind.entity,
        link.c[f"{side}_key"] == key,
    )


def counts(db: Connection, kind: Kind) -> dict[str, int]:
    """How many were seen, found, collide and stand on one side only; pairs, not documents, met."""
    verdicts = dict.fromkeys(("sure", "weak", "collision"), 0)
    rows = db.execute(
        select(candidate.c.verdict, func.count().label("n"))
        .where(candidate.c.flow == kind.flow)
        .group_by(candidate.c.verdict)
    )
    verdicts |= {row.verdict: row.n for row in rows}
    seen = {f"{side}_seen": _count(db, kind, side, alone=False) for side in ("source", "target")}
    only = {f"{side}_only": _count(db, kind, side, alone=True) for side in ("source", "target")}
    links = select(func.count()).select_from(link)
    linked = links.where(
        link.c.source == kind.source, link.c.target == kind.target, link.c.entity == kind.entity
    )
    return {**seen, "linked": db.scalar(linked) or 0, **verdicts, **only}


def _count(db: Connection, kind: Kind, side: str, *, alone: bool) -> int:
    condition = _alone(kind, side) if alone else _seen(kind, side)
    return db.scalar(select(func.count(sighting.c.key.distinct())).where(condition)) or 0


def _seen(kind: Kind, side: str) -> ColumnElement[bool]:
    return and_(sighting.c.flow == kind.flow, sighting.c.side == side)


def _alone(kind: Kind, side: str) -> ColumnElement[bool]:
    met = exists().where(
        candidate.c.flow == kind.flow, candidate.c[f"{side}_key"] == sighting.c.key
    )
    known = _linked(kind, "source" if side == "source" else "target", sighting.c.key)
    return and_(_seen(kind, side), ~met, ~known)


def one_sided(db: Connection, kind: Kind, side: Side, most: int | None = None) -> list[str]:
    """Keys that stand on *side* only, in order."""
    keys = select(sighting.c.key).where(_alone(kind, side)).distinct().order_by(sighting.c.key)
    return list(db.scalars(keys if most is None else keys.limit(most)))


def candidates(
    db: Connection, flow: str, *, verdict: Verdict | None = None, most: int | None = None
) -> list[Candidate]:
    """What the scan found, in order."""
    columns = [candidate.c[name] for name in Candidate.__dataclass_fields__]
    query = select(*columns).where(candidate.c.flow == flow)
    if verdict is not None:
        query = query.where(candidate.c.verdict == verdict)
    rows = db.execute(query.order_by(candidate.c.source_key, candidate.c.target_key).limit(most))
    return [Candidate(**row._mapping) for row in rows]


def births(db: Connection, flow: str, side: Side, keys: Sequence[str]) -> dict[str, str | None]:
    """Key → birth, of those of *keys* that the scan saw on *side*."""
    found: dict[str, str | None] = {}
    for start in range(0, len(keys), WINDOW):
        some = keys[start : start + WINDOW]
        rows = db.execute(
            select(sighting.c.key, sighting.c.birth).where(
                sighting.c.flow == flow, sighting.c.side == side, sighting.c.key.in_(some)
            )
        )
        found |= {row.key: row.birth for row in rows}
    return found


def linked(db: Connection, kind: Kind, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The links that already hold one of either side of *pairs*."""
    found: set[tuple[str, str]] = set()
    for start in range(0, len(pairs), WINDOW):
        some = pairs[start : start + WINDOW]
        rows = db.execute(
            select(link.c.source_key, link.c.target_key).where(
                link.c.source == kind.source,
                link.c.target == kind.target,
                link.c.entity == kind.entity,
                or_(
                    link.c.source_key.in_([s for s, _ in some]),
                    link.c.target_key.in_([t for _, t in some]),
                ),
            )
        )
        found |= {(row.source_key, row.target_key) for row in rows}
    return sorted(found)


def join(
    db: Connection, kind: Kind, pairs: Sequence[tuple[str, str]], *, by: str, now: datetime
) -> int:
    """Link *pairs* where neither side is linked; what each holds is read before it is trusted."""
    held = linked(db, kind, pairs)
    sources, targets = {s for s, _ in held}, {t for _, t in held}
    new = [(s, t) for s, t in pairs if s not in sources and t not in targets]
    born = births(db, kind.flow, "source", [s for s, _ in new])
    rows = [
        {
            "role": "identity", "entity": kind.entity, "source": kind.source, "source_key": s,
            "target": kind.target, "target_key": t, "birth": born.get(s), "base_known": False,
            "made_at": now, "made_by": by,
        }
        for s, t in new
    ]  # fmt: skip
    if rows:
        db.execute(insert(link), rows)
    return len(rows)


def accept(db: Connection, flow: str, by: str, now: datetime) -> None:
    """Write down that a person takes the flow's first linking for complete (S1)."""
    said = {"accepted_at": now, "accepted_by": by}
    if db.execute(update(linking).where(linking.c.flow == flow).values(said)).rowcount == 0:
        db.execute(insert(linking).values(flow=flow, begun_at=now, **said))


def accepted(db: Connection) -> set[str]:
    """The flows whose first linking was accepted."""
    return set(db.scalars(select(linking.c.flow).where(linking.c.accepted_at.is_not(None))))
