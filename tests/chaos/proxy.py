"""A relay before a system that misbehaves as networks do: closed, silent, cutting, half-open."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress

RST = struct.pack("ii", 1, 0)


class Proxy:
    """Relays connections on a port of its own to *upstream*; `mode` says how it behaves.

    plain; closed: nobody listens; hole: what is sent disappears; mute: replies disappear;
    deaf: the end of a connection is not passed on (half-open); cutting: a reply is answered by RST.
    *struck* counts what came to harm so.
    """

    def __init__(self) -> None:
        self.upstream = 0
        self.mode = "plain"
        self.struck = 0
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._guard = threading.Lock()
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def become(self, mode: str) -> None:
        """Behave so from now on; `closed` resets what is open."""
        before, self.mode = self.mode, mode
        if mode == "closed" != before:
            self._close()
        elif before == "closed" != mode:
            self._listener = self._listen(self.port)

    def close(self) -> None:
        """End, and every connection with it."""
        if self.mode != "closed":
            self._close()

    def _close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.reset()

    def reset(self) -> None:
        """RST every connection."""
        with self._guard:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            for side in pair:
                abort(side)

    def _listen(self, port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(256)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.upstream), timeout=5)
        except OSError:
            self.struck += 1
            abort(client)
            return
        server.settimeout(None)
        for side in (client, server):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._guard:
            self._pairs.add((client, server))
        threading.Thread(target=self._pump, args=(server, client, True), daemon=True).start()
        self._pump(client, server, False)

    def _pump(self, source: socket.socket, sink: socket.socket, replies: bool) -> None:
        """Carry one direction until its end, and pass that on unless deaf."""
        try:
            while data := source.recv(65536):
                if self.mode == "hole" or (replies and self.mode == "mute"):
                    self.struck += 1
                    continue
                if replies and self.mode == "cutting":
                    self.struck += 1
                    abort(source)
                    abort(sink)
                    return
                sink.sendall(data)
        except OSError:
            if self.mode != "deaf":
                abort(sink)
            self.struck += self.mode == "deaf"
            return
        if self.mode == "deaf":
            self.struck += 1
        else:
            with suppress(OSError):
                sink.shutdown(socket.SHUT_WR)


def abort(side: socket.socket) -> None:
    """End a connection by RST, and wake whoever reads it."""
    with suppress(OSError):
        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
        side.shutdown(socket.SHUT_RD)
    side.close()
