"""Forms: which keys a section of YAML may have, how each is read, and the JSON Schema of it all."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connector.nearest import cure_for, nearest
from connector.problems import Problem, Problems
from connector.spelled import Misspelled
from connector.yamlread import Node

# Reads a node; raises Misspelled, or adds problems of its own and returns None.
Reader = Callable[[Node, Problems], Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """How a value is read and how JSON Schema says the same."""

    read: Reader
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a section: its kind, what it means, whether it must stand."""

    kind: Kind
    meaning: str
    needed: bool = False


Form = Mapping[str, Key]


def text(read: Callable[[str], Any] = str, pattern: str = "") -> Kind:
    """Make the kind of a scalar that *read* turns into a value."""
    spelled = {"pattern": pattern} if pattern else {}
    return Kind(lambda node, _: read(scalar(node)), {"type": ["string", "number"], **spelled})


def choice(*words: str) -> Kind:
    """Make the kind of a scalar that is one of *words*."""

    def read(node: Node, _: Problems) -> str:
        if (word := scalar(node)) not in words:
            near = nearest(word, words)
            cure = f"did you mean `{near}`?" if near else f"write {' or '.join(words)}"
            raise Misspelled("is not one of the words for this key", cure)
        return word

    return Kind(read, {"enum": list(words)})


def series(of: Kind) -> Kind:
    """Make the kind of a list whose items are each *of* one kind; the value is a tuple."""

    def read(node: Node, problems: Problems) -> tuple[Any, ...]:
        if not isinstance(node.value, list) or not node.value:
            raise Misspelled("is not a list", "write [one, two]")
        read_ = [value(item, of, problems) for item in node.value]
        return tuple(one for one in read_ if one is not None)  # what is wrong is told, and left out

    return Kind(read, {"type": "array", "items": dict(of.schema), "minItems": 1})


def section(form: Form, make: Callable[[dict[str, Any]], Any] = dict) -> Kind:
    """Make the kind of a mapping with the keys of *form*; *make* builds the value."""

    def read(node: Node, problems: Problems) -> Any:
        got = fill(node, form, problems)
        return None if got is None else make(got)

    return Kind(read, schema_of(form))


def mapping_of(of: Kind) -> Kind:
    """Make the kind of a mapping with free keys."""

    def read(node: Node, problems: Problems) -> dict[str, Any]:
        read_ = {key: value(child, of, problems) for key, child in members(node).items()}
        return {key: one for key, one in read_.items() if one is not None}  # as in `series`

    return Kind(read, {"type": "object", "additionalProperties": dict(of.schema)})


def scalar(node: Node) -> str:
    """Return the text of *node*; Misspelled if it is empty, a list or a mapping."""
    if isinstance(node.value, str) and node.value:
        return node.value
    if not node.value:
        raise Misspelled("has no value", "write one, or remove the key")
    raise Misspelled("must be a single value", "write it on one line, without brackets")


def members(node: Node) -> dict[str, Node]:
    """Return the members of *node*; Misspelled if it is not a mapping."""
    if isinstance(node.value, dict):
        return node.value
    raise Misspelled("must be a mapping", "write `key: value` lines below it")


def inside(node: Node, word: str) -> dict[str, Node]:
    """Return the members of section *word* of *node*; none of what is not there, or no mapping."""
    given = members(node).get(word)
    return given.value if given is not None and isinstance(given.value, dict) else {}


def value(node: Node, kind: Kind, problems: Problems) -> Any:
    """Read *node* as *kind*; None and a problem at its place if it is not one."""
    try:
        return kind.read(node, problems)
    except Misspelled as wrong:
        report(problems, node, str(wrong), wrong.cure)
        return None


def fill(node: Node, form: Form, problems: Problems) -> dict[str, Any] | None:
    """Read the members of *node* by *form*; None if a needed one is missing or wrong."""
    got = gather(node, form, problems)
    return got if all(word in got for word, key in form.items() if key.needed) else None


def gather(node: Node, form: Form, problems: Problems) -> dict[str, Any]:
    """Read what can be read of *node* by *form*, and report what cannot or is missing."""
    given = members(node)
    for word, child in given.items():
        if word in form:
            continue
        if not remnant(node, word, problems):
            report(problems, child, f"unknown key `{word}`", cure_for(word, form))
    got: dict[str, Any] = {}
    for word, key in form.items():
        if word in given:
            found = value(given[word], key.kind, problems)
            if found is not None:
                got[word] = found
        elif key.needed:
            report(problems, node, f"`{word}` is missing", f"add `{word}:` ({key.meaning})")
    return got


def remnant(node: Node, word: str, problems: Problems) -> bool:
    """Say, and report, whether key *word* of *node* is the rest of a value cut at a comma."""
    if members(node)[word].value is not None or re.fullmatch(r"\w*", word):
        return False
    # The value may be a secret one: its text is not repeated.
    cure = "quote the value before it: inside {…} a comma ends a value"
    report(problems, node, "holds a key that looks like the rest of a value", cure)
    return True


def report(problems: Problems, node: Node, message: str, cure: str) -> None:
    """Add a problem at the place of *node*."""
    problems.add(
        Problem(file=node.file, line=node.line, path=node.path, message=message, cure=cure)
    )


def schema_of(form: Form) -> dict[str, Any]:
    """Return the JSON Schema of a section."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [word for word, key in form.items() if key.needed],
        "properties": {
            word: {**key.kind.schema, "description": key.meaning} for word, key in form.items()
        },
    }
