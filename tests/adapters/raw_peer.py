"""A raw server on loopback that behaves as a test says."""

from __future__ import annotations

import contextlib
import socket
import threading

from adapters.http import Request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: Tue, 10 Nov 2026 12:00:00 GMT\r\n\r\nok"


class Peer:
    """A raw server: each connection is answered by *behave(socket, number)* in its own thread."""

    def __init__(self, behave):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.connections, self.ended = 0, threading.Event()
        self._behave, self._threads, self._open = behave, [], []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.connections += 1
                self._open.append(connection)
                thread = threading.Thread(target=self._serve, args=(connection, self.connections))
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection, number):
        with connection, contextlib.suppress(OSError):
            self._behave(connection, number)

    def close(self):
        self.ended.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in (self._accepting, *self._threads):
            thread.join(5)


def request_of(connection):
    """Read one whole request."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            raise ConnectionError
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-l")),
        0,
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head


def answering(*replies):
    """Serve requests on one connection with these replies, then close it."""

    def behave(connection, _):
        for reply in replies:
            request_of(connection)
            connection.sendall(reply)

    return behave


def post(url):
    return Request(method="POST", url=url, body=b"<x/>")
