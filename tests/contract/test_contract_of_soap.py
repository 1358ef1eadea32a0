"""The soap adapter keeps the promises of every port on the sandbox ERP."""

from __future__ import annotations

from typing import ClassVar

import pytest
from sandbox_worlds import ErpCustomers, ErpOrders

from connector.sandbox.erp import start_erp
from connector.testing.contracts import ProbeContract, SourceContract, TargetContract


@pytest.fixture
def world(tmp_path, request):
    """An ERP without documents."""
    with start_erp(tmp_path / "erp.db") as running:
        world = request.cls.world_class(running)
        yield world
        world.close_system()


class TestSoapOrders(TargetContract):
    """Sales orders as a target."""

    exceptions: ClassVar = {
        "test_match_gives_every_value_its_candidates": "an order has no natural key there",
    }
    world_class = ErpOrders


class TestSoapCustomers(TargetContract):
    """Customers as a target."""

    exceptions: ClassVar = {
        "test_a_total_is_told_to_the_cent": "a customer has no total",
        "test_a_create_that_stops_halfway_is_told_and_resumed": "a customer is created in one step",
        "test_what_is_closed_is_found_all_the_same": "a customer has no end there",
    }
    world_class = ErpCustomers


class TestSoapSource(SourceContract):
    """Sales orders as a source."""

    exceptions: ClassVar = {
        "test_a_walk_is_oldest_first": "a scan goes from its last page to its first (P2)",
        "test_a_walk_starts_where_it_is_told": "a scan reads all there is",
    }
    world_class = ErpOrders


class TestSoapProbe(ProbeContract):
    """An ERP as a probe."""

    world_class = ErpOrders
