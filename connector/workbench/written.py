"""Where the parts of an entity file stand in its YAML."""

from __future__ import annotations

from collections.abc import Mapping

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
