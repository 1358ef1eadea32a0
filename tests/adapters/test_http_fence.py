"""The first byte of a call is fenced (S3), and every foreign exception has a name."""

from __future__ import annotations

import contextlib
import http.client
import inspect
import json
import socket
import ssl
import struct
import time
import zlib
from datetime import UTC, datetime, timedelta

import pytest
import urllib3.exceptions
from profiles_by_hand import RealClock
from raw_peer import OK, answering, post

import adapters.http
from adapters.http import FOREIGN, WHY, Broke, Request, why
from adapters.wire import Call, Wire
from connector.errors import NotSent


class Jumping(RealClock):
    """A clock whose time jumps when a connection is being made."""

    def __init__(self, wall=0.0, boot=0.0):
        self.wall, self.boot, self.jumped = wall, boot, False

    def now(self):
        return super().now() + timedelta(seconds=self.wall if self.jumped else 0)

    def boottime(self):
        return super().boottime() + (self.boot if self.jumped else 0)


@pytest.fixture
def while_connecting(monkeypatch):
    """Let something happen between the slot and the first byte."""
    resolve = socket.getaddrinfo

    def install(happens):
        def slow(*args, **names):
            happens()
            return resolve(*args, **names)

        monkeypatch.setattr(socket, "getaddrinfo", slow)

    return install


def heard(seen):
    def behave(connection, _):
        seen.append(connection.recv(1))

    return behave


def test_nothing_is_written_when_the_wall_clock_passed_send_before(client, peer, while_connecting):
    """S3: checked again right before the first byte, by wall clock."""
    clock, seen = Jumping(wall=120.0), []
    one = peer(heard(seen))
    while_connecting(lambda: setattr(clock, "jumped", True))
    until = clock.now() + timedelta(seconds=300)
    with pytest.raises(NotSent):
        client(200.0, clock).call(post(one.url), send_before=until)

    assert b"P" not in seen


def test_nothing_is_written_when_the_machine_slept_past_the_deadline(
    client, peer, while_connecting
):
    """S3: a machine that slept while it connected has no time left, whatever the wall clock."""
    clock, seen = Jumping(boot=250.0), []
    one = peer(heard(seen))
    while_connecting(lambda: setattr(clock, "jumped", True))
    with pytest.raises(Broke) as told:
        client(200.0, clock).call(post(one.url), send_before=clock.now() + timedelta(days=1))

    assert (told.value.sent, told.value.why) == (False, "timeout")
    assert b"P" not in seen


def test_a_slot_that_refuses_sends_nothing(client, peer):
    """The gate's NotSent passes through, before any connection is made."""

    @contextlib.contextmanager
    def shut(send_before=None):
        raise NotSent("stopping")
        yield

    one = peer(answering(OK))
    with pytest.raises(NotSent):
        client(slot=shut).call(post(one.url))

    assert one.connections == 0


def test_the_slot_is_told_until_when_the_call_may_begin(client, peer):
    """The gate fences with the change's own time."""
    asked = []

    @contextlib.contextmanager
    def note(send_before=None):
        asked.append(send_before)
        yield

    until = datetime.now(UTC) + timedelta(hours=1)
    client(slot=note).call(post(peer(answering(OK)).url), send_before=until)

    assert asked == [until]


ROOTS = {urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError, Exception}
# raised by parts of urllib3 that we do not use
UNUSED = {
    "PoolError",
    "RequestError",
    "MaxRetryError",
    "HostChangedError",
    "EmptyPoolError",
    "FullPoolError",
    "ClosedPoolError",
    "ProxyError",
    "ProxySchemeUnknown",
    "ProxySchemeUnsupported",
    "TimeoutStateError",
    "ResponseError",
    "UnrewindableBodyError",
}


def foreign_exceptions():
    for module in (urllib3.exceptions, http.client, socket, ssl, zlib):
        for name, kind in inspect.getmembers(module, inspect.isclass):
            public = not name.startswith("_") and kind.__module__ != "email.errors"
            if public and issubclass(kind, Exception) and not issubclass(kind, Warning):
                yield pytest.param(kind, id=f"{module.__name__}.{name}")


@pytest.mark.parametrize("kind", list(foreign_exceptions()))
def test_every_exception_of_the_libraries_is_mapped(kind):
    """A new exception of a library fails here, and not in production as an unknown one."""
    if kind.__name__ in UNUSED or kind in ROOTS:
        return
    assert issubclass(kind, FOREIGN)
    assert any(parent in WHY and parent not in ROOTS for parent in kind.__mro__)


def test_an_unmapped_exception_is_still_named():
    """Nothing foreign passes without a code."""
    assert why(OSError()) == "network"
    assert why(KeyError()) == "unknown"


def test_a_broken_call_tells_no_content():
    """Neither addresses nor messages of the library go into an error."""
    assert json.dumps(str(Broke("timeout", sent=True))) == '"timeout"'
    assert "secret" not in repr(Request(method="GET", url="http://x", headers={"A": "secret"}))
    assert struct.calcsize("ii") == 8


class Sleepy:
    """A socket whose own timeout ends before anything comes; it keeps what was set."""

    def __init__(self, waits):
        self.waits, self.set = waits, []

    def settimeout(self, seconds):
        self.set.append(seconds)

    def fileno(self):
        return 0

    def recv(self, _):
        if self.waits:
            self.waits.pop(0)()
            raise TimeoutError
        return b"late"


class Still(RealClock):
    """A clock that a test moves."""

    boot = 0.0

    def boottime(self):
        return self.boot


def test_a_call_may_wait_for_all_the_time_that_it_has():
    """The socket's own timeout is set seldom, rather too short; then the rest is waited."""
    clock = Still()
    call = Call(clock, timedelta(seconds=100), None)
    wire = Wire(sleepy := Sleepy([lambda: setattr(clock, "boot", 95.0)]), call)

    assert wire.recv() == b"late"
    assert sleepy.set[0] <= 100
    assert sleepy.set[1] == 5.0

    sleepy.waits = [lambda: setattr(clock, "boot", 99.0), lambda: setattr(clock, "boot", 100.0)]
    with pytest.raises(TimeoutError):
        wire.recv()
    assert sleepy.set[-1] <= 1.0


def test_a_connection_forgets_how_patient_its_last_call_was(client, peer, monkeypatch):
    """A farewell on a connection of long calls is brief all the same."""
    monkeypatch.setattr(adapters.http, "_FAREWELL", timedelta(seconds=0.3))
    one = peer(lambda connection, _: (answering(OK)(connection, 1), connection.recv(1 << 16),
                                      one.ended.wait(20)))  # fmt: skip
    http_client, started = client(20.0), time.monotonic()
    http_client.call(post(one.url))
    with pytest.raises(Broke) as told:
        http_client.farewell(post(one.url))

    assert (told.value.why, one.connections) == ("timeout", 1)
    assert time.monotonic() - started < 10
