"""The listener: what a caller may ask, and everything in which he is bounded."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing

import pytest
import requests
from service import until

from connector import web
from connector.web import Request, Response, Route, Web

Serve = Callable[[Mapping[str, Route]], Web]


def echo(asked: Request) -> Response:
    """Answer with what arrived."""
    return Response(status=200, text=f"{asked.method} {asked.path} {len(asked.body)}")


@pytest.fixture
def at() -> Iterator[Serve]:
    """Start listeners on free ports of this machine."""
    running: list[Web] = []

    def start(routes: Mapping[str, Route]) -> Web:
        running.append(Web(("127.0.0.1", 0), routes))
        return running[-1]

    yield start
    for one in running:
        one.close()


def said(port: int, text: bytes) -> bytes:
    """What is answered to *text* until the connection ends."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as line:
        line.sendall(text)
        got = b""
        while more := line.recv(4096):
            got += more
    return got


def test_a_route_answers_and_everything_else_is_refused(at: Serve) -> None:
    """Known path, known method; another method is 405, another path 404, a query is no matter."""
    url = at({"GET /here": echo, "POST /hooks/": echo}).url
    assert requests.get(f"{url}/here?x=1", timeout=5).text == "GET /here 0"
    head = requests.head(f"{url}/here", timeout=5)
    assert (head.status_code, head.text) == (200, "")
    assert requests.post(f"{url}/hooks/shop", data=b"abc", timeout=5).text == "POST /hooks/shop 3"
    assert requests.post(f"{url}/here", data=b"", timeout=5).status_code == 405
    assert requests.get(f"{url}/hooks/shop", timeout=5).status_code == 405
    assert requests.get(f"{url}/", timeout=5).status_code == 404
    assert requests.put(f"{url}/here", data=b"", timeout=5).status_code == 501


def test_it_says_nothing_of_what_it_runs_on(at: Serve) -> None:
    """Neither Python's version nor a page that repeats what was asked."""
    reply = requests.get(f"{at({}).url}/<script>", timeout=5)
    assert reply.headers["Server"] == "connector"
    assert "script" not in reply.text


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"Content-Length: 1048577", b"413"),
        (b"Content-Length: 99999999999999999999", b"413"),
        (b"Content-Length: -1", b"411"),
        (b"Content-Length: abc", b"411"),
        (b"Transfer-Encoding: chunked", b"411"),
        (b"Content-Length: 3\r\nTransfer-Encoding: chunked", b"411"),
        (b"X: y", b"411"),
    ],
)
def test_a_body_declares_its_length_and_is_bounded(at: Serve, head: bytes, status: bytes) -> None:
    """What is too long, or of unknown length, is refused before it is read."""
    asked: list[Request] = []
    server = at({"POST /hooks/": lambda r: asked.append(r) or Response(status=200)})
    got = said(server.server_address[1], b"POST /hooks/shop HTTP/1.1\r\n" + head + b"\r\n\r\nabc")
    assert got.split()[1] == status
    assert not asked


@pytest.mark.parametrize(
    "text",
    [
        b"GET /here?" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n",
        b"GET /here HTTP/1.1\r\nA: " + b"b" * 20000 + b"\r\n\r\n",
        b"GET /here HTTP/1.1\r\n" + b"A: b\r\n" * 9000 + b"\r\n",
    ],
)
def test_a_head_is_bounded(at: Serve, text: bytes) -> None:
    """An endless request line or head ends the connection, and the next caller is served."""
    server = at({"GET /here": echo})
    with closing(socket.create_connection(("127.0.0.1", server.server_address[1]), 10)) as line:
        try:
            line.sendall(text)
            got = line.recv(100)
        except OSError:
            got = b""
        assert b"200" not in got
    assert requests.get(f"{server.url}/here", timeout=5).status_code == 200


def test_an_address_that_is_none_is_refused_and_not_logged_as_ours(
    at: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever asks so gets an answer."""
    server = at({"GET /here": echo})
    got = said(server.server_address[1], b"GET http://[x/ HTTP/1.0\r\n\r\n")
    assert got.split()[1] == b"400"
    assert not caplog.records


def test_who_trickles_is_cut_off(at: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then does not hold a thread: the whole request has one deadline."""
    monkeypatch.setattr(web, "SECONDS", 0.3)
    server = at({"GET /here": echo})
    with closing(socket.create_connection(("127.0.0.1", server.server_address[1]), 10)) as line:
        ended = threading.Event()

        def trickle() -> None:
            while not ended.wait(0.05):
                try:
                    line.sendall(b"G")
                except OSError:
                    return

        sender = threading.Thread(target=trickle)
        sender.start()
        try:
            assert line.recv(100) == b""
        except ConnectionError:
            pass
        finally:
            ended.set()
            sender.join()
    until(lambda: not server._open)


def test_the_callers_at_once_are_bounded(at: Serve) -> None:
    """One more than that is told 503 at once; when one ends, the next is served."""
    go = threading.Event()
    inside: list[int] = []

    def slow(_: Request) -> Response:
        inside.append(1)
        go.wait(10)
        return Response(status=200)

    server = at({"GET /slow": slow, "GET /here": echo})
    callers = [
        threading.Thread(target=requests.get, args=(f"{server.url}/slow",))
        for _ in range(web.AT_ONCE)
    ]
    for one in callers:
        one.start()
    until(lambda: len(inside) == web.AT_ONCE)
    refused = requests.get(f"{server.url}/here", timeout=5)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    go.set()
    for one in callers:
        one.join()
    until(lambda: requests.get(f"{server.url}/here", timeout=5).status_code == 200)


def test_a_bug_of_a_route_is_told_as_500_and_logged_without_content(
    at: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback reaches the caller or the log: it may hold what was sent."""

    def broken(_: Request) -> Response:
        raise ValueError("qanar")

    server = at({"GET /here": broken})
    reply = requests.get(f"{server.url}/here", timeout=5)
    server.close()
    assert (reply.status_code, "qanar" in reply.text) == (500, False)
    assert "Traceback" not in capsys.readouterr().err


def test_it_binds_only_what_it_is_told(at: Serve) -> None:
    """Another address of this machine does not reach it."""
    port = at({"GET /here": echo}).server_address[1]
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", port), timeout=5)


def test_it_ends_while_a_caller_hangs(at: Serve) -> None:
    """A stop waits two seconds at most for who is connected and says nothing."""
    server = at({})
    with closing(socket.create_connection(server.server_address, 10)):
        until(lambda: server._open)
        began = time.monotonic()
        server.close()
        assert time.monotonic() - began < 5
