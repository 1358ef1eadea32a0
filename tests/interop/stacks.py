"""SOAP stacks that we did not write, started as processes of their own and ended by their id."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

HERE = Path(__file__).parent
PEERS, WSDL = HERE / "peers", HERE / "wsdl"
NEEDED = "INTEROP_NEEDED"  # .ci/run sets it: there a stack that is missing is a failure


def lacking(stack: str) -> str | None:
    """Say what is missing to run *stack*, with the cure; None if nothing is."""
    if stack == "php":
        if shutil.which("php") is None:
            return "no PHP: apt-get install php-cli php-soap"
        modules = subprocess.run(["php", "-m"], capture_output=True, text=True, check=False).stdout
        return None if "soap" in modules.split() else "PHP without SOAP: apt-get install php-soap"
    if shutil.which("node") is None:
        return "no Node.js: apt-get install nodejs npm"
    installed = (PEERS / "node_modules" / "soap").is_dir()
    return None if installed else f"no node-soap: npm ci --prefix {PEERS}"


def needed() -> bool:
    """Whether a missing stack is a failure."""
    return bool(os.environ.get(NEEDED))


@contextmanager
def serving(stack: str, folder: Path) -> Iterator[str]:
    """Run *stack* on loopback, with its books and its log in *folder*; gives its address."""
    with (folder / "log").open("w") as log:
        process, url = (_php if stack == "php" else _node)(folder, log)
        with process:
            try:
                yield url
            finally:
                process.terminate()


def _node(folder: Path, log: TextIO) -> tuple[subprocess.Popen[str], str]:
    command = ["node", str(PEERS / "peer.js"), str(WSDL)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    port = process.stdout.readline().strip()
    assert port, (folder / "log").read_text()
    return process, f"http://127.0.0.1:{port}"


def _php(folder: Path, log: TextIO) -> tuple[subprocess.Popen[str], str]:
    names = {**os.environ, "PEER_WSDL": str(WSDL), "PEER_DATA": str(folder / "orders.json")}
    for _ in range(5):  # the port may be taken between our look and PHP's start
        with socket.create_server(("127.0.0.1", 0)) as free:
            host = f"127.0.0.1:{free.getsockname()[1]}"
        command = ["php", "-S", host, str(PEERS / "peer.php")]
        process = subprocess.Popen(command, env=names, stdout=log, stderr=log, text=True)
        if _answers(process, f"http://{host}/"):
            return process, f"http://{host}"
    raise AssertionError((folder / "log").read_text())


def _answers(process: subprocess.Popen[str], url: str) -> bool:
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5)
        except urllib.error.HTTPError as there:
            there.close()
            return True  # 404: it is there
        except OSError:
            time.sleep(0.02)
    process.kill()
    process.wait(10)
    return False
