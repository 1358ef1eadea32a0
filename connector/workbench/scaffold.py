"""`map scaffold`: a commented skeleton of a mapping, what is needed first, guesses marked `# ?`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from connector.rehearsal import Element
from connector.workbench.likely import (
    Place,
    assigned,
    below,
    likely,
    lines_of,
    plain,
    root,
    taxes_of,
)

GUESS = "# ?"
_SOLD = "doc.lines as l"
_PARTS = (
    ("goods", _SOLD, "l", ""),
    ("delivery", "doc.shipping_lines as s", "s", "shipping_item"),
    ("fees", "doc.fees as f", "f", "fee_item"),
)
_FILLED = "doc.shipping.street or doc.shipping.city"  # shops leave it blank where it is the other
_ADDRESSES = {
    "doc.billing": "doc.billing as b",
    "doc.shipping": f"(doc.shipping if {_FILLED} else doc.billing) as b",
}
_DEEPEST = 6
_RECORD = 3  # so many fields of a document in one group, and it is the document
_WIDTH = 46


@dataclass(frozen=True, kw_only=True, slots=True)
class Guess:
    """One leaf of the skeleton: its path and the expression guessed for it, None for none."""

    path: str
    expression: str | None
    needed: bool


@dataclass(frozen=True, slots=True)
class Payload:
    """What `write` makes: the element of it, and the member of the message that it stands in."""

    element: Element
    member: str | None


def payload_of(sent: Element) -> Payload:
    """Find the document in a message: its one large member, or the message itself."""
    trees = {name: one for name, one in sent.members().items() if one.kind is None}
    sizes = {name: len(list(_leaves(one, 0))) for name, one in trees.items()}
    if not sizes:
        return Payload(sent, None)
    largest = max(sizes, key=lambda name: sizes[name])
    plain = sum(one.kind is not None for one in sent.members().values())
    return Payload(trees[largest], largest) if sizes[largest] > plain else Payload(sent, None)


def guesses(element: Element, entity: str) -> list[Guess]:
    """Return every leaf of *element* with what is guessed for it."""
    return list(_guessed(element, root(entity), "", 0, needed=True))


def write_lines(element: Element, entity: str) -> Iterator[str]:
    """Write the `write` section for *element*."""
    lines = _referring(list(_tree(element, root(entity), "  ", 0)))
    yield "write:" if not all(map(_is_comment, lines)) else "write: {}"
    yield from lines


def _referring(lines: list[str]) -> list[str]:
    """Give our reference the field of the order number, where none is made for it."""
    if any(": = reference " in line for line in lines):
        return lines
    first = next((n for n, line in enumerate(lines) if ": = doc.number" in line), None)
    if first is not None:
        text, mark, about = lines[first].partition(f"  {GUESS}")
        lines[first] = f"{text.partition(' = ')[0]} = reference".ljust(_WIDTH) + mark + about
    return lines


def _tree(element: Element, place: Place, indent: str, depth: int) -> Iterator[str]:
    """Write members: what is needed, then guesses, then, commented, what nobody guessed."""
    guessed = _likely(element, place)
    rows = [
        (one, _member(one, element, place, guessed, indent, depth))
        for one in element.members().values()
    ]
    for title, wanted in (("needed by the contract", True), ("may be left out", False)):
        block = [lines for one, lines in rows if one.needed is wanted and lines]
        open_ = [line for lines in block for line in lines if not line.lstrip().startswith("#")]
        if open_ and depth == 0:
            yield f"{indent}# {title}"
        for lines in sorted(block, key=lambda lines: lines[0].lstrip().startswith("#")):
            yield from lines


def _member(
    one: Element,
    parent: Element,
    place: Place,
    guessed: Mapping[str, str],
    indent: str,
    depth: int,
) -> list[str]:
    if not _is_tree(one):
        return [_leaf(one, guessed.get(one.name), indent)]
    if depth >= _DEEPEST:
        return []
    alone = sum(map(_is_tree, parent.members().values())) == 1
    walk, inside = _inside(one, place, alone=alone)
    inner = list(_tree(one, inside, indent + "  ", depth + 1)) if inside is not None else []
    filled = any(GUESS in line for line in inner)
    if not filled and not (one.needed and any(not _is_comment(line) for line in inner)):
        return [f"{indent}# {_key(one.name)}:".ljust(_WIDTH) + f"# {_about(one)}"]
    if walk == _SOLD:
        return [f"{indent}{_key(one.name)}:", *_sold(one, indent + "  ", depth)]
    if not walk and inside is not None and inside.base in _ADDRESSES:
        inner = [line.replace(f"{inside.base}.", "b.") for line in inner]
        walk = _ADDRESSES[inside.base]
    word = "$each" if one.many and walk else "$with"
    each = [f"{indent}  {word}: {walk}".ljust(_WIDTH) + f"  {GUESS}"] if walk else []
    return [f"{indent}{_key(one.name)}:", *each, *inner]


def _sold(one: Element, indent: str, depth: int) -> Iterator[str]:
    """Goods, delivery and fees in one list: without one of them no total is right."""
    lines = list(_tree(one, lines_of(root("order")), indent + "    ", depth + 1))
    yield f"{indent}$concat:"
    for part, walk, name, item in _PARTS:
        yield f"{indent}  {part}:"
        yield f"{indent}    $each: {walk}".ljust(_WIDTH) + f"  {GUESS}"
        yield from (line if name == "l" else _for_charge(line, name, item) for line in lines)


def _for_charge(line: str, name: str, item: str) -> str:
    """A line of goods as one of delivery: once, by its amount, under an item number of its own."""
    text, mark, about = line.partition(f"  {GUESS}")
    for pattern, instead in (
        (r"= l\.quantity\b", '"1"'),
        (r"= l \| unit_net\(5\)", f"= {name}.net"),
        (r"\(?l\.(product \| there|sku)\)?", f"conn.{item}"),
        (r"\bl(?=\.| \|)", name),
    ):
        text = re.sub(pattern, instead, text)
    return text.rstrip().ljust(_WIDTH) + mark + about if mark else text


def _is_tree(one: Element) -> bool:
    return one.kind is None or (one.many and bool(one.members()))


def _inside(one: Element, place: Place, *, alone: bool) -> tuple[str, Place | None]:
    """What a group walks, if it is a list, and what its members are likely to be.

    *alone*: its parent has no other group.
    """
    if not one.many:
        return "", below(place, one.name)
    if place.base == "l" and plain(one.name) == "tax":
        return "l.taxes as t", taxes_of(place)
    order = place.entity == "order"
    if order and place.base in ("", "l") and _holds_lines(one):
        return ("", place) if place.base else (_SOLD, lines_of(place))
    if place.base == "" and (alone or len(_likely(one, place)) >= _RECORD):
        return "", place  # a list of documents, of which one is sent
    if order and place.base == "" and _holds_lines(one, 1):
        return _SOLD, lines_of(place)
    return "", None


def _holds_lines(one: Element, below: int = 0) -> bool:
    """Whether a list is of what was ordered: each with a quantity, so many groups below it."""
    inner = lines_of(root("order"))
    known = {likely(inner, name, m.kind or "") for name, m in one.members().items()}
    groups = [m for m in one.members().values() if _is_tree(m)] if below else []
    return "l.quantity" in known or any(_holds_lines(m, below - 1) for m in groups)


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _leaf(one: Element, expression: str | None, indent: str) -> str:
    about = _about(one)
    if expression is None:
        if one.needed:
            return f"{indent}{_key(one.name)}: $drop".ljust(_WIDTH) + f"# NEEDED: {about}"
        return f"{indent}# {_key(one.name)}:".ljust(_WIDTH) + f"# {about}"
    text = f"{indent}{_key(one.name)}: = {fitted(expression, one)}"
    return text.ljust(_WIDTH) + f"  {GUESS} {about}"


def fitted(expression: str, one: Element) -> str:
    """Fit a guess to the kind of its element: a day, a length, a closed list."""
    if one.kind == "day" and expression == "doc.placed_at":
        return "doc.placed_at | date(conn.zone)"
    if one.words and expression == "doc.status":
        return "doc.status | table('status_there')"
    if one.longest is not None and one.kind == "text" and "there" not in expression:
        whole = f"({expression})" if " or " in expression else expression
        return (
            whole
            if expression in ("reference", "doc.currency")
            else f"{whole} | cut({one.longest})"
        )
    return expression


def _about(one: Element) -> str:
    parts = [one.kind or "a group"]
    if one.longest is not None:
        parts.append(f"at most {one.longest} characters")
    if one.words:
        shown = sorted(one.words)
        parts.append(f"one of: {', '.join(shown[:8])}{', …' if len(shown) > 8 else ''}")
    return ", ".join(parts)


def _key(name: str) -> str:
    return name if name.replace("_", "").isalnum() and not name.isdigit() else json.dumps(name)


def _guessed(
    element: Element, place: Place | None, path: str, depth: int, *, needed: bool
) -> Iterator[Guess]:
    guessed = _likely(element, place)
    alone = sum(map(_is_tree, element.members().values())) == 1
    for name, one in element.members().items():
        at = f"{path}.{name}" if path else name
        if not _is_tree(one):
            yield Guess(path=at, expression=guessed.get(name), needed=needed and one.needed)
        elif depth < _DEEPEST:
            inside = _inside(one, place, alone=alone)[1] if place is not None else None
            yield from _guessed(one, inside, at, depth + 1, needed=needed and one.needed)


def _likely(element: Element, place: Place | None) -> dict[str, str]:
    """What the leaves of one group are likely to be."""
    leaves = {n: one.kind or "" for n, one in element.members().items() if not _is_tree(one)}
    return assigned(place, leaves) if place is not None else {}


def _leaves(element: Element, depth: int) -> Iterator[str]:
    for name, one in element.members().items():
        if one.kind is not None:
            yield name
        elif depth < _DEEPEST:
            yield from _leaves(one, depth + 1)


def table_lines(element: Element, entity: str) -> Iterator[str]:
    """Write the table of statuses, where the contract has a closed list of them."""
    for guess in guesses(element, entity):
        one = _at(element, guess.path)
        if guess.expression == "doc.status" and one is not None and one.words:
            yield "tables:"
            yield f"  status_there:{'':20}# ours: one of {', '.join(sorted(one.words))}"
            for status in ("draft", "awaiting_payment", "confirmed", "fulfilled", "cancelled"):
                same = next((w for w in sorted(one.words) if w.lower() == status), None)
                yield f"    {status}: {same}  {GUESS}" if same else f"    # {status}:"
            yield "    else: error"
            return


def _at(element: Element, path: str) -> Element | None:
    found: Element | None = element
    for name in path.split("."):
        found = found.members().get(name) if found is not None else None
    return found
