"""One connection on the wire: every read and write obeys the running call, and is fenced (S3)."""

from __future__ import annotations

import http.client
import io
import select
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from urllib3 import HTTPHeaderDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse

from adapters import heads
from connector.errors import NotSent
from connector.points import reach
from connector.ports import Clock

T = TypeVar("T")
AT_ONCE = 1 << 18  # bytes given to the system in one go
_RST = struct.pack("ii", 1, 0)


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


class Wire(io.RawIOBase):
    """A socket whose every read and write obeys the running call; urllib3 takes it for one."""

    def __init__(self, sock: socket.socket, call: Call) -> None:
        self.sock, self.call = sock, call
        self.begun = b""  # of the reply: read already, and left to the next makefile
        self._patience = 0.0
        self._incoming = select.poll()
        self._incoming.register(sock, select.POLLIN)

    @property
    def quiet(self) -> bool:
        """Whether nothing came in, and no end either: it can carry another call."""
        return not self._incoming.poll(0)

    def recv(self) -> bytes:
        return self._in_time(self.sock.recv, heads.MOST_HEAD)

    def recv_into(self, buffer: memoryview) -> int:
        return self._in_time(self.sock.recv_into, buffer)

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            if self.call.sent:
                reach("send.half_written")
            self.call.first_byte()
            rest = rest[self._in_time(self.sock.send, rest[:AT_ONCE]) :]

    def _in_time(self, once: Callable[[Any], T], given: Any) -> T:
        """Do it before the call's deadline.

        Setting a socket's timeout is a call of the system, so it stays while it is near what is
        left and ends before it; the rest is waited for only where it was too short.
        """
        left = self.call.left()
        if not left / 2 <= self._patience <= left:
            self._patience = left * 0.9
            self.sock.settimeout(self._patience)
        try:
            return once(given)
        except TimeoutError:
            self._patience = self.call.left()
            self.sock.settimeout(self._patience)
            return once(given)

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

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._begun, wire.begun = memoryview(wire.begun), b""
        self._raw = wire.sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if size := min(len(self._begun), len(buffer)):
            buffer[:size] = self._begun[:size]
            self._begun = self._begun[size:]
            return size
        return self._wire.recv_into(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class Line(HTTPConnection):
    """A connection that tells which call uses it and can be aborted."""

    call: Call
    wire: Wire | None = None
    idle_since = 0.0
    proven = False  # NTLM proves a connection, not a call

    def connect(self) -> None:
        self.timeout, self.proven = self.call.left(), False
        super().connect()
        self._guard()

    def _guard(self) -> None:
        sock: socket.socket = self.sock
        self.wire = Wire(sock, self.call)
        self.sock = self.wire

    def wired(self) -> Wire:
        """The wire of an open connection; opens it. Raises what connecting raises."""
        if self.sock is None:
            self.connect()
        return cast("Wire", self.sock)

    def certificate(self) -> bytes | None:
        """The server's certificate on an open TLS connection."""
        sock = self.wire.sock if self.wire is not None else None
        return sock.getpeercert(binary_form=True) if isinstance(sock, ssl.SSLSocket) else None

    def response(self, method: str) -> HTTPResponse:
        """Begin to read a reply with the library; one that ends the connection closes it."""
        found = http.client.HTTPResponse(self.sock, method=method)
        try:
            found.begin()
        except BaseException:
            found.close()
            raise
        if found.will_close:
            self.close()
        return HTTPResponse(
            body=found,
            headers=HTTPHeaderDict(found.msg.items()),
            status=found.status,
            preload_content=False,
            original_response=found,
            request_method=method,
        )

    @property
    def is_quiet(self) -> bool:
        """Whether it is open, and its server said nothing since its last reply."""
        return self.sock is not None and self.wire is not None and self.wire.quiet

    def use(self, call: Call) -> None:
        self.call = call
        if self.wire is not None:
            self.wire.call = call

    def abort(self) -> None:
        if self.wire is not None:
            self.wire.abort()
        self.close()


class TlsLine(Line, HTTPSConnection):
    """The same over TLS; the certificate is always verified."""
