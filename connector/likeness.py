"""`like:` — an entry of the configuration as a copy of another with differences."""

from __future__ import annotations

from collections.abc import Mapping

from connector.forms import report
from connector.nearest import cure_for
from connector.problems import Problems
from connector.yamlread import Node

# What is merged key by key; every other key of a copy replaces the original's whole.
_MERGED = frozenset({"limits", "identity", "with", "tables", "money"})


def copied(entries: Mapping[str, Node], problems: Problems) -> dict[str, Node]:
    """Return *entries* with every `like:` resolved; wrong names and circles are problems."""
    return {word: _copy(word, entries, (), problems) for word in entries}


def _copy(
    word: str, entries: Mapping[str, Node], chain: tuple[str, ...], problems: Problems
) -> Node:
    entry = entries[word]
    if not isinstance(entry.value, dict) or "like" not in entry.value:
        return entry
    own = {key: child for key, child in entry.value.items() if key != "like"}
    like = entry.value["like"]
    bare = Node(own, entry.line, entry.path, entry.file)
    if not isinstance(like.value, str) or like.value not in entries:
        cure = cure_for(str(like.value), [e for e in entries if e != word], "name")
        report(problems, like, "copies something that is not there", cure)
        return bare
    if like.value in (*chain, word):
        circle = " → ".join((*chain, word, like.value))
        report(problems, like, f"copies itself: {circle}", "write one of them out in full")
        return bare
    base = _copy(like.value, entries, (*chain, word), problems)
    if not isinstance(base.value, dict):
        return bare
    merged = dict(base.value)
    for key, child in own.items():
        merged[key] = _merge(merged[key], child) if key in _MERGED & merged.keys() else child
    return Node(merged, entry.line, entry.path, entry.file)


def _merge(old: Node, new: Node) -> Node:
    if not isinstance(old.value, dict) or not isinstance(new.value, dict):
        return new
    both = dict(old.value)
    for key, child in new.value.items():
        both[key] = _merge(both[key], child) if key in both else child
    return Node(both, new.line, new.path, new.file)
