"""What every `Probe` promises."""

# ruff: noqa: S101 - these are tests

from __future__ import annotations

from datetime import timedelta
from typing import Literal, Protocol

import pytest

from connector.errors import Unauthorized, Unavailable
from connector.ports import Probe
from connector.testing.contracts.exceptions import Contract

WRONG = timedelta(minutes=10)
ABOUT = timedelta(seconds=5)


class Subject(Protocol):
    """The system behind a probe, well at first; `trouble` may replace *probe*."""

    probe: Probe

    def content(self) -> object:
        """All that it holds, by its own account."""
        ...

    def shift(self, by: timedelta) -> None:
        """Set its clock ahead."""
        ...

    def trouble(self, kind: Literal["away", "denied"]) -> None:
        """From now on it is away, or refuses our credentials."""
        ...


class ProbeContract(Contract):
    """Everything that a `Probe` promises; `world` is a `Subject`."""

    def test_a_system_says_who_it_is(self, world: Subject) -> None:
        """By words that can be compared and shown."""
        identity = world.probe.check().identity
        assert identity
        assert all(value and value == str(value) for value in identity.values())

    def test_a_system_is_who_it_was(self, world: Subject) -> None:
        """An identity that changes by itself would stop every flow (R9)."""
        assert world.probe.check().identity == world.probe.check().identity

    def test_a_healthy_system_has_no_problems(self, world: Subject) -> None:
        """A complaint is worth reading."""
        found = world.probe.check()
        assert found.problems == ()
        assert found.skew is None or abs(found.skew) < ABOUT

    def test_a_wrong_clock_is_told_and_complained_of(self, world: Subject) -> None:
        """It would move every cursor."""
        world.shift(WRONG)
        found = world.probe.check()
        assert found.skew is not None
        assert abs(found.skew - WRONG) < ABOUT
        assert any("clock" in problem for problem in found.problems)

    def test_a_check_changes_nothing(self, world: Subject) -> None:
        """It may be run against production at noon."""
        before = world.content()
        world.probe.check()
        assert world.content() == before

    def test_a_check_of_a_system_that_is_away_raises_unavailable(self, world: Subject) -> None:
        """Nothing is known of it then, not even that it is somebody else."""
        world.trouble("away")
        with pytest.raises(Unavailable):
            world.probe.check()

    def test_a_check_with_wrong_credentials_raises_unauthorized(self, world: Subject) -> None:
        """The cure is another than waiting."""
        world.trouble("denied")
        with pytest.raises(Unauthorized):
            world.probe.check()
