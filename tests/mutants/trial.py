"""One trial: pytest in a process of its own, in which one module is another than its file says."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import CodeType, ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
KILLED, SURVIVED, UNKNOWN = "killed", "survived", "unknown"


class Changed(importlib.machinery.SourceFileLoader):
    """Loads a module from a text of ours."""

    text = ""

    def get_code(self, _fullname: str) -> CodeType:
        """The changed text, compiled; nothing of it is kept on disk."""
        return compile(self.text, self.path, "exec")


class Finder(importlib.abc.MetaPathFinder):
    """Finds *module* in *text* instead of its file."""

    def __init__(self, module: str, path: Path, text: str) -> None:
        self._module, self._path, self._text = module, path, text

    def find_spec(
        self, fullname: str, _path: object = None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Ours, or nobody's."""
        if fullname != self._module:
            return None
        loader = Changed(fullname, str(self._path))
        loader.text = self._text
        return importlib.machinery.ModuleSpec(fullname, loader, origin=str(self._path))


def module_of(file: str) -> str:
    """connector/flow/pull.py → connector.flow.pull"""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


class Forked:
    """A forked process that runs *act* to its exit code: 0 nobody noticed, 1 a test did."""

    def __init__(self, act: Callable[[], int], seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._out = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `result`
        self.said = ""
        self.pid = os.fork()
        if not self.pid:
            os.setsid()
            code = 3
            try:
                os.dup2(self._out.fileno(), 1)
                os.dup2(self._out.fileno(), 2)
                code = act()
            except BaseException:  # noqa: BLE001 - a fork must never come back into its parent
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(code)

    def result(self) -> str | None:
        """What came of it, or None while it runs; one that does not end is killed, and counts."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            code = os.waitstatus_to_exitcode(status)
            return self._judged({0: SURVIVED, 1: KILLED, 2: KILLED}.get(code, UNKNOWN))
        if time.monotonic() > self._end:
            os.killpg(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            return self._judged(KILLED)
        return None

    def _judged(self, word: str) -> str:
        self._out.seek(0)
        self.said = self._out.read().decode(errors="replace")
        self._out.close()
        if word == UNKNOWN:
            sys.stderr.write(self.said[-2000:])
        return word


class Trial(Forked):
    """Runs *tests* against a changed *file* until one fails; imports everything anew: slow."""

    def __init__(self, file: str, text: str, tests: Sequence[str], seconds: float) -> None:
        super().__init__(lambda: run(file, text, tests), seconds)


def run(file: str, text: str, tests: Sequence[str]) -> int:
    """Run *tests* with *file* as *text*; pytest's exit code."""
    sys.meta_path.insert(0, Finder(module_of(file), ROOT / file, text))
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        where = ["-q", "-x", "--no-header", "-p", "no:cacheprovider", f"--basetemp={folder}/t"]
        return int(pytest.main([*where, f"--rootdir={ROOT}", *tests]))
