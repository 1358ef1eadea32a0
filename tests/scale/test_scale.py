"""The courses in small inside `make test`, and the proof that their count can be red."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres import refused

from . import courses
from .__main__ import OWED, Verdict, main
from .courses import Found
from .ground import Ground

FINE = {"lost": 0, "duplicated": 0, "cents": 0, "left": 0, "peak": 16}


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    """A PostgreSQL that may be killed: nobody else works on it."""
    try:
        made = Ground()
    except Exception as error:  # noqa: BLE001 - whatever it is, it says why
        refused(f"PostgreSQL does not start here: {type(error).__name__}: {error}")
    yield made
    made.close()


def test_two_workers_bring_every_order_once_and_keep_to_their_calls(
    ground: Ground, tmp_path: Path
) -> None:
    """Two of four calls at once each: never more than eight at the ERP."""
    found = courses.rate(ground, tmp_path / "two", 2, 60)
    assert found.wrong == []
    assert found.figures["rate"] > 0


def test_workers_wait_for_a_postgresql_that_died_and_go_on_by_themselves(
    ground: Ground, tmp_path: Path
) -> None:
    """Nothing that was on the wire is lost or done twice, and no worker ends."""
    found = courses.restarted(ground, tmp_path / "restarted", 2, 90)
    assert found.wrong == []


@pytest.mark.parametrize(
    "harm", [{"lost": 1}, {"duplicated": 1}, {"cents": -3}, {"left": 2}, {"peak": 17}]
)
def test_what_is_lost_doubled_or_too_much_is_harm(harm: dict[str, int]) -> None:
    """And what is as it should be is none."""
    found, fine = Found(), Found()
    found.check(FINE | harm)
    fine.check(FINE)
    assert (len(found.wrong), fine.wrong) == (1, [])


def test_four_that_are_not_fast_enough_are_harm() -> None:
    """Also where nothing else is wrong."""
    rates = {"one": 40.0, "four": 40.0 * OWED}
    courses_ = {name: Found(figures={**FINE, "rate": rate}) for name, rate in rates.items()}
    assert Verdict(courses_).harm() == []
    courses_["four"].figures["rate"] -= 1
    assert Verdict(courses_).harm() == ["four are 3.48 times one, and owe 3.5"]


def test_too_few_orders_to_measure_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is started."""
    monkeypatch.setenv("SCALE_ORDERS", "1")
    assert main() == 2
    assert "at least 100" in capsys.readouterr().out
