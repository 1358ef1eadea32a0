"""What a service's WSDL says, read once from files that we hold: nothing is ever fetched."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from lxml import etree
from zeep.exceptions import Error
from zeep.settings import Settings
from zeep.wsdl import Document
from zeep.wsdl.bindings.soap import Soap11Binding

from adapters.soap.shapes import Member
from connector.errors import ConnectorError


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation: its SOAPAction, what is sent, what comes back (None: nothing)."""

    name: str
    action: str
    sent: Member
    back: Member | None


class Lacking(LookupError):
    """What a contract lacks, in words of ours: they quote nothing of its files."""


class Catalog:
    """Serves the files beside a WSDL and refuses every other address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def load(self, url: str) -> bytes:
        """Read a file of the folder. Raises LookupError for anything else."""
        parts = urlsplit(str(url))
        path = Path(unquote(parts.path)).resolve()
        if parts.scheme not in ("", "file") or not path.is_relative_to(self._folder):
            raise Lacking(f"{parts.hostname or path} is not in {self._folder}; put a copy there")
        return path.read_bytes()


class Contract:
    """A parsed WSDL: its operations by name, and its global elements."""

    def __init__(self, wsdl: Path, port: str | None = None) -> None:
        try:
            catalog: Any = Catalog(wsdl.parent)
            # zeep warns in the file's words; an operation it left out is missed later, in ours
            with warnings.catch_warnings(action="ignore"):
                self._document = Document(str(wsdl.resolve()), catalog, settings=Settings())
            self._binding = self._soap11(port)
        except (Error, etree.LxmlError, LookupError, OSError, ValueError) as error:
            cure = "correct the WSDL or the profile's `services`"
            raise ConnectorError(f"{wsdl}: {_told(error)}", code="wsdl", cure=cure) from error
        self._operations: dict[str, Operation] = {}

    def operation(self, name: str) -> Operation:
        """Give an operation. Raises ConnectorError if the contract has none that we can speak."""
        if name not in self._operations:
            self._operations[name] = self._read(name)
        return self._operations[name]

    def element(self, namespace: str | None, name: str) -> Member | None:
        """Give a global element, if the contract declares it."""
        try:
            return Member.of(self._document.types.get_element(etree.QName(namespace, name)))
        except (LookupError, ValueError):
            return None

    def _soap11(self, port: str | None) -> Any:
        for service in self._document.services.values():
            for name, found in service.ports.items():
                if isinstance(found.binding, Soap11Binding) and port in (None, name):
                    return found.binding
        raise Lacking(f"no SOAP 1.1 port{f' named {port}' if port else ''}")

    def _read(self, name: str) -> Operation:
        known: Mapping[str, Any] = self._binding._operations
        found = known.get(name)
        if found is None:
            raise ConnectorError(
                f"no operation {name}", code="wsdl", cure=f"one of {sorted(known)}"
            )
        if found.style != "document" or found.input.body is None:
            raise ConnectorError(
                f"operation {name} is not document/literal", code="wsdl", cure="another port"
            )
        back = found.output.body if found.output is not None else None
        return Operation(
            name=name,
            action=found.soapaction or "",
            sent=Member.of(found.input.body),
            back=Member.of(back) if back is not None else None,
        )


def _told(error: Exception) -> str:
    """Name class and line: a foreign message may quote what the file says, a password in a URL."""
    if isinstance(error, Lacking):
        return str(error)
    lines = (getattr(error, "sourceline", None), getattr(error.__context__, "lineno", None))
    return type(error).__name__ + next((f", line {n}" for n in lines if n), "")
