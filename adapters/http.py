"""The one seam to the network: one call, one deadline, and certainty about its first byte.

A call that brings no reply raises `Broke`, which says whether a byte was written: before that it
surely was not executed, after it may have been (protocol S5, S6).
"""

from __future__ import annotations

import email.utils
import http.client
import io
import socket
import ssl
import struct
import zlib
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import urllib3.exceptions as u3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse

from connector.errors import NotSent
from connector.points import reach
from connector.ports import Clock, Slot

MOST_BYTES = 64 * 1024 * 1024
IDLE_SECONDS = 15.0
_RST = struct.pack("ii", 1, 0)


class TooLarge(ValueError):
    """A reply passed the most bytes that we take."""


# why a call broke, by the first class in its exception's ancestry that stands here
WHY: Mapping[type[BaseException], str] = {
    ssl.SSLCertVerificationError: "tls_untrusted",
    ssl.SSLEOFError: "cut",
    ssl.SSLZeroReturnError: "cut",
    ssl.SSLError: "tls",
    u3.SSLError: "tls",
    socket.gaierror: "dns",
    socket.herror: "dns",
    u3.NameResolutionError: "dns",
    u3.NewConnectionError: "unreachable",
    u3.ConnectTimeoutError: "connect_timeout",
    u3.TimeoutError: "timeout",
    TimeoutError: "timeout",
    ConnectionRefusedError: "unreachable",
    ConnectionError: "cut",
    u3.IncompleteRead: "cut",
    u3.DecodeError: "undecodable",
    u3.ProtocolError: "protocol",
    u3.InvalidHeader: "protocol",
    u3.HeaderParsingError: "protocol",
    u3.BodyNotHttplibCompatible: "protocol",
    http.client.IncompleteRead: "cut",
    http.client.BadStatusLine: "protocol",
    http.client.LineTooLong: "protocol",
    http.client.UnknownProtocol: "protocol",
    http.client.UnknownTransferEncoding: "protocol",
    http.client.ImproperConnectionState: "protocol",
    http.client.NotConnected: "protocol",
    http.client.InvalidURL: "bad_request",
    http.client.UnimplementedFileMode: "bad_request",
    u3.LocationValueError: "bad_request",
    u3.HTTPError: "http",
    http.client.HTTPException: "http",
    zlib.error: "undecodable",
    TooLarge: "too_large",
    ValueError: "bad_request",
    OSError: "network",
}
FOREIGN = (u3.HTTPError, http.client.HTTPException, zlib.error, OSError, ValueError)


class Broke(Exception):
    """A call that brought no reply: *why*, and whether a byte of it had been *sent*."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.why, self.sent = why, sent


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What goes on the wire; headers are complete, credentials included."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What came back. *began* is our clock when the call started, *took* how long it lasted."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    began: datetime
    took: timedelta

    @property
    def date(self) -> datetime | None:
        """The server's clock as its Date header tells it."""
        return moment(self.headers.get("date"))


def moment(text: str | None) -> datetime | None:
    """Read an HTTP date; None if there is none or it cannot be read."""
    with suppress(ValueError, TypeError):
        found = email.utils.parsedate_to_datetime(text or "")
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    return None


def why(error: BaseException) -> str:
    """Name a foreign exception by the first class of its ancestry that WHY knows."""
    return next((WHY[kind] for kind in type(error).__mro__ if kind in WHY), "unknown")


class Call:
    """One call's clock: its deadline, its permission to begin, and whether it has begun."""

    def __init__(self, clock: Clock, timeout: timedelta, send_before: datetime | None) -> None:
        self._clock, self._seconds = clock, timeout.total_seconds()
        self.began, self._boot = clock.now(), clock.boottime()
        self._send_before = send_before
        self.sent = False

    def left(self) -> float:
        """Seconds until the deadline. Raises TimeoutError when it has passed."""
        left = self._seconds - self.elapsed()
        if left <= 0:
            raise TimeoutError
        return left

    def elapsed(self) -> float:
        """Seconds since the call began, suspension of the machine included."""
        return self._clock.boottime() - self._boot

    def first_byte(self) -> None:
        """Fence the first byte (S3): by both clocks the call must end before send_before."""
        if self.sent:
            return
        left = self.left()
        if self._send_before is not None:
            now = max(self._clock.now(), self.began + timedelta(seconds=self.elapsed()))
            if now + timedelta(seconds=left) >= self._send_before:
                raise NotSent("too late to begin", code="too_late")
        self.sent = True


