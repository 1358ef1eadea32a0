"""Section 5 replies made plain before they are read: references followed, array items named."""

from __future__ import annotations

import re
from copy import deepcopy

from lxml import etree

from adapters.soap.shapes import ARRAY_TYPE, Shape

_MOST = 100_000
_COUNT = re.compile(r"\[(\d+)\]$")


def follow(body: etree._Element) -> None:
    """Put a copy of what it names in place of every `href="#id"`. Raises ValueError if endless."""
    named = {one.get("id"): one for one in body.iterchildren(tag=etree.Element) if one.get("id")}
    if not named:
        return
    left = _MOST
    waiting: list[tuple[etree._Element, frozenset[str]]] = [(body[0], frozenset())]
    while waiting:
        element, within = waiting.pop()
        name = element.get("href", "")[1:]
        found = named.get(name)
        if found is not None:
            del element.attrib["href"]
            left -= sum(1 for _ in found.iter())
            if left < 0 or name in within:
                raise ValueError("references without end")
            within |= {name}
            element.text = found.text
            for told, value in found.attrib.items():
                if told != "id" and not str(told).endswith("}root"):
                    element.set(told, value)
            element.extend(deepcopy(list(found)))
        waiting += [(child, within) for child in element]


def items(element: etree._Element, shape: Shape | None) -> list[etree._Element] | None:
    """The items of an array, named as the schema names them; None for what is no array.

    Raises ValueError if there are not as many as it says: some were lost.
    """
    said = element.get(ARRAY_TYPE)
    if said is None and (shape is None or shape.item is None):
        return None
    found = list(element)
    count = _COUNT.search(said or "")
    if count and int(count[1]) != len(found):
        raise ValueError("an array of another length than it says")
    many = [m for m in shape.members.values() if m.many] if shape is not None else []
    for one in found:
        if len(many) == 1:
            space = f"{{{many[0].namespace}}}" if many[0].namespace else ""
            one.tag = f"{space}{many[0].name}"
    return found
