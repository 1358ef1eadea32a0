"""A relay before a sandbox that answers one call with what a hostile server would say."""

from __future__ import annotations

import gzip
import http.client
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[["Handler"], None]
CHUNK = b" " * 65536


class Handler(BaseHTTPRequestHandler):
    """Passes a call on, unless it is the one to be answered otherwise."""

    protocol_version = "HTTP/1.1"
    server: Relay

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        hostile = self.server.answer_for(f"{self.command} {self.path}".encode() + body)
        with suppress(OSError):  # whoever is attacked hangs up
            if hostile is not None:
                hostile(self)
                return
            line = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=30)
            headers = {k: v for k, v in self.headers.items() if k.lower() != "accept-encoding"}
            line.request(self.command, self.path, body, headers)
            reply = line.getresponse()
            data = reply.read()
            kept = [(k, v) for k, v in reply.getheaders() if k.lower() != "content-length"]
            self.reply(reply.status, [data], kept)
            line.close()

    do_GET = do_POST = do_PUT = serve  # noqa: N815

    def reply(
        self, status: int, parts: list[bytes], headers: list[tuple[str, str]], *, length: int = -1
    ) -> None:
        """Answer; a *length* below zero is that of the parts."""
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        whole = sum(map(len, parts)) if length < 0 else length
        self.send_header("Content-Length", str(whole))
        self.end_headers()
        for part in parts:
            self.wfile.write(part)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class Relay(ThreadingHTTPServer):
    """One call whose request holds *call* is answered by *answer*; all others pass."""

    daemon_threads = True

    def __init__(self, upstream: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream = upstream
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.struck = 0
        self.ended = threading.Event()
        self._armed: tuple[bytes, Answer] | None = None
        self._guard = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def arm(self, call: str, answer: Answer) -> None:
        """Answer the next call that holds *call* so."""
        self._armed = (call.encode(), answer)

    def answer_for(self, request: bytes) -> Answer | None:
        with self._guard:
            if self._armed is None or self._armed[0] not in request:
                return None
            self.struck += 1
            (_, answer), self._armed = self._armed, None
        return answer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what we want."""

    def close(self) -> None:
        self.ended.set()
        self.shutdown()
        self.server_close()
        self._thread.join()


# ── what a hostile server says ──────────────────────────────────────────────────────────────────

XML = [("Content-Type", "text/xml; charset=utf-8")]
JSON = [("Content-Type", "application/json; charset=UTF-8")]
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"


def says(parts: list[bytes], headers: list[tuple[str, str]]) -> Answer:
    """These bytes."""
    return lambda handler: handler.reply(200, parts, headers)


def soap(inner: str, dtd: str = "") -> list[bytes]:
    text = f"{dtd}<s:Envelope xmlns:s='{ENVELOPE}'><s:Body>{inner}</s:Body></s:Envelope>"
    return [text.encode()]


def entity_bomb() -> list[bytes]:
    """A billion laughs."""
    names = [f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, 10)]
    dtd = f"<!DOCTYPE lolz [<!ENTITY l0 'lol'>{''.join(names)}]>"
    return soap("<r>&l9;</r>", dtd)


def stolen_file() -> list[bytes]:
    """An external entity that names a file of ours."""
    return soap("<r>&f;</r>", "<!DOCTYPE r [<!ENTITY f SYSTEM 'file:///etc/hostname'>]>")


def deep_xml() -> list[bytes]:
    """A hundred thousand elements, each in the other."""
    return soap("<a>" * 100_000 + "</a>" * 100_000)


def many_xml() -> list[bytes]:
    """A million elements side by side."""
    return soap("<r>" + "<a/>" * 1_000_000 + "</r>")


def deep_json() -> list[bytes]:
    """A hundred thousand lists, each in the other."""
    return [b"[" * 100_000 + b"]" * 100_000]


def many_json() -> list[bytes]:
    """A million items where a hundred were asked for."""
    return [b"[" + b"{}," * 999_999 + b"{}]"]


def huge_number() -> list[bytes]:
    """A number that takes ages to convert."""
    return [b'[{"id": ' + b"9" * 500_000 + b"}]"]


def bomb(size: int) -> tuple[list[bytes], list[tuple[str, str]]]:
    """*size* bytes that are small while they travel."""
    return [gzip.compress(b" " * size, 9)], [("Content-Encoding", "gzip")]


def endless(handler: Handler) -> None:
    """A hundred megabytes, as fast as they are taken."""
    handler.reply(200, [], JSON, length=100 * 1024 * 1024)
    for _ in range(100 * 16):
        handler.wfile.write(CHUNK)


def dripping(handler: Handler) -> None:
    """A byte now and then, for ever."""
    handler.reply(200, [b"["], JSON, length=1000)
    while not handler.server.ended.wait(0.2):
        handler.wfile.write(b" ")


def redirect(to: str) -> Answer:
    """Somewhere else."""
    return lambda handler: handler.reply(307, [b""], [("Location", to)])
