"""The vocabulary of the engine: closed unions of frozen values (design §3).

Keys are strings, times aware UTC, money Decimal; a payload is a tree of dicts, lists and leaves
(str, Decimal, int, bool, datetime, date, None) in a system's own form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

Leaf = str | Decimal | int | bool | datetime | date | None
Tree = Leaf | Mapping[str, "Tree"] | Sequence["Tree"]
Payload = Mapping[str, Tree]

FARTHEST = 400  # where a number has its first digit at most: one of 1e999999999 fills the memory


# ── what a source gives ─────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One record as read: its key, its version (None: the source has none) and its raw slice."""

    key: str
    version: str | None
    raw: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Tombstone:
    """The source says, with working credentials, that this key is gone."""

    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """A piece of a page that cannot be read; *key* if it could at least be named."""

    at: str
    code: str
    raw: bytes
    key: str | None = None


Read = Item | Tombstone | Broken


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A page of reads; *cursor* (JSON text, the adapter's own) resumes after it.

    *began* is when its request was sent (ours), *complete* says that the walk ends here.
    """

    items: tuple[Read, ...]
    cursor: str
    complete: bool
    began: datetime


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Ref:
    """A typed reference to another document of the same source."""

    entity: str
    key: str


# ── what is known of a record in its target ─────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True, slots=True)
class New:
    """Never sent, and trusted to be unknown there (S1): may be created without looking."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unsure:
    """Not enough is known; absence counts only when asked after *since* + settle."""

    why: str
    since: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Linked:
    """Linked, and the base (the `write` last acknowledged) is known."""

    key: str
    version: str | None
    base: Payload
    steps_left: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """Just read there. *there*: canonical fields by its `read`; *item*: in the target's own form.

    *base*: the `write` last acknowledged, as far as the engine knows it (adapters leave it None).
    *steps_left*: named steps of create whose `done_when` does not hold; *locked*: closed there;
    *reserved*: does its stock count this order (None: the profile does not say).
    """

    key: str
    version: str | None
    there: Payload
    item: Payload
    base: Payload | None = None
    steps_left: tuple[str, ...] = ()
    locked: bool = False
    reserved: bool | None = None
    reference: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Absent:
    """Asked at *at* and not there; calls given up on since *since* may still commit."""

    at: datetime
    since: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ambiguous:
    """More than one there answers to our reference (duplicate) or a match key (ambiguous)."""

    keys: tuple[str, ...]  # none, where the target says only that there are several
    reason: Literal["duplicate", "ambiguous"] = "duplicate"

    def told(self, what: str) -> str:
        """How many they are, *what* of them, and their keys as far as they are known."""
        if not self.keys:
            return f"several documents {what}"
        return f"{len(self.keys)} documents {what}: {', '.join(self.keys)}"


Known = New | Unsure | Linked | Seen | Absent | Ambiguous


# ── the one next step ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True, slots=True)
class Create:
    """Create it there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Update:
    """Write these fields of the rendered `write` (names of its top level)."""

    key: str
    version: str | None
    fields: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Resume:
    """Do the steps of a create that are still undone."""

    key: str
    steps: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Adopt:
    """Link what is there; whatever differs is a later step."""

    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """Ask the target first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait:
    """Come back at *until*."""

    until: datetime
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """Somebody or something must act; *reason* is of the closed list, *needs* names the cure."""

    reason: str
    needs: str
    on: tuple[Ref, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Nothing:
    """Nothing is to be done; *reason* is of the closed list of `done`."""

    reason: str


Decision = Create | Update | Resume | Adopt | Look | Wait | Hold | Nothing


# ── what came of a change ───────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One change to make, as its intent stores it.

    *action* names the profile's action (create, update, …); *steps*: only these of it (Resume).
    *send_before*: not a byte is written after this (S3).
    """

    id: int
    action: str
    reference: str
    payload: Payload
    send_before: datetime
    key: str | None = None
    version: str | None = None
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Money:
    """An amount and its currency (ISO 4217)."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """It happened. *steps_left*: named steps of the action that did not."""

    key: str
    version: str | None = None
    total: Decimal | None = None
    warnings: tuple[str, ...] = ()
    steps_left: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """The target said no, and did nothing. *code* is the target's, *at* the step or field.

    *said*: its words, which may speak of persons: content, for the ledger alone.
    """

    code: str
    at: str = ""
    said: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Exists:
    """The target says that it has it already, under *key* if it tells."""

    key: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Stale:
    """The version we hold is not the one there; nothing was written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gone:
    """The document is no longer there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unavailable:
    """Surely not executed; ask again after *wait* (None: the engine's own backoff).

    *busy*: the system is there, and says that it takes no more calls just now.
    """

    wait: timedelta | None = None
    why: str = ""
    busy: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Unauthorized:
    """Surely not executed: credentials or rights were refused."""

    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class InDoubt:
    """It may have happened. *key*: what a step that surely happened told (step 2 in doubt).

    *said*: as for Refused.
    """

    why: str
    key: str | None = None
    said: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class NotSent:
    """Withdrawn before its first byte: too late, stopping, or the breaker is open."""

    why: str


Outcome = Done | Refused | Exists | Stale | Gone | Unavailable | Unauthorized | InDoubt | NotSent


# ── what a system says of itself, unasked ───────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True, slots=True)
class Hint:
    """A signed word that a document changed: nothing but a reason to read it soon."""

    entity: str
    key: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Ping:
    """A word that asks nothing of us: answered, and nothing is kept."""


@dataclass(frozen=True, slots=True)
class Forged:
    """A word whose signature is not its system's."""


Heard = Hint | Ping | Forged


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscription:
    """One webhook as its system keeps it: what of, where *to*, and whether it is *active*."""

    key: str
    topic: str
    to: str
    active: bool


# ── what a probe finds ──────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """What a system says of itself: who it is, its clock's skew, and complaints with a cure.

    *identity* holds host, company and account as far as the profile reads them.
    """

    identity: Mapping[str, str]
    skew: timedelta | None = None
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
