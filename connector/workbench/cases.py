"""`map test`: the cases that stand beside a mapping, run on the code that delivers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from connector.documents import Document, dump
from connector.errors import ConnectorError, FieldErrors
from connector.mapping.expressions import complain
from connector.mapping.filters import text
from connector.mapping.preview import nearest_node
from connector.mapping.write import Writer
from connector.problems import Problems
from connector.rehearsal import Canned, Sent
from connector.values import Change, Outcome, Payload, Ref
from connector.workbench.given import document, with_customer
from connector.workbench.offline import REFERENCE
from connector.workbench.opened import Opened, with_parameters
from connector.workbench.paths import NOTHING, at, body_of
from connector.workbench.silence import judge_silence
from connector.workbench.written import cases_of, listed, members
from connector.yamlread import Node, plain

_CALL = re.compile(r"call(?:\[(\d+)\])?\.(method|url|body)\b\.?")
_WORD = re.compile(r"(?<!^)(?=[A-Z])")
_NEVER = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One thing that is not as a case expects; *made*: the YAML that made it."""

    at: str
    expected: str
    got: str
    made: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """One case that was run."""

    profile: str
    entity: str
    name: str
    place: str
    differences: tuple[Difference, ...]


@dataclass(kw_only=True)
class _Made:
    """What a case comes to, as far as it was asked for."""

    document: object = None
    payload: Payload | None = None
    sent: Sequence[Sent] = ()
    outcome: Outcome | None = None
    unread: int = 0
    faults: dict[str, str] = field(default_factory=dict)
    origins: dict[str, Node] = field(default_factory=dict)


def run_cases(opened: Opened, problems: Problems) -> list[Ran]:
    """Run every case of the profile's own files; what is wrong with a case goes to *problems*."""
    ran = []
    for entity, node in opened.raw.entities.items():
        for n, (row, case) in enumerate(cases_of(node, problems), 1):
            if not Path(row.file).is_relative_to(opened.raw.folder):
                continue  # a base's cases are about the base
            differences = tuple(_run(opened, entity, row, case, problems))
            ran.append(
                Ran(
                    profile=opened.raw.name,
                    entity=entity,
                    name=f"{n}: {plain(case.get('name')) or plain(case.get('given'))}",
                    place=f"{row.file}:{row.line}",
                    differences=differences,
                )
            )
    return ran


def _run(
    opened: Opened,
    entity: str,
    row: Node,
    case: Mapping[str, Node],
    problems: Problems,
) -> Iterator[Difference]:
    parameters = {k: str(n.value) for k, n in members(case.get("conn")).items()}
    judge_silence(opened, entity, case, problems)
    staged = with_parameters(opened, parameters, problems) if parameters else opened
    made = _Made()
    try:
        doc = _given(staged, entity, row, case, made)
        if doc is not None:
            _deliver(staged, entity, row, case, with_customer(doc), made)
    except ConnectorError as error:
        complain(problems, row, str(error), error.cure)
        return
    yield from _differences(case, made)


def _given(
    opened: Opened,
    entity: str,
    row: Node,
    case: Mapping[str, Node],
    made: _Made,
) -> Document | None:
    path = Path(row.file).parent / str(case["given"].value)
    profile = str(case["from"].value) if "from" in case else None
    try:
        doc = document(opened, entity, path, profile)
    except FieldErrors as error:
        made.faults |= {fault.field: fault.code for fault in error.faults}
        return None
    made.document = msgspec.json.decode(dump(doc))
    return doc


def _deliver(
    opened: Opened, entity: str, row: Node, case: Mapping[str, Node], doc: Document, made: _Made
) -> None:
    writer = opened.compiled.writers.get(entity)
    asked = {str(path).partition(".")[0].partition("[")[0] for path in members(case.get("expect"))}
    wanted = asked & {"write", "call"} or case.keys() & {"reply", "outcome", "faults"}
    if writer is None or not wanted:
        return
    if not _written(opened, writer, case, doc, made) or made.payload is None:
        return
    if opened.stage is None or not (case.keys() & {"reply", "outcome"} or "call" in asked):
        return
    action = str(plain(case.get("action")) or "create")
    can = _can(opened, entity, action)
    change = Change(
        id=1,
        action=action,
        reference=str(plain(case.get("reference")) or REFERENCE),
        payload={k: v for k, v in made.payload.items() if can is None or k in can},
        send_before=_NEVER,
        key=str(plain(case.get("key")) or "1") if action != "create" else None,
    )
    replies = _replies(row, case)
    made.outcome, made.sent = opened.stage.send(entity, change, replies)
    made.unread = max(0, len(replies) - len(made.sent))


