"""What the configuration says, as values: nothing here is looked up or resolved yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from connector.secret import Secrets
from connector.windows import Window
from connector.yamlread import Node


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How hard a connection may be worked; None leaves it to the profile."""

    concurrency: int | None = None
    timeout: timedelta | None = None
    per_second: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Webhooks:
    """What the system sends of its own accord: *secret* signs it, *url* is where it reaches us."""

    secret: Node = field(repr=False)
    url: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """One account of one system; *auth* and *parameters* stay raw for the adapter and profile."""

    name: str
    profile: str
    url: Node
    zone: ZoneInfo
    place: Node = field(repr=False)
    auth: Node | None = field(default=None, repr=False)
    parameters: Node | None = field(default=None, repr=False)
    lag: timedelta | None = None
    limits: Limits = Limits()
    identity: Mapping[str, str] = field(default_factory=dict)
    expect: str | None = None
    tls: Mapping[str, Path] = field(default_factory=dict)
    settle: timedelta = timedelta(minutes=15)
    closed: tuple[Window, ...] = ()
    webhooks: Webhooks | None = None
    tests: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Guests:
    """Which collective customer stands for a guest: *by* is an expression, *rows* its answers."""

    by: Node
    rows: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class MoneyRule:
    """When a total counts as equal, what follows, and whose totals are read back (*verify*)."""

    tolerance: Decimal = Decimal("0.05")
    currency: str | None = None
    within: Literal["record"] = "record"
    outside: Literal["hold"] = "hold"
    verify: Literal["all", "audit", "first", "share"] = "all"
    verify_number: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Amount:
    """How much of the stock is offered; *minus_unsent_orders* None: those of every order flow."""

    minus_unsent_orders: tuple[str, ...] | None = None
    measure: Literal["available", "on_hand"] = "available"
    buffer: int = 0
    percent: Decimal = Decimal(100)
    min: int = 0
    max: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Brakes:
    """What waits for a person.

    Stock: shares of all articles that become empty, or change, in a day.  Else: the first creates
    of a flow (None: as usual where nobody watches), creates in an hour, refusals in a row.
    """

    zeroed: Decimal = Decimal("0.05")
    changed: Decimal = Decimal("0.40")
    first: int | None = None
    per_hour: int | None = None
    same_error: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Flow:
    """One entity from one connection to another; *guests* None makes each guest a customer."""

    name: str
    entity: str
    source: str
    target: str
    place: Node = field(repr=False)
    mode: Literal["create", "on_demand", "link_only", "sync"] = "create"
    create: bool = False
    match: tuple[str, ...] = ()
    guests: Guests | None = None
    start: datetime | None = None
    every: timedelta | str = timedelta(minutes=5)
    reference: Node | None = None
    only: Mapping[str, tuple[str, ...]] | Node | None = None
    wait: timedelta = timedelta(0)
    money: MoneyRule = MoneyRule()
    unknown_product: str = "hold"
    owner: Mapping[str, str] = field(default_factory=dict)
    warehouses: tuple[str, ...] = ()
    amount: Amount = Amount()
    brakes: Brakes = Brakes()
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempts:
    """How often and how far apart a failing delivery is tried; the last wait repeats."""

    pattern: tuple[timedelta, ...] = tuple(timedelta(seconds=s) for s in (10, 60, 600, 3600))
    most: int = 12
    doubt_alarm: timedelta = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Web:
    """What others may see of the daemon; *listen* None: it has no listener."""

    listen: tuple[str, int] | None = None
    heartbeat: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Fresh:
    """Within which time something must be confirmed; *during*: from when to when, every day."""

    within: timedelta
    during: tuple[time, time] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class When:
    """What is told: *text* as it was written; *after*: once it has lasted longer than that."""

    text: str
    word: str
    after: timedelta | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """Whom to tell, by an address that may be secret, and what."""

    url: Node = field(repr=False)
    when: tuple[When, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Keep:
    """How long content, attempts and proof are kept once a document is done."""

    payloads: timedelta
    attempts: timedelta
    proof: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """Everything that `config.yaml` says, validated; secrets are still only named in it."""

    file: Path
    ledger: Node
    secrets: Secrets
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    mappings: tuple[Path, ...] = ()
    connections: Mapping[str, Connection] = field(default_factory=dict)
    flows: Mapping[str, Flow] = field(default_factory=dict)
    attempts: Attempts = Attempts()
    keep: Keep | None = None
    web: Web = Web()
    fresh: Mapping[str, Fresh] = field(default_factory=dict)
    alerts: tuple[Alert, ...] = ()
