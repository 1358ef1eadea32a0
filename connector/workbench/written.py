"""Where the parts of an entity file stand in its YAML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from connector.documents import ENTITIES
from connector.mapping.actions import check_keys, one_of
from connector.mapping.expressions import complain
from connector.mapping.keys import TEST, words_of
from connector.nearest import cure_for
from connector.problems import Problems
from connector.yamlread import Node


def members(node: Node | None) -> dict[str, Node]:
    """Return the members of a mapping; of anything else, none."""
    return node.value if node is not None and isinstance(node.value, dict) else {}


def action_nodes(entity: Node) -> Mapping[str, list[Node]]:
    """Return the node of each step, by action; `match: {email: …}` is `match.email`."""
    written = members(members(entity).get("actions"))
    flat = {name: node for name, node in written.items() if name != "match"}
    flat |= {f"match.{by}": node for by, node in members(written.get("match")).items()}
    return {name: _steps(node) for name, node in flat.items()}


def _steps(node: Node) -> list[Node]:
    steps = members(node).get("steps")
    return steps.value if steps is not None and isinstance(steps.value, list) else [node]


def cases_of(entity: Node, problems: Problems) -> list[tuple[Node, dict[str, Node]]]:
    """Return the rows of `tests`, each with its members; a wrong one is a problem, and left out."""
    tests = members(entity).get("tests")
    if tests is None:
        return []
    if not isinstance(tests.value, list):
        complain(problems, tests, "`tests` is no list", "write `- given: samples/…` lines")
        return []
    cases = [(row, _case(row, problems)) for row in tests.value]
    return [(row, case) for row, case in cases if case is not None]


def _case(row: Node, problems: Problems) -> dict[str, Node] | None:
    before = len(problems.found)
    case = check_keys(row, TEST, problems)
    for word in ("outcome", "action"):
        one_of(case.get(word), words_of(TEST, word), problems)
    for node in (*listed(case.get("given")), *listed(case.get("reply"))):
        if not (Path(row.file).parent / str(node.value)).is_file():
            complain(problems, node, f"there is no {node.value}", "it stands beside this file")
    if "given" not in case:
        complain(problems, row, "has no `given`", "add `given: samples/FILE.json`")
    _judged(row, case, problems)
    return case if len(problems.found) == before else None


def _judged(row: Node, case: Mapping[str, Node], problems: Problems) -> None:
    """A case that compares nothing would always be ok."""
    if not case.keys() & {"expect", "faults", "outcome"}:
        complain(problems, row, "expects nothing", "add `expect:`, `outcome:` or `faults:`")
    for word, needs in (("code", "outcome"), ("http", "reply")):
        if word in case and needs not in case:
            wrong = f"`{word}` says nothing without `{needs}`"
            complain(problems, case[word], wrong, f"add `{needs}:`")
    for named, node in members(case.get("there")).items():
        if named.split(" ")[0] not in ENTITIES:
            wrong = f"`{named}` names no entity"
            complain(problems, node, wrong, cure_for(named.split(" ")[0], ENTITIES, "entity"))
    if "faults" in case and "outcome" in case:
        wrong = "what cannot be made is not sent"
        complain(problems, case["outcome"], wrong, "leave out `outcome`")


def listed(node: Node | None) -> list[Node]:
    """Return the items of a list; one value is a list of one."""
    if node is None:
        return []
    return node.value if isinstance(node.value, list) else [node]
