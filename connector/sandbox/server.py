"""HTTP on loopback that breaks as its rules say, around an application that never does."""

from __future__ import annotations

import json
import os
import re
import select
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from connector.sandbox.faults import Faults, Rule
from connector.sandbox.store import Store

FOREVER = 3600.0
WARNING = (
    b"<br />\n<b>Warning</b>:  Undefined variable $rate in <b>/srv/app/api.php</b>"
    b" on line <b>42</b><br />\n"
)
SENTENCE = b"This feature is temporarily not available or failed after a technical error.<br><br>\n"
OPENED = re.compile(rb"(<t:[A-Z]\w*>)(?=<t:)")  # an element of elements
GROWN = b"<t:AddedInTwo>as the next version says</t:AddedInTwo>"
GARBAGE = b"\x00\xff\xfe<<{]" * 40


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request as an application sees it; names of headers are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    secure: bool


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer, before faults disfigure it."""

    status: int
    body: bytes
    kind: str
    headers: Sequence[tuple[str, str]] = field(default_factory=tuple)


class App(Protocol):
    """What runs inside: it names, answers and refuses calls."""

    store: Store

    def name(self, call: Call) -> str:
        """The call's name for rules and journal."""
        ...

    def answer(self, call: Call) -> Reply:
        """Execute the call."""
        ...

    def refusal(self, rule: Rule) -> Reply:
        """The error in this application's own form that *rule* asks for."""
        ...


def json_reply(value: object, status: int = 200) -> Reply:
    """A JSON answer of the admin's interface."""
    return Reply(status=status, body=json.dumps(value).encode(), kind="application/json")


class Handler(BaseHTTPRequestHandler):
    """Reads a request, lets the rules strike, answers in one write."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def serve(self) -> None:
        """Answer one request, or do what the fault says."""
        secure = self.server.secure
        headers = {name.lower(): value for name, value in self.headers.items()}
        head = Call(
            method=self.command,
            target=self.path,
            headers=headers,
            body=b"",
            secure=secure,
        )
        admin = urlsplit(self.path).path.startswith("/_sandbox/")
        op = "" if admin else self.server.app.name(head)
        rule = None if admin else self.server.rules.strike(op)
        if rule is not None and (rule.fault == "refuse" or self._closed_by_outage(rule)):
            self.server.app.store.note(op, rule.fault, 0, executed=False)
            return self._cut()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = Call(**{**vars(head), "body": body})
        if "transfer-encoding" in headers:
            self.close_connection = True
            return self._send(Reply(status=411, body=b"Length Required\n", kind="text/plain"))
        if admin:
            return self._send(self.server.administer(call))
        return self._strike(op, rule, call)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = serve  # noqa: N815

    def _closed_by_outage(self, rule: Rule) -> bool:
        return rule.fault == "outage" and rule.dice.random() < 0.5

    def _strike(self, op: str, rule: Rule | None, call: Call) -> None:
        app = self.server.app
        fault = rule.fault if rule else ""
        if rule and fault == "late_commit":
            return self._commit_late(op, rule, call)
        if rule and fault in ("unavailable", "outage", "fault", "unauthorized"):
            refused = app.refusal(rule) if fault == "fault" else turned_away(rule)
            app.store.note(op, fault, refused.status, executed=False)
            return self._send(refused)
        reply = app.answer(call)
        app.store.note(op, fault, reply.status, executed=True)
        return self._disfigure(rule, reply) if rule else self._send(reply)

    def _disfigure(self, rule: Rule, reply: Reply) -> None:
        match rule.fault:
            case "commit_then_hang":
                self._hang(rule.seconds or FOREVER)
            case "commit_then_cut":
                self._cut()
            case "slow":
                self.server.stopping.wait(rule.seconds or 1.0)
                self._send(reply)
            case "half_reply":
                self._send(reply, half=True)
            case _:
                self._send(spoiled(rule.fault, reply))

    def _commit_late(self, op: str, rule: Rule, call: Call) -> None:
        """Execute after the delay whatever has become of the client; never answer."""
        n = self.server.app.store.note(op, rule.fault, 0, executed=False)
        if self.server.stopping.wait(rule.seconds if rule.seconds is not None else 1.0):
            return self._cut()
        reply = self.server.app.answer(call)
        self.server.app.store.mark_executed(n, reply.status)
        return self._hang(FOREVER)

    def _hang(self, seconds: float) -> None:
        """Say nothing until the client closes, the time is over or the server ends."""
        poll = select.poll()
        poll.register(self.connection, select.POLLIN | select.POLLHUP)
        poll.poll(seconds * 1000)
        self._cut()

    def _cut(self) -> None:
        """Reset the connection: the client gets RST, not an orderly end."""
        self.close_connection = True
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        os.close(self.connection.detach())

    def _send(self, reply: Reply, *, half: bool = False) -> None:
        head = [
            f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}",
            f"Date: {format_datetime(self.server.app.store.now(), usegmt=True)}",
            f"Content-Type: {reply.kind}",
            f"Content-Length: {len(reply.body)}",
            *(f"{name}: {value}" for name, value in reply.headers),
        ]
        body = reply.body[: len(reply.body) // 2] if half else reply.body
        if self.command == "HEAD":
            body = b""
        self.close_connection = self.close_connection or half
        self.wfile.write("\r\n".join([*head, "", ""]).encode("latin-1") + body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: requests carry personal data."""


