"""WS-Addressing 1.0: what a message says of itself, where a service demands it (WCF, WebLogic)."""

from __future__ import annotations

from uuid import uuid4
from xml.sax.saxutils import escape

from lxml import etree

from adapters.soap.contract import Contract, Operation

_WSA = "http://www.w3.org/2005/08/addressing"
_WSDL = "{http://schemas.xmlsoap.org/wsdl/}"


def block(operation: Operation, contract: Contract, to: str) -> str:
    """Write what goes into the header: whither, what is asked, and an id of this message alone."""
    said = {
        "Action": operation.action or _declared(operation.name, contract),
        "MessageID": f"urn:uuid:{uuid4()}",
        "To": to,
    }
    return "".join(
        f'<wsa:{name} xmlns:wsa="{_WSA}">{escape(text)}</wsa:{name}>' for name, text in said.items()
    )


def _declared(name: str, contract: Contract) -> str:
    """The action that the WSDL gives an operation, where its binding names no SOAPAction."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    for raw in contract.catalog.documents:
        root = etree.fromstring(raw, parser)
        for sent in root.iterfind(f"{_WSDL}portType/{_WSDL}operation[@name='{name}']/{_WSDL}input"):
            for attribute, value in sent.attrib.items():
                if etree.QName(attribute).localname == "Action":
                    return str(value)
    return name
