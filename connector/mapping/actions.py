"""Actions, steps and error rules: the part of a profile that adapters carry out."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from connector.mapping.expressions import complain, written
from connector.mapping.keys import (
    ACTION,
    ACTIONS,
    BULK,
    ERROR,
    OUTCOMES,
    SENT,
    STEP,
    TOLD,
    words_of,
)
from connector.mapping.load import leaves
from connector.mapping.shapes import Shape
from connector.mapping.strings import in_xml
from connector.mapping.terms import Scope
from connector.mapping.trees import compile_tree
from connector.nearest import cure_for
from connector.ports import Template
from connector.problems import Problems
from connector.profile import Action, Bulk, ErrorRule, SendAs, Step
from connector.spelled import Misspelled, whole
from connector.yamlread import Node

_NAMES = (
    *("conn", "reference", "payload", "key", "reply", "there", "item", "value", "version", "http"),
    *("references", "keys", "values", "since", "until", "page", "size", "order", "fault"),
    *("bookmark", "carried", "offset"),
    *("rows", "group"),
)
_VERSION = re.compile(r"(?<![.\w])version\b")
_MESSAGE = frozenset((*SENT, "row"))


@dataclass(frozen=True, slots=True)
class Calls:
    """What compiling calls needs to know: the connection's names, the services, where to report."""

    conn: Mapping[str, Shape | None]
    services: Mapping[str, object]
    entity: str
    problems: Problems
    fields: frozenset[str] = field(default_factory=frozenset)
    more: Mapping[str, Shape | None] = field(default_factory=dict)
    decode: Mapping[str, str] = field(default_factory=dict)
    send_as: SendAs = "json"

    def sent(self) -> Scope:
        """What we send is strict: a name that is not there is a fault."""
        return Scope({**dict.fromkeys(_NAMES), **self.more, "conn": Shape(members=self.conn)})

    def told(self) -> Scope:
        """What comes back has no shape of ours: what is not there is null."""
        return Scope(self.sent().names, lenient=True)


def check_keys(node: Node, known: Collection[str], problems: Problems) -> dict[str, Node]:
    """Return the members of a mapping; each unknown key is a problem with the nearest word."""
    if not isinstance(node.value, dict):
        complain(problems, node, "is no mapping", "write `key: value` lines")
        return {}
    for key, child in node.value.items():
        if key not in known:
            complain(problems, child, f"unknown key `{key}`", cure_for(key, known))
    return node.value


def scalar(node: Node | None, problems: Problems) -> str | None:
    """Return the text of a scalar; a list or mapping is a problem."""
    if node is None or isinstance(node.value, str):
        return node.value if node else None  # type: ignore[return-value]  # narrowed above
    complain(problems, node, "must be a single value", "write it on one line")
    return None


def names_of(node: Node | None, problems: Problems) -> frozenset[str]:
    """Return the scalars of a list."""
    items = node.value if node is not None and isinstance(node.value, list) else [node]
    return frozenset(t for one in items if (t := scalar(one, problems)) is not None)


def one_of(node: Node | None, words: tuple[str, ...], problems: Problems) -> str | None:
    """Return a scalar that is one of *words*."""
    text = scalar(node, problems)
    if node is not None and text is not None and text not in words:
        complain(problems, node, "is not one of its words", cure_for(text, words, "word"))
        return None
    return text


def flag(node: Node | None, problems: Problems) -> bool:
    """Return a flag; false where it is not written."""
    return one_of(node, ("true", "false"), problems) == "true"


def number(node: Node | None, problems: Problems, otherwise: int) -> int:
    """Return a whole number of at least 1."""
    text = scalar(node, problems)
    if node is None or text is None:
        return otherwise
    try:
        return whole(text)
    except Misspelled as wrong:
        complain(problems, node, str(wrong), wrong.cure)
        return otherwise


def actions_of(node: Node | None, calls: Calls) -> dict[str, Action]:
    """Compile the `actions` of an entity; `match: {email: …}` becomes `match.email`."""
    actions: dict[str, Action] = {}
    for name, child in (check_keys(node, ACTIONS, calls.problems) if node else {}).items():
        if name not in ACTIONS:
            continue
        if name == "match" and isinstance(child.value, dict):
            for by, inner in child.value.items():
                actions[f"match.{by}"] = _action(f"match.{by}", inner, calls)
        else:
            actions[name] = _action(name, child, calls)
    find = actions.get("find")
    if find is not None and node is not None and find.reference is None and find.verify is None:
        cure = "add `reference:` (our reference in `item`) or `verify:`"
        complain(calls.problems, node, "`find` cannot tell equality after a search", cure)
    if "born" in actions and actions["born"].at is None and node is not None:
        complain(calls.problems, node, "`born` lacks `at`", "add `at: = item.…`, when it was born")
    return actions