def turned_away(rule: Rule) -> Reply:
    """What a proxy in front says: credentials no longer count, or the application is away."""
    if rule.fault == "unauthorized":
        return Reply(status=401, body=b"401 Unauthorized\n", kind="text/plain")
    extra = () if rule.retry_after is None else (("Retry-After", str(rule.retry_after)),)
    page = b"<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>\n"
    return Reply(status=503, body=page, kind="text/html", headers=extra)


def spoiled(fault: str, reply: Reply) -> Reply:
    """The answer to an executed call as a careless server garbles it."""
    html = "text/html; charset=UTF-8"
    match fault:
        case "accepted_html":
            return Reply(status=202, body=SENTENCE + reply.body, kind=html)
        case "text_before":
            return Reply(status=200, body=WARNING + reply.body, kind=html)
        case "grown":
            # Of a contract that is newer than the client's: more is said than he knows of.
            body = OPENED.sub(rb"\1" + GROWN, reply.body)
            return Reply(status=reply.status, body=body, kind=reply.kind, headers=reply.headers)
        case _:
            return Reply(status=200, body=GARBAGE, kind=reply.kind)


class Server(ThreadingHTTPServer):
    """The listening socket, its live connections, and the rules in force."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, app: App, port: int, tls: ssl.SSLContext | None) -> None:
        self.app = app
        self.rules = Faults()
        self.secure = tls is not None
        self.stopping = threading.Event()
        self._live: dict[socket.socket, threading.Thread] = {}
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", port), Handler)
        if tls is not None:
            self.socket = tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection, known to `stop` while it lives."""
        with self._guard:
            self._live[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                del self._live[request]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news; anything else is a bug of the sandbox, and shown."""
        if not isinstance(sys.exc_info()[1], OSError) and not self.stopping.is_set():
            super().handle_error(request, client_address)

    def administer(self, call: Call) -> Reply:
        """Answer the admin's calls: faults, journal, clock, health."""
        match call.method, urlsplit(call.target).path:
            case "GET", "/_sandbox/health":
                return json_reply({"ok": True})
            case "GET", "/_sandbox/journal":
                return json_reply(self.app.store.journal())
            case "POST", "/_sandbox/faults":
                return self._order(call.body, self.rules.replace)
            case "POST", "/_sandbox/clock":
                return self._order(
                    call.body, lambda said: self.app.store.shift(float(said["offset_seconds"]))
                )
            case "POST", "/_sandbox/hooks":
                return self._order(
                    call.body, lambda said: self.app.store.remember("hooks", json.dumps(said))
                )
            case _:
                return json_reply({"error": "unknown"}, 404)

    @staticmethod
    def _order(body: bytes, act: Any) -> Reply:
        try:
            act(json.loads(body))
        except (ValueError, KeyError, TypeError) as wrong:
            return json_reply({"error": str(wrong)}, 400)
        return json_reply({"ok": True})

    def stop(self) -> None:
        """End at once: no new call, hung ones cut, late commits that are not due forgotten."""
        self.stopping.set()
        self.shutdown()
        self.server_close()
        with self._guard:
            live = dict(self._live)
        for connection in live:
            shut(connection)
        join(live.values())


def shut(connection: socket.socket) -> None:
    """Wake whoever waits for this connection."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def join(threads: Iterable[threading.Thread]) -> None:
    """Give each thread a moment to end."""
    for thread in threads:
        thread.join(timeout=2)


class Running:
    """A sandbox that is being served; close it, or use it in a `with`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.port: int = server.server_address[1]
        self.url = f"{'https' if server.secure else 'http'}://127.0.0.1:{self.port}"
        self.data: Path = server.app.store.path
        self._thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self._beside: list[threading.Thread] = []

    def beside(self, work: Callable[[threading.Event], None]) -> None:
        """Let *work* run until the sandbox ends; it is given the event of that."""
        thread = threading.Thread(target=work, args=(self._server.stopping,), daemon=True)
        self._beside.append(thread)
        thread.start()

    def hooks(self, **manners: Any) -> None:
        """How badly webhooks are delivered: doubled, lost (shares), shuffled, patience."""
        self._server.app.store.remember("hooks", json.dumps(manners))

    def faults(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """Replace the fault rules; an empty list ends all faults."""
        self._server.rules.replace(rules)

    def journal(self) -> list[dict[str, object]]:
        """Every call so far: n, at, op, fault, executed, status."""
        return self._server.app.store.journal()

    def clock(self, offset_seconds: float) -> None:
        """Shift the sandbox's clock, Date header included."""
        self._server.app.store.shift(offset_seconds)

    def close(self) -> None:
        """End the server without waiting for hung requests; its state stays in its file."""
        self._server.stop()
        self._thread.join(timeout=2)
        join(self._beside)
        self._server.app.store.close()

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
