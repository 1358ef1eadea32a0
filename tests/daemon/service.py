"""A daemon as an administrator starts it: a process of its own, watched from outside."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from company import Company


def until(true: Callable[[], Any], seconds: float = 30) -> Any:
    """Wait until *true* is; fail when it does not come."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)
    return found


DIES = """
import os, signal
from connector import points
points.on_reach = lambda name: name == {point!r} and os.kill(os.getpid(), signal.SIGKILL)
"""


class Service:
    """One `connector run`, and the socket on which systemd would listen."""

    def __init__(self, company: Company, dies_at: str = "") -> None:
        self.company = company
        self.log = company.folder / "daemon.log"
        self._file = self.log.open("ab")
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(company.folder / "notify"))
        self.told: list[str] = []
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()
        self.process = subprocess.Popen(
            [
                *command("run", dies_at=dies_at),
                "--json",
                "--config",
                str(company.folder / "config.yaml"),
            ],
            stderr=self._file,
            env={**os.environ, "NOTIFY_SOCKET": str(company.folder / "notify")},
        )

    def hears(self, word: str) -> None:
        """Wait until systemd was told *word*."""
        until(lambda: word in self.told)

    def _listen(self) -> None:
        while (word := self.manager.recv(100).decode()) != "END":
            self.told.append(word)

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What the log says under *event*."""
        said = [json.loads(s) for s in self.log.read_text().splitlines() if s.startswith("{")]
        return [line for line in said if line["event"] == event]

    def stop(self) -> float:
        """SIGTERM; the seconds until it had ended."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(15) == 0, self.log.read_text()
        return time.monotonic() - began

    def close(self) -> None:
        """Let nothing remain."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._file.close()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"END", str(self.company.folder / "notify"))
        self._listener.join()
        self.manager.close()
        (self.company.folder / "notify").unlink()


def command(*words: str, dies_at: str = "") -> list[str]:
    """A command line of the connector; at that crash point SIGKILL ends it."""
    dies = DIES.format(point=dies_at) if dies_at else ""
    return [sys.executable, "-c", dies + "from connector.cli import main; main()", *words]


def calls(company: Company, *words: str) -> subprocess.CompletedProcess[str]:
    """A command beside the daemon, run to its end."""
    line = [*command(*words), "--config", str(company.folder / "config.yaml")]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)


def free_port() -> int:
    """A port of this machine that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
