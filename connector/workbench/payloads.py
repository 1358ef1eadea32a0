"""The payloads of the system that samples hold: documents, and those in whole replies."""

from __future__ import annotations

from connector.errors import ConnectorError
from connector.mapping.expressions import complain
from connector.problems import Problems
from connector.values import Payload
from connector.workbench.opened import Opened
from connector.workbench.samples import Sample, document_of, payload_of
from connector.yamlread import Node


def payloads_of(opened: Opened, sample: Sample, problems: Problems) -> list[Payload]:
    """Give the payloads of the system that a sample holds; none for a document of ours."""
    writing = (sample.action or "").partition(".")[0] in ("create", "update", "delete")
    if writing or sample.profile not in (None, opened.raw.name):
        return []  # what a write answers (`create.confirm`: its step), or what will be written here
    if sample.action is not None:
        return _answered(opened, sample, problems)
    payload = payload_of(sample.path)
    if payload is None:
        complain(problems, _place(sample), "is not one JSON payload", "save one document as JSON")
        return []
    return [] if document_of(sample.entity, payload) is not None else [payload]


def _place(sample: Sample) -> Node:
    return Node(None, 0, "", str(sample.path))


def _answered(opened: Opened, sample: Sample, problems: Problems) -> list[Payload]:
    """The documents in a whole reply."""
    entity = opened.compiled.profile.entities[sample.entity]
    action = entity.actions.get(sample.action or "")
    if action is None or opened.stage is None:
        message = f"{sample.entity} has no action `{sample.action}`"
        complain(problems, _place(sample), message, "name it ENTITY.ACTION.json or .xml")
        return []
    try:
        return list(opened.stage.items(sample.entity, action, sample.reply()))
    except ConnectorError as error:
        if error.code != "wsdl":  # told where the operation is named
            complain(problems, _place(sample), str(error), "save the whole reply as it came")
        return []
