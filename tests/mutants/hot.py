"""Trials in forks of one process that has imported everything and collected all tests: quick.

In the fork the functions of the changed module get the code of the changed text; who has imported
them by name calls that too. What stands outside a function cannot be changed so: see trial.py.
"""

from __future__ import annotations

import ast
import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import CodeType, FunctionType

import pytest

from .making import Mutant
from .trial import KILLED, ROOT, SURVIVED, Forked

Tests = Callable[[Mutant], list[str]]
Told = Callable[[Mutant, str], None]
NOTICED = "\nnoticed by "


def codes(code: CodeType) -> Iterator[CodeType]:
    """Every code object inside *code*, those of functions inside functions not: they come along."""
    for const in code.co_consts:
        if isinstance(const, CodeType):
            if const.co_flags & 2:  # CO_NEWLOCALS: a function, not the body of a class
                yield const
            else:
                yield from codes(const)


def swappable(mutant: Mutant) -> bool:
    """Is what is changed inside a function?"""
    where = mutant.name.split("::")[1]
    names = {c.co_qualname for c in codes(compile(mutant.source, mutant.file, "exec"))}
    return any(where == name or where.startswith(f"{name}.") for name in names)


def functions(file: str) -> dict[str, list[FunctionType]]:
    """The living functions of a module by their qualified names, decorated ones too."""
    path, found = str(ROOT / file), dict[str, list[FunctionType]]()
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and one.__code__.co_filename == path:
            found.setdefault(one.__code__.co_qualname, []).append(one)
    return found


def swap(mutant: Mutant, living: dict[str, list[FunctionType]]) -> None:
    """Let the functions of the module be those of the changed text."""
    for code in codes(compile(ast.parse(mutant.source), str(ROOT / mutant.file), "exec")):
        for one in living.get(code.co_qualname, ()):
            if len(one.__code__.co_freevars) == len(code.co_freevars):
                one.__code__ = code


class Hot:
    """A pytest plugin: instead of running the tests once, it tries every mutant.

    A test that also fails on the unchanged code, here or now, has noticed nothing: it is left out.
    """

    def __init__(
        self, wanted: Sequence[Mutant], tests: Tests, told: Told, workers: int, seconds: float
    ) -> None:
        self._waiting = list(reversed(wanted))
        self._tests, self._told = tests, told
        self._workers, self._seconds = workers, seconds
        self._living: dict[str, dict[str, list[FunctionType]]] = {}
        self._sound: dict[str, bool] = {}
        self._failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """In a fork: a test noticed."""
        if report.failed and not self._failed:
            self._failed = report.nodeid

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Fork for each mutant, some at once."""
        items = {item.nodeid: item for item in session.items}
        running: dict[Forked, Mutant] = {}
        while self._waiting or running:
            while self._waiting and len(running) < self._workers:
                mutant = self._waiting.pop()
                names = [n for n in self._tests(mutant) if self._sound.get(n, n in items)]
                running[self._begin(session, mutant, [items[n] for n in names])] = mutant
            for fork in list(running):
                if (result := fork.result()) is not None:
                    self._heard(session, items, running.pop(fork), result, fork.said)
            time.sleep(0.005)
        return True

    def _heard(
        self,
        session: pytest.Session,
        items: dict[str, pytest.Item],
        mutant: Mutant,
        result: str,
        said: str,
    ) -> None:
        """Tell it, unless the test that noticed notices something without any change as well."""
        _, _, name = said.rpartition(NOTICED)
        if result == KILLED and (name := name.strip()) and name not in self._sound:
            control = Forked(lambda: self._run(session, None, [items[name]]), self._seconds)
            while (unchanged := control.result()) is None:
                time.sleep(0.005)
            self._sound[name] = unchanged == SURVIVED
        if result == KILLED and not self._sound.get(name, True):
            self._waiting.append(mutant)
        else:
            self._told(mutant, result)

    def _begin(self, session: pytest.Session, mutant: Mutant, items: list[pytest.Item]) -> Forked:
        if mutant.file not in self._living:
            self._living[mutant.file] = functions(mutant.file)
        return Forked(lambda: self._run(session, mutant, items), self._seconds)

    def _run(self, session: pytest.Session, mutant: Mutant | None, items: list[pytest.Item]) -> int:
        """In the fork: 0 if no test noticed, 1 if one did."""
        with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
            factory = session.config._tmp_path_factory  # type: ignore[attr-defined]
            factory._given_basetemp, factory._basetemp = Path(folder) / "t", None
            if mutant is not None:
                swap(mutant, self._living[mutant.file])
            for item, after in zip(items, [*items[1:], None], strict=True):
                session.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
                if self._failed:
                    sys.stdout.write(f"{NOTICED}{self._failed}\n")
                    return 1
        return 0


def attempt(hot: Hot, tests: Sequence[str]) -> int:
    """Collect *tests* and try what *hot* has; pytest's exit code."""
    os.chdir(ROOT)
    where = [
        "-q",
        "-s",
        "--no-header",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        f"--rootdir={ROOT}",
    ]
    return int(pytest.main([*where, *tests], plugins=[hot]))
