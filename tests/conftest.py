"""What several areas share: a company to try things on."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from company import Company


@pytest.fixture(autouse=True)
def _own_logs() -> Iterator[None]:
    """A command that a test ran in this process says nothing of what the next test may hear."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    """A shop, an ERP and a connector between them, a minute old."""
    made = Company(tmp_path)
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(90)
    yield made
    signal.alarm(0)
    made.close()


def _too_long(*_: object) -> None:
    """Let a sync that does not end fail its test and not the run."""
    raise AssertionError("90 seconds: it does not end")
