"""The messages that `connector map preview` shows: as they would go out, credentials masked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import TypeVar

import msgspec
from lxml import etree

from connector.errors import FieldErrors
from connector.flow.compose import LITERAL, is_literal
from connector.profile import Action, Step
from connector.rehearsal import Rehearsal, Sent
from connector.secret import is_reference
from connector.values import Payload, Ref
from connector.wiring import Wired
from connector.workbench.opened import stage_of
from connector.workbench.written import members

MASK = "***"
Written = Callable[[Callable[[Ref], str]], Payload]
_T = TypeVar("_T")


def unknown(make: Callable[[Callable[[Ref], str]], _T]) -> _T:
    """Make something of ids there, which are known only once what they name is delivered.

    They are told by what they name; where that cannot be made, shorter, or as a number. Raises
    the FieldErrors of the last.
    """
    for look in (_named, lambda ref: f"({ref.entity})"):
        with suppress(FieldErrors):
            return make(partial(_there, look))
    return make(partial(_there, lambda _: "0"))


def _named(ref: Ref) -> str:
    return f"({ref.entity} {ref.key})"


def _there(look: Callable[[Ref], str], ref: Ref) -> str:
    return ref.key.removeprefix(LITERAL) if is_literal(ref) else look(ref)


def messages(
    target: Wired, entity: str, reference: str, written: Written
) -> list[dict[str, object]]:
    """Return what a create would send, a row a step; *written* renders `write` with ids there."""
    action = target.compiled.profile.entities[entity].actions.get("create")
    stage = stage_of(target.compiled, _masked(target), target.config.zone)
    if action is None or stage is None:
        return []
    rows: list[dict[str, object]] = []
    for step in action.steps:
        names = {"reference": reference, "key": "0" if rows else None, "conn": target.conn}
        row = _message(stage, entity, (action, step), names, written)
        if row is not None:
            rows.append(row)
    return rows


def _message(
    stage: Rehearsal,
    entity: str,
    call: tuple[Action, Step],
    names: Mapping[str, object],
    written: Written,
) -> dict[str, object] | None:
    action, step = call

    def make(look: Callable[[Ref], str]) -> Sent | None:
        known = {**names, "payload": written(look)}
        left_out = step.when is not None and not step.when(known)
        return None if left_out else stage.message(entity, action, step, known)

    try:
        sent = unknown(make)
    except FieldErrors as error:
        return {"step": step.name, "cannot be made": [str(fault) for fault in error.faults]}
    return (
        None
        if sent is None
        else {
            "step": step.name,
            "method": sent.method,
            "url": sent.url,
            "headers": dict(sent.headers),
            "body": _pretty(sent),
        }
    )


def _masked(target: Wired) -> dict[str, object]:
    """`conn` without what the configuration takes from the environment or a file."""
    given = members(target.config.parameters)
    secret = [k for k, node in given.items() if is_reference(str(node.value or ""))]
    return {**target.conn, **dict.fromkeys(secret, MASK)}


def _pretty(sent: Sent) -> str | None:
    body, pairs = sent.body, sent.pairs
    if body is None:
        return None
    if pairs is not None:
        return "\n".join(f"{name}={value}" for name, value in pairs)
    if not body.lstrip().startswith(b"<"):
        return msgspec.json.format(body, indent=2).decode()
    root = etree.fromstring(body)
    etree.indent(root)
    return etree.tostring(root, encoding="unicode")


def told(row: Mapping[str, object]) -> Iterator[str]:
    """A message for people: its line, its headers, its body."""
    if "url" not in row:
        yield f"{row['step']}: cannot be made: {row['cannot be made']}"
        return
    yield f"{row['method']} {row['url']}"
    headers = row["headers"]
    for name, value in headers.items() if isinstance(headers, Mapping) else ():
        yield f"{name}: {value}"
    if row["body"] is not None:
        yield ""
        yield str(row["body"])
