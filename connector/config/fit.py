"""What must fit together in a configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from datetime import timedelta

from connector import forms
from connector.config.flows import ENTITIES
from connector.configured import Connection, Flow
from connector.documents import BOOKED, CHILDREN
from connector.forms import report
from connector.nearest import cure_for
from connector.problems import Problems
from connector.windows import never_open
from connector.yamlread import Node

# Keys that mean something only for these entities, or only in these modes.
_ENTITIES_OF = {
    "guests": ("customer",),
    "match": ("customer", "product"),
    "money": ("order", "invoice"),
    "unknown_product": ("order", "invoice"),
    "create": ("product",),
    "owner": ("customer", "product"),
    "mode": ("customer", "product", "order", *CHILDREN),
    "start": ("customer", "product", "order", *BOOKED),
    "wait": ("customer", "product", "order"),
    "reference": ("customer", "product", "order"),
    "warehouses": ("stock",),
    "amount": ("stock",),
}
_MODES_OF = {
    "every": ("create", "link_only", "sync"),
    "create": ("sync",),
    "start": ("create",),
    "wait": ("create", "sync"),
    "only": ("create", "sync"),
    "brakes": ("create", "on_demand", "sync"),
    "reference": ("create", "on_demand"),
}


def check_ends(node: Node, problems: Problems) -> None:
    """Every flow goes from one connection that is there to another."""
    sections = node.value if isinstance(node.value, dict) else {}
    raw = {word: child.value for word, child in sections.items() if isinstance(child.value, dict)}
    names = raw.get("connections", {})
    for flow in raw.get("flows", {}).values():
        members = flow.value if isinstance(flow.value, dict) else {}
        ends = [members[word] for word in ("from", "to") if word in members]
        for end in ends:
            if isinstance(end.value, str) and end.value not in names:
                cure = cure_for(end.value, names, "connection")
                report(problems, end, f"no connection is named `{end.value}`", cure)
        if len(ends) == 2 and ends[0].value == ends[1].value:
            report(problems, ends[1], "is where it comes from", "name the other connection")


def check_flows(flows: Iterable[Flow], problems: Problems) -> None:
    """No flow lacks what its mode needs, or doubles another."""
    first: dict[tuple[str, str, str], str] = {}
    for flow in flows:
        given = forms.members(flow.place)
        if (
            flow.entity != "stock"
            and flow.mode == "create"
            and not {"mode", "start"} & given.keys()
        ):
            cure = "add `start: 2026-12-01T00:00:00+01:00`; older documents are left alone"
            report(problems, flow.place, "creates of itself, so it needs a `start`", cure)
        if flow.mode == "sync" and flow.entity != "product":
            cure = "leave `mode` out, or write on_demand or link_only"
            report(problems, given["mode"], f"cannot be sync for {flow.entity}", cure)
        _check_fit(flow, given, problems)
        other = first.setdefault((flow.entity, flow.source, flow.target), flow.name)
        if other != flow.name:
            cure = "remove one, or send it to another connection"
            report(problems, flow.place, f"delivers the same documents as `{other}`", cure)


def check_children(flows: Iterable[Flow], lost: Set[str], problems: Problems) -> None:
    """What comes with its order, a flow of it reads nothing of itself.

    Whether a flow that is *lost* carries the orders, nobody knows.
    """
    flows = list(flows)
    orders = {(f.source, f.target) for f in flows if f.entity == "order"}
    for flow in flows:
        if flow.entity not in CHILDREN:
            continue
        if flow.mode != "on_demand":
            cure = "add `mode: on_demand`"
            report(problems, flow.place, f"{flow.entity}s are read with their orders", cure)
        if flow.entity in BOOKED and flow.start is None:
            cure = "add `start: 2026-12-01T00:00:00+01:00`; orders placed before bring none"
            report(problems, flow.place, f"books {flow.entity}s, so it needs a `start`", cure)
        if (flow.source, flow.target) not in orders and not lost:
            cure = "add the flow of orders between the same connections"
            report(problems, flow.place, "has no flow of orders beside it", cure)


def _check_fit(flow: Flow, given: Mapping[str, Node], problems: Problems) -> None:
    for word, child in given.items():
        if flow.entity not in _ENTITIES_OF.get(word, ENTITIES):
            report(
                problems, child, f"`{word}` does nothing in a flow of {flow.entity}", "remove it"
            )
        booked = word == "start" and flow.entity in BOOKED
        if flow.mode not in _MODES_OF.get(word, (flow.mode,)) and not booked:
            report(problems, child, f"`{word}` does nothing in mode {flow.mode}", "remove it")


def check_times(connections: Iterable[Connection], alarm: timedelta, problems: Problems) -> None:
    """Deadlines, settle times and alarm ages do not contradict each other."""
    for connection in connections:
        place, settle = connection.place, connection.settle
        given = forms.members(place)
        if connection.closed and never_open(connection.closed, connection.zone):
            report(problems, given["closed"], "leaves no time in the week", "leave some of it open")
        if connection.lag is not None and connection.lag < timedelta(seconds=1):
            cure = "write at least 1s: times of shops have whole seconds"
            report(problems, given["lag"], "is shorter than a second", cure)
        timeout = connection.limits.timeout
        if timeout is not None and timeout <= timedelta(0):
            report(problems, given["limits"], "timeout is no time at all", "write for example 60s")
        if timeout is not None and settle < timeout:
            cure = "make `settle` at least as long as `limits.timeout`"
            message = "is shorter than the timeout: a call given up may still be executed"
            report(problems, given.get("settle", place), message, cure)
        if alarm <= settle:
            cure = "make `attempts.doubt.alarm` longer than every `settle`"
            message = "is not shorter than the alarm age: every doubt would alarm"
            report(problems, given.get("settle", place), message, cure)
