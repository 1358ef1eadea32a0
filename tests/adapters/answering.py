"""A small HTTP server that answers as a test says, and systems made of YAML that call it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

from lxml import etree
from profiles_by_hand import place

from adapters.rest import Rest
from adapters.rest import Settings as RestSettings
from adapters.soap import Settings as SoapSettings
from adapters.soap import Soap
from connector.mapping.compile import compile_profile
from connector.mapping.load import load_profile
from connector.problems import Problems
from connector.values import Change

SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"


class Fake:
    """Answers each request with what *answer(request)* gives: status, headers, body."""

    def __init__(self, answer):
        self.asked = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body are written apart

            def _any(self):
                length = int(self.headers.get("Content-Length") or 0)
                request = SimpleNamespace(
                    method=self.command,
                    path=self.path,
                    headers=self.headers,
                    body=self.rfile.read(length),
                    connection=self.client_address,
                )
                fake.asked.append(request)
                status, headers, body = answer(request)
                self.send_response_only(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815

            def log_message(self, *_):
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_):
                """A client that went away is no news."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def call_in(body):
    """The first child of a SOAP body, of either version."""
    return etree.fromstring(body).find("{*}Body")[0]


def enveloped(inner, status=200):
    """A SOAP 1.1 reply."""
    text = f'<e:Envelope xmlns:e="{SOAP_11}"><e:Body>{inner}</e:Body></e:Envelope>'
    return status, [("Content-Type", "text/xml; charset=utf-8")], text.encode()


def fault(code, text="no"):
    """A SOAP 1.1 fault."""
    inner = f"<e:Fault><faultcode>{code}</faultcode><faultstring>{text}</faultstring></e:Fault>"
    return enveloped(inner, 500)


def sent(target, reference="R-1", within=60):
    """What comes of an order that is created there."""
    until = datetime.now(UTC) + timedelta(seconds=within)
    payload = {"Ref": reference}
    change = Change(id=1, action="create", reference=reference, payload=payload, send_before=until)
    return target.send("order", [change])[0]


# of sessions.wsdl
ORDER = """\
entity: order
read: {number: = Ref}
write: {Ref: = reference}
actions: {create: {op: Add, key: = reply.Id}}
"""
ADDED = enveloped('<t:AddResult xmlns:t="urn:seats"><t:Id>7</t:Id></t:AddResult>')


def profile_of(folder, **files):
    """Write `file` = text as a profile named `p`, and compile it. Raises ConfigError."""
    home = folder / "p"
    home.mkdir(exist_ok=True)
    for stem, text in files.items():
        (home / f"{stem}.yaml").write_text(text, encoding="utf-8")
    problems = Problems()
    raw = load_profile("p", [folder], problems)
    made = raw and compile_profile(raw, problems)
    problems.raise_if_any()
    return made.profile


def system(profile, url, auth, **other):
    """The adapter that speaks the protocol of *profile*, for a server at *url*."""
    kind, settings = (Soap, SoapSettings) if profile.protocol == "soap" else (Rest, RestSettings)
    here = place(url, **other)
    return kind(profile, settings.model_validate({"auth": auth}), **here)


def wsdl_beside(folder, name):
    """Put a WSDL of the tests where the profile `p` finds it."""
    home = folder / "p"
    home.mkdir(exist_ok=True)
    (home / name).write_bytes((Path(__file__).parent / name).read_bytes())