class _Wire(io.RawIOBase):
    """A socket whose every read and write obeys the running call; urllib3 takes it for one."""

    def __init__(self, sock: socket.socket, call: Call) -> None:
        self.sock, self.call = sock, call

    def sendall(self, data: bytes) -> None:
        if self.call.sent:
            reach("send.half_written")
        self.call.first_byte()
        rest = memoryview(data)
        while rest:
            self.sock.settimeout(self.call.left())
            rest = rest[self.sock.send(rest) :]

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self))

    def settimeout(self, _: float | None) -> None:
        """Urllib3 sets its own; ours is the call's."""

    def fileno(self) -> int:
        return self.sock.fileno()

    def shutdown(self, how: int) -> None:
        self.sock.shutdown(how)

    def abort(self) -> None:
        with suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)

    def close(self) -> None:
        self.sock.close()


class _Incoming(io.RawIOBase):
    """What comes in over a wire; it keeps the socket open until the reply has been read."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire
        self._raw = wire.sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._wire.sock.settimeout(self._wire.call.left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Line(HTTPConnection):
    """A connection that tells which call uses it and can be aborted."""

    call: Call
    wire: _Wire | None = None
    idle_since = 0.0

    def connect(self) -> None:
        self.timeout = self.call.left()
        super().connect()
        self._guard()

    def _guard(self) -> None:
        sock: socket.socket = self.sock
        self.wire = _Wire(sock, self.call)
        self.sock = self.wire

    def use(self, call: Call) -> None:
        self.call = call
        if self.wire is not None:
            self.wire.call = call

    def abort(self) -> None:
        if self.wire is not None:
            self.wire.abort()
        self.close()


class _TlsLine(_Line, HTTPSConnection):
    """The same over TLS; the certificate is always verified."""


class Http:
    """Calls to one origin: a bounded wait, no retries, no redirects, no reply too large."""

    def __init__(
        self,
        *,
        slot: Slot,
        clock: Clock,
        timeout: timedelta,
        tls: ssl.SSLContext | None = None,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._slot, self._clock, self._timeout = slot, clock, timeout
        self._tls, self._most = tls, most_bytes
        self._idle: dict[tuple[str, str, int | None], deque[_Line]] = {}

    def call(self, request: Request, *, send_before: datetime | None = None) -> Reply:
        """Make one call. Raises NotSent before its first byte, Broke if no reply came of it."""
        with self._slot(send_before):
            call = Call(self._clock, self._timeout, send_before)
            line = self._line(request.url, call)
            whole = False
            try:
                reply = self._exchange(line, request, call)
                whole = True
            except FOREIGN as error:
                raise Broke(why(error), sent=call.sent) from error
            finally:
                if not whole:
                    line.abort()
            self._keep(request.url, line)
            return reply

    def close(self) -> None:
        """Close every idle connection."""
        for lines in self._idle.values():
            while lines:
                lines.pop().close()

    def _exchange(self, line: _Line, request: Request, call: Call) -> Reply:
        parts = urlsplit(request.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        line.request(
            request.method,
            target,
            body=request.body,
            headers={"Accept-Encoding": "gzip", "User-Agent": "connector", **request.headers},
            preload_content=False,
        )
        reach("send.before_reply")
        response = line.getresponse()
        try:
            body = self._read(response)
        except BaseException:
            line.abort()
            response.close()
            raise
        headers = {name.lower(): value for name, value in response.headers.items()}
        took = timedelta(seconds=call.elapsed())
        return Reply(
            status=response.status, headers=headers, body=body, began=call.began, took=took
        )

    def _read(self, response: HTTPResponse) -> bytes:
        chunks, size = [], 0
        while chunk := response.read(1 << 16, decode_content=True):
            size += len(chunk)
            if size > self._most:
                raise TooLarge
            chunks.append(chunk)
        return b"".join(chunks)

    def _line(self, url: str, call: Call) -> _Line:
        lines = self._idle.setdefault(_origin(url), deque())
        while lines:
            with suppress(IndexError):
                line = lines.pop()
                if call.began.timestamp() - line.idle_since < IDLE_SECONDS and line.is_connected:
                    line.use(call)
                    return line
                line.close()
        scheme, host, port = _origin(url)
        if scheme == "https":
            self._tls = self._tls or ssl.create_default_context()
            line = _TlsLine(host, port, ssl_context=self._tls)
        else:
            line = _Line(host, port)
        line.use(call)
        return line

    def _keep(self, url: str, line: _Line) -> None:
        if line.sock is None:  # the server said Connection: close
            return
        line.idle_since = self._clock.now().timestamp()
        self._idle[_origin(url)].append(line)


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port
