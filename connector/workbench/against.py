"""YAML against a contract: which element each member of a message is, before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from connector.mapping.expressions import complain
from connector.mapping.merging import merged
from connector.nearest import cure_for
from connector.problems import Problems
from connector.rehearsal import Element
from connector.yamlread import Node

_PAYLOAD = "= payload"
_TEXTS = ("$xml", "$json")


@dataclass(frozen=True, kw_only=True, slots=True)
class Against:
    """How one message is judged. *payload*: the `write` that stands where `= payload` does.

    *only*: the fields of it that are sent, None: all. *whole*: what is needed is demanded.
    """

    problems: Problems
    payload: Node | None
    only: frozenset[str] | None = None
    whole: bool = True


def judge(a: Against, node: Node | None, element: Element, beside: Mapping[str, Node]) -> None:
    """Judge a step's `args`; *beside* names what the profile merges into every call."""
    if node is None or node.value == _PAYLOAD:
        _payload(a, node, element)
    elif isinstance(node.value, dict):
        _tree(a, node, node.value, element, beside)


def _payload(a: Against, place: Node | None, element: Element) -> None:
    """Judge `write` where it is sent."""
    _write(a, a.payload, place, element)


def _over(a: Against, node: Node, members: dict[str, Node], element: Element) -> None:
    """Judge what `$over` takes, if that is the payload, with what is laid over it."""
    rest = {k: n for k, n in members.items() if k != "$over"}
    if members["$over"].value != _PAYLOAD or a.payload is None:
        _tree(replace(a, whole=False), node, rest, element, {})
        return
    only = a.only | rest.keys() if a.only is not None else None
    laid = merged(a.payload, replace(node, value=rest), Problems())
    _write(replace(a, only=only), replace(node, value=laid.value), node, element)


def _write(a: Against, write: Node | None, place: Node | None, element: Element) -> None:
    if write is None or not isinstance(write.value, dict):
        return
    if element.kind is not None and place is not None:
        complain(a.problems, place, f"`{element.name}` is text in the contract",
                 "write a field of the payload: = payload.NAME")  # fmt: skip
        return
    if a.only is None:
        _tree(a, write, write.value, element, {})
        return
    # an update carries only what changed: what is needed may be there already
    sent = {k: n for k, n in write.value.items() if k in a.only or k.startswith("$")}
    partly = replace(a, whole=False)
    _tree(partly, write, sent, element, {}, siblings=write.value)


def _node(a: Against, node: Node, element: Element, siblings: Mapping[str, Node]) -> None:
    match node.value:
        case dict() as members:
            _mapping(a, node, members, element, siblings)
        case list() as items:
            _several(node, element, a.problems)
            for item in items:
                _node(a, item, element, {})
        case str() as text if text == _PAYLOAD:
            _payload(a, node, element)
        case str() as text if not text.startswith(("= ", "$")) and "{{" not in text:
            _literal(node, text, element, a.problems)
        case _:
            pass


def _mapping(
    a: Against, node: Node, members: dict[str, Node], element: Element, siblings: Mapping[str, Node]
) -> None:
    if "$same" in members:
        _copy(a, node, members, element, siblings)
    elif "$over" in members:
        _over(a, node, members, element)
    elif "$text" in members:
        text = members["$text"].value
        if isinstance(text, str):
            _literal(members["$text"], text, element, a.problems)
    elif "$each" in members:
        _several(members["$each"], element, a.problems)
        rest = {k: n for k, n in members.items() if k != "$each"}
        _mapping(a, node, rest, element, {})
    elif "$concat" in members:
        _concat(a, members["$concat"], element)
    elif not any(word in members for word in _TEXTS):
        _tree(a, node, members, element, {})


def _copy(
    a: Against, node: Node, members: dict[str, Node], element: Element, siblings: Mapping[str, Node]
) -> None:
    name = str(members["$same"].value)
    rest = {k: n for k, n in members.items() if k != "$same"}
    if name in siblings:
        copied = merged(siblings[name], replace(node, value=rest), Problems())
        _node(a, copied, element, siblings)


def _concat(a: Against, node: Node, element: Element) -> None:
    _several(node, element, a.problems)
    for part in node.value.values() if isinstance(node.value, dict) else ():
        _part(a, part, element)


def _part(a: Against, part: Node, element: Element) -> None:
    for one in part.value if isinstance(part.value, list) else [part]:
        inner = one.value
        if isinstance(inner, dict) and "$each" in inner:
            inner = {k: n for k, n in inner.items() if k != "$each"}
        _node(a, replace(one, value=inner), element, {})


def _tree(
    a: Against,
    node: Node,
    members: Mapping[str, Node],
    element: Element,
    beside: Mapping[str, Node],
    *,
    siblings: Mapping[str, Node] | None = None,
) -> None:
    if "$type" in members:
        typed = _typed(members["$type"], element, a.problems)
        if typed is None:
            return
        element = typed
    if "$value" in members:
        _node(a, members["$value"], element, {})
    if "$pairs" in members:
        return
    known = element.members()
    given = {k: n for k, n in members.items() if not k.startswith("$")}
    if given and element.kind is not None and not all(k.startswith("@") for k in given):
        first = next(n for k, n in given.items() if not k.startswith("@"))
        complain(a.problems, first, f"`{element.name}` is text in the contract",
                 "write one value; attributes as @NAME beside $value")  # fmt: skip
        return
    for name, child in given.items():
        _member(a, name, child, element, known, siblings or members)
    if a.whole and "$any" not in members:
        _complete(node, {**beside, **given}, known, a.problems)


def _member(
    a: Against,
    name: str,
    child: Node,
    element: Element,
    known: Mapping[str, Element],
    siblings: Mapping[str, Node],
) -> None:
    if name.startswith("@"):
        _attribute(name[1:], child, element, a.problems)
    elif name in known:
        _node(a, child, known[name], siblings)
    else:
        message = f"`{element.name}` has no element `{name}` in the contract"
        complain(a.problems, child, message, cure_for(name, known, "element"))


def _several(place: Node, element: Element, problems: Problems) -> None:
    if not element.many:
        cure = "take one item: $with: LIST[0] as x; or put the list where the contract has one"
        complain(problems, place, f"`{element.name}` is no list in the contract", cure)


def _literal(place: Node, text: str, element: Element, problems: Problems) -> None:
    wrong = element.misfit(text)
    if text and wrong is not None:
        message = f"`{element.name}` cannot be what is written here ({wrong.code})"
        complain(problems, place, message, wrong.cure)


def _typed(place: Node, element: Element, problems: Problems) -> Element | None:
    """The element as its `$type` makes it; None where that is decided later, or wrong."""
    name = place.value
    if not isinstance(name, str) or name.startswith("= ") or "{{" in name:
        return None
    found = element.typed(name)
    if found is None:
        message = f"`{name}` is no type of the contract"
        complain(problems, place, message, "write prefix:Name, as the WSDL does")
    return found


def _attribute(name: str, place: Node, element: Element, problems: Problems) -> None:
    if name not in element.attributes():
        cure = cure_for(f"@{name}", [f"@{word}" for word in element.attributes()], "attribute")
        complain(problems, place, f"`{element.name}` has no attribute `{name}`", cure)


def _complete(
    node: Node, given: Mapping[str, Node], known: Mapping[str, Element], problems: Problems
) -> None:
    written = {name for name, child in given.items() if child.value != "$drop"}
    for name, one in known.items():
        if one.needed and name not in written:
            message = f"the contract needs `{name}` here, and it is not written"
            complain(problems, node, message, f"add `{name}:`, or `missing: nil` or `empty`")
