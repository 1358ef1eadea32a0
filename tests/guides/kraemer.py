"""Krämer Warenwirtschaft: the imaginary ERP of docs/onboard-a-system.md, nothing of ours in it.

A SOAP server of its own: it judges what it gets by the schema of its WSDL, keeps orders and
customers in memory, adds up totals, and answers what it does not like with a fault.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any, ClassVar
from xml.sax.saxutils import escape

from lxml import etree

WSDL = Path(__file__).with_name("kraemer.wsdl")
NS = "urn:kraemer:wawi"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
WHO = "Basic " + base64.b64encode(b"shop:geheim").decode()


class Fehler(Exception):
    """What it answers instead."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Wawi:
    """Its books."""

    artikel: dict[str, str]
    kunden: list[dict[str, str]] = field(default_factory=list)
    auftraege: list[dict[str, Any]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def call(self, name: str, args: etree._Element) -> str:
        """Carry out an operation."""
        given = {etree.QName(c).localname: c for c in args}
        text = {k: c.text or "" for k, c in given.items()}
        with self.lock:
            return str(getattr(self, f"do_{name.lower()}")(given, text))

    def do_mandantlesen(self, *_: Any) -> str:
        return "<Nummer>7</Nummer><Name>Krämer KG</Name>"

    def do_auftraganlegen(self, given: dict[str, etree._Element], _: Any) -> str:
        order = given["Auftrag"]
        said = {etree.QName(c).localname: c.text or "" for c in order if not len(c)}
        if not any(k["KundenNr"] == said["KundenNr"] for k in self.kunden):
            raise Fehler("KUNDE_UNBEKANNT")
        total = Decimal(0)
        for line in order.iter(f"{{{NS}}}Position"):
            row = {etree.QName(c).localname: c.text or "" for c in line}
            if row["Art"] == "Ware" and row.get("ArtikelNr") not in self.artikel.values():
                raise Fehler("ARTIKEL_UNBEKANNT")
            total += Decimal(row["Nettobetrag"]) + Decimal(row["Steuerbetrag"])
        number = f"A-{len(self.auftraege) + 1001}"
        stored = {"AuftragNr": number, "Version": "1", "FremdReferenz": said["FremdReferenz"]}
        stored |= {"KundenNr": said["KundenNr"], "Status": "offen", "Waehrung": said["Waehrung"]}
        self.auftraege.append({**stored, "Gesamtbetrag": format(total, "f")})
        return f"<AuftragNr>{number}</AuftragNr><Gesamtbetrag>{total:f}</Gesamtbetrag>"

    def do_kundeanlegen(self, given: dict[str, etree._Element], _: Any) -> str:
        said = {etree.QName(c).localname: c.text or "" for c in given["Kunde"] if not len(c)}
        number = f"K-{len(self.kunden) + 501}"
        self.kunden.append({"KundenNr": number, **said})
        return f"<KundenNr>{number}</KundenNr>"

    def do_auftraglesen(self, _: Any, text: dict[str, str]) -> str:
        return self._rows("Auftrag", self.auftraege, "AuftragNr", text["AuftragNr"])

    def do_auftragsuchen(self, _: Any, text: dict[str, str]) -> str:
        return self._rows("Auftrag", self.auftraege, "FremdReferenz", text["FremdReferenz"])

    def do_kundelesen(self, _: Any, text: dict[str, str]) -> str:
        return self._rows("Kunde", self.kunden, "KundenNr", text["KundenNr"])

    def do_kundesuchen(self, _: Any, text: dict[str, str]) -> str:
        [(name, value)] = text.items()
        return self._rows("Kunde", self.kunden, name, value)

    def do_artikellesen(self, _: Any, text: dict[str, str]) -> str:
        return self._rows("Artikel", self._goods(), "ArtikelNr", text["ArtikelNr"])

    def do_artikelsuchen(self, _: Any, text: dict[str, str]) -> str:
        return self._rows("Artikel", self._goods(), "Bestellnummer", text["Bestellnummer"])

    def _goods(self) -> list[dict[str, str]]:
        return [
            {"ArtikelNr": no, "Bestellnummer": sku, "Bezeichnung": sku, "Preis": "9.90"}
            for sku, no in self.artikel.items()
        ]

    def _rows(self, name: str, rows: list[dict[str, Any]], by: str, value: str) -> str:
        order = {
            "Auftrag": "AuftragNr Version FremdReferenz KundenNr Status Waehrung Gesamtbetrag",
            "Kunde": "KundenNr FremdNr Name EMail",
            "Artikel": "ArtikelNr Bestellnummer Bezeichnung Preis",
        }[name].split()
        found = [row for row in rows if row.get(by) == value]
        return "".join(f"<{name}>{_members(row, order)}</{name}>" for row in found)


def _members(row: dict[str, Any], order: list[str]) -> str:
    return "".join(f"<{k}>{escape(row[k])}</{k}>" for k in order if row.get(k))


class Handler(BaseHTTPRequestHandler):
    """Its door."""

    books: ClassVar[Wawi]
    schema: ClassVar[etree.XMLSchema]
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Give the WSDL."""
        self._answer(200, WSDL.read_bytes())

    def do_POST(self) -> None:
        """Carry out a call."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Authorization") != WHO:
            self._answer(401, b"")
            return
        message = etree.fromstring(body).find(f"{{{SOAP}}}Body")[0]  # type: ignore[index]
        name = etree.QName(message).localname
        try:
            alone = etree.fromstring(etree.tostring(message))
            if not self.schema.validate(alone):
                raise Fehler("SCHEMA")
            told = self.books.call(name, message)
            inner = f'<{name}Antwort xmlns="{NS}">{told}</{name}Antwort>'
            self._answer(200, _envelope(inner))
        except Fehler as wrong:
            fault = "<s:Fault><faultcode>s:Client</faultcode><faultstring>Fehler</faultstring>"
            fault += f'<detail><Fehler xmlns="{NS}"><Code>{wrong.code}</Code><Text/></Fehler>'
            self._answer(500, _envelope(fault + "</detail></s:Fault>"))

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _envelope(inner: str) -> bytes:
    return f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{inner}</s:Body></s:Envelope>'.encode()


@contextmanager
def served(port: int, skus: list[str]) -> Iterator[Wawi]:
    """Open for business on a port of the loopback; it sells what has these order numbers."""
    books = Wawi({sku: f"KR-{n:03d}" for n, sku in enumerate(skus, 1)})
    schema = etree.parse(str(WSDL)).find("{*}types")[0]  # type: ignore[index]
    alone = etree.fromstring(etree.tostring(schema))
    bound = type("Bound", (Handler,), {"books": books, "schema": etree.XMLSchema(alone)})
    server = ThreadingHTTPServer(("127.0.0.1", port), bound)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield books
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
