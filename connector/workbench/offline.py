"""`check PROFILE --offline`: every action built from the samples and judged by the contract."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from connector.documents import Document
from connector.errors import ConnectorError, FieldErrors, FieldFault
from connector.mapping.expressions import complain
from connector.mapping.load import leaves
from connector.mapping.preview import nearest_node
from connector.mapping.write import Writer
from connector.problems import Problems
from connector.profile import Action, Entity, Step
from connector.rehearsal import Rehearsal
from connector.values import Payload, Ref
from connector.workbench.given import document, with_customer
from connector.workbench.opened import Opened
from connector.workbench.payloads import payloads_of
from connector.workbench.samples import Sample
from connector.workbench.written import action_nodes, members
from connector.yamlread import Node

REFERENCE = "SAMPLE-1"
_AT = datetime(2026, 1, 1, tzinfo=UTC)
_SHAPING = ("$each", "$with", "$if", "$same", "$type", "$replace")


@dataclass(kw_only=True)
class Built:
    """How often one step was built, and whether a schema judged each of its messages."""

    entity: str
    action: str
    step: str
    messages: int = 0
    judged: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """One step of one action, and where it is written."""

    entity: str
    action: Action
    step: Step
    node: Node


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One sample document and the payload that `write` makes of it."""

    sample: Sample
    document: Document
    payload: Payload


@dataclass(kw_only=True)
class Offline:
    """What was built; *notes*: what could not be judged."""

    built: list[Built] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def check_offline(opened: Opened, problems: Problems) -> Offline:
    """Build every action of *opened* from its samples; *problems* gets all that is wrong."""
    found = Offline()
    stage = opened.stage
    if stage is None:
        found.notes.append(f"protocol {opened.compiled.profile.protocol} has no rehearsal")
        return found
    for name, entity in opened.compiled.profile.entities.items():
        cases = _cases(opened, name, problems)
        nodes = action_nodes(opened.raw.entities[name])
        for action in entity.actions.values():
            for step, node in zip(action.steps, nodes.get(action.name, ()), strict=False):
                names = list(_names(opened, entity, action, cases))
                row = _build(stage, Call(name, action, step, node), names, problems)
                found.built.append(row)
                if not names and "write" not in members(opened.raw.entities[name]):
                    complain(problems, node, f"{name} {action.name} was never built: no `write`",
                             "write `write:`, or leave the action out")  # fmt: skip
                if not row.judged and opened.compiled.profile.protocol == "soap":
                    found.notes.append(f"{name} {action.name}: its schema cannot be built here")
    for word, action in opened.compiled.profile.probe.items():
        node = members(members(opened.raw.top).get("probe"))[word]
        call = Call("", action, action.steps[0], node)
        found.built.append(_build(stage, call, [{}], problems))
    return found


def documents_of(opened: Opened, sample: Sample) -> Iterator[Document]:
    """Give the documents of a sample: its own, or what a profile reads from its payloads.

    A flow gives every guest a customer by its rules; here each gets one.
    """
    if sample.action is None:
        with suppress(ConnectorError):  # lint tells it at its expression
            yield with_customer(document(opened, sample.entity, sample.path, sample.profile))
        return
    reader = opened.compiled.readers.get(sample.entity)
    if reader is None:
        return
    for payload in payloads_of(opened, sample, Problems()):
        with suppress(FieldErrors):
            yield with_customer(reader.document(payload))


def _cases(opened: Opened, name: str, problems: Problems) -> list[Case]:
    """Render `write` for every sample document; each leaf of it must be filled once."""
    writer = opened.compiled.writers.get(name)
    node = members(opened.raw.entities[name]).get("write")
    if writer is None or node is None:
        return []
    cases, filled = [], set[tuple[str, int, str]]()
    for sample in opened.samples:
        for doc in documents_of(opened, sample) if sample.entity == name else ():
            names = names_of(opened)
            filled |= {(n.file, n.line, n.path) for n in writer.filled(doc, **names)}
            payload = _rendered(writer, doc, sample, node, names, problems)
            if payload is not None:
                cases.append(Case(sample=sample, document=doc, payload=payload))
    if not cases:
        complain(problems, node, f"no sample document of {name} to try `write` on",
                 f"save one as samples/{name}.json, or let `connector map record {name} --from "
                 "CONNECTION` save what a connection has")  # fmt: skip
        return []
    for empty in _empty(node, filled):
        complain(problems, empty, "is empty in every sample",
                 f"add a sample of {name} in which it has a value")  # fmt: skip
    return cases


