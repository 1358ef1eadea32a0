"""A flow, ready to run: one entity from one connection to another, and all its steps need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, Protocol

from connector.documents import Document
from connector.flow.brakes import Brakes
from connector.flow.levels import StockRules
from connector.ports import Template
from connector.profile import Capabilities
from connector.values import Payload, Ref, Tree


class Reader(Protocol):
    """The compiled `key version birth gone read` of an entity; see connector.mapping.read."""

    @property
    def digest(self) -> str: ...
    def key(self, payload: Payload) -> str: ...
    def version(self, payload: Payload) -> str | None: ...
    def birth(self, payload: Payload) -> str: ...
    def gone(self, payload: Payload) -> bool: ...
    def document(self, payload: Payload) -> Document: ...
    def partial(self, payload: Payload) -> Mapping[str, object]: ...


class Writer(Protocol):
    """The compiled `write` of an entity; see connector.mapping.write."""

    @property
    def digest(self) -> str: ...
    @property
    def references(self) -> frozenset[str]: ...
    def payload(
        self,
        doc: Document,
        *,
        conn: Mapping[str, object],
        reference: str,
        there: Callable[[Ref], str],
    ) -> Mapping[str, Tree]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class MoneyRules:
    """The money guard: *tolerance* in the document's currency; what one outside it does."""

    tolerance: Decimal = Decimal("0.05")
    outside: Literal["hold", "record"] = "hold"
    verify: str = "all"


@dataclass(frozen=True, kw_only=True, slots=True)
class AttemptRules:
    """How often and after which waits a refused change is tried again; the last wait repeats."""

    pattern: tuple[timedelta, ...] = (
        timedelta(seconds=10),
        timedelta(minutes=1),
        timedelta(minutes=10),
        timedelta(hours=1),
    )
    most: int = 12

    def wait(self, attempts: int) -> timedelta:
        """How long to wait after the *attempts*-th failure (counted from 1)."""
        return self.pattern[min(attempts, len(self.pattern)) - 1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Flow:
    """One flow of the configuration, compiled.

    *settle* and *timeout* are the target's, *lag* the source's.  *can*: fields of `write` that an
    update may carry (None: all, empty: there is no update); *along*: those that each carries too;
    *versioned*: an update names the version that it changes.  *guests*: how an order without
    customer gets one: None (as it stands), "each", or a template giving the target's number.
    *children*: the flows that deliver what an order brings along, by entity, in their order.
    *creates*: what is not there is made; else left alone.  *accepted*: a person took its first
    linking for complete (S1).  *stock*: what it offers.
    """

    name: str
    entity: str
    source: str
    target: str
    reader: Reader
    writer: Writer | None
    conn: Mapping[str, object]
    settle: timedelta
    timeout: timedelta
    lag: timedelta
    capabilities: Capabilities = field(default_factory=Capabilities)
    mode: Literal["sync", "on_demand", "link_only"] = "sync"
    creates: bool = True
    match: tuple[str, ...] = ()
    start: datetime | None = None
    reference: Template | None = None
    only: Callable[[Document], bool] | None = None
    wait: timedelta = timedelta(0)
    guests: Template | Literal["each"] | None = None
    customers: str | None = None
    children: Mapping[str, Flow] = field(default_factory=dict)
    unknown_product: str = "hold"
    money: MoneyRules = MoneyRules()
    attempts: AttemptRules = AttemptRules()
    can: frozenset[str] | None = frozenset()
    along: frozenset[str] = frozenset()
    versioned: bool = False
    steps: tuple[str, ...] = ()
    finds: bool = True
    gets: bool = True
    matches: frozenset[str] = frozenset()
    slots: int = 1
    lane: str = "live"
    installation: str = ""
    profile_digest: str = ""
    accepted: bool = False
    brakes: Brakes = field(default_factory=Brakes)
    stock: StockRules | None = None

    @property
    def call_window(self) -> timedelta:
        """How long after its intent a call may still be begun (S3)."""
        return max(2 * self.timeout, timedelta(seconds=2))

    @property
    def lease(self) -> timedelta:
        """S3: how long nobody else touches a record that we have in hand."""
        return self.call_window + self.timeout + self.settle


def dependencies(flow: Flow, flows: Sequence[Flow]) -> list[Flow]:
    """The flows of the same pair that deliver what *flow*'s `write` refers to, nearest first."""
    wanted = flow.writer.references if flow.writer else frozenset()
    return [
        other
        for other in flows
        if other.entity in wanted
        and (other.source, other.target) == (flow.source, flow.target)
        and other.name != flow.name
    ]


def line_of(flow: Flow, flows: Mapping[str, Flow]) -> list[Flow]:
    """The flows of one delivery: what *flow* needs, itself, what its documents bring with them."""
    after = [flows[child.name] for child in flow.children.values()]
    return [*dependencies(flow, list(flows.values())), flow, *after]
