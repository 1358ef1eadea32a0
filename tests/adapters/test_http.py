"""The one seam to the network says truly whether a call can have happened, and never waits long."""

from __future__ import annotations

import gzip
import shutil
import socket
import ssl
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from profiles_by_hand import RealClock
from raw_peer import OK, answering, post, request_of

from adapters.http import Broke, Request, refused_by_tls


def test_a_reply_tells_status_headers_body_and_the_servers_clock(client, peer):
    """What came back is a value."""
    reply = client().call(post(peer(answering(OK)).url))

    assert (reply.status, reply.body) == (200, b"ok")
    assert reply.date == datetime(2026, 11, 10, 12, tzinfo=UTC)


def test_a_refused_connection_was_surely_not_executed(client):
    """No byte was written."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(Broke) as told:
        client().call(post(url))

    assert (told.value.sent, told.value.why) == (False, "unreachable")


def test_a_name_that_does_not_resolve_was_surely_not_executed(client, monkeypatch):
    """No byte was written."""

    def nowhere(*_, **__):
        raise socket.gaierror(-2, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    with pytest.raises(Broke) as told:
        client().call(post("http://shop.invalid"))

    assert (told.value.sent, told.value.why) == (False, "dns")


def test_a_failed_tls_handshake_was_surely_not_executed(client, peer):
    """A server that speaks no TLS has seen a hello, not a request."""

    def plain(connection, _):
        connection.recv(1000)
        connection.sendall(b"no tls here")

    url = peer(plain).url.replace("http:", "https:")
    with pytest.raises(Broke) as told:
        client().call(post(url))

    assert (told.value.sent, told.value.why) == (False, "tls")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl for a certificate")
def test_a_certificate_that_nobody_vouches_for_is_refused(client, peer, tmp_path):
    """TLS is always verified; the request is not sent."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*make, *names, "-keyout", key, "-out", cert], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    def tls(connection, _):
        with context.wrap_socket(connection, server_side=True) as wrapped:
            request_of(wrapped)
            wrapped.sendall(OK)

    url = peer(tls).url.replace("http:", "https:")
    with pytest.raises(Broke) as told:
        client().call(post(url))
    trusting = client(tls=ssl.create_default_context(cafile=str(cert)))

    assert (told.value.sent, told.value.why) == (False, "tls_untrusted")
    assert trusting.call(post(url)).body == b"ok"


@pytest.mark.parametrize(
    "reply",
    [b"", OK[:-1], b"garbage\r\n\r\n"],
    ids=["nothing", "half a body", "garbage"],
)
def test_a_call_cut_after_its_first_byte_may_have_happened(client, peer, reply):
    """Half a reply is no reply."""
    with pytest.raises(Broke) as told:
        client().call(post(peer(answering(reply)).url))

    assert told.value.sent
    assert told.value.why in ("cut", "protocol")


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nX: ", OK[:-2]])
def test_trickling_bytes_do_not_extend_the_deadline(client, peer, begin):
    """One total deadline holds over headers and body, however often a byte arrives."""
    drip = threading.Event()

    def trickle(connection, _):
        request_of(connection)
        connection.sendall(begin.replace(b"Length: 2", b"Length: 9999"))
        while not drip.wait(0.02):
            connection.sendall(b"x")

    started = time.monotonic()
    with pytest.raises(Broke) as told:
        client(0.4).call(post(peer(trickle).url))
    drip.set()

    assert (told.value.sent, told.value.why) == (True, "timeout")
    assert time.monotonic() - started < 2


def test_on_timeout_the_connection_is_reset(client, peer):
    """The peer learns at once that nobody waits: RST, not a polite end."""
    seen, told = [], threading.Event()

    def hang(connection, _):
        request_of(connection)
        try:
            seen.append(connection.recv(1))
        except ConnectionResetError:
            seen.append("reset")
        told.set()

    with pytest.raises(Broke):
        client(0.2).call(post(peer(hang).url))

    assert told.wait(5)
    assert seen == ["reset"]


