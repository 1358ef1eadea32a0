"""What a run of a stock flow works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connector.errors import Bug
from connector.flow.flows import Flow
from connector.flow.levels import StockRules
from connector.ledger.store import Ledger
from connector.ports import Clock, Gate, Source, Target


@dataclass(frozen=True, kw_only=True, slots=True)
class Stocking:
    """What a stock flow works with. *books*: the source again, as where its orders' documents are.

    *pull*: reads an order flow up to now, in that flow's own turn (P3).
    """

    flow: Flow
    source: Source
    books: Target
    shop: Target
    ledger: Ledger
    gate: Gate
    clock: Clock
    orders: Mapping[str, Flow]
    pull: Callable[[Flow], object]

    @property
    def rules(self) -> StockRules:
        """What the flow offers."""
        return rules_of(self.flow)


def rules_of(flow: Flow) -> StockRules:
    """The rules of a stock flow."""
    if flow.stock is None:
        raise Bug(f"{flow.name} is no stock flow")
    return flow.stock
