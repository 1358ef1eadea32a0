"""What a case begins with: a file that is a document of ours, or a payload of some system."""

from __future__ import annotations

from pathlib import Path

from msgspec import structs

from connector.documents import Document, Order
from connector.errors import ConnectorError
from connector.mapping.compile import Compiled
from connector.values import Payload, Ref
from connector.workbench.opened import Opened
from connector.workbench.samples import document_of, payload_of


def document(opened: Opened, entity: str, path: Path, profile: str | None) -> Document:
    """Return the document in a file. Raises FieldErrors, ConnectorError[usage].

    *profile* says whose payload it is; left out it is a document of ours, else a payload of the
    profile itself, else of the only other profile that can read it.
    """
    payload = payload_of(path)
    if payload is None:
        raise ConnectorError(f"{path.name} is not one JSON payload", code="usage",
                             cure="save one document as JSON, beside the mapping")  # fmt: skip
    if profile is not None and profile != opened.raw.name:
        return _read_by(opened.other(profile), entity, payload, profile)
    own = document_of(entity, payload) if profile is None else None
    if own is not None:
        return own
    try:
        return _read_by(opened.compiled, entity, payload, opened.raw.name)
    except ConnectorError:
        other = None if profile else _only_other(opened, entity, payload)
        if other is None:
            raise
        return other


def _read_by(compiled: Compiled | None, entity: str, payload: Payload, name: str) -> Document:
    reader = compiled.readers.get(entity) if compiled is not None else None
    if reader is None:
        raise ConnectorError(f"{name} reads no {entity}", code="usage",
                             cure="say `from: PROFILE`, or give a document of ours")  # fmt: skip
    return reader.document(payload)


def _only_other(opened: Opened, entity: str, payload: Payload) -> Document | None:
    """Read it by the one other profile that can."""
    names = {p.parent.name for folder in opened.folders for p in folder.glob("*/profile.yaml")}
    found = []
    for name in sorted(names - {opened.raw.name, *opened.raw.bases}):
        try:
            found.append(_read_by(opened.other(name), entity, payload, name))
        except ConnectorError:
            continue
    return found[0] if len(found) == 1 else None


def with_customer(doc: Document) -> Document:
    """Give a guest a customer, as the rules of a flow do."""
    if isinstance(doc, Order) and doc.customer is None:
        return structs.replace(doc, customer=Ref(entity="customer", key="1"))
    return doc
