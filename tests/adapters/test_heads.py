"""A message's head is written only if it stays in its lines, and read only if it is plain."""

from __future__ import annotations

import gzip

import pytest
from raw_peer import answering, post, request_of

from adapters import heads
from adapters.http import Broke, Request

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2"


@pytest.mark.parametrize(
    "headers",
    [{"X": "a\r\nY: b"}, {"X": "a\nb"}, {"X\r\nY": "b"}, {"X": "€"}, {"X y": "b"}, {"": "b"}],
)
def test_a_header_that_would_leave_its_line_is_never_sent(client, peer, headers):
    """Whatever a setting or a template holds, it can begin no second header."""
    with pytest.raises(Broke) as told:
        client().call(Request(method="GET", url=peer(answering()).url, headers=headers))

    assert (told.value.why, told.value.sent) == ("bad_request", False)


@pytest.mark.parametrize("path", ["/a b", "/a\x00", "/ä"])
def test_a_target_that_would_leave_its_line_is_never_sent(client, peer, path):
    """A blank ends the target and a letter beyond ASCII has no form there."""
    with pytest.raises(Broke) as told:
        client().call(Request(method="GET", url=peer(answering()).url + path))

    assert (told.value.why, told.value.sent) == ("bad_request", False)


def test_a_request_says_its_host_and_the_length_of_its_body(client, peer):
    """Also when the body is empty: a POST without a length is refused by many servers."""
    heard = []

    def listen(connection, _):
        for _ in range(3):
            heard.append(request_of(connection).decode().lower())
            connection.sendall(PLAIN + b"\r\n\r\nok")

    one, http = peer(listen), client()
    http.call(post(one.url))
    http.call(Request(method="POST", url=one.url))
    http.call(Request(method="GET", url=one.url, headers={"User-Agent": "mine"}))

    assert [h.count("content-length:") for h in heard] == [1, 1, 0]
    assert all(f"host: {one.url.removeprefix('http://')}\r\n" in h for h in heard)
    assert ("user-agent: connector" in heard[0], "user-agent: mine" in heard[2]) == (True, True)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (("https", "erp.test", 443), "erp.test"),
        (("https", "erp.test", 80), "erp.test:80"),
        (("http", "::1", 8080), "[::1]:8080"),
        (("https", "bücher.test", None), "xn--bcher-kva.test"),
    ],
)
def test_a_host_is_written_as_it_stands_on_the_wire(origin, host):
    """The scheme's own port is left out, an IPv6 address bracketed, a name made ASCII."""
    assert heads.host(*origin) == host


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.0 200 OK\r\nContent-Length: 2",
        b"HTTP/1.1 100 Continue\r\nContent-Length: 2",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 2",
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2",
        b"HTTP/1.1 200 OK\r\nContent-Length : 2",
        PLAIN + b"\r\nTransfer-Encoding: chunked",
        PLAIN + b"\r\nContent-Encoding: gzip",
        PLAIN + b"\r\nConnection: close",
        PLAIN + b"\r\nX: a\r\n folded",
        PLAIN + b"\r\nX: a\nY: b",
    ],
)
def test_what_is_not_plain_is_left_to_the_library(head):
    """Where a body begins or ends is never guessed."""
    assert heads.plain("GET", PLAIN) is not None
    assert heads.plain("HEAD", PLAIN) is None
    assert heads.plain("GET", head) is None


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nX: 1\r\nX: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
)
EARLY = b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN + b"\r\nX: 1\r\nX: 2\r\n\r\nok"
PACKED = gzip.compress(b"ok")
ZIPPED = (
    b"HTTP/1.1 200 OK\r\nX: 1\r\nX: 2\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b"
)


@pytest.mark.parametrize(
    "reply",
    [PLAIN + b"\r\nX: 1\r\nX: 2\r\n\r\nok", CHUNKED, EARLY, ZIPPED % (len(PACKED), PACKED)],
    ids=["plain", "chunked", "continue", "packed"],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_however_a_reply_is_framed_and_cut_into_pieces_it_is_read_the_same(
    client, peer, reply, size
):
    """Twice on one connection: not a byte of the first reply is left for the second."""

    def pieces(connection, _):
        for _ in range(2):
            request_of(connection)
            for begin in range(0, len(reply), size):
                connection.sendall(reply[begin : begin + size])

    one, http = peer(pieces), client()
    got = [http.call(post(one.url)) for _ in range(2)]

    assert [(r.status, r.headers["x"], r.body) for r in got] == [(200, "1, 2", b"ok")] * 2
    assert one.connections == 1


def test_a_reply_that_ends_with_its_connection_is_read_and_the_connection_not_kept(client, peer):
    """`Connection: close`, and a reply without any length."""
    closing = PLAIN + b"\r\nConnection: close\r\n\r\nok"
    one, http = peer(answering(closing)), client()
    endless = peer(answering(b"HTTP/1.1 200 OK\r\n\r\nok"))

    assert [http.call(post(one.url)).body for _ in range(2)] == [b"ok", b"ok"]
    assert one.connections == 2
    assert http.call(post(endless.url)).body == b"ok"


def test_bytes_after_a_reply_spoil_its_connection_only(client, peer):
    """What nobody asked for answers no later call."""
    one, http = peer(answering(PLAIN + b"\r\n\r\nokHTTP/1.1 500 No\r\n\r\n")), client()

    assert [http.call(post(one.url)).body for _ in range(2)] == [b"ok", b"ok"]
