"""How many go at once where one may be the death of all, or find is not proven yet; pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connector.flow.abreast import AGAIN, few_at_a_time, one_at_a_time
from connector.values import Create, Decision, Hold, Nothing, Resume, Update

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DUE = {i: NOW - timedelta(seconds=i) for i in range(6)}
UPDATE = Update(key="O1", version=None, fields=("note",))


@pytest.mark.parametrize(
    ("blamed", "most", "waiting"),
    [
        ({}, 1, set()),  # nobody is suspected: all go
        ({1: 0, 2: 0, 3: 0}, 2, {3}),
        ({1: 0, 2: 0, 3: 0}, 3, set()),
        ({2: 0, 3: 0}, 1, {3}),
        ({1: 1, 2: 0, 3: 0}, 2, {1}),  # who is blamed for a death waits for those who are not
        ({1: 2, 2: 1, 3: 3}, 2, {1, 3}),  # the least blamed goes, alone
        ({1: 1}, 2, set()),
        ({4: 0, 5: 0, 1: 0}, 1, set()),  # only calls can kill
    ],
)
def test_who_may_have_killed_goes_with_few_and_then_alone(
    blamed: dict[int, int], most: int, waiting: set[int]
) -> None:
    """R12: else those that go along are given up with the killer."""
    decisions: dict[int, Decision] = {
        1: Create(), 2: UPDATE, 3: Resume(key="O3", steps=("confirm",)),
        4: Nothing(reason="same"), 5: Hold(reason="rule", needs=""),
    }  # fmt: skip
    waits = few_at_a_time(decisions, blamed, most, DUE)
    assert set(waits) == waiting
    assert {i: getattr(w, "until", None) for i, w in waits.items()} == {i: DUE[i] for i in waits}


def test_who_is_blamed_does_not_go_beside_what_is_on_the_wire() -> None:
    """It would not be alone; who is not blamed may go."""
    decisions: dict[int, Decision] = {1: Create(), 2: UPDATE}
    assert set(few_at_a_time(decisions, {1: 1, 2: 2}, 2, DUE, alone=False)) == {1, 2}
    assert set(few_at_a_time(decisions, {1: 1, 2: 0}, 2, DUE, alone=False)) == {1}


@pytest.mark.parametrize(("most", "waiting"), [(0, {1, 3}), (1, {3}), (2, set())])
def test_until_find_is_proven_so_many_creates_go(most: int, waiting: set[int]) -> None:
    """S7: changes of what is linked may go; with none on its way the next round can only wait."""
    decisions: dict[int, Decision] = {1: Create(), 2: UPDATE, 3: Create()}
    waits = one_at_a_time(decisions, most, NOW)
    assert set(waits) == waiting
    due = NOW if most else NOW + AGAIN
    assert {getattr(w, "until", None) for w in waits.values()} <= {due}
