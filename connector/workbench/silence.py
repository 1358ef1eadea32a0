"""An expectation of nothing is worth something only where something could stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from connector.documents.meaning import meanings
from connector.mapping.expressions import complain
from connector.nearest import cure_for
from connector.problems import Problems
from connector.workbench.opened import Opened
from connector.workbench.written import members
from connector.yamlread import Node

_NAME = re.compile(r"[^.\[\]]+")
_OURS = ("write.", "call.", "call[")


def judge_silence(
    opened: Opened, entity: str, case: Mapping[str, Node], problems: Problems
) -> None:
    """Complain of each `$nil` at a path that no document and no message of *entity* can have."""
    rules = [n for name, n in members(opened.raw.entities[entity]).items() if name != "tests"]
    written = {name for node in (*rules, opened.raw.top) for name in _names_in(node)}
    fields = {name for one in meanings(entity) for name in _NAME.findall(one.path)}
    for path, node in _silent(members(case.get("expect"))):
        ours = path.startswith(_OURS)
        if path.startswith("custom."):
            continue  # a site's own names
        names = _NAME.findall(re.sub(r"^(write|call(\[\d+\])?\.\w+)\.?|\[\d+\]", "", path))
        for name in names:
            known = written if ours else fields
            if name.lstrip("@") not in known and name != "$value":
                complain(problems, node, f"{path} can never be: nothing here is called `{name}`",
                         cure_for(name, known, "name"))  # fmt: skip


def _silent(expected: Mapping[str, Node], before: str = "") -> Iterator[tuple[str, Node]]:
    for name, node in expected.items():
        path = f"{before}{name}"
        if isinstance(node.value, dict):
            yield from _silent(node.value, f"{path}.")
        elif node.value in (None, "$nil"):
            yield path, node


def _names_in(node: Node) -> Iterator[str]:
    """Give every name that YAML or an expression of *node* mentions."""
    if isinstance(node.value, dict):
        for name, child in node.value.items():
            yield name.lstrip("@")
            yield from _names_in(child)
    elif isinstance(node.value, list):
        for child in node.value:
            yield from _names_in(child)
    elif isinstance(node.value, str):
        yield from re.findall(r"\w+", node.value)
