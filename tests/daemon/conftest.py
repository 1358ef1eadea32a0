"""What the tests of the daemon share: services for a company."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from company import Company
from service import Service


@pytest.fixture
def serve(company: Company) -> Iterator[Callable[..., Service]]:
    """Start daemons for the company; its clocks are the machine's."""
    company.pass_(-company.clock.ahead.total_seconds())
    # The shop counts in whole seconds: an order of this second must not be older than the start.
    company.flow("orders", start=(company.born - timedelta(seconds=5)).isoformat())
    started: list[Service] = []

    def start(dies_at: str = "") -> Service:
        started.append(Service(company, dies_at))
        return started[-1]

    yield start
    for service in started:
        if not service._file.closed:
            service.close()