def _can(opened: Opened, entity: str, action: str) -> Collection[str] | None:
    """The fields that an update may carry, as `can` and `along` say; None: every one."""
    there = opened.compiled.profile.entities.get(entity)
    known = there.actions.get(action) if there is not None else None
    if known is None or action != "update" or known.can is None:
        return None
    return known.can | known.along


def _written(
    opened: Opened, writer: Writer, case: Mapping[str, Node], doc: Document, made: _Made
) -> bool:
    there = {name: str(n.value) for name, n in members(case.get("there")).items()}

    def look(ref: Ref) -> str:
        return there.get(f"{ref.entity} {ref.key}") or there.get(ref.entity) or ref.key

    reference = str(plain(case.get("reference")) or REFERENCE)
    names: dict[str, Any] = {"conn": opened.conn, "reference": reference, "there": look}
    made.origins |= writer.origins(doc, **names)
    try:
        made.payload = writer.payload(doc, **names)
    except FieldErrors as error:
        made.faults |= {f"write.{fault.field}": fault.code for fault in error.faults}
        return False
    return True


def _replies(row: Node, case: Mapping[str, Node]) -> list[Canned]:
    status = int(str(plain(case.get("http")) or "200"))
    replies = []
    for node in listed(case.get("reply")):
        path = Path(row.file).parent / str(node.value)
        form = "text/xml; charset=utf-8" if path.suffix == ".xml" else "application/json"
        canned = Canned(body=path.read_bytes(), headers={"content-type": form})
        replies.append(replace(canned, status=status))
    return replies


def _differences(case: Mapping[str, Node], made: _Made) -> Iterator[Difference]:
    for path, node in members(case.get("expect")).items():
        yield from _differ(path, plain(node), _got(path, made), made)
    expected = {path: str(n.value) for path, n in members(case.get("faults")).items()}
    for path in sorted(expected.keys() | made.faults.keys()):
        yield from _differ(f"fault {path}", expected.get(path), made.faults.get(path), made)
    if made.outcome is not None and "outcome" in case:
        yield from _differ("outcome", plain(case["outcome"]), outcome_word(made.outcome), made)
    elif "outcome" in case and not made.faults:
        yield Difference(at="outcome", expected=str(plain(case["outcome"])), got="(not sent)")
    if made.unread:
        yield Difference(at="reply", expected="all are read", got=f"{made.unread} are not")
    if made.outcome is not None and "code" in case:
        got = getattr(made.outcome, "code", getattr(made.outcome, "why", None))
        yield from _differ("code", plain(case["code"]), got, made)


def outcome_word(outcome: Outcome) -> str:
    """Return the word of YAML for an outcome: InDoubt is in_doubt."""
    return _WORD.sub("_", type(outcome).__name__).lower()


def _got(path: str, made: _Made) -> object:
    if path.startswith("write."):
        return at(made.payload, path.removeprefix("write."))
    call = _CALL.match(path)
    if call is None:
        return at(made.document, path)
    number = int(call[1] or 0)
    if number >= len(made.sent):
        return None if call[2] != "body" else "(not called)"
    sent = made.sent[number]
    match call[2]:
        case "method":
            return sent.method
        case "url":
            return sent.url
        case _:
            return at(body_of(sent), path[call.end() :])


def _differ(path: str, expected: object, got: object, made: _Made) -> Iterator[Difference]:
    if isinstance(expected, dict) and isinstance(got, Mapping):
        for name, one in expected.items():
            yield from _differ(f"{path}.{name}", one, got.get(name), made)
    elif isinstance(expected, list) and isinstance(got, list | tuple):
        if len(expected) != len(got):
            yield Difference(at=path, expected=f"{len(expected)} items", got=f"{len(got)} items")
        for n, (one, other) in enumerate(zip(expected, got, strict=False)):
            yield from _differ(f"{path}[{n}]", one, other, made)
    elif (wanted := _told(expected)) != (found := _told(got)):
        node = nearest_node(path.removeprefix("write."), made.origins)
        origin = f"{node.file}:{node.line} `{node.value}`" if node and "write." in path else ""
        yield Difference(at=path, expected=wanted, got=found, made=origin)


def _told(value: object) -> str:
    if value is None or value == "$nil":
        return NOTHING
    if isinstance(value, dict | list | tuple | Mapping):
        return msgspec.json.encode(value).decode()
    return text(value)
