"""XML as it comes: parsed without fetching or expanding anything, a document type refused."""

from __future__ import annotations

import threading

from lxml import etree


class Parsers(threading.local):
    """The parsers of one thread, by the encoding that HTTP told: making one takes long."""

    def __init__(self) -> None:
        self.by: dict[str | None, etree.XMLParser] = {}

    def of(self, encoding: str | None) -> etree.XMLParser:
        """The parser for *encoding*, however spelled. Raises LookupError if there is none such."""
        encoding = encoding and encoding.lower()
        if encoding not in self.by:
            self.by[encoding] = etree.XMLParser(
                encoding=encoding,
                resolve_entities=False,
                no_network=True,
                load_dtd=False,
                huge_tree=False,
                remove_comments=True,
                remove_pis=True,
            )
        return self.by[encoding]


PARSERS = Parsers()


def parsed(body: bytes, charset: str | None = None) -> etree._Element | None:
    """Parse a document; *charset*: what HTTP says, which its own declaration overrules."""
    declared = b"encoding" in body[: body.find(b"?>") + 1]
    try:
        root = etree.fromstring(body, PARSERS.of(None if declared else charset))
    except (etree.XMLSyntaxError, LookupError, ValueError):
        return None
    return None if root.getroottree().docinfo.doctype else root  # type: ignore[union-attr]


def local(element: etree._Element) -> str:
    """Its name without its namespace."""
    return element.tag.rpartition("}")[2]
