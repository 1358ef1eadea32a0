"""`map diff`: what another version of a mapping makes of the same samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from connector.documents import Document, dump
from connector.errors import ConnectorError, FieldErrors
from connector.mapping.filters import text
from connector.problems import Problems
from connector.rehearsal import Canned
from connector.values import Change
from connector.workbench.offline import REFERENCE, documents_of, names_of
from connector.workbench.opened import Opened
from connector.workbench.paths import NOTHING, body_of
from connector.workbench.payloads import payloads_of
from connector.workbench.samples import Sample, samples_in

_NEVER = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """One leaf that differs: of which sample, in what (document, payload, message)."""

    entity: str
    sample: str
    what: str
    at: str
    old: str
    new: str


def compare(old: Opened, new: Opened, more: Path | None) -> tuple[list[Changed], int]:
    """Return what changes over all samples of both and of *more*, and how many were compared."""
    samples = {s.path.name: s for s in (*old.samples, *new.samples)}
    samples |= {s.path.name: s for s in (samples_in(more) if more is not None else ())}
    changed: list[Changed] = []
    compared = 0
    for sample in samples.values():
        before, after = _made(old, sample), _made(new, sample)
        compared += bool(before or after)
        for what in sorted(before.keys() | after.keys()):
            ours, theirs = before.get(what, {}), after.get(what, {})
            for path in sorted(ours.keys() | theirs.keys(), key=_natural):
                one, other = ours.get(path, NOTHING), theirs.get(path, NOTHING)
                if one != other:
                    changed.append(
                        Changed(
                            entity=sample.entity,
                            sample=sample.path.name,
                            what=what,
                            at=path,
                            old=one,
                            new=other,
                        )
                    )
    return changed, compared


def _natural(path: str) -> list[tuple[int, str]]:
    return [(int(p), "") if p.isdigit() else (0, p) for p in path.replace("]", "").split("[")]


def _made(opened: Opened, sample: Sample) -> dict[str, dict[str, str]]:
    """All that the profile makes of a sample, leaf by leaf: documents, payloads, messages."""
    if sample.entity not in opened.compiled.profile.entities:
        return {}
    made: dict[str, dict[str, str]] = {}
    reader = opened.compiled.readers.get(sample.entity)
    for payload in payloads_of(opened, sample, Problems()):
        there = opened.compiled.profile.entities[sample.entity].there
        try:
            if reader is not None:
                read: object = msgspec.json.decode(dump(reader.document(payload)))
            else:
                read = there(payload) if there is not None else {}
        except FieldErrors as error:
            read = _faults(error)
        made["document" + _nth(made, "document")] = dict(_leaves(read, ""))
    for document in documents_of(opened, sample):
        made |= _written(opened, sample, document, made)
    return made


def _nth(made: Mapping[str, object], word: str) -> str:
    count = sum(name.startswith(word) for name in made)
    return f" {count + 1}" if count else ""


def _written(
    opened: Opened, sample: Sample, document: Document, made: Mapping[str, object]
) -> dict[str, dict[str, str]]:
    writer = opened.compiled.writers.get(sample.entity)
    if writer is None:
        return {}
    nth = _nth(made, "payload")
    try:
        payload = writer.payload(document, **names_of(opened))
    except FieldErrors as error:
        return {f"payload{nth}": dict(_leaves(_faults(error), ""))}
    found = {f"payload{nth}": dict(_leaves(payload, ""))}
    if opened.stage is not None:
        change = Change(
            id=1, action="create", reference=REFERENCE, payload=payload, send_before=_NEVER
        )
        try:
            _, sent = opened.stage.send(sample.entity, change, _replies(opened, sample.entity))
        except ConnectorError as error:
            return found | {f"message{nth}": {"": f"cannot be made: {error.code}"}}
        for n, message in enumerate(sent):
            told = {"method": message.method, "url": message.url, "body": body_of(message)}
            found[f"message{nth}" if n == 0 else f"message{nth}[{n}]"] = dict(_leaves(told, ""))
    return found


def _replies(opened: Opened, entity: str) -> list[Canned]:
    """The replies to a create among the samples, in the order of its steps."""
    action = opened.compiled.profile.entities[entity].actions.get("create")
    steps = [step.name for step in action.steps] if action is not None else []
    by_name = {s.action: s for s in opened.samples if s.entity == entity}
    names = ["create", *(f"create.{step}" for step in steps[1:])]
    return [by_name[name].reply() for name in names if name in by_name]


def _faults(error: FieldErrors) -> dict[str, str]:
    return {fault.field: f"fault: {fault.code}" for fault in error.faults}


def _leaves(tree: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(tree, Mapping):
        for name, child in tree.items():
            yield from _leaves(child, f"{path}.{name}" if path else str(name))
    elif isinstance(tree, list | tuple):
        for n, child in enumerate(tree):
            yield from _leaves(child, f"{path}[{n}]")
    elif tree is not None:
        yield path, text(tree)
