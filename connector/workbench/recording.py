"""`map record`: payloads of a live system as samples, personal data masked."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

import msgspec

from connector.errors import ConnectorError, FieldErrors
from connector.mapping.load import RawProfile, leaves
from connector.mapping.read import Reader
from connector.values import Payload
from connector.workbench.masking import Mask

KEY_FILE = ".connector-mask"
_SECRET = 32  # bytes
_LITERAL = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """One sample; *lost*: fields that could be read before the masks and cannot now."""

    path: Path
    lost: tuple[str, ...] = ()


def mask_for(raw: RawProfile, secret: bytes) -> Mask:
    """Return a mask that keeps the words which the mapping itself compares and translates."""
    known: set[str] = set()
    for _, text, _ in (leaf for node in raw.entities.values() for leaf in leaves(node)):
        known |= {a or b for a, b in _LITERAL.findall(text or "")}
    for node in raw.entities.values():
        tables = node.value.get("tables") if isinstance(node.value, dict) else None
        for table in tables.value.values() if tables and isinstance(tables.value, dict) else ():
            known |= table.value.keys() if isinstance(table.value, dict) else set()
    return Mask(secret, frozenset(known - {""}))


def secret_beside(folder: Path) -> bytes:
    """Return the secret of this installation's masks, made at its first use (mode 0600)."""
    path = folder / KEY_FILE
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _secret_in(path)
    except OSError as error:
        cure = "run it as the user that owns the configuration"
        message = f"{path} cannot be written: {error.strerror}"
        raise ConnectorError(message, code="usage", cure=cure) from error
    with os.fdopen(descriptor, "wb") as file:
        made = secrets.token_bytes(_SECRET)
        file.write(made)
    return made


def _secret_in(path: Path) -> bytes:
    """A shorter one can be found by trying, and with it the words behind the masks."""
    try:
        kept = path.read_bytes()
    except OSError as error:
        cure = "run it as the user that owns the configuration"
        message = f"{path} cannot be read: {error.strerror}"
        raise ConnectorError(message, code="usage", cure=cure) from error
    if len(kept) < _SECRET:
        message = f"{path} holds {len(kept)} bytes, which is no secret"
        raise ConnectorError(message, code="usage", cure="delete it: the next run makes another")
    return kept


def record(
    payload: Payload, name: tuple[str, str], folder: Path, mask: Mask, reader: Reader | None
) -> Recorded:
    """Write *payload* masked as the next free sample; nothing is overwritten.

    *name*: the entity, and the profile whose payload it is.
    """
    masked = mask.payload(payload)
    folder.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(_encode(masked), indent=1)
    number = 1
    while True:
        path = folder / f"{name[0]}_{number}.{name[1]}.json"
        try:
            with path.open("xb") as file:
                file.write(text + b"\n")
            break
        except FileExistsError:
            number += 1
    return Recorded(path=path, lost=_lost(reader, payload, masked))


def _lost(reader: Reader | None, payload: Payload, masked: Payload) -> tuple[str, ...]:
    before, after = _faults(reader, payload), _faults(reader, masked)
    return tuple(sorted(after - before))


def _faults(reader: Reader | None, payload: Payload) -> set[str]:
    try:
        if reader is not None:
            reader.document(payload)
    except FieldErrors as error:
        return {f"{fault.field}: {fault.code}" for fault in error.faults}
    return set()
