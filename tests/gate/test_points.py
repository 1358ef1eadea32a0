"""The crash points that protocol.md names are places in the code, and a test names each."""

from __future__ import annotations

import re
from pathlib import Path

from connector import points

ROOT = Path(__file__).resolve().parents[2]
REACHED = re.compile(r'\breach\(\s*"([a-z0-9_.]+)"')


def _found(pattern: re.Pattern[str], *folders: str) -> set[str]:
    files = (file for folder in folders for file in (ROOT / folder).rglob("*.py"))
    return {name for file in files for name in pattern.findall(file.read_text(encoding="utf-8"))}


def test_every_point_is_a_place_in_the_code() -> None:
    """A name that no code comes to would promise a trial that never is made."""
    assert _found(REACHED, "connector", "adapters") == points.ALL


def test_a_test_names_every_point() -> None:
    """Those on one order's way are driven by the list itself, each other one by its name; that the

    chaos suite may draw it is no test of it.
    """
    driven = "tests/spine/test_crash_points.py"
    elsewhere = set(re.findall(r'^    "(\S+)",$', (ROOT / driven).read_text(), re.MULTILINE))
    files = [f for f in (ROOT / "tests").rglob("test_*.py") if f != ROOT / driven]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    left = {*points.HINTS, *points.OPS, *elsewhere}
    assert [name for name in sorted(left) if f'"{name}"' not in text] == []
