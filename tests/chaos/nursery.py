"""Daemons without the seconds that Python needs to import them: forked from one that has.

Each is a process of its own with a life of its own; only its modules are there already. Run as
`python -m chaos.nursery LOG`: a line of JSON on stdin is a daemon to be born.
"""

from __future__ import annotations

import json
import os
import queue
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import daemon


class Born:
    """A process of the nursery; like Popen as far as it goes."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.code: int | None = None
        self.ended = threading.Event()

    def poll(self) -> int | None:
        """The exit code, or None while it lives."""
        return self.code if self.ended.is_set() else None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code; raises TimeoutError."""
        if not self.ended.wait(timeout) or self.code is None:
            raise TimeoutError
        return self.code

    def send(self, number: signal.Signals) -> None:
        """Send it a signal while it lives."""
        if not self.ended.is_set():
            os.kill(self.pid, number)


class Nursery:
    """The process from which daemons are forked."""

    def __init__(self, log: Path) -> None:
        environ = dict(os.environ) | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
        words = [sys.executable, "-m", "chaos.nursery"]
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, env=environ
            )
        self._born: queue.SimpleQueue[Born] = queue.SimpleQueue()
        self._all: dict[int, Born] = {}
        self._reader = threading.Thread(target=self._listen)
        self._reader.start()

    def bear(self, config: Path, environ: dict[str, str]) -> Born:
        """Start a daemon on *config* with *environ* over the environment."""
        if self._process.stdin is None:
            raise RuntimeError("the nursery has no ear")
        line = json.dumps({"config": str(config), "environ": environ}) + "\n"
        self._process.stdin.write(line.encode())
        self._process.stdin.flush()
        return self._born.get(timeout=30)

    def close(self) -> None:
        """End it; its daemons have ended before."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(30)
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            word, *numbers = line.split()
            if word == b"born":
                one = Born(int(numbers[0]))
                self._all[one.pid] = one
                self._born.put(one)
            else:
                ended = self._all.pop(int(numbers[0]))
                ended.code = os.waitstatus_to_exitcode(int(numbers[1]))
                ended.ended.set()


def tell(line: str) -> None:
    """One line to whoever ordered."""
    os.write(1, f"{line}\n".encode())


def serve() -> None:
    """Fork a daemon for each line, and tell how each ended, until stdin ends."""
    ear, mouth = os.pipe()
    os.set_blocking(mouth, False)
    os.set_blocking(ear, False)
    signal.set_wakeup_fd(mouth)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    choice = selectors.DefaultSelector()
    choice.register(0, selectors.EVENT_READ)
    choice.register(ear, selectors.EVENT_READ)
    rest = b""
    while True:
        for key, _ in choice.select():
            if key.fd == ear:
                os.read(ear, 1000)
                bury()
                continue
            got = os.read(0, 65536)
            if not got:
                return
            *lines, rest = (rest + got).split(b"\n")
            for line in lines:
                order = json.loads(line)
                if not os.fork():
                    begin(daemon.serve, order, (ear, mouth))
                # The child tells its own birth: the pid comes before any news of its end.


def bury() -> None:
    """Tell of every child that has ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        tell(f"ended {pid} {status}")


def begin(run: Callable[[Path], int], order: dict[str, Any], pipes: tuple[int, int]) -> None:
    """Be the daemon."""
    tell(f"born {os.getpid()}")
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for pipe in pipes:
        os.close(pipe)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.environ.update(order["environ"])
    code = 70
    try:
        code = run(Path(order["config"]))
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
