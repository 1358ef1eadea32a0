"""What several areas share: a company to try things on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from company import Company


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    """A shop, an ERP and a connector between them, a minute old."""
    made = Company(tmp_path)
    yield made
    made.close()