def _action(name: str, node: Node, calls: Calls) -> Action:
    own = check_keys(node, ACTION, calls.problems)
    words = ("items", "item", "found", "verify", "reference", "at", "wanted")
    told = {k: _told(own, k, calls) for k in words}
    steps = own.get("steps")
    made: tuple[Step, ...] = ()
    if steps is None:
        made = (step_of(name, node, own, calls),)
    elif isinstance(steps.value, list):
        made = tuple(
            step_of(name, one, check_keys(one, STEP, calls.problems), calls) for one in steps.value
        )
    else:
        complain(calls.problems, steps, "`steps` is no list", "write `- name: …` lines")
    return Action(
        name=name,
        steps=made,
        missing=_missing(own.get("missing"), calls.problems),
        batch=number(own.get("batch"), calls.problems, 1),
        can=_fields("can", own.get("can"), calls),
        along=_along(own.get("along"), calls),
        versioned=_versioned(node),
        next=_next(name, own.get("next"), calls),
        instead=flag(own.get("instead"), calls.problems),
        into=_into(name, own, calls),
        bulk=_bulk(own.get("bulk"), calls),
        errors=errors_of(own.get("errors"), calls),
        **told,
    )


def _into(action: str, own: Mapping[str, Node], calls: Calls) -> str | None:
    into = own.get("into")
    if into is not None and (action != "below" or "op" in own or "instead" in own):
        cure = "write it in a `below` of REST, and without `instead`"
        complain(calls.problems, into, "`into` stands in no such action", cure)
    return scalar(into, calls.problems)


def _bulk(node: Node | None, calls: Calls) -> Bulk | None:
    if node is None:
        return None
    own = check_keys(node, BULK, calls.problems)
    row, told = _sent(own, "row", calls), {k: _told(own, k, calls) for k in BULK if k != "row"}
    answers = told.pop("answers")
    if row is None or answers is None:
        complain(calls.problems, node, "lacks `row` or `answers`", "say both")
        return None
    if (told["id"] is None) != (told["answer"] is None):
        complain(calls.problems, node, "has one of `id` and `answer`", "say both, or neither")
    return Bulk(row=row, answers=answers, **told)


def _next(action: str, node: Node | None, calls: Calls) -> Step | None:
    """Compile the call of a list's later pages."""
    if node is None:
        return None
    if action != "list":
        complain(calls.problems, node, f"`{action}` has no pages", "`next` is for `list`")
    return step_of(action, node, check_keys(node, STEP, calls.problems), calls)


def _missing(node: Node | None, problems: Problems) -> Literal["omit", "nil", "empty"]:
    match one_of(node, words_of(ACTION, "missing"), problems):
        case "nil":
            return "nil"
        case "empty":
            return "empty"
        case _:
            return "omit"


def _along(node: Node | None, calls: Calls) -> frozenset[str]:
    if node is not None and node.value == "all":
        return frozenset(calls.fields)
    return _fields("along", node, calls) or frozenset()


def _versioned(action: Node) -> bool:
    """Whether what it sends names the `version` that is known."""
    return any(
        text is not None
        and (text.startswith("= ") or "{{" in text)
        and _VERSION.search(text) is not None
        and not _MESSAGE.isdisjoint(re.split(r"[.\[]", path))
        for path, text, _ in leaves(action)
    )


def _fields(key: str, node: Node | None, calls: Calls) -> frozenset[str] | None:
    if node is None:
        return None
    items = node.value if isinstance(node.value, list) else [node]
    names = [name for item in items if (name := scalar(item, calls.problems)) is not None]
    for name in names:
        if name not in calls.fields:
            cure = cure_for(name, calls.fields, "field")
            complain(calls.problems, node, f"`{key}` names `{name}`, no field of `write`", cure)
    return frozenset(names)


def step_of(action: str, node: Node, own: Mapping[str, Node], calls: Calls) -> Step:
    """Compile one call."""
    problems, name = calls.problems, scalar(own.get("name"), calls.problems) or action
    method = one_of(own.get("method"), words_of(STEP, "method"), problems)
    op = scalar(own.get("op"), problems)
    if (op is None) == (method is None):
        complain(problems, node, "needs `op` (SOAP) or `method` (REST)", "add one of them")
    service = scalar(own.get("service"), problems) or _service(node, calls, op)
    if service is not None and service not in calls.services:
        cure = cure_for(service, calls.services, "service")
        complain(problems, node, f"no service `{service}`", cure)
    sent = {key: _sent(own, key, calls) for key in SENT}
    default = "args" if op else "body" if method in ("POST", "PUT", "PATCH") else None
    if default and sent[default] is None:
        sent[default] = _payload
    send_as = send_as_of(own.get("send_as"), problems) or calls.send_as
    if send_as == "xml" and (body := sent["body"]) is not None:
        sent["body"] = in_xml(body)
    told = {key: _told(own, key, calls) for key in TOLD}
    when = _told(own, "$if", calls)
    decode = {**calls.decode, **decode_of(own.get("decode"), problems, soap=op is not None)}
    calling: dict[str, Any] = {**sent, **told, "op": op, "method": method, "service": service}
    if "send_as" in own and default != "body":
        complain(problems, own["send_as"], "`send_as` has no body here", "only what sends one has")
    return Step(name=name, when=when, decode=decode, send_as=send_as, **calling)


