"""Replies in XML, where no contract describes them: trees as JSON would have them."""

from __future__ import annotations

import re

from lxml import etree

from adapters.elements import local, parsed
from adapters.http import Reply
from adapters.replies import Answer
from connector.values import Tree

KIND = "application/xml"
_CHARSET = re.compile(r"charset=[\"']?([\w.-]+)", re.IGNORECASE)
_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"


def answer(http: Reply, lists: frozenset[str]) -> Answer:
    """Read a reply: what its root holds; a page of HTML is none."""
    charset = _CHARSET.search(http.headers.get("content-type", ""))
    body = http.body.removeprefix(b"\xef\xbb\xbf").strip()
    root = parsed(body, charset[1] if charset else None)
    if root is None or local(root).lower() == "html":
        return Answer(http=http, clean=False)
    return Answer(http=http, reply=tree(root, lists))


def tree(element: etree._Element, lists: frozenset[str]) -> Tree:
    """Read an element: its text, or its attributes (`@name`), its text and its children.

    Children of one name are a list; one child alone is, where *lists* has its name.
    """
    if element.get(f"{_XSI}nil") in ("true", "1"):
        return None
    found: dict[str, Tree] = {
        f"@{etree.QName(name).localname}": str(value)
        for name, value in element.attrib.items()
        if not str(name).startswith(_XSI)
    }
    if not len(element):
        text = element.text or ""
        return {**found, "$value": text} if found else text
    for child in element:
        name, value = local(child), tree(child, lists)
        before = found.get(name)
        if name not in found:
            found[name] = [value] if name in lists else value
        elif isinstance(before, list):
            before.append(value)
        else:
            found[name] = [before, value]
    return found
