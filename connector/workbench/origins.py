"""A merged profile as YAML again, each leaf with the file and line that it comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator

from connector.problems import Problems
from connector.yamlread import Node, read_yaml


def shown(node: Node) -> Iterator[tuple[str, str]]:
    """Yield the lines of *node* as YAML, each with its origin (file:line; '' for none)."""
    yield from _below(node, "", "")


def _below(node: Node, indent: str, lead: str) -> Iterator[tuple[str, str]]:
    """Write what stands below a key or a dash; *lead* begins its first line."""
    rows = (
        [(f"{_word(key)}:", child) for key, child in node.value.items()]
        if isinstance(node.value, dict)
        else [("-", child) for child in node.value or ()]
        if isinstance(node.value, list)
        else []
    )
    for word, child in rows:
        start, lead = (lead or indent) + word, ""
        if not isinstance(child.value, (dict, list)):
            yield f"{start} {_word(child.value)}".rstrip(), _place(child)
        elif not child.value:
            yield f"{start} {'{}' if isinstance(child.value, dict) else '[]'}", _place(child)
        elif word == "-":
            yield from _below(child, indent + "  ", start + " ")
        else:
            yield start, ""
            yield from _below(child, indent + "  ", "")


def _place(node: Node) -> str:
    return f"{node.file}:{node.line}" if node.file else ""


def _word(text: str | None) -> str:
    """A scalar as YAML reads it back: plain where it can be."""
    if text is None:
        return ""
    plain = f"key: {text}\n"
    found = Problems()
    read = read_yaml(plain, "", found)
    members = read.value if read is not None and isinstance(read.value, dict) else {}
    again = members.get("key")
    if not found and again is not None and again.value == text and list(members) == ["key"]:
        return text
    return json.dumps(text, ensure_ascii=False)