def send_as_of(node: Node | None, problems: Problems) -> SendAs | None:
    """Read how a body travels; None where it is not said."""
    match one_of(node, words_of(STEP, "send_as"), problems):
        case "json":
            return "json"
        case "form":
            return "form"
        case "xml":
            return "xml"
        case _:
            return None


def decode_of(node: Node | None, problems: Problems, *, soap: bool) -> dict[str, str]:
    """Read `decode`: where a string holds another document."""
    if node is None:
        return {}
    if not isinstance(node.value, dict):
        complain(problems, node, "`decode` is no mapping", "write `path.in.reply: xml` lines")
        return {}
    words = ("xml", "json") if soap else ("json",)
    made = {path: one_of(one, words, problems) for path, one in node.value.items()}
    return {path.removeprefix("reply."): how for path, how in made.items() if how is not None}


def _payload(names: Mapping[str, object]) -> object:
    return names.get("payload")


def _service(node: Node, calls: Calls, op: str | None) -> str | None:
    """An entity's own service, or the only one."""
    if op is None or calls.entity in calls.services:
        return calls.entity if op else None
    if len(calls.services) == 1:
        return next(iter(calls.services))
    words = ", ".join(sorted(calls.services))
    complain(calls.problems, node, "does not say which service", f"add `service:`, one of {words}")
    return None


def _sent(own: Mapping[str, Node], key: str, calls: Calls) -> Template | None:
    node = own.get(key)
    return None if node is None else compile_tree(node, calls.sent(), calls.problems)


def _told(own: Mapping[str, Node], key: str, calls: Calls) -> Template | None:
    node = own.get(key)
    if key not in _WORDS:
        asks(node, calls.problems)
    whole, flag = key in _TREES, key in _FLAGS
    return template(node, calls.told(), calls.problems, flag=flag, whole=whole)


def asks(node: Node | None, problems: Problems) -> None:
    """Refuse plain text in a place that must look at something: it would be the same for all."""
    if node is None or not isinstance(node.value, str) or node.value in ("true", "false"):
        return
    if not node.value.startswith("= ") and "{{" not in node.value:
        complain(problems, node, "is plain text, not an expression", "write `= ` before it")


_WORDS = ("code", "message", "group", "status")  # may be the same for all
_TREES = ("items", "item", "answers", "error")
_FLAGS = ("verify", "done_when", "wanted", "$if", "when")


def template(
    node: Node | None,
    scope: Scope,
    problems: Problems,
    *,
    flag: bool = False,
    whole: bool = False,
) -> Template | None:
    """Compile a scalar template; None where it is not written or wrong."""
    source = scalar(node, problems)
    if node is None or source is None:
        return None
    return written(source, scope, problems, node, flag=flag, whole=whole)


def errors_of(node: Node | None, calls: Calls) -> tuple[ErrorRule, ...]:
    """Compile `errors`: the first row that holds decides; `else` is the last."""
    if node is None:
        return ()
    if not isinstance(node.value, list):
        complain(calls.problems, node, "`errors` is no list", "write `- {when: …, outcome: …}`")
        return ()
    rules = [_rule(row, calls) for row in node.value]
    for row, rule in list(zip(node.value, rules, strict=True))[:-1]:
        if rule.when is None:
            complain(calls.problems, row, "hides the rows below it", "move `else` to the end")
    return tuple(rules)


def _rule(node: Node, calls: Calls) -> ErrorRule:
    own = check_keys(node, ERROR, calls.problems)
    if ("when" in own) == ("else" in own):
        complain(calls.problems, node, "needs `when` or `else`", "{when: = …, outcome: refused}")
    word = own.get("else") or own.get("outcome")
    outcome = one_of(word, OUTCOMES, calls.problems)
    if word is None:
        complain(calls.problems, node, "has no outcome", f"one of: {', '.join(OUTCOMES)}")
    return ErrorRule(
        when=_told(own, "when", calls),
        outcome=outcome or "in_doubt",
        code=_told(own, "code", calls),
        message=_told(own, "message", calls),
        key=_told(own, "key", calls),
    )
