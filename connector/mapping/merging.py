"""Merging of YAML sections: `extends`, dotted leaves, `$drop` and `$replace`; places are kept."""

from __future__ import annotations

from dataclasses import replace

from connector.nearest import cure_for
from connector.problems import Problem, Problems
from connector.yamlread import Node


def merged(base: Node, over: Node, problems: Problems, *, dotted: bool = True) -> Node:
    """Lay *over* over *base*: mappings merge, all else replaces; every node keeps its place."""
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    if "$replace" in over.value:
        kept = {k: v for k, v in over.value.items() if k != "$replace"}
        return replace(over, value=kept)
    members = dict(base.value)
    for key, child in over.value.items():
        if dotted and "." in key and key not in members and not key.startswith("$"):
            _reach(members, key.split("."), child, problems)
        else:
            _put(members, key, child, problems, dotted=dotted)
    return replace(base, value=members)


def member_named(key: str) -> str | None:
    """The member that *key* of a tree stands for: `$$filter` is `$filter`; a directive is none."""
    if key.startswith("$$"):
        return key[1:]
    return None if key.startswith("$") else key


def _put(
    members: dict[str, Node], key: str, child: Node, problems: Problems, *, dotted: bool = True
) -> None:
    if child.value == "$drop":
        members.pop(key, None)
    elif key in members:
        members[key] = merged(members[key], child, problems, dotted=dotted)
    else:
        members[key] = child


def _reach(members: dict[str, Node], parts: list[str], child: Node, problems: Problems) -> None:
    """Set a leaf deep inside *members*, also inside the named parts of a `$concat`."""
    key, *rest = parts
    if "$concat" in members and key not in members:
        inner = members["$concat"]
        if isinstance(inner.value, dict):
            copied = dict(inner.value)
            _reach(copied, parts, child, problems)
            members["$concat"] = replace(inner, value=copied)
            return
    if not rest:
        _put(members, key, child, problems)
        return
    inner_node = members.get(key)
    if inner_node is None or not isinstance(inner_node.value, dict):
        words = [k for k in members if member_named(k)]
        problems.add(
            Problem(
                file=child.file,
                line=child.line,
                path=child.path,
                message=f"there is no `{key}` to reach into",
                cure=cure_for(key, words, "name"),
                code="mapping",
            )
        )
        return
    copied = dict(inner_node.value)
    _reach(copied, rest, child, problems)
    members[key] = replace(inner_node, value=copied)
