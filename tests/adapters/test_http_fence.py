"""The first byte of a call is fenced (S3), and every foreign exception has a name."""

from __future__ import annotations

import contextlib
import http.client
import inspect
import json
import socket
import ssl
import struct
import zlib
from datetime import UTC, datetime, timedelta

import pytest
import urllib3.exceptions
from profiles_by_hand import RealClock
from raw_peer import OK, answering, post

from adapters.http import FOREIGN, WHY, Broke, Request, why
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
