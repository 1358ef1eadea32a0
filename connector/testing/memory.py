"""A system in memory, as source and as target, with the faults of a real one; it outlives us."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from connector import errors
from connector.ledger.content import pack, unpack
from connector.points import reach
from connector.ports import Care, Clock
from connector.values import (
    Absent,
    Ambiguous,
    Broken,
    Change,
    Done,
    Findings,
    Gone,
    InDoubt,
    Item,
    NotSent,
    Outcome,
    Page,
    Payload,
    Read,
    Refused,
    Seen,
    Stale,
    Tombstone,
    Tree,
    Unauthorized,
    Unavailable,
)

REFUSALS: dict[str | None, Outcome] = {
    "away": Unavailable(why="away"),
    "busy": Unavailable(why="busy", busy=True),
    "denied": Unauthorized(why="denied"),
    "refuse": Refused(code="invalid"),
    "stale": Stale(),
    "lost": InDoubt(why="timeout"),
}
FAULTS = ("hang", "cut", "late", "lost", "away", "denied", "refuse", "stale")
NEVER = datetime.min.replace(tzinfo=UTC)
MOST_SKEW = timedelta(seconds=30)


@dataclass(kw_only=True)
class Paper:
    """A document that the memory system keeps."""

    key: str
    entity: str
    reference: str | None
    fields: dict[str, Tree]
    version: int = 1
    changed_at: datetime = NEVER
    steps_done: set[str] = field(default_factory=set)


class Papers:
    """What a system in memory keeps, and what befalls whoever reads there; a `Probe` of it too.

    *away*: reads are Unavailable; *trouble*: what else they raise. *skew*: its clock less ours.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.papers: list[Paper] = []
        self.late: list[tuple[datetime, Callable[[], object]]] = []
        self.calls: list[tuple[str, str]] = []
        self.away = False
        self.trouble: errors.ConnectorError | None = None
        self.skew = timedelta(0)
        self.identity = {"host": "memory", "company": "1"}
        self._lock = threading.Lock()

    def pass_late(self) -> None:
        """Execute what was sent earlier and is due by now: the late commits."""
        with self._lock:
            due = [apply for at, apply in self.late if at <= self.clock.now()]
            self.late = [(at, apply) for at, apply in self.late if at > self.clock.now()]
            for apply in due:
                apply()

    def check(self) -> Findings:
        """Who this is, and whether its clock is right."""
        self._read("check", "")
        wrong = ("its clock differs from ours; synchronise both",)
        problems = wrong if abs(self.skew) > MOST_SKEW else ()
        return Findings(identity=dict(self.identity), skew=self.skew, problems=problems)

    def _read(self, call: str, entity: str) -> None:
        self.pass_late()
        self.calls.append((call, entity))
        if self.away:
            raise errors.Unavailable("memory is away")
        if self.trouble is not None:
            raise self.trouble

    def _of(self, entity: str) -> list[Paper]:
        return [p for p in self.papers if p.entity == entity]


class MemorySource(Papers):
    """`Source` over papers; *page* rows at a time."""

    page = 100

    def put(self, entity: str, key: str, payload: Payload) -> None:
        """Have, or change, a document that others read: its version grows."""
        with self._lock:
            paper = next((p for p in self._of(entity) if p.key == key), None)
            if paper is None:
                paper = Paper(key=key, entity=entity, reference=None, fields={}, version=0)
                self.papers.append(paper)
            paper.version = 1 + max((p.version for p in self._of(entity)), default=0)
            paper.fields = dict(payload)
            paper.changed_at = self.clock.now()

    def drop(self, entity: str, key: str) -> None:
        """Lose a document."""
        self.papers = [p for p in self.papers if (p.entity, p.key) != (entity, key)]

    def pages(
        self,
        entity: str,
        since: str | None,
        *,
        start: datetime | None,
        until: datetime | None,
        care: Care | None = None,
    ) -> Iterator[Page]:
        """Papers whose version is above the cursor, oldest first."""
        begin = start if since is None and start is not None else NEVER
        at = int(since or "0")
        while True:
            self._read("pages", entity)
            began = self.clock.now()
            rest = sorted(
                (
                    p
                    for p in self._of(entity)
                    if p.version > at
                    and begin <= p.changed_at
                    and (until is None or p.changed_at <= until)
                ),
                key=lambda p: p.version,
            )
            items = self._split([self._item(p) for p in rest[: self.page]], care)
            at = max((p.version for p in rest[: self.page]), default=at)
            complete = len(rest) <= self.page
            yield Page(items=items, cursor=str(at), complete=complete, began=began)
            if complete:
                return

    def read(self, entity: str, keys: Sequence[str]) -> Iterator[Read]:
        """Papers by key, or their tombstones."""
        self._read("read", entity)
        for key in keys:
            paper = next((p for p in self._of(entity) if p.key == key), None)
            yield Tombstone(key=key) if paper is None else self._item(paper)

    def _split(self, items: Sequence[Item], care: Care | None) -> tuple[Read, ...]:
        """The rows of one reply; where it may not be looked into, of two smaller ones (R15)."""
        body = b"\n".join(item.raw for item in items)
        if care is None or care.may_be_read(len(items), body):
            reach("split.kills_process")
            found = self.split(items)
            if care is not None:
                care.was_read()
            return found
        if len(items) == 1:
            return (Broken(at="row", code="kills_reader", raw=body),)
        half = len(items) // 2
        return self._split(items[:half], care) + self._split(items[half:], care)

    def split(self, items: Sequence[Item]) -> tuple[Read, ...]:
        """Look into a reply; a test may have it kill who does."""
        return tuple(items)

    def _item(self, paper: Paper) -> Item:
        body = {"key": paper.key, "version": f"{paper.version:012d}", **paper.fields}
        return Item(key=paper.key, version=f"{paper.version:012d}", raw=pack(body))

    def decode(self, entity: str, raw: bytes) -> Payload | Broken:  # noqa: ARG002
        """The payload of a raw slice; one that is no JSON is broken."""
        try:
            return unpack(raw)
        except ValueError:
            return Broken(at="body", code="not_json", raw=raw)


