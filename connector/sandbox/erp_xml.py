"""The ERP's messages: its contract read once, requests checked against it, replies written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from xml.sax.saxutils import escape

from lxml import etree

TNS = "urn:sandbox:erp:v1"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
XS = "{http://www.w3.org/2001/XMLSchema}"
CONTRACT = (Path(__file__).parent / "erp.wsdl").read_bytes()
ADDRESS = b"http://erp.invalid/soap"

Tree = str | dict[str, "Tree"] | list["Tree"]
Fields = dict[str, Tree]


class Invalid(Exception):
    """The request is not what the contract says; *field* is where."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field = field


def parser() -> etree.XMLParser:
    """A parser without DTD, entities and network: one per thread of use."""
    return etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
    )


def contract_schema() -> etree.XMLSchema:
    """The schema that stands in the contract."""
    schema = etree.fromstring(CONTRACT, parser()).find(f".//{XS}schema")
    if schema is None:
        raise ValueError("erp.wsdl has no schema")
    return etree.XMLSchema(etree.fromstring(etree.tostring(schema)))


def local(element: etree._Element) -> str:
    """An element's name without namespace."""
    return etree.QName(element).localname


def body_of(raw: bytes) -> etree._Element:
    """The one element in the SOAP body; raises Invalid."""
    try:
        envelope = etree.fromstring(raw, parser())
    except etree.XMLSyntaxError as broken:
        raise Invalid("Envelope", "not well-formed XML") from broken
    if envelope.getroottree().docinfo.internalDTD is not None:
        raise Invalid("Envelope", "a DTD is not accepted")
    body = envelope.find(f"{{{SOAP}}}Body")
    if envelope.tag != f"{{{SOAP}}}Envelope" or body is None or len(body) != 1:
        raise Invalid("Body", "not a SOAP 1.1 envelope with one body element")
    return body[0]


def tree(element: etree._Element) -> Tree:
    """An element as text, or as its children by name; Line and Tax are lists."""
    if not len(element):
        return element.text or ""
    found: Fields = {}
    for child in element:
        name = local(child)
        if name in ("Line", "Tax"):
            many = found.setdefault(name, [])
            if isinstance(many, list):
                many.append(tree(child))
        else:
            found[name] = tree(child)
    return found


def texts(request: etree._Element, name: str) -> list[str]:
    """The texts of all direct children called *name*, in order."""
    return [child.text or "" for child in request.iterfind(f"{{{TNS}}}{name}")]


def write(name: str, value: object) -> Iterator[str]:
    """Pieces of XML for *value* under *name*; None writes nothing, a list repeats."""
    match value:
        case None:
            return
        case list():
            for one in value:
                yield from write(name, one)
        case Mapping():
            yield f"<t:{name}>"
            for inner, part in value.items():
                yield from write(inner, part)
            yield f"</t:{name}>"
        case bool():
            yield f"<t:{name}>{'true' if value else 'false'}</t:{name}>"
        case Decimal():
            yield f"<t:{name}>{value:f}</t:{name}>"
        case _:
            yield f"<t:{name}>{escape(str(value), {chr(13): '&#13;'})}</t:{name}>"


def envelope(content: str) -> bytes:
    """A SOAP 1.1 message around *content*."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<soap:Envelope xmlns:soap="{SOAP}" xmlns:t="{TNS}"><soap:Body>{content}'
        "</soap:Body></soap:Envelope>"
    ).encode()


def fault(code: str, field: str, message: str, *, server: bool = False) -> bytes:
    """A fault whose detail is the contract's BusinessError."""
    detail = "".join(
        write("BusinessError", {"Code": code, "Field": field or None, "Message": message})
    )
    who = "soap:Server" if server else "soap:Client"
    return envelope(
        f"<soap:Fault><faultcode>{who}</faultcode><faultstring>{escape(message)}</faultstring>"
        f"<detail>{detail}</detail></soap:Fault>"
    )
