"""A small HTTP server for health, metrics and webhooks, bounded in everything a caller can choose.

One request a connection; a caller who is slow, long or one too many is cut off. It is meant to
stand behind a proxy that does TLS, and binds what it is told and nothing else.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException, LineTooLong
from http.server import BaseHTTPRequestHandler
from io import BufferedReader, RawIOBase
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from urllib.parse import urlsplit

import structlog

MOST_HEAD = 16 * 1024
MOST_BODY = 1024 * 1024
AT_ONCE = 16
SECONDS = 10.0  # for a whole request, from its connection to its answer
BUSY = b"HTTP/1.0 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What was asked; header names are in lower case, *path* has no query."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """What is answered."""

    status: int
    text: str = ""
    kind: str = "text/plain; charset=utf-8"


Route = Callable[[Request], Response]


class Web(ThreadingMixIn, TCPServer):
    """Serves *routes* at *address* from its own threads until `close`; raises OSError.

    A route's name is its method and path, `GET /healthz`; one that ends with `/` takes all below.
    """

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], routes: Mapping[str, Route]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.routes = routes
        self._free = threading.BoundedSemaphore(AT_ONCE)
        self._open: dict[Any, float] = {}
        super().__init__(address, Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.2,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self.server_address[:2]
        return f"http://[{host!s}]:{port}" if ":" in str(host) else f"http://{host!s}:{port}"

    def route(self, method: str, path: str) -> Route | int:
        """Who answers, or the status of the refusal."""
        method = "GET" if method == "HEAD" else method
        folder = path[: path.find("/", 1) + 1]
        for found in (path, folder):
            if found and (route := self.routes.get(f"{method} {found}")):
                return route
        known = {name.partition(" ")[2] for name in self.routes}
        return 405 if {path, folder} & known else 404

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give it a thread, if one is left."""
        if not self._free.acquire(blocking=False):
            request.settimeout(0.2)
            with suppress(OSError):
                request.sendall(BUSY)
            self.shutdown_request(request)
            return
        self._open[request] = time.monotonic()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer it, then give the thread back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._open.pop(request, None)
            self._free.release()

    def service_actions(self) -> None:
        """Cut off who takes too long, however steadily he trickles."""
        late = time.monotonic() - SECONDS
        for request, since in list(self._open.items()):
            if since < late:
                self._cut(request)

    def handle_error(self, *_: object) -> None:
        """A bug of ours, or a caller that went away: no traceback, it may hold content."""
        structlog.get_logger().error("web request failed", exc_info=True)

    def close(self) -> None:
        """Take no further request, and let those under way end within their time."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        until = time.monotonic() + 2
        while self._open and time.monotonic() < until:
            time.sleep(0.01)
        for request in list(self._open):
            self._cut(request)

    @staticmethod
    def _cut(request: Any) -> None:
        with suppress(OSError):
            request.shutdown(socket.SHUT_RDWR)


class Capped(RawIOBase):
    """Reads from a connection only as much as *left* allows."""

    def __init__(self, raw: Any, left: int) -> None:
        self._raw, self.left = raw, left

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def readinto(self, into: Any) -> int:
        """Read on; raises LineTooLong once nothing is left."""
        if self.left <= 0:
            raise LineTooLong("request")
        got: int | None = self._raw.readinto(memoryview(into)[: self.left])
        self.left -= got or 0
        return got or 0


class Handler(BaseHTTPRequestHandler):
    """One request: its head, its body if it may have one, its answer."""

    server: Web
    timeout = SECONDS
    error_message_format = "%(code)d %(message)s\n"
    error_content_type = "text/plain; charset=utf-8"

    def setup(self) -> None:
        """Count what is read from the first byte on."""
        super().setup()
        self._capped = Capped(self.connection.makefile("rb", 0), MOST_HEAD)
        self.rfile = BufferedReader(self._capped)

    def handle(self) -> None:
        """One request; what a caller does wrong ends his connection and nothing else."""
        try:
            super().handle()
        except (OSError, HTTPException):
            self.close_connection = True

    def do_GET(self) -> None:
        """Answer."""
        self._answer(b"")

    def do_HEAD(self) -> None:
        """Answer without what would be in it."""
        self._answer(b"")

    def do_POST(self) -> None:
        """Read the body that its head declares, then answer."""
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdigit()):
            self.send_error(411)
        elif len(length) > 9 or int(length) > MOST_BODY:
            self.send_error(413)
        else:
            self._capped.left += int(length)
            body = self.rfile.read(int(length))
            if len(body) == int(length):
                self._answer(body)

    def _answer(self, body: bytes) -> None:
        try:
            path = urlsplit(self.path).path
        except ValueError:
            self.send_error(400)
            return
        found = self.server.route(self.command, path)
        if isinstance(found, int):
            self.send_error(found)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Request(method=self.command, path=path, headers=headers, body=body)
        try:
            response = found(asked)
        except Exception:
            self.send_error(500)
            raise
        sent = response.text.encode()
        self.send_response(response.status)
        self.send_header("Content-Type", response.kind)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(sent)

    def version_string(self) -> str:
        """Say who we are, and no versions."""
        return "connector"

    def log_message(self, *_: object) -> None:
        """Say nothing: a path may hold anything."""