class MemoryTarget(Papers):
    """`Target` over papers.

    *fault* is asked for each change, after the decision to send and before its effect, and answers
    one of FAULTS or None: hang and cut commit and leave doubt, lost leaves doubt alone, late
    commits after *late_by*, away, denied and refuse do nothing, stale contradicts the version.
    """

    def __init__(self, clock: Clock, *, steps: Sequence[str] = ()) -> None:
        super().__init__(clock)
        self.steps = tuple(steps)
        self.late_by = timedelta(seconds=5)
        self.fault: Callable[[Change], str | None] = lambda _: None
        self.slot: Callable[[datetime], None] = lambda _: None

    def find(
        self, entity: str, references: Sequence[str]
    ) -> Mapping[str, Seen | Absent | Ambiguous]:
        """Every paper that carries a reference, in whatever state it is."""
        self._read("find", entity)
        return {r: self._one([p for p in self._of(entity) if p.reference == r]) for r in references}

    def get(self, entity: str, keys: Sequence[str]) -> Mapping[str, Seen | Absent]:
        """Papers by their own keys."""
        self._read("get", entity)
        found = {p.key: self._seen(p) for p in self._of(entity)}
        return {k: found.get(k, Absent(at=self.clock.now())) for k in keys}

    def match(self, entity: str, by: str, values: Sequence[str]) -> Mapping[str, tuple[Seen, ...]]:
        """Papers whose field *by* is like a value, as a careless search would answer."""
        self._read("match", entity)
        return {
            v: tuple(
                self._seen(p)
                for p in self._of(entity)
                if v.casefold() in str(p.fields.get(by) or "").casefold()
            )
            for v in values
        }

    def send(self, entity: str, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Make each change, or what `fault` says instead."""
        return [self._send(entity, change) for change in changes]

    def _send(self, entity: str, change: Change) -> Outcome:
        try:
            self.slot(change.send_before)
            reach("pause.between_fence_and_send")
        except errors.NotSent as error:
            return NotSent(why=error.code)
        with self._lock:
            self.calls.append((change.action, change.reference))
            fault = self.fault(change)
            if fault in REFUSALS:
                return REFUSALS[fault]
            if fault == "late":
                due = self.clock.now() + self.late_by
                self.late.append((due, lambda: self._apply(entity, change)))
                return InDoubt(why="timeout")
            outcome = self._apply(entity, change)
            return InDoubt(why=fault) if fault is not None else outcome

    def _apply(self, entity: str, change: Change) -> Outcome:
        if change.action == "create" and not change.steps:
            paper = Paper(
                key=f"{entity[0].upper()}{len(self.papers) + 1}",
                entity=entity,
                reference=change.reference,
                fields=dict(unpack(pack(change.payload))),
                changed_at=self.clock.now(),
            )
            self.papers.append(paper)
            return self._done(paper, self.steps)
        paper_ = next((p for p in self._of(entity) if p.key == change.key), None)
        if paper_ is None:
            return Gone()
        if change.steps:
            paper_.steps_done |= set(change.steps)
            return self._done(paper_, ())
        if change.version is not None and change.version != str(paper_.version):
            return Stale()
        paper_.fields |= unpack(pack(change.payload))
        paper_.version += 1
        paper_.changed_at = self.clock.now()
        return self._done(paper_, ())

    def _done(self, paper: Paper, steps_left: Sequence[str]) -> Done:
        total = paper.fields.get("total")
        return Done(
            key=paper.key,
            version=str(paper.version),
            total=None if total is None else Decimal(str(total)),
            steps_left=tuple(steps_left),
        )

    def _one(self, found: Sequence[Paper]) -> Seen | Absent | Ambiguous:
        match len(found):
            case 0:
                return Absent(at=self.clock.now())
            case 1:
                return self._seen(found[0])
            case _:
                return Ambiguous(keys=tuple(p.key for p in found))

    def _seen(self, paper: Paper) -> Seen:
        return Seen(
            key=paper.key,
            version=str(paper.version),
            there=dict(paper.fields),
            item=dict(paper.fields),
            steps_left=tuple(s for s in self.steps if s not in paper.steps_done),
            reference=paper.reference,
            locked=paper.fields.get("locked") is True,
        )


class Memory(MemorySource, MemoryTarget):
    """A whole system in memory: `Source`, `Target` and `Probe` over the same papers."""

    def __init__(self, clock: Clock, *, steps: Sequence[str] = (), page: int = 100) -> None:
        super().__init__(clock, steps=steps)
        self.page = page
