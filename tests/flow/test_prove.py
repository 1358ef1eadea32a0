"""Until find has found what we made, one create goes at a time, and in the end none (S7)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from connector.errors import Braked
from connector.flow.prove import prove_find
from connector.testing.rig import SETTLE, Rig, order
from connector.values import Absent


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """One order in the shop, and nothing sent yet."""
    rig = Rig(tmp_path)
    rig.memory[0].put("order", "1", order("1"))
    rig.start()
    yield rig
    rig.kill()


def creates(rig: Rig) -> int | None:
    return prove_find(rig.erp, rig.flows["orders"], rig.start(), rig.clock)


def blind(rig: Rig) -> None:
    """Find finds nothing from now on."""
    erp = rig.memory[1]
    erp.find = lambda _, references: {r: Absent(at=rig.clock.now()) for r in references}  # type: ignore[method-assign]


def test_one_goes_first_and_once_it_is_found_any(rig: Rig) -> None:
    """The proof is kept: find is not asked again."""
    assert creates(rig) == 1
    rig.cycle()
    assert creates(rig) is None
    blind(rig)
    assert creates(rig) is None


def test_a_find_that_does_not_find_ours_stops_the_flow_once_all_calls_have_settled(
    rig: Rig,
) -> None:
    """Until then none goes: what was made a moment ago may not be listed yet."""
    blind(rig)
    rig.cycle()
    assert creates(rig) == 0
    rig.clock.pass_(SETTLE)
    assert creates(rig) == 0
    rig.clock.pass_(timedelta(seconds=1))
    with pytest.raises(Braked):
        creates(rig)


def test_a_find_that_answers_with_another_number_proves_nothing(rig: Rig) -> None:
    """It must be the document that we made."""
    rig.cycle()
    erp = rig.memory[1]
    erp.papers[0].key = "another"
    rig.clock.pass_(SETTLE * 2)
    with pytest.raises(Braked):
        creates(rig)


def test_while_it_is_away_one_may_go(rig: Rig) -> None:
    """That one will wait."""
    rig.cycle()
    rig.memory[1].away = True
    assert creates(rig) == 1


def test_what_is_proven_holds_for_its_profile(rig: Rig) -> None:
    """A changed `find` must be proven anew."""
    rig.cycle()
    assert creates(rig) is None
    rig.flow(profile_digest="p2")
    blind(rig)
    assert creates(rig) == 0


@pytest.mark.parametrize("change", [{"finds": False}, {"mode": "link_only"}])
def test_who_does_not_find_or_creates_nothing_needs_no_proof(
    rig: Rig, change: dict[str, object]
) -> None:
    """There is nothing to prove."""
    rig.flow(**change)
    assert creates(rig) is None
