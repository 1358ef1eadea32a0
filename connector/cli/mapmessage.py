"""The messages that `connector map preview` shows: as they would go out, credentials masked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec
from lxml import etree

from connector.errors import FieldErrors
from connector.profile import Action, Step
from connector.rehearsal import Rehearsal, Sent
from connector.secret import is_reference
from connector.values import Payload, Ref
from connector.wiring import Wired
from connector.workbench.opened import stage_of
from connector.workbench.written import members

MASK = "***"
Written = Callable[[Callable[[Ref], str]], Payload]


def messages(
    target: Wired, entity: str, reference: str, written: Written, there: Callable[[Ref], str]
) -> list[dict[str, object]]:
    """Return what a create would send, a row a step; *written* renders `write` with ids there.

    Ids that are not known yet are told as *there* does; where the contract refuses that, shorter.
    """
    action = target.compiled.profile.entities[entity].actions.get("create")
    stage = stage_of(target.compiled, _masked(target), target.config.zone)
    if action is None or stage is None:
        return []
    rows: list[dict[str, object]] = []
    for step in action.steps:
        names = {"reference": reference, "key": "0" if rows else None, "conn": target.conn}
        row = _message(stage, entity, (action, step), names, (written, there))
        if row is not None:
            rows.append(row)
    return rows


def _message(
    stage: Rehearsal,
    entity: str,
    call: tuple[Action, Step],
    names: Mapping[str, object],
    payload: tuple[Written, Callable[[Ref], str]],
) -> dict[str, object] | None:
    (action, step), (written, there) = call, payload
    for look in (there, lambda ref: f"({ref.entity})", lambda _: "0"):
        known = {**names, "payload": written(look)}
        try:
            if step.when is not None and not step.when(known):
                return None
            sent = stage.message(entity, action, step, known)
        except FieldErrors as error:
            faults = [str(fault) for fault in error.faults]
            continue
        return {
            "step": step.name,
            "method": sent.method,
            "url": sent.url,
            "headers": dict(sent.headers),
            "body": _pretty(sent),
        }
    return {"step": step.name, "cannot be made": faults}


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
