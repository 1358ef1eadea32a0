"""A whole entity file and profile.yaml as skeletons, from a contract or from a sample."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from connector.errors import ConnectorError
from connector.rehearsal import Book, Element
from connector.workbench import reading
from connector.workbench.likely import assigned, is_id, likely, plain, root
from connector.workbench.scaffold import GUESS, payload_of, table_lines, write_lines

_WIDTH = 46
_DEEPEST = 6
_PAGED = {
    "since": "(?i)since|after|from|modif|chang|updat|seit|geänd",
    "page": "(?i)page|seite",
    "size": "(?i)size|max|limit|count|rows$|anzahl",
    "offset": "(?i)offset|start|first|next|skip",
}
_VALUE = re.compile(r"(?i)value|wert|valeur|criteri|filter")
_WORDS = {  # what an operation's name says that it does
    "delete": "delete remove löschen loeschen supprimer",
    "create": "create add save insert new upsert submit place maintain import anlegen erstellen",
    "update": "update change modify edit set ändern aendern",
    "find": "find search query suche suchen finden",
    "list": "list multiple all getlist liste",
    "get": "get read retrieve load fetch lesen holen",
}
_IDS = frozenset({"id", "no", "key", "code"})
HEAD = """\
# {entity}: a skeleton from {of}
# A line with `{guess}` is a guess: check it, then take the mark away. NEEDED: the contract demands
# a value, and nobody guessed one. `connector map lint` lists what is left to do.
entity: {entity}"""
PROFILE = """\
profile: {name}
version: "0.1"
protocol: {protocol}
title: {name}
parameters:
  url: {{type: url, needed: "true", meaning: its address}}
{items}{services}auth: basic                             {guess} none, basic, bearer, …
limits: {{concurrency: 1, timeout: 60s}}
capabilities:
  identity: {identity}