def test_a_server_that_reads_nothing_does_not_hold_us(client, peer):
    """Writing obeys the deadline too."""

    def deaf(connection, _):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        one.ended.wait(10)

    one, started = peer(deaf), time.monotonic()
    with pytest.raises(Broke) as told:
        client(0.4).call(Request(method="POST", url=one.url, body=b"x" * 50_000_000))
    one.ended.set()

    assert time.monotonic() - started < 2
    assert (told.value.sent, told.value.why) == (True, "timeout")


def test_a_connection_is_used_again(client, peer):
    """Keep-alive: two calls, one connection."""
    one, http_client = peer(answering(OK, OK)), client()
    http_client.call(post(one.url))
    http_client.call(post(one.url))

    assert one.connections == 1


def test_a_connection_that_the_server_closed_meanwhile_is_not_used(client, peer):
    """Bytes written into a dead socket would be doubt for nothing."""
    closed = threading.Event()

    def once(connection, _):
        request_of(connection)
        connection.sendall(OK)
        connection.shutdown(socket.SHUT_RDWR)
        closed.set()

    one, http_client = peer(once), client()
    for _ in range(3):
        closed.clear()
        assert http_client.call(post(one.url)).body == b"ok"
        assert closed.wait(5)

    assert one.connections == 3


def test_an_old_idle_connection_is_not_trusted(client, peer):
    """Servers and firewalls drop idle connections silently."""

    class Later(RealClock):
        shift = timedelta(0)

        def now(self):
            return super().now() + self.shift

    clock = Later()
    one, http_client = peer(answering(OK, OK)), client(clock=clock)
    http_client.call(post(one.url))
    clock.shift = timedelta(minutes=1)
    http_client.call(post(one.url))

    assert one.connections == 2


def test_a_redirect_is_an_answer_and_not_followed(client, peer):
    """Neither a body nor credentials travel to another place."""
    one = peer(answering(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"))

    assert client().call(post(one.url)).status == 302
    assert one.connections == 1


@pytest.mark.parametrize("packed", [False, True])
def test_a_reply_larger_than_the_bound_is_not_read(client, peer, packed):
    """Neither plain nor packed bytes fill the memory."""
    body = gzip.compress(b"x" * 3_000_000) if packed else b"x" * 3_000_000
    encoding = b"Content-Encoding: gzip\r\n" if packed else b""
    head = b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n" % (encoding, len(body))
    with pytest.raises(Broke) as told:
        client(most_bytes=1_000_000).call(post(peer(answering(head + body)).url))

    assert (told.value.sent, told.value.why) == (True, "too_large")


def test_a_packed_reply_is_unpacked(client, peer):
    """Pages of orders shrink to a tenth on the wire."""
    body = gzip.compress(b"hello")
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)

    assert client().call(post(peer(answering(head + body)).url)).body == b"hello"


def test_an_early_refusal_of_a_large_body_is_read(client, peer):
    """413 before the body was read surely did nothing; it must not look like a cut."""

    def impatient(connection, _):
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        while connection.recv(1 << 20):
            pass

    big = Request(method="POST", url=peer(impatient).url, body=b"x" * 5_000_000)

    assert client().call(big).status == 413


@pytest.mark.parametrize(
    ("reason", "refused"),
    [("TLSV13_ALERT_CERTIFICATE_REQUIRED", True), ("DECRYPTION_FAILED_OR_BAD_RECORD_MAC", False)],
)
def test_a_certificate_that_tls_itself_refuses_leaves_no_doubt(reason, refused):
    """TLS 1.3 says so after our first bytes: no server reads them before the handshake is over."""
    told = ssl.SSLError(1, "alert")
    told.reason = reason
    wrapped = OSError("broken")
    wrapped.__cause__ = told

    assert (refused_by_tls(told), refused_by_tls(wrapped)) == (refused, refused)
    assert not refused_by_tls(TimeoutError())
