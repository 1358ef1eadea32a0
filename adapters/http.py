"""The one seam to the network: one call, one deadline, and certainty about its first byte.

A call that brings no reply raises `Broke`, which says whether a byte was written: before that it
surely was not executed, after it may have been (protocol S5, S6).
"""

from __future__ import annotations

import email.utils
import http.client
import socket
import ssl
import zlib
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol
from urllib.parse import urlsplit

import urllib3.exceptions as u3
from msgspec import Struct
from urllib3.response import HTTPResponse

from adapters import heads
from adapters.wire import Call, Line, TlsLine, Wire
from connector.points import reach
from connector.ports import Clock, Slot

MOST_BYTES = 64 * 1024 * 1024
IDLE_SECONDS = 15.0
_FAREWELL = timedelta(seconds=3)
# what a server says of our certificate, or of having none, in TLS's own handshake
_TLS_REFUSALS = frozenset(
    {
        *("TLSV13_ALERT_CERTIFICATE_REQUIRED", "TLSV1_ALERT_UNKNOWN_CA"),
        *("SSLV3_ALERT_BAD_CERTIFICATE", "SSLV3_ALERT_CERTIFICATE_EXPIRED"),
        *("SSLV3_ALERT_CERTIFICATE_UNKNOWN", "SSLV3_ALERT_CERTIFICATE_REVOKED"),
        *("SSLV3_ALERT_HANDSHAKE_FAILURE", "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE"),
    }
)
_Told = tuple[int, Mapping[str, str], bytes]


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
    url: str = field(repr=False)
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


class Leg(Struct, frozen=True, kw_only=True):
    """One message of a call that takes several; *withheld*: it does not carry the body yet."""

    request: Request
    withheld: bool = False


class Proof(Protocol):
    """Proves who we are in the course of one call. Refusals are 401, and did no work."""

    def first(self, request: Request, line: Line) -> Leg:
        """What to send first for *request* on *line*."""
        ...

    def next(self, request: Request, reply: Reply, line: Line) -> Leg | None:
        """What to send after *reply*; None: it is the reply to the request."""
        ...


def moment(text: str | None) -> datetime | None:
    """Read an HTTP date; None if there is none or it cannot be read."""
    with suppress(ValueError, TypeError):
        found = email.utils.parsedate_to_datetime(text or "")
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    return None


def why(error: BaseException) -> str:
    """Name a foreign exception by the first class of its ancestry that WHY knows."""
    return next((WHY[kind] for kind in type(error).__mro__ if kind in WHY), "unknown")


def refused_by_tls(error: BaseException) -> bool:
    """Whether TLS itself was refused: TLS 1.3 says so only when we wait for the reply."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLError) and found.reason in _TLS_REFUSALS:
            return True
        found = found.__cause__ or found.__context__
    return False


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
        self._idle: dict[heads.Origin, deque[Line]] = {}

    def call(
        self, request: Request, *, send_before: datetime | None = None, proof: Proof | None = None
    ) -> Reply:
        """Make one call. Raises NotSent before its first byte, Broke if no reply came of it."""
        with self._slot(send_before):
            return self._made(request, Call(self._clock, self._timeout, send_before), proof)

    def farewell(self, request: Request, proof: Proof | None = None) -> Reply:
        """Make the last call of a connection, briefly, when the engine gives no slot any more."""
        return self._made(request, Call(self._clock, min(self._timeout, _FAREWELL), None), proof)

    def _made(self, request: Request, call: Call, proof: Proof | None) -> Reply:
        origin, _ = _parts(request.url)
        line = self._line(origin, call)
        whole, leg = False, Leg(request=request, withheld=proof is not None)
        try:
            leg = proof.first(request, line) if proof is not None else leg
            reply = self._exchange(line, leg.request, call)
            while proof is not None and (following := proof.next(request, reply, line)) is not None:
                leg, call.sent = following, False  # what was refused, or had no body, did no work
                reply = self._exchange(line, leg.request, call)
            whole = True
        except FOREIGN as error:
            began = call.sent and not leg.withheld and not refused_by_tls(error)
            raise Broke(why(error), sent=began) from error
        finally:
            if not whole:
                line.abort()
        if line.sock is not None:  # None: the server said Connection: close
            line.idle_since = (reply.began + reply.took).timestamp()
            self._idle[origin].append(line)
        return reply

    def close(self) -> None:
        """Close every idle connection."""
        for lines in self._idle.values():
            while lines:
                lines.pop().close()

    def _exchange(self, line: Line, request: Request, call: Call) -> Reply:
        head = heads.written(request.method, *_parts(request.url), request.headers, request.body)
        wire = line.wired()
        wire.sendall(head + (request.body or b""))
        reach("send.before_reply")
        status, told, body = _plain(line, wire, request.method, self._most) or odd(
            line, request.method, self._most
        )
        took = timedelta(seconds=call.elapsed())
        return Reply(status=status, headers=told, body=body, began=call.began, took=took)

    def _line(self, origin: heads.Origin, call: Call) -> Line:
        lines = self._idle.setdefault(origin, deque())
        while lines:
            with suppress(IndexError):
                line = lines.pop()
                if call.began.timestamp() - line.idle_since < IDLE_SECONDS and line.is_quiet:
                    line.use(call)
                    return line
                line.close()
        scheme, host, port = origin
        if scheme == "https":
            self._tls = self._tls or ssl.create_default_context()
            line = TlsLine(host, port, ssl_context=self._tls)
        else:
            line = Line(host, port)
        line.use(call)
        return line


@lru_cache(maxsize=64)
def _parts(url: str) -> tuple[heads.Origin, str]:
    """The origin of a URL, and what is asked for there."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return (parts.scheme, parts.hostname or "", parts.port), target


def _plain(line: Line, wire: Wire, method: str, most: int) -> _Told | None:
    """Read a plain reply; None leaves what was read on the wire, for the library to judge."""
    data, end = wire.recv(), -1
    while (end := data.find(b"\r\n\r\n")) < 0 and len(data) < heads.MOST_HEAD:
        if not (more := wire.recv()):
            break
        data += more
    head = heads.plain(method, data[:end]) if end >= 0 else None
    size = end + 4 + head.length if head is not None else 0
    if head is None or head.length > most:
        wire.begun = data
        return None
    chunks, got = [data[end + 4 :]], len(data)
    while got < size and (more := wire.recv()):
        chunks.append(more)
        got += len(more)
    if got < size:
        wire.begun = data[: end + 4] + b"".join(chunks)
        return None
    if got > size:  # nobody asked for more: it must answer no later call
        line.close()
    return head.status, head.headers, b"".join(chunks)[: head.length]


def odd(line: Line, method: str, most: int) -> _Told:
    """Read any reply, as http.client and urllib3 understand it; TooLarge past *most* bytes."""
    response = line.response(method)
    try:
        body = _whole(response, most)
    except BaseException:
        line.abort()
        response.close()
        raise
    headers = {name.lower(): response.headers[name] for name in response.headers}
    if "set-cookie" in headers:  # the one header whose values may not be joined with a comma
        headers["set-cookie"] = "\n".join(response.headers.getlist("set-cookie"))
    return response.status, headers, body


def _whole(response: HTTPResponse, most: int) -> bytes:
    chunks, size = [], 0
    while chunk := response.read(1 << 16, decode_content=True):
        size += len(chunk)
        if size > most:
            raise TooLarge
        chunks.append(chunk)
    return b"".join(chunks)
