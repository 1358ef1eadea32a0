"""Random walks through the engine's life, and the same walks with rules switched off."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.testing.mutants import MUTANTS, broken
from connector.testing.walk import Walk

# Alone, in pairs: two protections may mask each other (protocol.md §8).
PAIRS = ("R1+R4", "R1+R5")
MOST = 80


@pytest.mark.parametrize("seed", range(24))
def test_no_walk_loses_or_doubles_an_order(tmp_path: Path, seed: int) -> None:
    """Changes, faults, deaths and late commits leave one order there, as the shop has it."""
    assert Walk(tmp_path, 1000 + seed).run() == []


@pytest.mark.parametrize("rules", [*MUTANTS, *PAIRS])
def test_a_rule_switched_off_is_caught(tmp_path: Path, rules: str) -> None:
    """Without it some walk ends with a lost, doubled or stale order, or a broken invariant."""
    assert any(_goes_wrong(tmp_path, rules, seed) for seed in range(MOST))


def _goes_wrong(tmp_path: Path, rules: str, seed: int) -> bool:
    folder = tmp_path / str(seed)
    folder.mkdir()
    with broken(rules):
        try:
            return Walk(folder, seed).run() != []
        except Exception as error:  # noqa: BLE001 - the database's own guard may be what catches it
            return "IntegrityError" in type(error).__name__ or "Bug" in type(error).__name__
