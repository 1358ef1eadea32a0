"""A server that speaks as Dolibarr's NuSOAP does, malice included; it shares no code with us."""

from __future__ import annotations

import re
import socket
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

from lxml import etree

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
NS = "http://www.dolibarr.org/ns/"
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope'
    ' SOAP-ENV:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"'
    f' xmlns:SOAP-ENV="{SOAP}" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="{XSI}"'
    ' xmlns:SOAP-ENC="http://schemas.xmlsoap.org/soap/encoding/"'
    f' xmlns:tns="{NS}"><SOAP-ENV:Body>'
)
TAIL = "</SOAP-ENV:Body></SOAP-ENV:Envelope>"
TROUBLE = (
    "This website or feature is currently temporarily not available or failed after a technical"
    " error.<br><br>This may be due to a maintenance operation.<br><br>\nMore in the log file."
)
XML, PAGE = "text/xml; charset=UTF-8", "text/html; charset=UTF-8"
BAD_GATEWAY = "<html><h1>502 Bad Gateway</h1></html>"
BEFORE = {"refuse": (), "502": (502, BAD_GATEWAY, PAGE)}  # and the work was not done
# what becomes of an answer after the work was done: status, text, kind and charset
AFTER = {
    "empty_500": (500, lambda text: "", PAGE),
    "502_after": (502, lambda text: BAD_GATEWAY, PAGE),
    "504_after": (504, lambda text: "<html><h1>504 Gateway Time-out</h1></html>", PAGE),
    "empty_200": (200, lambda text: "", PAGE),
    "empty_body": (200, lambda text: HEAD + TAIL),
    "half": (200, lambda text: text[: len(text) // 2]),
    "html_200": (200, lambda text: "<!DOCTYPE html><p>maintenance</p>", PAGE),
    "202": (202, lambda text: TROUBLE + text, PAGE),
    "ko_though_done": (
        200,
        lambda text: text.replace(">OK<", ">KO<").replace("<result_label", "<x/><result_label"),
    ),
    "short_array": (200, lambda text: re.sub(r":\[(\d+)\]", r":[1\1]", text)),
    "latin1": (200, lambda text: text.split("?>", 1)[1], "text/xml; charset=ISO-8859-1", "latin-1"),
}


@dataclass
class Told:
    """What an operation says: its output parts by name, and what PHP printed before them."""

    parts: dict[str, object]
    warnings: list[str] = field(default_factory=list)
    failed: bool = False  # an SQL error that Dolibarr's own page reports: 202 and HTML


class Fatal(Exception):
    """PHP died: an empty 500."""


class Faulty(Exception):
    """NuSOAP refuses what it got."""


def value(name, given, kind="xsd:string"):
    """One member, as NuSOAP writes it: lists become arrays of `item`, whatever they were."""
    if given is None:
        return f'<{name} xsi:nil="true" xsi:type="{kind}"/>'
    if isinstance(given, list):
        inner = "".join(item(one) for one in given)
        said = f'xsi:type="SOAP-ENC:Array" SOAP-ENC:arrayType=":[{len(given)}]"'
        return f"<{name} {said}>{inner}</{name}>"
    if isinstance(given, dict):
        inner = "".join(value(k, v) for k, v in given.items())
        return f'<{name} xsi:type="tns:{name}">{inner}</{name}>'
    return f'<{name} xsi:type="{kind}">{escape(str(given))}</{name}>'


def item(row):
    """An item of an array: its members say their types, it says none."""
    return f'<item xsi:type="xsd:">{"".join(value(k, v) for k, v in row.items())}</item>'


def envelope(operation, parts):
    """A reply. One output part alone is written without its content: NuSOAP does that."""
    if len(parts) == 1:
        inner = "".join(f'<{name} xsi:type="tns:{name}"></{name}>' for name in parts)
    else:
        inner = "".join(value(name, given) for name, given in parts.items())
    body = f'<ns1:{operation}Response xmlns:ns1="{NS}">{inner}</ns1:{operation}Response>'
    return f"{HEAD}{body}{TAIL}"


def fault(text):
    """A fault of NuSOAP's own."""
    inner = f"<faultcode>SOAP-ENV:Client</faultcode><faultstring>{escape(text)}</faultstring>"
    return f"{HEAD}<SOAP-ENV:Fault>{inner}</SOAP-ENV:Fault>{TAIL}"


def arguments(body, action, operations):
    """Operation and arguments of a call: by position, whatever their names and namespaces."""
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        if body.strip().startswith(b"<") and b"Envelope" in body:
            raise Fatal from error  # cut short: PHP dies over it
        raise Faulty("error in msg parsing: not XML") from error
    if root.tag != f"{{{SOAP}}}Envelope":
        raise Faulty("Wrong namespace of the envelope")
    call = next(iter(root.find(f"{{{SOAP}}}Body")), None)
    if call is None:
        raise Faulty("nothing to do")
    name = etree.QName(call).localname
    if name not in operations:
        name = action.rpartition("#")[2]  # an unknown body and a known SOAPAction: executed
    if name not in operations:
        raise Faulty(f"Operation '{etree.QName(call).localname}' is not defined in the WSDL")
    return name, [decoded(one) for one in call]


def decoded(element):
    """An argument: text, None, or a dict; members of one name become a list."""
    if element.get(f"{{{XSI}}}nil") in ("true", "1"):
        return None
    if not len(element):
        return element.text or ""
    found = {}
    for child in element:
        name, told = etree.QName(child).localname, decoded(child)
        if name in found:
            held = found[name]
            found[name] = [*held, told] if isinstance(held, list) else [held, told]
        else:
            found[name] = told
    return found


class Handler(BaseHTTPRequestHandler):
    """Reads a call, does it, answers as a fault rule says."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """One call."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        action = self.headers.get("SOAPAction", "").strip('"')
        service = self.path.rpartition("/")[2].removesuffix(".php")
        self.server.app.requests.append((service, dict(self.headers), body))
        try:
            name, given = arguments(body, action, self.server.app.operations(service))
        except Fatal:
            return self.say(500, "", "text/html")
        except Faulty as refused:
            return self.say(500, fault(str(refused)))
        return self.strike(name, given)

    def strike(self, name, given):
        """Do the call, and disfigure its answer if a rule says so."""
        app = self.server.app
        rule = app.strike(name)
        if rule in BEFORE:
            return self.cut() if rule == "refuse" else self.say(*BEFORE[rule])
        try:
            told = app.call(name, given)
        except Fatal:
            return self.say(500, "", "text/html")
        if rule == "cut":
            return self.cut()
        text = envelope(name, told.parts)
        if rule:
            status, change, *form = AFTER[rule]
            return self.say(status, change(text), *form)
        if told.failed:
            return self.say(202, TROUBLE + text, PAGE)
        warned = "".join(f"<br />\n<b>Warning</b>:  {w}<br />\n" for w in told.warnings)
        return self.say(200, warned + text, PAGE if warned else XML)

    def say(self, status, text, kind=XML, charset="utf-8"):
        """Answer."""
        body = text.encode(charset, "xmlcharrefreplace")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def cut(self):
        """End the connection with a reset."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True

    def log_message(self, *_):
        """Say nothing."""


class Server:
    """The server on loopback, for the time of a `with`."""

    def __init__(self, app):
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.app = app
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/webservices"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
