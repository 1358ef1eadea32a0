"""The generator makes the mutants it says; a trial tells a killed one from a survivor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .__main__ import outdated
from .hot import swappable
from .making import mutants
from .reach import Reached
from .trial import KILLED, ROOT, SURVIVED, UNKNOWN, module_of

TEST = "tests/ledger/test_ledger_content.py"

SOURCE = '''
def f(a, b, rows):
    """Doc."""
    if a and not b:
        return [r for r in rows if r > 1]
    match a:
        case 1 if b:
            pass
    while rows:
        rows.pop()
    select(x).where(x.c.a == 1, or_(x.c.b == 2, x.c.c == 3))
    return (b or "") if a else b
'''
NAMES = [
    "if a and (not b) → True",
    "if a and (not b) → False",
    "a and (not b) without a",
    "a and (not b) without not b",
    "for … if r > 1 → True",
    "case … if b → True",
    "while rows → False",
    "where(…) without x.c.a == 1",
    "where(…) without or_(x.c.b == 2, x.c.c == 3)",
    "or_(…) without x.c.b == 2",
    "or_(…) without x.c.c == 3",
    "if a → True",
    "if a → False",
]


def test_every_condition_is_removed_one_at_a_time() -> None:
    """If, and/or, WHERE, filter of a comprehension, guard of a case: each in its own mutant."""
    found = list(mutants(SOURCE, "f.py"))
    assert [m.name.removeprefix("f.py::f::") for m in found] == NAMES
    assert len({m.source for m in found}) == len(found)
    texts = {m.name.removeprefix("f.py::f::"): m.source for m in found}
    assert ".where(or_(" in texts["where(…) without x.c.a == 1"]
    assert "if a and True:" in texts["a and (not b) without not b"]
    assert "if r > 1" not in texts["for … if r > 1 → True"]


def test_a_mutant_keeps_its_name_when_lines_move() -> None:
    """A reason in survivors.yaml outlives an edit above it; two equal ones are told apart."""
    twice = SOURCE + SOURCE.replace("def f", "def g") + "    if a:\n        a = 1\n"
    moved = [m.name for m in mutants("\n\n" + twice, "f.py")]
    assert moved == [m.name for m in mutants(twice, "f.py")]
    assert moved[-2:] == ["f.py::g::if a → True #2", "f.py::g::if a → False #2"]


@pytest.fixture
def quick(tmp_path: Path) -> str:
    """A test of the money guard, quick enough to be tried here."""
    file = tmp_path / "test_quick.py"
    file.write_text(
        "from decimal import Decimal\n"
        "from connector.ledger.content import pack, unpack\n\n\n"
        "def test_round():\n"
        "    assert unpack(pack({'a': Decimal('1.50')}))['a'] == Decimal('1.50')\n"
    )
    return str(file)


TRY = """
import json, sys, time
from mutants.trial import Trial
for text, test in json.load(sys.stdin):
    trial = Trial("connector/ledger/content.py", text, [test], 60)
    while (result := trial.result()) is None:
        time.sleep(0.05)
    print(result)
