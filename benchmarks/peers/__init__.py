"""What others would use in our place, each as its own documentation shows it; none keeps a ledger.

Python peers have an environment each under `.bench/`, those of Node.js share one; all are pinned
with their hashes. What a peer takes is measured from outside: CPU of all of its
processes, memory of the largest, and the time between the first and the last order at the ERP.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from connector.places import mappings_folder

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PATIENCE = 600  # seconds for one run of a peer
# {url}: of the bench server, {wsdl}: of its ERP, {folder}: an empty one.
PEERS = {
    "dlt": "{python} dlt_peer.py {url} {wsdl} {folder}",
    "singer": "{python} singer_tap.py {url} | {python} singer_target.py {url} {wsdl}",
    "node-soap": "node node_soap.mjs {url} {wsdl}",
    "node-red": "node node_red.mjs {url} {wsdl} {folder}",
}
BY_NODE = ("node-soap", "node-red")


def install(names: Iterable[str]) -> dict[str, str]:
    """Install what these peers need; those that cannot be, each with its reason."""
    lacking = {}
    for name in names:
        if name in BY_NODE:
            if not (shutil.which("node") and shutil.which("npm")):
                lacking[name] = "needs Node.js and npm: apt-get install nodejs npm"
                continue
            _once(HERE / "package-lock.json", ROOT / ".bench/node", _npm)
        else:
            _once(HERE / f"{name}.txt", ROOT / ".bench" / name, _pip)
    return lacking


def _once(lock: Path, folder: Path, make: Any) -> None:
    """Let *make* fill *folder*, unless it was made from this *lock*."""
    wanted, stamp = hashlib.sha256(lock.read_bytes()).hexdigest(), folder / ".made-from"
    if not (stamp.exists() and stamp.read_text() == wanted):
        shutil.rmtree(folder, ignore_errors=True)
        make(lock, folder)
        stamp.write_text(wanted)


def _npm(lock: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    for file in (lock, lock.with_name("package.json")):
        shutil.copy(file, folder)
    words = ["--no-audit", "--no-fund", "--no-progress", "--loglevel=error", "--ignore-scripts"]
    subprocess.run(["npm", "ci", "--prefix", str(folder), *words], check=True)


def _pip(lock: Path, folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "-qq", "--require-hashes", "-r"]
    subprocess.run([*pip, str(lock)], check=True)


def run(name: str, url: str, folder: str) -> dict[str, Any]:
    """Let a peer deliver all orders; raises AssertionError with its last words if it fails."""
    wsdl = mappings_folder() / "sandbox_erp/wsdl/erp.wsdl"
    python = ROOT / ".bench" / name / "bin/python"
    command = PEERS[name].format(python=python, url=url, wsdl=wsdl, folder=folder)
    home = HERE
    if name in BY_NODE:
        home = ROOT / ".bench/node"  # modules are looked for beside the file that imports them
        for file in HERE.glob("*.mjs"):
            shutil.copy(file, home)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = Path(folder, "said.txt")
    with said.open("wb") as out:
        shell = ["timeout", str(PATIENCE), "bash", "-o", "pipefail", "-c", command]
        started = subprocess.Popen(shell, cwd=home, env=environment, stdout=out, stderr=out)
        _, ended, used = os.wait4(started.pid, 0)  # with all that it waited for
        started.returncode = os.waitstatus_to_exitcode(ended)
    words = said.read_text(errors="replace")[-1000:]
    assert started.returncode == 0, f"{name} ended with {started.returncode}: {words}"
    return {"cpu": used.ru_utime + used.ru_stime, "rss": used.ru_maxrss / 1024}
