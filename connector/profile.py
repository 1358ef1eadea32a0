"""A compiled profile: what `mappings/<profile>/*.yaml` says, ready for adapters and the engine.

`connector.mapping` builds these; adapters and the flow read them. All expressions are `Template`s.
Names a template may use (design §5): read: the payload's own members; write and config:
`doc conn reference`; actions: also `payload key reply there item value references version http`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from connector.errors import FieldErrors
from connector.ports import Template
from connector.values import Payload

# What rules may name of the fault of a reply that has none.
NO_FAULT: Mapping[str, object] = {"code": "", "subcode": "", "text": "", "detail": None}


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorRule:
    """One row of `errors`: the first whose *when* holds decides. *outcome* is one of

    done refused exists stale gone unavailable unauthorized in_doubt, for find and get also absent.
    Names: `reply` (parsed body or None), `http.status`, `fault.code`, `fault.text`, `key`.
    *of_fault*: it asks for the fault alone, and does not hold where there is none.
    """

    when: Template | None
    outcome: str
    code: Template | None = None
    message: Template | None = None
    key: Template | None = None
    of_fault: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "of_fault", self.when is not None and _is_of_fault(self.when))


class _NoFault(Mapping[str, object]):
    """The names of a reply without a fault, of which nothing else is known yet."""

    def __init__(self) -> None:
        self.asked_for_more = False

    def __getitem__(self, name: str) -> object:
        if name == "fault":
            return NO_FAULT
        self.asked_for_more = True
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        self.asked_for_more = True
        return iter(())

    def __len__(self) -> int:
        self.asked_for_more = True
        return 0


def _is_of_fault(when: Template) -> bool:
    names = _NoFault()
    try:
        holds = bool(when(names))
    except (FieldErrors, LookupError):
        return False
    return not holds and not names.asked_for_more


SendAs = Literal["json", "form", "xml"]  # how a body travels


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One call of an action. REST: *method*, *path*, *query*, *body*; SOAP: *op*, *args*.

    *send_as*: how that body travels.
    *decode*: path in the reply to `xml` or `json`, which a string there holds.
    """

    name: str
    op: str | None = None
    args: Template | None = None
    service: str | None = None
    method: str | None = None
    path: Template | None = None
    query: Template | None = None
    body: Template | None = None
    when: Template | None = None
    key: Template | None = None
    version: Template | None = None
    total: Template | None = None
    done_when: Template | None = None
    headers: Template | None = None
    send_as: SendAs = "json"
    decode: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bulk:
    """How one call carries many changes (capability `bulk` says how many).

    *group*: what the changes of one call share, its templates see it as `group` (None: nothing);
    *row*: one change in the body, which sees them all as `rows`; *id*: how a row names it.
    *answers*: the list in `reply`; *answer*: the id that one (`item`) names, None: in the order of
    the rows; *error*: what is wrong with it, judged as a reply of its own, with HTTP *status*.
    """

    row: Template
    answers: Template
    group: Template | None = None
    id: Template | None = None
    answer: Template | None = None
    error: Template | None = None
    status: Template | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """What is done for one word of `actions`: find, get, list, match.<field>, create, update, ….

    *batch*: how many references or keys one call takes (`references` / `keys` in its names).
    *items*: list of items in the reply; *item*: the single one; *found*: its key or none;
    *verify*: must hold for a hit; *reference*: reads our reference from `item`; *at*: when `item`
    of a list by birth was born.
    *instead*: of `below`: its rows take the place of the row above; *into*: they stand in that
    member of it; *wanted*: is it read at all, by `conn` alone (None: yes).
    *can*: fields of `write` that an update may carry (None: all); *along*: those that every update
    carries too; *versioned*: it says which version it changes. *next*: calls a list's pages after
    the first. *missing*: SOAP's omit|nil|empty.
    """

    name: str
    steps: tuple[Step, ...]
    missing: Literal["omit", "nil", "empty"] = "omit"
    batch: int = 1
    items: Template | None = None
    item: Template | None = None
    found: Template | None = None
    verify: Template | None = None
    reference: Template | None = None
    at: Template | None = None
    instead: bool = False
    into: str | None = None
    wanted: Template | None = None
    can: frozenset[str] | None = None
    along: frozenset[str] = frozenset()
    versioned: bool = False
    bulk: Bulk | None = None
    next: Step | None = None
    errors: tuple[ErrorRule, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Walk:
    """How a list is paged. Sizes in rows, *resolution* of its times.

    watermark: by time of change. page, offset: by number, from the last to the first. bookmark,
    cursor, more, index, link: onward from what a reply hands over. window: by spans of time.
    *bound*: is a row at exactly the bound given (inclusive) or not. *form*: strftime of a bound.
    *place more carry pages total*: read from a reply. *most*: pages that no honest list has.
    """

    type: Literal[
        "watermark", "page", "offset", "bookmark", "cursor", "more", "index", "link", "window"
    ] = "page"
    size: int = 100
    resolution: timedelta = timedelta(seconds=1)
    bound: Literal["exclusive", "inclusive"] = "exclusive"
    form: str | None = None
    first: int = 1
    place: Template | None = None
    more: Template | None = None
    carry: Mapping[str, Template] = field(default_factory=dict)
    pages: Template | None = None
    total: Template | None = None
    window: timedelta | None = None
    most: int = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Capabilities:
    """What a system can and cannot do; every default is the cautious answer."""

    identity: Literal["upsert", "find_first", "server_unique", "none"] = "none"
    changes: Mapping[str, str] = field(default_factory=dict)
    op_class: Mapping[str, str] = field(default_factory=dict)
    refuses_with: frozenset[int] = frozenset()
    bulk: Mapping[str, int] = field(default_factory=dict)
    bulk_atomic: bool = False
    returns_total: bool = False
    reserves_at: Literal["create", "validate", "ship"] | None = None
    reference_length: int = 40
    reference_charset: str = r"[A-Za-z0-9_.:/-]"
    reference_folding: Literal["none", "case"] = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How hard a product may be worked where its connection says nothing."""

    concurrency: int = 1
    timeout: timedelta = timedelta(seconds=60)
    per_second: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Entity:
    """One `<entity>.yaml`, compiled.

    *key version birth gone* and *document* judge a payload read from this system; *there* reads an
    item of this system into canonical fields, partially (only what `read` names); *write* renders a
    document into this system's payload; *locked* (`locked_when`) and *reserved*
    (`reserved_when`) are judged on `there`.
    """

    name: str
    actions: Mapping[str, Action]
    errors: tuple[ErrorRule, ...] = ()
    walk: Walk = Walk()
    key: Template | None = None
    version: Template | None = None
    birth: Template | None = None
    gone: Template | None = None
    locked: Template | None = None
    reserved: Template | None = None
    there: Callable[[Payload], Payload] | None = None
    list_name: str | None = None
    read_digest: str = ""
    write_digest: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlay:
    """What is laid over every call after the stored payload; only here credentials have names.

    Names: `conn` with `conn.auth`, `session`, `now`, `nonce` (fresh for each call), `vars` of them,
    and in HTTP's headers `request` (method, url, path, query, body): what is signed.
    """

    vars: Mapping[str, Template] = field(default_factory=dict)
    args: Template | None = None
    headers: Template | None = None
    http_headers: Template | None = None
    query: Template | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A login that later calls refer to. *save*: what its reply gives, as `session.NAME`.

    *expired* judges a reply: true is a refusal that surely preceded all work. *hosts*: where else
    than to the connection's host the login may lead.
    """

    login: Step
    save: Mapping[str, Template] = field(default_factory=dict)
    cookies: bool = False
    expired: Template | None = None
    lasts: timedelta | None = None
    logout: Step | None = None
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """One SOAP service: its WSDL, its port, and the endpoint that replaces the WSDL's.

    *addressing*: its messages carry WS-Addressing; *catalog*: address to file beside the WSDL;
    *svcmap*: such a list by Visual Studio; *patches*:
    pattern and replacement, laid over its files before they are parsed; *args*, *headers*: laid
    over those of the profile in each of its calls; *lists*: names that stand for lists in what no
    schema describes; *ns*: prefixes of the profile, beside those of the WSDL.
    """

    wsdl: Path
    endpoint: Template
    port: str | None = None
    encoded: bool = False
    addressing: bool = False
    catalog: Mapping[str, str] = field(default_factory=dict)
    svcmap: Path | None = None
    patches: tuple[tuple[str, str], ...] = ()
    args: Template | None = None
    headers: Template | None = None
    lists: frozenset[str] = frozenset()
    ns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscriptions:
    """How the webhooks that a product keeps are listed, made and removed.

    *key topic to active* read an `item` of the list; making knows `topic url secret`, removing
    `key`. *topics*: what must be heard of an entity.
    """

    listed: Action
    made: Action
    removed: Action
    key: Template
    topic: Template
    to: Template
    active: Template
    topics: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Webhooks:
    """How the product signs what it sends of its own accord, and how that names a document.

    *header* carries *prefix* and the HMAC of the raw body. *ping*: the one field of an unsigned
    form body that asks nothing. Names: `headers` (lower case), `body` (parsed JSON).
    """

    header: str
    entity: Template
    key: Template
    version: Template | None = None
    algorithm: str = "sha256"
    encoding: Literal["base64", "hex"] = "base64"
    prefix: str = ""
    ping: str | None = None
    kept: Subscriptions | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """A product as YAML describes it, compiled for one connection.

    *credentials*: the names that its templates take of `conn.auth`.  *replies*: how they are read;
    *lists*: the elements that are lists in them.
    """

    name: str
    version: str
    protocol: str
    folder: Path
    entities: Mapping[str, Entity]
    base: Template | None = None
    auth: tuple[str, ...] = ()
    overlay: Overlay = Overlay()
    session: Session | None = None
    credentials: frozenset[str] = frozenset()
    services: Mapping[str, Service] = field(default_factory=dict)
    errors: tuple[ErrorRule, ...] = ()
    probe: Mapping[str, Action] = field(default_factory=dict)
    capabilities: Capabilities = Capabilities()
    limits: Limits = Limits()
    lag: timedelta = timedelta(minutes=2)
    times: Literal["utc", "connection"] = "utc"
    empty: Literal["null", "keep"] = "keep"
    numbers: Literal["text", "json"] = "text"
    replies: Literal["json", "xml"] = "json"
    lists: frozenset[str] = frozenset()
    identity: Mapping[str, Template] = field(default_factory=dict)
    webhooks: Webhooks | None = None
    digest: str = ""
