"""The memory system as the contracts' worlds: an honest one passes, a liar is caught."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from connector import errors
from connector.ports import Probe, Source, Target
from connector.testing.clock import TestClock
from connector.testing.memory import Memory
from connector.values import Change

ENTITY = "order"
MINUTE = timedelta(minutes=1)
RAISED = {
    "denied": errors.Unauthorized("denied"),
    "broken_off": errors.Truncated("the page ends in the middle"),
}
FAULT = {"away": "away", "denied": "denied", "lost_reply": "cut"}


class MemoryWorld:
    """An Origin, a Destination and a Subject around one memory system of class *made*."""

    entity = ENTITY
    natural = "email"
    field = "note"

    def __init__(self, made: Callable[..., Memory] = Memory) -> None:
        self.clock = TestClock()
        self.memory = made(self.clock, page=2)
        self.memory.slot = self._in_time
        self.source: Source = self.memory
        self.target: Target = self.memory
        self.probe: Probe = self.memory
        self._wrong: set[str] = set()
        self.memory.fault = lambda change: "refuse" if change.reference in self._wrong else None

    def now(self) -> datetime:
        """The clock that the memory system was given."""
        return self.clock.now()

    def pause(self) -> datetime:
        """Let two minutes pass; the moment between them."""
        self.clock.pass_(MINUTE)
        between = self.clock.now()
        self.clock.pass_(MINUTE)
        return between

    def trouble(self, kind: str) -> None:
        """Let the system have it."""
        if kind == "second_step":
            self.memory.steps = ("confirm",)
            return
        self.memory.away = kind == "away"
        self.memory.trouble = RAISED.get(kind)
        self.memory.fault = lambda _: FAULT.get(kind)

    def have(self, count: int) -> list[str]:
        """Put *count* more documents there."""
        first = len(self.memory.papers)
        keys = [f"k{n}" for n in range(first, first + count)]
        for key in keys:
            self.memory.put(ENTITY, key, {"doc": {"total": Decimal("11.90"), "note": key}})
        return keys

    def change(self, key: str) -> None:
        """Write something new into one."""
        self.memory.put(ENTITY, key, {"doc": {"note": f"changed {len(self.memory.calls)}"}})

    def lose(self, key: str) -> None:
        """Drop one."""
        self.memory.drop(ENTITY, key)

    def create(self, reference: str, natural: str = "a@example.org") -> Change:
        """A create with a note, a natural key and a total."""
        payload = {"note": "", "total": Decimal("11.90"), "email": natural}
        return self._change(action="create", reference=reference, payload=payload)

    def update(self, key: str, value: str, version: str | None = None) -> Change:
        """An update of the note."""
        payload = {"note": value}
        return self._change(
            action="update", reference="t-1", payload=payload, key=key, version=version
        )

    def wrong(self, reference: str) -> Change:
        """A create that the system refuses."""
        self._wrong.add(reference)
        return self.create(reference)

    def stock(self, count: int) -> list[str]:
        """Put *count* documents there to be written in bulk."""
        return self.have(count)

    def write(self, key: str, value: str) -> Change:
        """An update of the note, known by its document."""
        payload = {"note": value}
        return self._change(action="update", reference=key, payload=payload, key=key)

    def unwanted(self, key: str) -> Change:
        """One that the system refuses."""
        self._wrong.add(key)
        return self.write(key, "refused")

    def held(self, key: str) -> str:
        """The note of a document."""
        return str(next(p for p in self.memory.papers if p.key == key).fields.get("note", ""))

    def missing(self) -> str:
        """A key of nothing."""
        return "k404"

    def close(self, key: str) -> None:
        """Lock a document."""
        next(p for p in self.memory.papers if p.key == key).fields["locked"] = True

    def count(self) -> int:
        """How many papers there are."""
        return len(self.memory.papers)

    def content(self) -> object:
        """All papers."""
        return [(p.key, p.version, dict(p.fields)) for p in self.memory.papers]

    def shift(self, by: timedelta) -> None:
        """Set the system's clock ahead."""
        self.memory.skew = by

    def _change(self, **fields: object) -> Change:
        send_before = self.clock.now() + MINUTE
        return Change(id=1, send_before=send_before, **fields)  # type: ignore[arg-type]

    def _in_time(self, send_before: datetime) -> None:
        if self.clock.now() >= send_before:
            raise errors.NotSent("too late")
