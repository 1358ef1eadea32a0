"""What the first run of a flow would do, and what could go wrong with it; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from connector.documents import (
    BOOKED,
    CHILDREN,
    Customer,
    Document,
    Invoice,
    Order,
    OrderPayment,
    Product,
    Refund,
    Stock,
)
from connector.flow.draft import fitted, reference
from connector.flow.flows import Flow
from connector.values import Ref

_DAY = datetime(2026, 12, 1, 12, tzinfo=UTC)
_ORDER = Ref(entity="order", key="100200")
EXAMPLES: Mapping[str, Document] = {
    "order": Order(
        number="100200", status="confirmed", placed_at=_DAY, currency="EUR", total=Decimal("1.00")
    ),
    "customer": Customer(number="100200"),
    "product": Product(sku="SKU-100200"),
    "stock": Stock(sku="SKU-100200"),
    "refund": Refund(order=_ORDER, amount=Decimal("1.00")),
    "invoice": Invoice(
        order=_ORDER, status="open", issued_at=_DAY, currency="EUR", total=Decimal("1.00")
    ),
    "payment": OrderPayment(order=_ORDER, paid_at=_DAY, amount=Decimal("1.00"), currency="EUR"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Outlook:
    """A flow's first run in a few lines, and the warnings to it."""

    flow: str
    says: tuple[str, ...]
    warnings: tuple[str, ...] = field(default=())


def outlook(flow: Flow, flows: Mapping[str, Flow], born: datetime | None, now: datetime) -> Outlook:
    """Say what the first run of *flow* would do; *born*: when the ledger was created, if it is."""
    says = [_creates(flow, born)]
    if flow.start is not None and flow.start > now:
        says.append("its start is still to come: what is born before then is never created by it")
    warnings = [*_unserved(flow, flows), *_unmatched(flow)]
    if flow.mode != "link_only" and flow.entity != "stock":
        parents = [f for f in flows.values() if flow.name in {c.name for c in f.children.values()}]
        minted = minted_example(flow, *parents[:1])
        says.append(f"its reference there is like {minted}, at most "
                    f"{flow.capabilities.reference_length} characters")  # fmt: skip
        warnings += _unfit(flow, minted)
        says.append(_settles(flow))
        warnings += _unsettled(flow)
        says.append(
            f"a record in hand is given free {_time(flow.lease)} after its claim, if we die"
        )
        warnings += _hasty(flow)
    return Outlook(flow=flow.name, says=tuple(says), warnings=tuple(warnings))


def _creates(flow: Flow, born: datetime | None) -> str:
    asked = [by for by in flow.match if by in flow.matches]
    looks = f"looks for each by {', '.join(asked)} first" if asked else ""
    if flow.entity == "stock":
        return "creates nothing; sets the level of each article whose SKU a product there carries"
    match flow.mode:
        case "link_only":
            return f"creates no {flow.entity}; {looks or 'links nothing: it has no `match`'}"
        case "on_demand" if flow.entity in CHILDREN:
            since = f" placed since {flow.start:%Y-%m-%d %H:%M} UTC" if flow.start else ""
            return (
                f"creates every {flow.entity} of an order that is there{since}; "
                "they are read with their orders"
            )
        case "on_demand":
            return f"creates a {flow.entity} when another document needs it{looks and '; ' + looks}"
        case _:
            since = "any time" if flow.start is None else f"{flow.start:%Y-%m-%d %H:%M} UTC"
            first = "; what was born before the ledger is looked for first" if (
                born is None or flow.start is None or flow.start < born
            ) else ""  # fmt: skip
            return f"creates every {flow.entity} born since {since}{looks and '; ' + looks}{first}"


def minted_example(flow: Flow, parent: Flow | None = None) -> str:
    """The reference that an example document would get, before it is made to fit.

    *parent*: the flow of the orders that bring it along, whose reference it continues.
    """
    if parent is not None:
        return f"{minted_example(parent)}/{flow.entity if flow.entity in BOOKED else '1'}"
    wide = replace(flow.capabilities, reference_length=10_000, reference_charset=r"(?s:.)")
    return reference(EXAMPLES[flow.entity], "100200", replace(flow, capabilities=wide))


def _unfit(flow: Flow, minted: str) -> list[str]:
    if fitted(minted, flow) == minted:
        return []
    kind = flow.capabilities.reference_charset
    return [f"its reference does not fit there ({len(minted)} characters; allowed are "
            f"{flow.capabilities.reference_length} of {kind}): people would see a digest of it; "
            "shorten `reference:`"]  # fmt: skip


def _unserved(flow: Flow, flows: Mapping[str, Flow]) -> list[str]:
    pair = (flow.source, flow.target)
    served = {f.entity for f in flows.values() if (f.source, f.target) == pair}
    wanted = flow.writer.references if flow.writer else frozenset()
    return [
        f"its `write` names a {entity}, and no flow carries {entity} from {flow.source} to "
        f"{flow.target}: each {flow.entity} with one would wait for ever; add such a flow"
        for entity in sorted(wanted - served)
    ]


def _unmatched(flow: Flow) -> list[str]:
    """What is not looked for would be created again beside what is there."""
    return [
        f"{flow.target} cannot be asked for a {flow.entity} by {by}, so `match` does not look for "
        f"it: link those that are there with `connector link import`"
        for by in flow.match
        if by not in flow.matches
    ]


def _has_key(flow: Flow) -> bool:
    return flow.capabilities.identity == "upsert" and not flow.steps


def _settles(flow: Flow) -> str:
    if flow.finds:
        return f"a call without answer is looked up by its reference after {_time(flow.settle)}"
    if _has_key(flow):
        return "a call without answer is sent again: the target knows its key"
    return "a call without answer waits for a person's answer"


def _unsettled(flow: Flow) -> list[str]:
    if flow.finds or _has_key(flow):
        return []
    return ["it can neither be found there nor has it a key of ours: at most once plus a person"]


def _hasty(flow: Flow) -> list[str]:
    if flow.settle >= flow.timeout:
        return []
    return [f"`settle` ({_time(flow.settle)}) is shorter than the timeout of a call "
            f"({_time(flow.timeout)}): a call given up may still be executed"]  # fmt: skip


def _time(span: timedelta) -> str:
    seconds = span.total_seconds()
    return f"{seconds / 60:g} min" if seconds >= 120 else f"{seconds:g} s"
