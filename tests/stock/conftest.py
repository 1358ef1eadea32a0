"""A company that sells what its ERP has: five products, 1000 of each in `main`."""

from __future__ import annotations

import pytest
from shelves import Shelves


@pytest.fixture
def shelves(company):
    """The company with a stock flow, its products linked."""
    made = Shelves(company)
    company.config(flows={"stock": {"entity": "stock", "from": "erp", "to": "shop"}})
    company.sync("products")
    return made
