"""Paths into replies against what the contract says comes back: one misspelt finds nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from connector.mapping.expressions import complain
from connector.mapping.load import leaves
from connector.nearest import cure_for
from connector.problems import Problems
from connector.rehearsal import Element
from connector.workbench.written import members
from connector.yamlread import Node

_PATH = re.compile(r"(?<![\w.'\"|])(reply|item)((?:\.[A-Za-z_]\w*|\[\d+\])+)(?!\w*\()")
_NAME = re.compile(r"[A-Za-z_]\w*")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def judge_reply(place: Node, back: Element, problems: Problems) -> None:
    """Judge what a step takes of its reply; its `args` name the reply of the step before."""
    words = {name: node for name, node in members(place).items() if name != "args"}
    items = next((words[name] for name in ("items", "item") if name in words), None)
    for node in words.values():
        judge_paths(node, {"reply": [back], "item": ends(items, back)}, problems)


def judge_paths(node: Node, roots: dict[str, Sequence[Element]], problems: Problems) -> None:
    """Complain of each path that leads nowhere from any of its roots; without roots of none."""
    for _, text, leaf in leaves(node):
        for root, path in _paths(text):
            lost = [_lost(path, element) for element in roots.get(root, ())]
            if lost and all(lost):
                name, known = max((one for one in lost if one), key=lambda one: len(one[1]))
                complain(problems, leaf, f"`{root}.{'.'.join(path)}`: no `{name}` is answered",
                         cure_for(name, known, "element"))  # fmt: skip


def _paths(text: str | None) -> Iterator[tuple[str, list[str]]]:
    bare = _QUOTED.sub("''", text or "")
    if bare.startswith("= ") or "{{" in bare:
        for found in _PATH.finditer(bare):
            yield found[1], _NAME.findall(found[2])


def _lost(path: Sequence[str], element: Element) -> tuple[str, list[str]] | None:
    """The first name of *path* that the contract does not know, and those that it knows there."""
    for name in path:
        known = element.members()
        if not known or element.open or name in element.attributes():
            return None
        if name not in known:
            return name, list(known)
        element = known[name]
    return None


def names_replies(node: Node) -> bool:
    """Is there a path into the reply in it?"""
    return any(root == "reply" for _, text, _ in leaves(node) for root, _ in _paths(text))


def ends(items: Node | None, back: Element) -> list[Element]:
    """What one item is, where `items` is a plain path."""
    text = str(items.value) if items is not None else ""
    path = re.fullmatch(r"= reply((?:\.\w+)*)", text.strip())
    if path is None:
        return []
    for name in _NAME.findall(path[1]):
        found = back.members().get(name)
        if found is None:
            return []
        back = found
    return [back]
