"""Paths into trees, `lines[0].sku`, and a message's body as such a tree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lxml import etree

from connector.ledger.content import unpack
from connector.rehearsal import Sent

_PART = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
NOTHING = "(nothing)"


def at(tree: object, path: str) -> object:
    """Return what stands at *path*; None where there is nothing."""
    for name, index in _PART.findall(path):
        if index and isinstance(tree, list | tuple):
            tree = tree[int(index)] if int(index) < len(tree) else None
        elif name and isinstance(tree, Mapping):
            tree = tree.get(name)
        elif index == "0":
            continue  # one child is not told from a list of one
        else:
            return None
    return tree


def body_of(sent: Sent) -> object:
    """Read what a message carries: the first element of a SOAP body, JSON, or a form's tree."""
    body, pairs = sent.body, sent.pairs
    if not body:
        return None
    if pairs is not None:
        return _unfolded(pairs)
    if not body.lstrip().startswith(b"<"):
        return unpack(body)
    return xml_of(body)


def xml_of(body: bytes) -> object:
    """Read XML: the first element of a SOAP body, or the root, by its name."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    root = etree.fromstring(body, parser)
    inner = next((c for c in root if etree.QName(c).localname == "Body"), None)
    first = root if inner is None else inner[0]
    return {etree.QName(first).localname: _tree(first)}


def _unfolded(pairs: list[tuple[str, str]]) -> object:
    """The tree of a form: `rows[0][sku]` stands below `rows`; numbers in a row are a list's."""
    tree: dict[str, Any] = {}
    for name, value in pairs:
        *way, last = re.split(r"\]?\[", name.removesuffix("]")) if "[" in name else [name]
        holder: Any = tree
        for part in way:
            holder = holder.setdefault(part, {}) if isinstance(holder, dict) else None
        if isinstance(holder, dict):
            holder[last or str(len(holder))] = value
        else:
            tree[name] = value  # below a name that has a value of its own
    return _with_lists(tree)


def _with_lists(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    made = {name: _with_lists(one) for name, one in tree.items()}
    return list(made.values()) if list(made) == [str(n) for n in range(len(made))] else made


def _tree(element: etree._Element) -> object:
    """Elements by local name, several in a list; attributes as @name."""
    named: dict[str, object] = {
        f"@{etree.QName(name).localname}": value for name, value in element.attrib.items()
    }
    for child in element:
        name, value = etree.QName(child).localname, _tree(child)
        before = named.get(name)
        if name not in named:
            named[name] = value
        elif isinstance(before, list):
            before.append(value)
        else:
            named[name] = [before, value]
    if not len(element):
        return element.text or "" if not named else {**named, "$value": element.text or ""}
    return named
