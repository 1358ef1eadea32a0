"""Which test executes which line, and how long it takes: measured once, kept in .mutants/."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
WATCHED = tuple(str(ROOT / "connector" / part) + os.sep for part in ("flow", "ledger"))


class Watch:
    """A pytest plugin that notes the lines of flow and ledger that each passing test executes."""

    def __init__(self) -> None:
        self.lines: dict[str, dict[str, list[int]]] = {}
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()
        self._met: set[tuple[str, int]] = set()

    def _trace(self, frame: FrameType, _event: str, _arg: object) -> Any:
        if not frame.f_code.co_filename.startswith(WATCHED):
            return None
        return self._line(frame, "line", None)

    def _line(self, frame: FrameType, event: str, _arg: object) -> Any:
        if event == "line":
            self._met.add((frame.f_code.co_filename, frame.f_lineno))
        return self._line

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """No test that needs a PostgreSQL of its own, or that runs mutants of its own."""
        items[:] = [
            item
            for item in items
            if "server" not in getattr(item, "fixturenames", ())
            and "postgresql" not in item.nodeid
            and "switched_off" not in item.nodeid
        ]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Watch one test, its fixtures included."""
        self._met = set()
        began = time.monotonic()
        threading.settrace(self._trace)
        sys.settrace(self._trace)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]
            self.seconds[item.nodeid] = round(time.monotonic() - began, 2)
            found: dict[str, list[int]] = {}
            for path, line in self._met:
                found.setdefault(str(Path(path).relative_to(ROOT)), []).append(line)
            self.lines[item.nodeid] = found

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test that fails without any change proves nothing."""
        if report.failed:
            self.failed.add(report.nodeid)


def measure(file: Path, tests: list[str]) -> None:
    """Run *tests* under watch and keep what they reach in *file*."""
    watch = Watch()
    where = ["-q", "--no-header", "-p", "no:cacheprovider", f"--rootdir={ROOT}"]
    pytest.main([*where, *tests], plugins=[watch])
    fine = {name for name in watch.lines if name not in watch.failed}
    kept = {
        "seconds": {name: watch.seconds[name] for name in fine},
        "lines": {name: watch.lines[name] for name in fine},
    }
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(kept))


class Reached:
    """What was measured, asked by line."""

    def __init__(self, file: Path) -> None:
        kept = json.loads(file.read_text())
        self._seconds: dict[str, float] = kept["seconds"]
        self._by: dict[tuple[str, int], list[str]] = {}
        for test, files in kept["lines"].items():
            for path, lines in files.items():
                for line in lines:
                    self._by.setdefault((path, line), []).append(test)

    def tests(self, file: str, lines: range, most: float) -> list[str]:
        """The tests that execute one of *lines*, quickest first: *most* seconds of them, and all in

        files that bear the module's name.
        """
        found = {test for line in lines for test in self._by.get((file, line), ())}
        own = {test for test in found if Path(file).stem in Path(test.partition("::")[0]).stem}
        chosen: list[str] = []
        for test in sorted(found, key=lambda name: (self._seconds[name], name)):
            most -= 0 if test in own else self._seconds[test]
            if most >= 0 or test in own or not chosen:
                chosen.append(test)
        return chosen
