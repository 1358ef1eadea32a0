"""The keys of a stock flow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set

from connector import forms, spelled
from connector.configured import Amount, Flow
from connector.forms import Form, Key, choice, report, section, series, text
from connector.nearest import cure_for
from connector.problems import Problems

AMOUNT: Form = {
    "minus_unsent_orders": Key(
        series(text()), "flows of orders that the source may not count yet; left out: all into it"
    ),
    "measure": Key(choice("available", "on_hand"), "which of the source's figures is meant"),
    "buffer": Key(text(spelled.count), "pieces that are never offered"),
    "percent": Key(text(spelled.percent), "share of the rest that is offered"),
    "min": Key(text(spelled.count), "never offer less"),
    "max": Key(text(spelled.count), "never offer more"),
}
WAREHOUSES = Key(series(text()), "the source's warehouses that are offered; left out: all")
AMOUNTS = Key(section(AMOUNT, lambda got: Amount(**got)), "how much of the stock is offered")


def check_stock(flows: Iterable[Flow], lost: Set[str], problems: Problems) -> None:
    """What a stock flow names is there, and fits; of flows that are *lost* nobody knows."""
    known = list(flows)
    for flow in known:
        if flow.entity == "stock":
            _check_orders(flow, known, lost, problems)
            _check_range(flow, problems)


def _check_orders(flow: Flow, flows: Sequence[Flow], lost: Set[str], problems: Problems) -> None:
    """The orders that are subtracted go where the stock comes from."""
    node = forms.inside(flow.place, "amount").get("minus_unsent_orders")
    fitting = [f.name for f in flows if f.entity == "order" and f.target == flow.source]
    names = node.value if node is not None and isinstance(node.value, list) else []
    for name in names:
        if name.value not in (*fitting, *lost):
            message = f"`{name.value}` is no flow of orders into {flow.source}"
            report(problems, name, message, cure_for(str(name.value), fitting, "flow"))


def _check_range(flow: Flow, problems: Problems) -> None:
    most = flow.amount.max
    if most is not None and most < flow.amount.min:
        place = forms.members(flow.place)["amount"]
        report(problems, place, "`max` is below `min`", "make `max` at least as large")
