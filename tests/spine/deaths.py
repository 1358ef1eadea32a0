"""Processes that die of what they read, one after the other."""

from __future__ import annotations

from datetime import timedelta

from connector.testing.rig import Rig


def lives(rig: Rig, most: int) -> int:
    """Rounds, each in a process of its own, until one lives; how many died."""
    for died in range(most):
        rig.clock.pass_(timedelta(seconds=1))
        if not rig.run_until_killed():
            return died
    return most
