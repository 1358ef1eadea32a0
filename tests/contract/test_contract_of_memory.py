"""The memory adapter keeps every promise, without an exception."""

from __future__ import annotations

import pytest

from connector.testing.contracts import (
    BulkContract,
    ProbeContract,
    SourceContract,
    TargetContract,
)
from connector.testing.worlds import MemoryWorld


class TestMemorySource(SourceContract):
    """Memory as a source."""

    @pytest.fixture
    def world(self):
        return MemoryWorld()


class TestMemoryTarget(TargetContract):
    """Memory as a target."""

    @pytest.fixture
    def world(self):
        return MemoryWorld()


class TestMemoryProbe(ProbeContract):
    """Memory as a probe."""

    @pytest.fixture
    def world(self):
        return MemoryWorld()


class TestMemoryBulk(BulkContract):
    """Memory as a target of many changes at once."""

    @pytest.fixture
    def world(self):
        return MemoryWorld()
