"""The rest adapter keeps the promises of a source and a probe on the sandbox shop."""

from __future__ import annotations

import pytest
from sandbox_worlds import ShopWorld

from connector.sandbox.shop import start_shop
from connector.testing.contracts import ProbeContract, SourceContract


@pytest.fixture
def world(tmp_path):
    """A shop without orders."""
    with start_shop(tmp_path / "shop.db") as running:
        world = ShopWorld(running)
        yield world
        world.close_system()


class TestRestSource(SourceContract):
    """Orders over REST as a source."""


class TestRestProbe(ProbeContract):
    """A shop over REST as a probe."""
