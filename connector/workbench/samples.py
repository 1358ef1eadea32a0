"""Samples beside a profile: payloads, documents and replies of `mappings/<profile>/samples`.

`order_two_rates.json` is a payload of the system or a document of ours; `order.get.xml` is a whole
reply to an action; `order.woocommerce.json` is a payload of that profile: what will be written
here.  `connection.yaml` gives the parameters (`with:`) that samples are tried with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from connector import documents
from connector.documents import ENTITIES, Document
from connector.ledger.content import unpack
from connector.mapping.compile import Compiled
from connector.mapping.expressions import complain
from connector.mapping.keys import ACTIONS
from connector.problems import Problems
from connector.rehearsal import Canned
from connector.spelled import Misspelled
from connector.values import Payload
from connector.yamlread import Node, read_yaml

FOLDER, CONNECTION = "samples", "connection.yaml"
_NAME = re.compile(r"(?P<stem>[^.]+)(?:\.(?P<of>[\w-]+(?:\.\w+)?))?\.(?P<form>json|xml)")
_INVENTED = {"url": "https://system.example", "flag": "true", "number": "1", "text": "1"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One file of samples; *action*: it is a whole reply to that action.

    *profile*: whose payload it is, if it says so.
    """

    path: Path
    entity: str
    action: str | None = None
    profile: str | None = None

    @property
    def name(self) -> str:
        """Its path for people."""
        return f"{FOLDER}/{self.path.name}"

    def reply(self) -> Canned:
        """The file as a reply."""
        form = "text/xml; charset=utf-8" if self.path.suffix == ".xml" else "application/json"
        return Canned(body=self.path.read_bytes(), headers={"content-type": form})


def samples_of(folders: Sequence[Path]) -> list[Sample]:
    """Find the samples of a profile and of what it extends; a nearer file hides a farther one."""
    found: dict[str, Sample] = {}
    for folder in folders:
        for sample in samples_in(folder / FOLDER):
            found.setdefault(sample.path.name, sample)
    return list(found.values())


def samples_in(folder: Path) -> list[Sample]:
    """Find the samples in one folder."""
    found = []
    for path in sorted(folder.glob("*")):
        named = _NAME.fullmatch(path.name)
        entity = _entity(named["stem"]) if named else None
        if named is not None and entity is not None:
            of = named["of"]
            action = of is not None and of.partition(".")[0] in ACTIONS
            found.append(
                Sample(
                    path=path,
                    entity=entity,
                    action=of if action else None,
                    profile=None if action else of,
                )
            )
    return found


def _entity(stem: str) -> str | None:
    fitting = [e for e in ENTITIES if stem == e or stem.startswith((f"{e}_", f"{e}-"))]
    return max(fitting, key=len, default=None)


def payload_of(path: Path) -> Payload | None:
    """Read one JSON payload, numbers exact; None if it is none."""
    try:
        found = unpack(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def document_of(entity: str, payload: Payload) -> Document | None:
    """Take *payload* as a document of ours; None if it is none."""
    try:
        return documents.document_of(ENTITIES[entity], payload)
    except ValidationError:
        return None


def conn_of(
    compiled: Compiled,
    folders: Sequence[Path],
    problems: Problems,
    given: Mapping[str, str] | None = None,
    otherwise: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """Make `conn`: of *given*, of `connection.yaml`, of *otherwise*, and the rest by type."""
    written = _written(folders, problems)
    zone = ZoneInfo("Europe/Berlin")
    conn: dict[str, object] = {"name": "sample", "zone": zone}
    for name, parameter in compiled.parameters.items():
        node = written.get(name)
        text = (given or {}).get(name) or (str(node.value) if node and node.value else None)
        text = (otherwise or {}).get(name) if text is None else text
        if text is None and parameter.default is None:
            text = _INVENTED[parameter.type]
        try:
            conn[name] = parameter.value(text)
        except Misspelled as wrong:
            complain(problems, node or Node(None, 0, name, CONNECTION), str(wrong), wrong.cure)
    conn["url"] = str(conn.get("url", _INVENTED["url"])).rstrip("/")
    return conn


def _written(folders: Sequence[Path], problems: Problems) -> Mapping[str, Node]:
    for folder in folders:
        path = folder / FOLDER / CONNECTION
        if path.is_file():
            node = read_yaml(path, str(path), problems)
            return node.value if node is not None and isinstance(node.value, dict) else {}
    return {}