"""


def apart(script: str, *words: str, given: str = "") -> str:
    """Run *script* in a process of its own, in which nothing of ours is imported yet."""
    environ = dict(os.environ) | {"PYTHONPATH": str(ROOT / "tests")}
    return subprocess.run(
        [sys.executable, "-c", script, *words],
        input=given, capture_output=True, text=True, cwd=ROOT, env=environ, check=True,
    ).stdout  # fmt: skip


def test_a_trial_runs_the_changed_module(quick: str) -> None:
    """As it stands it survives; broken it is killed; a test that is not there proves nothing."""
    as_it_is = (ROOT / "connector/ledger/content.py").read_text()
    broken = as_it_is + "\n\ndef unpack(raw):\n    return {}\n"
    trials = [(as_it_is, quick), (broken, quick), (as_it_is, quick + "::test_nowhere")]
    said = apart(TRY, given=json.dumps(trials)).split()
    assert [word for word in said if word in (SURVIVED, KILLED, UNKNOWN)] == [
        SURVIVED, KILLED, UNKNOWN,
    ]  # fmt: skip


TRY_HOT = """
import json, sys
from mutants.hot import Hot, attempt
from mutants.making import Mutant
file, told = "connector/ledger/content.py", json.load(sys.stdin)
made = [Mutant(file=file, line=1, name=f"{file}::unpack::{n}", source=t) for n, t in told["texts"]]
hot = Hot(made, lambda _: told["tests"], lambda m, r: print("=", m.name, r), 1, 60)
attempt(hot, told["collect"])
"""


def test_a_quick_trial_changes_the_functions_that_are_there_already(quick: str) -> None:
    """Also where another module has them by name; a test that fails of itself notices nothing."""
    with open(quick, "a") as file:  # noqa: PTH123
        file.write("\n\ndef test_fails():\n    assert False\n")
    as_it_is = (ROOT / "connector/ledger/content.py").read_text()
    broken = as_it_is + "\n\ndef unpack(raw):\n    return {}\n"
    given = {"texts": [["same", as_it_is], ["broken", broken]], "collect": [quick]}
    names = apart(NODES, quick).split()
    assert len(names) == 2
    said = apart(TRY_HOT, given=json.dumps(given | {"tests": sorted(names)}))
    results = [line.split()[-1] for line in said.splitlines() if line.startswith("= ")]
    assert results == [SURVIVED, KILLED]


NODES = """
import contextlib, io, sys
import pytest
class Ears:
    def pytest_collection_modifyitems(self, items): self.names = [i.nodeid for i in items]
ears = Ears()
with contextlib.redirect_stdout(io.StringIO()):
    pytest.main(["-q", "--collect-only", "--rootdir=.", sys.argv[1]], plugins=[ears])
print(*ears.names)
"""


def test_what_stands_outside_functions_is_known(quick: str) -> None:
    """A constant of a module was made before the fork: such a mutant needs a process of its own."""
    source = "A = [x for x in (1, 2) if x]\n\n\nclass C:\n    B = 1 if A else 2\n\n"
    source += "    def f(self):\n        return [lambda: 1 if self else 2]\n"
    found = {m.name.split("::")[1]: swappable(m) for m in mutants(source, "f.py")}
    assert found == {"": False, "C": False, "C.f": True}


def test_reach_knows_who_executes_a_line(tmp_path: Path) -> None:
    """Only tests that come to a line are asked about it, quickest first."""
    kept = tmp_path / "reach.json"
    script = "import sys; from pathlib import Path; from mutants.reach import measure; "
    apart(script + "measure(Path(sys.argv[1]), sys.argv[2:])", str(kept), TEST)
    reached = Reached(kept)
    file = "connector/ledger/content.py"
    assert reached.tests(file, range(1, 400), 60)
    assert not reached.tests("connector/flow/pull.py", range(1, 400), 60)
    assert module_of(file) == "connector.ledger.content"


def test_the_tests_of_a_module_are_asked_whatever_they_take(tmp_path: Path) -> None:
    """They are there for it; the rest as far as the budget goes, and the quickest first."""
    file, kept = "connector/flow/wary.py", tmp_path / "reach.json"
    seconds = {"tests/a.py::x": 0.1, "tests/a.py::y": 0.2, "tests/test_wary.py::slow": 9.0}
    lines = {name: {file: [3]} for name in seconds}
    kept.write_text(json.dumps({"seconds": seconds, "lines": lines}))
    tests = Reached(kept).tests
    assert tests(file, range(3, 4), 0.15) == ["tests/a.py::x", "tests/test_wary.py::slow"]
    assert tests(file, range(3, 4), 1) == list(seconds)
    assert tests(file, range(3, 4), 0.05) == ["tests/a.py::x", "tests/test_wary.py::slow"]
    assert tests(file, range(4, 5), 99) == []


def test_what_was_measured_is_measured_again_once_a_file_is_newer(tmp_path: Path) -> None:
    """Lines have moved: mutants would meet tests that do not come to them."""
    source, kept = tmp_path / "a" / "one.py", tmp_path / "reach.json"
    source.parent.mkdir()
    source.touch()
    assert outdated(kept, [source.parent])
    kept.touch()
    os.utime(source, (1, 1))
    assert not outdated(kept, [source.parent])
    os.utime(kept, (0, 0))
    assert outdated(kept, [source.parent])
