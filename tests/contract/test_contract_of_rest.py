"""The rest adapter keeps the promises of a source and a probe on the sandbox shop."""

from __future__ import annotations

import pytest
from sandbox_worlds import ShopWorld, StockWorld

from connector.sandbox.shop import start_shop
from connector.testing.contracts import BulkContract, ProbeContract, SourceContract


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


class TestRestBulk(BulkContract):
    """Stock levels of products and variations over REST, many in one call."""

    @pytest.fixture
    def world(self, tmp_path):
        """A shop with goods."""
        with start_shop(tmp_path / "goods.db") as running:
            world = StockWorld(running)
            yield world
            world.close_system()
