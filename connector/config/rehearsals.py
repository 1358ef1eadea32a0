"""Flows that a connection for tests brings with it: what goes to its like can be rehearsed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from connector.configured import Connection, Flow
from connector.forms import report
from connector.problems import Problems


def rehearsals(connections: Mapping[str, Connection], flows: Mapping[str, Flow]) -> dict[str, Flow]:
    """For each connection marked `tests`: the flows to its like, aimed at it, that nobody wrote.

    They never run by themselves; an order that is rehearsed finds its customers and products there.
    """
    known = {(f.entity, f.source, f.target) for f in flows.values()}
    made = {}
    for test in connections.values():
        for flow in flows.values() if test.tests else ():
            like = connections[flow.target]
            fits = like.profile == test.profile and not like.tests and flow.source != test.name
            if (
                fits
                and flow.entity != "stock"
                and (flow.entity, flow.source, test.name) not in known
            ):
                name = f"{flow.name}@{test.name}"
                made[name] = _aimed(flow, name, test.name)
                known.add((flow.entity, flow.source, test.name))
    return made


def _aimed(flow: Flow, name: str, target: str) -> Flow:
    """The same flow to another target, who owns there what the first one owns."""
    owner = {field: target if one == flow.target else one for field, one in flow.owner.items()}
    return replace(flow, name=name, target=target, every="never", owner=owner)


def check_tests(
    connections: Mapping[str, Connection], flows: Iterable[Flow], problems: Problems
) -> None:
    """What comes from a test company goes to no live one."""
    tests = {name for name, one in connections.items() if one.tests}
    for flow in flows:
        if flow.source in tests and flow.target in connections.keys() - tests:
            message = (
                f"carries documents of `{flow.source}`, which is for tests, into a live company"
            )
            cure = f"send it to a connection with `tests: true`, or unmark `{flow.source}`"
            report(problems, flow.place, message, cure)