def _empty(node: Node, filled: Collection[tuple[str, int, str]]) -> Iterator[Node]:
    """The leaves that no sample fills; of a list that none has, the list alone."""
    leafs = [leaf for path, text, leaf in leaves(node) if _tells(path, text)]
    missed = [one for one in leafs if (one.file, one.line, one.path) not in filled]
    if isinstance(node.value, dict) and "$each" in node.value and len(missed) == len(leafs) > 0:
        yield node
    elif isinstance(node.value, dict):
        for key, child in node.value.items():
            yield from _empty(child, filled) if key not in _SHAPING else ()
    elif isinstance(node.value, list):
        for child in node.value:
            yield from _empty(child, filled)
    else:
        yield from missed


def _tells(path: str, text: str | None) -> bool:
    """Whether a leaf makes a value of its own."""
    return path.rpartition(".")[2] not in _SHAPING and text not in ("$drop", "$nil", None)


def names_of(opened: Opened) -> dict[str, Any]:
    """What `write` is rendered with: ids there are the source's own."""
    return {"conn": opened.conn, "reference": REFERENCE, "there": _there}


def _there(ref: Ref) -> str:
    return ref.key


def _rendered(
    writer: Writer,
    document: Document,
    sample: Sample,
    node: Node,
    names: dict[str, Any],
    problems: Problems,
) -> Payload | None:
    try:
        return writer.payload(document, **names)
    except FieldErrors as error:
        origins = writer.origins(document, **names)
        for fault in error.faults:
            place = nearest_node(fault.field, origins) or node
            message = f"cannot write {sample.name}: {fault.field}: {fault.code}"
            complain(problems, place, message, fault.cure.partition("; /")[0])
        return None


def _names(
    opened: Opened, entity: Entity, action: Action, cases: list[Case]
) -> Iterator[dict[str, object]]:
    """What each message of an action is made with."""
    key = _key(opened, entity)
    two = ("1", "2")[: action.batch]
    match action.name.partition(".")[0]:
        case "find":
            yield {"reference": REFERENCE, "references": (REFERENCE, "SAMPLE-2")[: action.batch]}
        case "get" | "delete":
            yield {"key": key, "keys": (key,), "version": "1"}
        case "list" | "born":
            first = {"since": None, "until": None, "page": 1, "size": entity.walk.size}
            yield {**first, "order": "asc"}
            yield {**first, "since": _AT, "until": _AT, "page": 2, "order": "desc"}
        case "below":
            above = _payloads(opened, entity.name, action.steps[0])
            yield from ({"item": one, "page": 1, "size": entity.walk.size} for one in above)
        case "match":
            by = action.name.partition(".")[2]
            given = [str(getattr(c.document, by, None) or "1") for c in cases] or list(two)
            yield {"value": given[0], "values": tuple(given[: action.batch])}
        case word:
            for case in cases:
                payload = case.payload
                if word == "update" and action.can is not None:
                    payload = {k: v for k, v in payload.items() if k in action.can | action.along}
                yield {
                    **{"payload": payload, "reference": REFERENCE, "key": key, "version": "1"},
                    **{"reply": {}, "there": {}},
                }


def _payloads(opened: Opened, name: str, step: Step) -> Iterator[Payload]:
    """The payloads of samples for which a step is done."""
    for sample in opened.samples:
        for payload in payloads_of(opened, sample, Problems()) if sample.entity == name else ():
            if step.when is None or step.when({"conn": opened.conn, "item": payload}):
                yield payload


def _key(opened: Opened, entity: Entity) -> str:
    """The key of a sample of the system, where there is one."""
    for sample in opened.samples:
        if sample.entity == entity.name and entity.key is not None:
            for payload in payloads_of(opened, sample, Problems()):
                try:
                    return str(entity.key(payload))
                except FieldErrors:
                    continue
    return "1"


def _build(
    stage: Rehearsal, call: Call, names: list[dict[str, object]], problems: Problems
) -> Built:
    row = Built(entity=call.entity, action=call.action.name, step=call.step.name)
    for given in names:
        try:
            sent = stage.message(call.entity, call.action, call.step, given)
            faults = stage.faults(call.entity, call.action, call.step, sent)
        except FieldErrors as error:
            _blame(call, error.faults, problems)
            continue
        except ConnectorError as error:
            complain(problems, call.node, str(error), error.cure)
            continue
        row.messages += 1
        row.judged = row.judged and faults is not None
        _blame(call, faults or (), problems)
    return row


def _blame(call: Call, faults: Sequence[FieldFault], problems: Problems) -> None:
    for fault in faults:
        what = f"{call.entity} {call.action.name}: {fault.field}: {fault.code}".strip()
        complain(problems, call.node, what, fault.cure)


def told(offline: Offline) -> list[Mapping[str, object]]:
    """What was built, a row a step."""
    return [
        {
            "entity": row.entity or "(probe)",
            "action": row.action,
            "step": row.step,
            "messages": row.messages,
            "judged by": "schema" if row.judged and row.messages else "",
        }
        for row in offline.built
    ]
