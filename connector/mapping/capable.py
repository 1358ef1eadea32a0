"""Capabilities as YAML writes them; what is not said stays the cautious default."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar

from connector.mapping.actions import check_keys, flag, number, one_of, scalar
from connector.mapping.expressions import complain
from connector.mapping.keys import CAPABILITIES, LIMITS, words_of
from connector.problems import Problems
from connector.profile import Capabilities, Limits
from connector.spelled import Misspelled, duration
from connector.yamlread import Node

_CHANGES = ("cursor", "scan", "via_parent", "hints")
_OP_CLASSES = ("absolute", "append", "create", "transition")


Otherwise = TypeVar("Otherwise", timedelta, None)


def duration_of(
    node: Node | None, problems: Problems, otherwise: Otherwise
) -> timedelta | Otherwise:
    """Read a duration; *otherwise* where it is not written or wrong."""
    text = scalar(node, problems)
    if node is None or text is None:
        return otherwise
    try:
        return duration(text)
    except Misspelled as wrong:
        complain(problems, node, str(wrong), wrong.cure)
        return otherwise


def capabilities_of(
    node: Node | None, entities: tuple[str, ...], problems: Problems
) -> Capabilities:
    """Read `capabilities`; one word for `changes` holds for every entity."""
    if node is None:
        return Capabilities()
    own = check_keys(node, CAPABILITIES, problems)
    known: dict[str, Any] = {}
    for key, child in own.items():
        if key in ("identity", "reference_folding", "reserves_at"):
            known[key] = one_of(child, words_of(CAPABILITIES, key), problems)
        elif key in ("bulk_atomic", "returns_total"):
            known[key] = flag(child, problems)
        elif key == "reference_charset":
            known[key] = scalar(child, problems)
        elif key == "reference_length":
            known[key] = number(child, problems, 40)
    known["changes"] = _words(own.get("changes"), _CHANGES, entities, problems)
    known["op_class"] = _words(own.get("op_class"), _OP_CLASSES, (), problems)
    known["bulk"] = {k: number(n, problems, 1) for k, n in _pairs(own.get("bulk")).items()}
    statuses = own.get("refuses_with")
    codes = statuses.value if statuses and isinstance(statuses.value, list) else []
    known["refuses_with"] = frozenset(number(code, problems, 503) for code in codes)
    return Capabilities(**{k: v for k, v in known.items() if v is not None})


def limits_of(node: Node | None, problems: Problems) -> Limits:
    """Read how hard the product may be worked."""
    if node is None:
        return Limits()
    own = check_keys(node, LIMITS, problems)
    usual = Limits()
    fast = own.get("per_second")
    return Limits(
        concurrency=number(own.get("concurrency"), problems, usual.concurrency),
        timeout=duration_of(own.get("timeout"), problems, usual.timeout),
        per_second=None if fast is None else number(fast, problems, 1),
    )


def _pairs(node: Node | None) -> Mapping[str, Node]:
    return node.value if node is not None and isinstance(node.value, dict) else {}


def _words(
    node: Node | None, words: tuple[str, ...], entities: tuple[str, ...], problems: Problems
) -> dict[str, str]:
    if node is not None and not isinstance(node.value, dict):
        word = one_of(node, words, problems)
        return dict.fromkeys(entities, word) if word else {}
    found = {k: one_of(child, words, problems) for k, child in _pairs(node).items()}
    return {k: word for k, word in found.items() if word}
