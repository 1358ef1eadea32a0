"""`make mutants`: make them, try each, go on where it was left; the last line counts."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from . import hot
from .making import Mutant, mutants
from .reach import Reached
from .trial import KILLED, SURVIVED, UNKNOWN, Trial

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / ".mutants"
SURVIVORS = Path(__file__).with_name("survivors.yaml")
TESTS = ["tests/spine", "tests/flow", "tests/ledger", "tests/sceptic"]
BUDGET = float(os.environ.get("MUTANTS_BUDGET", "90"))  # seconds of tests for one mutant
LIMIT = 3 * BUDGET + 120.0  # seconds until a trial counts as killed: a busy machine is no proof
WORKERS = int(os.environ.get("MUTANTS_WORKERS", "2"))


def say(line: str) -> None:
    """Tell whoever waits."""
    print(line, flush=True)  # noqa: T201


def made(only: str) -> Iterator[Mutant]:
    """Every mutant of the files whose path holds a word of *only* (with commas), in its order."""
    files = [
        path
        for part in ("flow", "ledger")
        for path in sorted((ROOT / "connector" / part).glob("*.py"))
        if path.name != "schema.py"
    ]
    for word in only.split(","):
        for path in [path for path in files if word in str(path.relative_to(ROOT))]:
            files.remove(path)
            yield from mutants(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))


class Results:
    """What is known of mutants, appended as it comes; a changed file's are forgotten."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.known: dict[str, str] = {}
        if file.exists():
            for line in file.read_text(encoding="utf-8").splitlines():
                said = json.loads(line)
                self.known[said["key"]] = said["result"]

    @staticmethod
    def key(mutant: Mutant) -> str:
        """A mutant's name with a digest of what it became."""
        return f"{mutant.name} {hashlib.sha256(mutant.source.encode()).hexdigest()[:12]}"

    def add(self, mutant: Mutant, result: str) -> None:
        """Keep one."""
        self.known[self.key(mutant)] = result
        with self._file.open("a", encoding="utf-8") as out:
            out.write(json.dumps({"key": self.key(mutant), "result": result}) + "\n")


def preload() -> None:
    """Import what every trial needs and no mutant changes, once, before the forks."""
    names = "sqlalchemy alembic.command pydantic jinja2 lxml.etree zeep structlog tenacity msgspec"
    for name in (*names.split(), "requests", "apscheduler", "click", "rich"):
        __import__(name)


def outdated(file: Path, folders: Iterable[Path]) -> bool:
    """Is *file* missing or older than a Python file of *folders*?"""
    files = [path for folder in folders for path in folder.rglob("*.py")]
    return not file.exists() or file.stat().st_mtime < max(p.stat().st_mtime for p in files)


def measured() -> Reached:
    """Which test reaches what: measured in a process of its own unless that is known."""
    file = KEPT / "reach.json"
    if outdated(file, [ROOT / part for part in ("connector", *TESTS)]):
        say("measuring which test executes which line, once")
        script = "import sys; from pathlib import Path; from mutants.reach import measure; "
        script += "measure(Path(sys.argv[1]), sys.argv[2:])"
        words = [sys.executable, "-c", script, str(file), *TESTS]
        subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return Reached(file)


def tests_for(mutant: Mutant, reached: Reached) -> list[str]:
    """The tests that execute the changed line or, a statement being long, the lines after it.

    What stands outside a function is made at import: all that come to its file may notice.
    """
    lines = range(mutant.line - 1, mutant.line + 3) if hot.swappable(mutant) else range(1, 500)
    return reached.tests(mutant.file, lines, BUDGET)


def one_by_one(mutant: Mutant, tests: list[str]) -> str:
    """What comes of a mutant in a process that imports everything anew."""
    preload()
    trial = Trial(mutant.file, mutant.source, tests, LIMIT)
    while (result := trial.result()) is None:
        time.sleep(0.02)
    return result


def attempt(wanted: list[Mutant], reached: Reached, results: Results) -> None:
    """Try every mutant of *wanted*: those inside functions quickly, the others one by one."""

    def told(mutant: Mutant, result: str) -> None:
        if result == UNKNOWN:
            raise RuntimeError(f"pytest itself failed over {mutant.name}")
        results.add(mutant, result)
        if result != KILLED:
            say(f"{result}: {mutant.line} {mutant.name}")

    tests = {m.name: tests_for(m, reached) for m in wanted}
    for mutant in (alone := [m for m in wanted if not tests[m.name]]):
        told(mutant, SURVIVED)
    slow = [m for m in wanted if m not in alone and not hot.swappable(m)]
    for mutant in slow:  # before anything of ours is imported here
        told(mutant, one_by_one(mutant, tests[mutant.name]))
    quick = hot.Hot(
        [m for m in wanted if m not in alone and m not in slow],
        lambda m: tests[m.name],
        told,
        WORKERS,
        LIMIT,
    )
    if code := hot.attempt(quick, TESTS):
        raise RuntimeError(f"pytest ended with {code}")


def main() -> int:
    """Exit 0 if every survivor has its reason in survivors.yaml."""
    everyone = list(made(os.environ.get("MUTANTS_ONLY", "")))
    KEPT.mkdir(exist_ok=True)
    results = Results(KEPT / "results.jsonl")
    again = bool(os.environ.get("MUTANTS_AGAIN"))
    wanted = [
        m
        for m in everyone
        if (result := results.known.get(Results.key(m))) is None or (again and result != KILLED)
    ]
    say(f"{len(everyone)} mutants, {len(wanted)} to try")
    if wanted:
        os.chdir(ROOT)
        attempt(wanted, measured(), results)
    survived = [m for m in everyone if results.known[Results.key(m)] != KILLED]
    reasons = yaml.safe_load(SURVIVORS.read_text(encoding="utf-8")) or {}
    for mutant in survived:
        say(f"  {mutant.file}:{mutant.line} {mutant.name.partition('::')[2]}")
        say(f"      {reasons.get(mutant.name, 'NO REASON YET')}")
    killed = len(everyone) - len(survived)
    say(f"mutants: made={len(everyone)} killed={killed} survived={len(survived)}")
    return 0 if all(m.name in reasons for m in survived) else 1


if __name__ == "__main__":
    sys.exit(main())
