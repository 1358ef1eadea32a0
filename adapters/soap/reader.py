"""Read replies as they come: by local names, in any order, lists where the contract has them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lxml import etree

from adapters.elements import local, parsed
from adapters.http import Reply
from adapters.replies import Answer, Fault
from adapters.soap.contract import Contract, Operation
from adapters.soap.shapes import Member, Shape
from adapters.soap.unfold import follow, items
from connector.values import Tree

_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_SECTION_5 = "{http://schemas.xmlsoap.org/soap/encoding/}"
_ENVELOPE = re.compile(rb"(<\?xml[^>]*\?>\s*)?<(([\w.-]+:)?Envelope)[\s>]")
_DECLARATION = re.compile(r"<\?xml[^>]*\?>")
_CHARSET = re.compile(r"charset=[\"']?([\w.-]+)", re.IGNORECASE)


class Node(dict[str, Tree]):
    """A parsed element that remembers where it stood, so that its own bytes can be had.

    *silent*: members that it should have and has not; they read as None, and say nothing.
    """

    __slots__ = ("element", "silent")

    def __init__(self, element: etree._Element) -> None:
        super().__init__()
        self.element = element
        self.silent: frozenset[str] = frozenset()

    def raw(self) -> bytes:
        """The element in canonical form: equal content, equal bytes."""
        return etree.tostring(self.element, method="c14n", exclusive=True, with_tail=False)


def read(http: Reply, operation: Operation, contract: Contract) -> Answer:
    """Find what a reply says; what stands around its envelope makes it unclean, not unread."""
    body = http.body.removeprefix(b"\xef\xbb\xbf").strip()
    charset = _CHARSET.search(http.headers.get("content-type", ""))
    root = parsed(body, charset[1] if charset else None)
    clean = root is not None and local(root) == "Envelope"
    if not clean:
        begin = _ENVELOPE.search(body)
        end = body.rfind(b"</%s>" % begin[2]) if begin else -1
        if begin is None or end < 0:
            return Answer(http=http, clean=False)
        cut = body[begin.start() : end + len(begin[2]) + 3]
        root = parsed(cut, charset[1] if charset else None)
    content = _child(root, "Body") if root is not None else None
    if content is None:
        return Answer(http=http, clean=False)
    first = next(iter(content), None)
    if first is None:
        return Answer(http=http, reply={} if operation.back is None else None, clean=clean)
    if local(first) == "Fault":
        return Answer(http=http, fault=_fault(first, contract), clean=clean)
    named = f"{operation.name}Response" if operation.rpc else operation.back and operation.back.name
    if operation.back is not None and named != local(first):
        return Answer(http=http, clean=False)  # the reply to something else
    return _said(http, content, operation, clean=clean)


def _said(http: Reply, content: etree._Element, operation: Operation, *, clean: bool) -> Answer:
    """An array that lost items and references without end leave a reply unread."""
    try:
        follow(content)
        return Answer(http=http, reply=tree(content[0], operation.back), clean=clean)
    except ValueError:
        return Answer(http=http, clean=False)


def inner(text: str, lists: frozenset[str]) -> Tree:
    """Read the document that a string holds; *lists*: what is a list in it. Raises ValueError."""
    root = parsed(_DECLARATION.sub("", text.strip(), count=1).encode(), "utf-8")
    if root is None:
        raise ValueError("no XML document")
    return tree(root, None, lists)


def tree(
    element: etree._Element, member: Member | None, lists: frozenset[str] = frozenset()
) -> Tree:
    """Read an element: None if nil, text if it has neither children nor attributes, else a tree.

    *lists*: names that stand for lists where nothing is declared.
    """
    shape, attributes = member.shape if member is not None else None, {}
    if element.keys() or (shape is not None and shape.item is not None):
        if element.get(f"{_XSI}nil") in ("true", "1"):
            return None
        held = items(element, shape)
        if held is not None and (shape is None or not shape.members):
            within = shape.item if shape is not None else None
            return [tree(one, within, lists) for one in held]
        attributes = _attributes(element)
    simple = not len(element) and (shape is None or shape.form is not None)
    if simple and not attributes and not (shape and shape.attributes):
        return element.text or ""
    node = Node(element)
    node.update(attributes)
    if simple:
        node["$value"] = element.text or ""
    else:
        _read_members(node, element, shape, lists)
    return node


def _attributes(element: etree._Element) -> dict[str, str]:
    return {
        f"@{etree.QName(name).localname}": str(value)
        for name, value in element.attrib.items()
        if not str(name).startswith((_XSI, _SECTION_5)) and not str(name).endswith("}encodingStyle")
    }


def _read_members(
    node: Node, element: etree._Element, shape: Shape | None, lists: frozenset[str]
) -> None:
    """Read what is below an element, and note what should be there."""
    declared: Mapping[str, Member] = {}
    if shape is not None:
        declared = shape.members
        node.update(shape.unsaid())
    read_already = set()
    for child in element:
        name = local(child)
        one = declared.get(name)
        value = tree(child, one, lists)
        if name not in read_already and not (one and one.many):
            node[name] = [value] if one is None and name in lists else value
        elif isinstance(present := node[name], list):
            present.append(value)
        else:
            node[name] = [present, value]
        read_already.add(name)
    if shape is not None:
        node.silent = shape.needed - read_already


def _fault(element: etree._Element, contract: Contract) -> Fault:
    """Read a fault of SOAP 1.1, or of 1.2."""
    detail = _child(element, "detail", "Detail")
    told, declared = Node(element), False
    for child in detail if detail is not None else ():
        name = etree.QName(child)
        member = contract.element(name.namespace, name.localname)
        declared = declared or member is not None
        told[name.localname] = tree(child, member)
    plain = (detail.text or "").strip() if detail is not None and not len(detail) else ""
    code = _child(element, "Code")
    below = _child(code, "Subcode") if code is not None else None
    return Fault(
        subcode=_text(below, "Value") if below is not None else "",
        code=_text(element, "faultcode") if code is None else _text(code, "Value"),
        text=_text(element, "faultstring", "Reason"),
        detail=plain or told,
        declared=declared,
    )


def _text(element: etree._Element, *names: str) -> str:
    found = _child(element, *names)
    return "".join(str(t) for t in found.itertext()).strip() if found is not None else ""


def _child(element: etree._Element, *names: str) -> etree._Element | None:
    return next((child for child in element if local(child) in names), None)
