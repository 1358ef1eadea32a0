"""What a service's WSDL says, read once from files that we hold: nothing is ever fetched."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from lxml import etree
from zeep.exceptions import Error
from zeep.settings import Settings
from zeep.wsdl import Document
from zeep.wsdl.bindings.soap import Soap11Binding, Soap12Binding, SoapBinding

from adapters.soap.catalog import Catalog, Lacking
from adapters.soap.facets import Facets
from adapters.soap.shapes import Book, Member
from connector.errors import ConnectorError

_WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
_XS = "{http://www.w3.org/2001/XMLSchema}"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation: its SOAPAction, what is sent, what comes back (None: nothing).

    *rpc*: its members are parameters, all sent; *encoded*: in the encoding of SOAP section 5;
    *heads*: the blocks of its header, by the names that a profile may give them.
    """

    name: str
    action: str
    sent: Member
    back: Member | None
    rpc: bool = False
    encoded: bool = False
    soap: Literal["1.1", "1.2"] = "1.1"
    heads: Mapping[str, Member] = field(default_factory=dict)

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """The HTTP headers of its request."""
        if self.soap == "1.2":
            action = f'; action="{self.action}"' if self.action else ""
            return {"Content-Type": f"application/soap+xml; charset=utf-8{action}"}
        return {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{self.action}"'}


class Contract:
    """A parsed WSDL: its operations by name, and its global elements."""

    def __init__(
        self,
        wsdl: Path,
        port: str | None = None,
        *,
        entries: Mapping[str, str] | None = None,
        patches: Sequence[tuple[str, str]] = (),
        encoded: bool | None = None,
        ns: Mapping[str, str] | None = None,
    ) -> None:
        self._encoded, self._ns = encoded, ns or {}
        try:
            self.catalog = Catalog(wsdl.parent, entries, patches)
            catalog: Any = self.catalog
            # zeep warns in the file's words; an operation it left out is missed later, in ours
            with warnings.catch_warnings(action="ignore"):
                self._document = Document(str(wsdl.resolve()), catalog, settings=Settings())
            self.port = self._chosen(port)
            self._binding = self.port.binding
        except (Error, etree.LxmlError, LookupError, OSError, ValueError) as error:
            cure = "correct the WSDL or the profile's `services`"
            raise ConnectorError(f"{wsdl}: {_told(error)}", code="wsdl", cure=cure) from error
        self._operations: dict[str, Operation] = {}

    @property
    def operations(self) -> Sequence[str]:
        """The names of the operations of its port."""
        return sorted(self._binding._operations)

    @cached_property
    def book(self) -> Book:
        """What its shapes look up."""
        kinds = {k.qname.text: k for k in self._document.types.types if k.qname is not None}
        prefixes: dict[str, str] = dict(self._ns)
        for root in self._roots():
            for element in root.iter(f"{_WSDL}definitions", f"{_XS}schema"):
                prefixes = {**{k: v for k, v in element.nsmap.items() if k}, **prefixes}
        return Book(Facets(self.catalog.documents), kinds, prefixes)

    def operation(self, name: str) -> Operation:
        """Give an operation. Raises ConnectorError if the contract has none that we can speak."""
        if name not in self._operations:
            self._operations[name] = self._read(name)
        return self._operations[name]

    def element(self, namespace: str | None, name: str) -> Member | None:
        """Give a global element, if the contract declares it."""
        try:
            found = self._document.types.get_element(etree.QName(namespace, name))
            return Member.of(found, book=self.book)
        except (Error, LookupError, ValueError):
            return None

    def elements(self, name: str) -> list[Member]:
        """Every global element of that local name."""
        known = self._document.types.elements
        return [Member.of(one, book=self.book) for one in known if one.qname.localname == name]

    def _chosen(self, port: str | None) -> Any:
        """The named port, else the first of SOAP 1.1, else the first of 1.2."""
        ports = [p for s in self._document.services.values() for p in s.ports.items()]
        for kind in (SoapBinding,) if port else (Soap11Binding, Soap12Binding):
            for name, found in ports:
                if isinstance(found.binding, kind) and port in (None, name):
                    return found
        raise Lacking(f"no SOAP port{f' named {port}' if port else ''}")

    def _roots(self) -> Iterator[etree._Element]:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        return (etree.fromstring(raw, parser) for raw in self.catalog.documents)

    def _use(self, name: str) -> bool:
        """Whether the binding says `use="encoded"` for the input of an operation."""
        local = self._binding.name.localname
        for root in self._roots():
            for binding in root.iter(f"{_WSDL}binding"):
                if binding.get("name") != local:
                    continue
                for operation in binding.iterfind(f"{_WSDL}operation"):
                    bodies = operation.iterfind(f"{_WSDL}input//{{*}}body")
                    if operation.get("name") == name:
                        return any(body.get("use") == "encoded" for body in bodies)
        return False

    def _read(self, name: str) -> Operation:
        known: Mapping[str, Any] = self._binding._operations
        found = known.get(name)
        if found is None:
            raise ConnectorError(
                f"no operation {name}", code="wsdl", cure=f"one of {sorted(known)}"
            )
        if found.input.body is None:
            raise ConnectorError(f"operation {name} has no body", code="wsdl", cure="another port")
        back = found.output.body if found.output is not None else None
        return Operation(
            name=name,
            action=found.soapaction or "",
            sent=Member.of(found.input.body, book=self.book),
            back=Member.of(back, book=self.book) if back is not None else None,
            rpc=found.style == "rpc",
            encoded=self._use(name) if self._encoded is None else self._encoded,
            soap="1.2" if isinstance(self._binding, Soap12Binding) else "1.1",
            heads=self._heads(found.input.header),
        )

    def _heads(self, header: Any) -> dict[str, Member]:
        """The blocks that a message's header may have, by part and by element name."""
        found: dict[str, Member] = {}
        for part, element in header.type.elements if header is not None else ():
            member = Member.of(element, book=self.book)
            found |= {member.name: member, part: member}
        return found


def _told(error: Exception) -> str:
    """Name class and line: a foreign message may quote what the file says, a password in a URL."""
    if isinstance(error, Lacking):
        return str(error)
    lines = (getattr(error, "sourceline", None), getattr(error.__context__, "lineno", None))
    return type(error).__name__ + next((f", line {n}" for n in lines if n), "")
