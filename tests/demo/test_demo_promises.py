"""The demo ends with ok only if what it promises to throw was thrown."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from connector.demo import play
from connector.demo.play import Storm, verdict
from connector.demo.promised import Course, faults_met, not_kept
from connector.demo.scene import ORDERS, prepare
from connector.flow.audit import Audit

DONE = Course(kills=1, last_call=100, changed=3, refunded=1, counted=9, skus=120)
MET = {
    "commit_then_hang": 9,
    "commit_then_cut": 7,
    "late_commit": 4,
    "unavailable": 14,
    "slow": 12,
}
SAID = {"Status": "cancelled", "ShopNumber": "1", "CustomerNo": "C-1", "Currency": "EUR"}
ORDER = (
    "INSERT INTO orders (no, reference, created, changed, grand_total, data) VALUES"
    " ('SO-1', 'DEMO-1', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', '1', ?)"
)
CALL = "INSERT INTO journal (at, op, fault, executed, status) VALUES ('', ?, ?, 0, 0)"


def write(file: Path, sql: str, *rows: tuple[str, ...]) -> None:
    with closing(sqlite3.connect(file)) as db, db:
        for row in rows or ((),):
            db.execute(sql, row)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    prepare(folder, seed=1, orders=2)
    return folder


@pytest.fixture
def folder(tmp_path: Path, prepared: Path) -> Path:
    """What a course leaves in which everything was thrown."""
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    (tmp_path / "daemon.log").write_text('{"event": "started"}\n')
    write(tmp_path / "erp.db", ORDER, (json.dumps(SAID | {"Lines": {}}),))
    write(tmp_path / "shop.db", "INSERT INTO counter VALUES ('taken', 5)")
    calls = [name for name, n in (MET | {"outage": 3}).items() for _ in range(n)]
    calls += [""] * (100 - len(calls))
    write(tmp_path / "erp.db", CALL, *(("CreateSalesOrder", fault) for fault in calls))
    return tmp_path


def broken(folder: Path, course: Course = DONE) -> list[str]:
    return not_kept(folder, course, faults_met(folder / "erp.db", course.last_call))


def test_a_course_in_which_all_was_thrown_has_kept_its_promises(folder: Path) -> None:
    """And calls after the storm, which meet no faults, do not thin it."""
    write(folder / "erp.db", CALL, *[("CreateSalesOrder", "")] * 500)
    assert broken(folder) == []


@pytest.mark.parametrize("fault", [*MET, "outage"])
def test_a_fault_that_was_hardly_thrown_is_told(folder: Path, fault: str) -> None:
    """A share below what is promised, or none."""
    write(folder / "erp.db", "UPDATE journal SET fault = '' WHERE fault = ?", (fault,))
    [told] = broken(folder)
    assert fault in told


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("kills", "SIGKILL"),
        ("changed", "changed"),
        ("refunded", "refunded"),
        ("counted", "counted"),
    ],
)
def test_what_was_not_done_is_told(folder: Path, name: str, words: str) -> None:
    """No database tells it: the course does."""
    [told] = broken(folder, replace(DONE, **{name: 0}))
    assert words in told


@pytest.mark.parametrize(
    ("file", "sql", "words"),
    [
        ("erp.db", "DELETE FROM orders", "cancelled after its delivery"),
        ("erp.db", "DELETE FROM stock WHERE item = 'I-0001'", "119 of 120 SKUs"),
        ("shop.db", "DELETE FROM counter WHERE name = 'taken'", "webhook"),
    ],
)
def test_what_did_not_come_is_told(folder: Path, file: str, sql: str, words: str) -> None:
    """A cancellation that met a delivered order, a webhook that was taken."""
    write(folder / file, sql)
    [told] = broken(folder)
    assert words in told


def test_a_daemon_that_ended_by_itself_and_a_traceback_are_told(folder: Path) -> None:
    """A clean count does not excuse them."""
    (folder / "daemon.log").write_text("Traceback (most recent call last):\n")
    assert len(broken(folder, replace(DONE, odd=["the daemon ended with 1"]))) == 2


def test_no_call_at_all_is_no_course(folder: Path) -> None:
    """Shares of nothing are none."""
    assert len(not_kept(folder, DONE, Counter())) == len(MET) + 1


DEAF = """\
#!{python}
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
signal.pause()
"""


def test_no_daemon_outlives_a_course_that_breaks_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even one that does not hear that it is to end."""
    born: list[subprocess.Popen[bytes]] = []

    def break_off(storm: Storm, _: object) -> bool:
        born.append(storm.worker.process)
        while "deaf" not in (tmp_path / "daemon.log").read_text():
            assert born[0].poll() is None
        raise LookupError("the course breaks off")

    deaf = tmp_path / "deaf"
    deaf.write_text(DEAF.format(python=sys.executable))
    deaf.chmod(0o700)
    monkeypatch.setattr(play, "connector", lambda *_: "")
    monkeypatch.setattr(play, "STOPS", 0.1)
    monkeypatch.setattr(Storm, "goes_on", break_off)
    monkeypatch.setattr(play.sys, "executable", str(deaf))
    erp: Any = SimpleNamespace(faults=lambda _: None)
    nobody: Any = None
    try:
        with pytest.raises(LookupError):
            play.course(tmp_path, erp, nobody, nobody, 1, lambda _: None)
        assert born[0].returncode == -signal.SIGKILL
    finally:
        born[0].kill()


def test_a_promise_not_kept_fails_the_demo() -> None:
    """However clean the count is."""
    said: list[str] = []
    result = Audit()
    result.checked = ORDERS
    assert verdict(result, 0, [], said.append) == 0
    assert verdict(result, 0, ["no SIGKILL"], said.append) == 1
    assert said[1] == "not as promised: no SIGKILL"
    assert said[2].startswith("demo: FAILED orders=250 lost=0")
