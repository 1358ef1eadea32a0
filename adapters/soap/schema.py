"""A message judged by the schemas of its own WSDL, with libxml2: a second opinion on our writer.

What a schema forbids and section 5 or `missing: nil` makes usual is allowed: there members may be
left out, empty or nil, and an array takes any items.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lxml import etree

from adapters.soap.contract import Contract, Operation
from adapters.soap.shapes import Member
from connector.errors import FieldFault

_XS = "http://www.w3.org/2001/XMLSchema"
_XSI_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_ENVELOPES = (
    "http://schemas.xmlsoap.org/soap/envelope/",
    "http://www.w3.org/2003/05/soap-envelope",
)
_ARRAY = re.compile(r"(^|:)Array$")
_LACKED = re.compile(r"The attribute '([^']+)' is required but missing")
_VALUE = re.compile(r"(?:The (?:QName )?value )?'.*?' (?=is |has |of )", re.DOTALL)
_ELEMENT = re.compile(r"^Element '(?:\{[^}]*\})?([^']+)'(?:, attribute '([^']+)')?: ", re.DOTALL)
_SPACE = re.compile(r"\{[^}]*\}")


class Unbuilt(ValueError):
    """The schemas cannot be put together; the message says why, without their words."""


class Law:
    """The schemas of a contract, put together for one operation."""

    def __init__(self, contract: Contract, operation: Operation, *, loose: bool) -> None:
        self._operation = operation
        self._loose = loose or operation.encoded
        self._schema = self._built(contract)

    def against(self, envelope: bytes) -> Sequence[FieldFault]:
        """Say everything that the schemas have against the body of *envelope*."""
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        root = etree.fromstring(envelope, parser)
        body = next(child for child in root if etree.QName(child).localname == "Body")
        # written and read again: what is cut out loses the prefixes around it
        message = etree.ElementTree(etree.fromstring(etree.tostring(body[0]), parser))
        for element in message.iter():
            for name in [n for n in element.attrib if str(n)[1:].startswith(_ENVELOPES)]:
                del element.attrib[name]
            if self._operation.encoded and _ARRAY.search(element.get(_XSI_TYPE, "")):
                del element.attrib[_XSI_TYPE]  # the type that it is declared with is a narrower one
        if self._loose:
            _drop_blank(message.getroot())
        if self._schema.validate(message):
            return ()
        errors: Any = self._schema.error_log
        return [_fault(error.message) for error in errors]

    def _built(self, contract: Contract) -> etree.XMLSchema:
        parts = [schema for raw in contract.catalog.documents for schema in _schemas(raw)]
        if self._operation.rpc:
            parts.append(_around(self._operation))
        if self._loose:
            for schema in parts:
                _loosen(schema)
        with TemporaryDirectory(prefix="connector-schema-") as folder:
            try:
                driver = _written(parts, Path(folder))
                parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
                return etree.XMLSchema(etree.parse(str(driver), parser))
            except (etree.XMLSchemaParseError, etree.XMLSyntaxError, OSError) as error:
                raise Unbuilt(str(error)) from error


def _schemas(raw: bytes) -> Iterator[etree._Element]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    for schema in etree.fromstring(raw, parser).iter(f"{{{_XS}}}schema"):
        above: Any = schema.nsmap  # prefixes that are declared around it
        own = etree.Element(schema.tag, dict(schema.attrib), nsmap=above)
        own.extend(list(schema))
        yield own


def _written(parts: Sequence[etree._Element], folder: Path) -> Path:
    """Write each schema to a file, one file around those of each namespace, one around all."""
    spaces = sorted({schema.get("targetNamespace") or "" for schema in parts})
    around = {space: f"all{n}.xsd" for n, space in enumerate(spaces)}
    files: dict[str, list[str]] = {}
    for n, schema in enumerate(parts):
        own = schema.get("targetNamespace") or ""
        for child in schema.findall(f"{{{_XS}}}import") + schema.findall(f"{{{_XS}}}include"):
            schema.remove(child)
        _point(schema, {space: file for space, file in around.items() if space != own})
        (folder / f"part{n}.xsd").write_bytes(etree.tostring(schema))
        files.setdefault(own, []).append(f"part{n}.xsd")
    for space, names in files.items():
        holder = _holder(space)
        for name in names:
            etree.SubElement(holder, f"{{{_XS}}}include", schemaLocation=name)
        (folder / around[space]).write_bytes(etree.tostring(holder))
    driver = _holder("urn:connector")
    _point(driver, around)
    (folder / "driver.xsd").write_bytes(etree.tostring(driver))
    return folder / "driver.xsd"


def _holder(space: str) -> etree._Element:
    holder = etree.Element(f"{{{_XS}}}schema", nsmap={"xs": _XS})
    if space:
        holder.set("targetNamespace", space)
    return holder


def _point(schema: etree._Element, files: Mapping[str, str]) -> None:
    for space, file in reversed(list(files.items())):
        one = etree.Element(f"{{{_XS}}}import", schemaLocation=file)
        if space:
            one.set("namespace", space)
        schema.insert(0, one)


def _around(operation: Operation) -> etree._Element:
    """The element that stands around the parameters of a call: no schema declares it."""
    space = operation.sent.namespace
    nsmap = {"xs": _XS}
    for n, member in enumerate(operation.sent.shape.members.values()):
        nsmap[f"p{n}"] = member.namespace or _type(member)[0]
    schema = etree.Element(f"{{{_XS}}}schema", nsmap=nsmap)
    if space:
        schema.set("targetNamespace", space)
    call = etree.SubElement(schema, f"{{{_XS}}}element", name=operation.sent.name)
    kind = etree.SubElement(call, f"{{{_XS}}}complexType")
    sequence = etree.SubElement(kind, f"{{{_XS}}}sequence")
    for n, (name, member) in enumerate(operation.sent.shape.members.items()):
        if member.namespace:  # a part by element stands there as what it is
            etree.SubElement(sequence, f"{{{_XS}}}element", ref=f"p{n}:{member.name}")
            continue
        kind_of = f"p{n}:{_type(member)[1]}"
        etree.SubElement(sequence, f"{{{_XS}}}element", name=name, type=kind_of, nillable="true")
    return schema


def _type(member: Member) -> tuple[str, str]:
    """Namespace and name of the type of a parameter."""
    found = getattr(member.shape._kind, "qname", None)
    return (found.namespace or _XS, found.localname) if found is not None else (_XS, "anyType")


def _loosen(schema: etree._Element) -> None:
    """Let members be left out and nil, and an array of section 5 hold what it holds."""
    for element in schema.iter(f"{{{_XS}}}element"):
        parent = element.getparent()
        if parent is not None and etree.QName(parent).localname != "schema":
            element.set("minOccurs", "0")
        if element.get("ref") is None:
            element.set("nillable", "true")
    for restriction in schema.iter(f"{{{_XS}}}restriction"):
        if not _ARRAY.search(restriction.get("base", "")):
            continue
        groups = [c for c in restriction if etree.QName(c).localname in ("sequence", "all")]
        for group in groups:
            restriction.remove(group)
        sequence = etree.Element(f"{{{_XS}}}sequence")
        etree.SubElement(
            sequence,
            f"{{{_XS}}}any",
            minOccurs="0",
            maxOccurs="unbounded",
            processContents="lax",
        )
        restriction.insert(0, sequence)


def _drop_blank(element: etree._Element) -> None:
    """Take out what is nil or empty: `missing` put it there for the server's sake."""
    for child in list(element):
        _drop_blank(child)
        empty = len(child) == 0 and not (child.text or "").strip()
        if child.get(_XSI_NIL) == "true" or empty:
            element.remove(child)


def _fault(message: str) -> FieldFault:
    """What libxml2 says, by local names; the value itself is not repeated."""
    named = _ELEMENT.match(message)
    at = "".join((named[1], f".@{named[2]}" if named[2] else "")) if named else ""
    rest = message[named.end() :] if named else message
    rest = _LACKED.sub(r"attribute `\1` is needed here", rest)  # its name is the contract's
    said = _SPACE.sub("", _VALUE.sub("the value ", rest))
    return FieldFault(at, "schema", said.strip())