errors: []                              # which replies mean "nothing happened"; all else is doubt
"""


def action_of(operation: str) -> str | None:
    """Guess which action of ours an operation is, by its name; None where it does not say."""
    words = re.findall(r"[A-Z]?[a-zäöü]+|[A-Z]+(?![a-z])", operation)
    folded = [word.lower() for word in words] or [operation.lower()]
    for action, verbs in _WORDS.items():
        if any(word in verbs.split() for word in folded):
            return action
    return None


def of_contract(
    book: Book, operations: Mapping[str, str], entity: str, of: str, service: str | None = None
) -> str:
    """Write an entity file for *operations* (action → operation) of a *service* to be named."""
    lines = [HEAD.format(entity=entity, of=of, guess=GUESS)]
    read = next((o for a, o in operations.items() if a in ("get", "list", "find")), None)
    payload = _answered(book, read, entity) if read is not None else None
    if payload is not None:
        lines += reading.key_lines(payload[1], entity)
    lines += ["actions:"]
    for action, operation in operations.items():
        if not action.startswith("match."):
            lines += _action(book, action, operation, entity)
    matching = {a: o for a, o in operations.items() if a.startswith("match.")}
    lines += ["  match:"] if matching else []
    for action, operation in matching.items():
        lines += [f"  {line}" for line in _action(book, action, operation, entity)]
    lines = [_served(line, service) for line in lines]
    if payload is not None:
        lines += reading.read_lines(payload[1], entity, target="create" in operations)
    written = next((operations[a] for a in ("create", "update") if a in operations), None)
    tables: list[str] = []
    if written is not None:
        element = payload_of(book.sent(written)).element
        lines += write_lines(element, entity)
        tables += table_lines(element, entity)
    if payload is not None:
        more = list(reading.table_lines(payload[1], entity, {}))
        tables += more[1:] if tables else more
    return "\n".join([*lines, *tables]) + "\n"


def _served(line: str, service: str | None) -> str:
    """Say below an operation which *service* it belongs to, where that must be said."""
    return re.sub(r"^( *)(op: .*)$", rf"\1\2\n\1service: {service}", line) if service else line


def profile_of(name: str, protocol: str, entity: str, wsdl: str | None, service: str) -> str:
    """Write profile.yaml for an *entity* file: with the parameters that it names."""
    services = (
        f'services:\n  {service}: {{wsdl: {wsdl}, endpoint: "{{{{ conn.url }}}}"}}\n'
        if wsdl
        else 'base: "{{ conn.url }}"\n'
    )
    items = "".join(
        f'  {item}: {{type: text, needed: "true", meaning: item that {what} is booked as}}\n'
        for item, what in (("shipping_item", "delivery"), ("fee_item", "a fee"))
        if f"conn.{item}" in entity
    )
    identity = (
        "find_first" if "\n  find:" in entity else f"none {'':26}# no search by our reference"
    )
    return PROFILE.format(
        name=name, protocol=protocol, services=services, items=items, identity=identity,
        guess=GUESS,
    )  # fmt: skip


def _action(book: Book, action: str, operation: str, entity: str) -> Iterator[str]:
    yield f"  {action.removeprefix('match.')}:"
    yield f"    op: {operation}"
    if action in ("create", "update"):
        yield from _writing(book, action, operation, entity)
    else:
        yield from _asking(book, action, operation, entity)


def _writing(book: Book, action: str, operation: str, entity: str) -> Iterator[str]:
    sent, back = book.sent(operation), book.back(operation)
    payload = payload_of(sent)
    if payload.member is not None:
        beside = {n: one for n, one in sent.members().items() if n != payload.member}
        yield ("    args:".ljust(_WIDTH) + f"  {GUESS if beside else ''}").rstrip()
        yield f"      {payload.member}: = payload"
        yield from _arguments(beside, action)
    same = back.members().get(payload.member or "") if back is not None else None
    own = first_id(same, entity) if same is not None else None
    key = f"{payload.member}.{own}" if own else first_id(back, entity) or _only(back)
    if key is not None:
        yield f"    key: = reply.{key}".ljust(_WIDTH) + f"  {GUESS}"
    told = {n: one.kind for n, one in (back.members() if back else {}).items() if one.kind}
    for name, expression in assigned(root(entity), told).items():
        if expression == "doc.total":
            yield f"    total: = reply.{name}".ljust(_WIDTH) + f"  {GUESS}"


def _asking(book: Book, action: str, operation: str, entity: str) -> Iterator[str]:
    taken = list(_arguments(book.sent(operation).members(), action))
    yield "    args:".ljust(_WIDTH) + f"  {GUESS}" if taken else "    args: {}"
    yield from taken
    found = _answered(book, operation, entity)
    if found is not None:
        yield f"    items: = reply{found[0]}".ljust(_WIDTH) + f"  {GUESS}"
    ours = reference_of(found[1], entity) if action == "find" and found is not None else None
    if ours is not None:
        yield f"    reference: = item.{ours}".ljust(_WIDTH) + f"  {GUESS}"
    elif action == "find":
        yield "    # reference: = item.NAME".ljust(_WIDTH) + "# NEEDED: our reference there"


def _arguments(members: Mapping[str, Element], action: str) -> Iterator[str]:
    """What an operation asks for: what is likely known, in the groups around it."""
    given = {"get": "key", "find": "reference", "update": "key", "match": "value"}
    action, _, by = action.partition(".")
    if action == "list":
        chosen = _paged(members)
    elif action in given and (path := _asked(members, by, action, "")) is not None:
        chosen = {path: given[action]}
    else:
        chosen = {}
    yield from _argument_lines(members, chosen, "      ", "", 0)


def _paged(members: Mapping[str, Element]) -> dict[str, str]:
    """What a list asks for: since when, which page, how many."""
    chosen: dict[str, str] = {}
    for name, one in members.items():
        for word, pattern in _PAGED.items():
            fits = one.kind in (("moment", "day") if word == "since" else ("integer", "text"))
            if fits and word not in chosen.values() and re.search(pattern, name):
                chosen[name] = word
                break
    return chosen


def _asked(
    members: Mapping[str, Element], by: str, action: str, path: str, depth: int = 0
) -> str | None:
    """The path of the member that takes what is asked for: by its name, else the nearest text."""
    leaves = [n for n, one in members.items() if one.kind is not None and not one.words]

    def unlike(name: str) -> tuple[bool, bool, bool]:
        told = likely(root("order"), name, "text") if action == "find" else None
        words = plain(name).split()
        asked = action == "get" and not _IDS.isdisjoint(words)
        ours = by in words or asked or told in ("reference", "doc.number")
        texts = action == "get" or members[name].kind == "text"
        return (not ours, _VALUE.search(name) is None, not texts)

    if leaves:
        return path + min(leaves, key=unlike)
    for name, one in members.items() if depth < _DEEPEST else ():
        found = _asked(one.members(), by, action, f"{path}{name}.", depth + 1)
        if found is not None:
            return found
    return None


def _argument_lines(
    members: Mapping[str, Element], chosen: Mapping[str, str], indent: str, path: str, depth: int
) -> Iterator[str]:
    for name, one in members.items():
        at = f"{path}{name}"
        if at in chosen:
            yield f"{indent}{name}: = {chosen[at]}".ljust(_WIDTH) + f"  {GUESS}"
        elif one.kind is None and any(c.startswith(f"{at}.") for c in chosen):
            yield f"{indent}{name}:"
            inner = one.members()
            yield from _argument_lines(inner, chosen, f"{indent}  ", f"{at}.", depth + 1)
        else:
            words = f", one of: {', '.join(sorted(one.words)[:8])}" if one.words else ""
            about = f"# {'NEEDED: ' if one.needed else ''}{one.kind or 'a group'}{words}"
            yield f"{indent}{name}: $drop".ljust(_WIDTH) + f"  {about}"


def _answered(book: Book, operation: str, entity: str) -> tuple[str, Element] | None:
    """Where in an answer the documents are, and their element.

    The nearest large group that is a list, or of which two members speak of such a document.
    """
    back = book.back(operation)
    level: list[tuple[str, Element, bool]] = [("", back, False)] if back is not None else []
    first = None
    for _ in range(5):
        large = [(p, e) for p, e, _ in level if _leaves(e) >= 3]
        for one in sorted(large, key=lambda pair: -_leaves(pair[1])):
            first = first or one
            if one[1].many or speaks(one[1], entity):
                return one
        level = [
            (f"{path}.{name}", one, listed or one.many)
            for path, element, listed in level
            for name, one in element.members().items()
            if one.kind is None and not (listed and one.many)
        ]
    return first


def reference_of(item: Element, entity: str) -> str | None:
    """The member of an item that our reference is likely to stand in."""
    kinds = {n: one.kind for n, one in item.members().items() if one.kind is not None}
    guessed = assigned(root(entity), kinds)
    by = {expression: name for name, expression in guessed.items()}
    return by.get("reference") or by.get("doc.number")


def speaks(element: Element, entity: str) -> bool:
    """Whether two of its members are likely to be of a document: its id, and fields of ours."""
    kinds = {n: one.kind for n, one in element.members().items() if one.kind is not None}
    told = assigned(root(entity, reading=True), kinds)
    return len(told) + any(is_id(name, entity) for name in kinds if name not in told) >= 2


def _leaves(element: Element) -> int:
    return sum(one.kind is not None for one in element.members().values())


def first_id(back: Element | None, entity: str) -> str | None:
    """The nearest member of an answer that looks like an id."""
    level: list[tuple[str, Element]] = [("", back)] if back is not None else []
    for _ in range(4):
        below: list[tuple[str, Element]] = []
        for path, element in level:
            for name, one in element.members().items():
                at = f"{path}.{name}" if path else name
                if one.kind is None:
                    below.append((at, one))
                elif is_id(name, entity):
                    return at
        level = below
    return None


def _only(back: Element | None) -> str | None:
    """The one value of an answer that has no other."""
    found = list(_paths(back, 0)) if back is not None else []
    return found[0] if len(found) == 1 else None


def _paths(element: Element, depth: int) -> Iterator[str]:
    for name, one in element.members().items():
        if one.kind is not None:
            yield name
        elif depth < _DEEPEST:
            yield from (f"{name}.{below}" for below in _paths(one, depth + 1))


def _told(operation: str) -> str:
    action = action_of(operation)
    if action is None:
        unclear = f"nothing in its name says what {operation} does"
        cure = f"say it: --op create={operation}, or find, get, list, update, delete"
        raise ConnectorError(unclear, code="usage", cure=cure)
    return action


def chosen(operations: Sequence[str]) -> dict[str, str]:
    """Read `ACTION=OPERATION`, or OPERATION alone whose name says what it does."""
    found: dict[str, str] = {}
    for one in operations:
        action, equals, operation = one.partition("=")
        action, operation = (action, operation) if equals else (_told(one), one)
        if action in found and found[action] != operation:
            both = f"{found[action]} and {operation} would both be `{action}`"
            cure = f"say what each does, as --op update={operation}, and leave out the rest"
            raise ConnectorError(both, code="usage", cure=cure)
        found[action] = operation
    return found
