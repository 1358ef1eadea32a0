"""What befalls the engine at a point of its code, in tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connector import points
from connector.flow.pull import pull
from connector.testing.rig import Rig


@contextmanager
def when(point: str, act: Callable[[], object], *, times: int = 1) -> Iterator[None]:
    """Do *act* the first *times* that *point* is reached."""
    left = [times]

    def on_reach(name: str) -> None:
        if name == point and left[0]:
            left[0] -= 1
            act()

    points.on_reach = on_reach
    try:
        yield
    finally:
        points.on_reach = points._nothing


def stage(rig: Rig) -> None:
    """Pull the rig's orders and deliver nothing."""
    pull(rig.shop, rig.flows["orders"], rig.start(), rig.clock)
