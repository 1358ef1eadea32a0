"""The file of a plan: YAML that a person reads, and may shorten, before it is applied."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import yaml

from connector.applying import Applied
from connector.errors import ConnectorError
from connector.flow.plan import Plan, Planned, Step

HEAD = (
    "# What a run of flow {flow} would do. Nothing was written or sent.\n"
    "# Read it, take out what you do not want, then: connector flow apply FILE\n"
    "# Documents that changed since are refused.\n"
)
VERSION = "1"
Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def given(plan: Plan) -> dict[str, Any]:
    """The whole plan as values that YAML and JSON carry."""
    return {**header(plan), "documents": [told(one) for one in plan.documents]}


def write(to: IO[str], plan: Plan) -> None:
    """Write *plan*, a document at a time."""
    to.write(HEAD.format(flow=plan.flow))
    to.write(_yaml(header(plan)))
    to.write("documents:\n" if plan.documents else "documents: []\n")
    for one in plan.documents:
        to.write(_yaml([told(one)]))


@contextmanager
def private(path: Path) -> Iterator[IO[str]]:
    """A file that only we may read, for a `with`."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        os.fchmod(fd, 0o600)
        yield file


def _yaml(value: object) -> str:
    plain = json.loads(json.dumps(value, default=str))
    return yaml.dump(plain, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1000)


def header(plan: Plan) -> dict[str, Any]:
    """What a plan says of itself."""
    return {
        "plan": VERSION,
        "flow": plan.flow,
        "from": plan.source,
        "to": plan.target,
        "ledger": plan.installation,
        "made_at": plan.made_at.isoformat(),
        "mappings": dict(plan.mappings),
    }


def told(one: Planned) -> dict[str, Any]:
    """One document of a plan; what it does not have is left out."""
    row: dict[str, Any] = {
        "document": f"{one.entity} {one.key}",
        "decision": one.words,
        "why": "the mapping has changed since it was delivered" if one.again else "",
        "total": one.total,
        "needs": one.needs,
        "reference": one.reference,
        "changes": {n: {"from": a, "to": b} for n, (a, b) in one.changes.items()},
        "flow": one.flow,
        "entity": one.entity,
        "key": one.key,
        "seq": one.seq,
        "content": one.content,
        "again": "true" if one.again else "",
        "ends": one.ends,
        "steps": [_told_step(step) for step in one.steps],
    }
    return {name: value for name, value in row.items() if value not in ("", {}, [])}


def _told_step(step: Step) -> dict[str, Any]:
    row: dict[str, Any] = {
        "do": step.do, "key": step.key, "fields": list(step.fields), "payload": step.payload,
    }  # fmt: skip
    return {name: value for name, value in row.items() if value not in ("", [])}


def read(path: Path) -> Plan:
    """The plan in the file at *path*; raises ConnectorError(plan_unusable) naming what is wrong."""
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)  # noqa: S506 - strings only
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise _unusable(f"{path} cannot be read ({type(error).__name__})") from error
    return parsed(raw)


def parsed(raw: Any) -> Plan:
    """A plan of what its file says, all scalars being strings."""
    if not isinstance(raw, Mapping) or raw.get("plan") != VERSION:
        raise _unusable(f"it is no plan of version {VERSION}")
    place = "its head"
    try:
        documents = []
        for number, row in enumerate(raw["documents"], 1):
            place = f"document {number}"
            documents.append(_planned(row))
        place = "its head"
        return Plan(
            flow=raw["flow"],
            source=raw["from"],
            target=raw["to"],
            installation=raw["ledger"],
            made_at=datetime.fromisoformat(raw["made_at"]),
            mappings=dict(raw["mappings"]),
            documents=tuple(documents),
        )
    except KeyError as error:
        raise _unusable(f"{place} lacks `{error.args[0]}`") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise _unusable(f"{place} is damaged ({type(error).__name__})") from error


def _planned(row: Mapping[str, Any]) -> Planned:
    return Planned(
        flow=row["flow"],
        entity=row["entity"],
        key=row["key"],
        reference=row.get("reference", ""),
        seq=int(row["seq"]),
        content=row.get("content", ""),
        steps=tuple(
            Step(
                do=step["do"],
                key=step.get("key", ""),
                fields=tuple(step.get("fields", ())),
                payload=step.get("payload", ""),
            )
            for step in row.get("steps", ())
        ),
        ends=row.get("ends", ""),
        again=row.get("again") == "true",
    )


def result(done: Applied) -> dict[str, Any]:
    """What came of a plan, as JSON can carry it."""
    rows = [
        {"flow": flow, "entity": entity, "key": key, "result": came_of, "why": why}
        for (flow, entity, key), (came_of, why) in done.documents.items()
    ]
    return {"documents": rows, "away": dict(done.away)}


def _unusable(why: str) -> ConnectorError:
    return ConnectorError(f"the plan cannot be applied: {why}", code="plan_unusable")
