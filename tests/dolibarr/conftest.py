"""A Dolibarr of our own making on loopback, and the shipped profile on it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from dolibarr_books import Dolibarr
from dolibarr_erp import Erp
from nusoap import Server

from connector.sandbox.seed import skus


@pytest.fixture
def books():
    """A company with one customer and some products."""
    made = Dolibarr()
    made.add("thirdparty", ref="Ada Okonkwo", ref_ext="C-ADA", status="1", client="1")
    for sku in skus(5):
        made.add("product", ref=sku, label=f"Goods {sku}", stock_real="100", status_tosell="1")
    return made


@pytest.fixture
def dolibarr(books):
    """The same, listening."""
    with Server(books) as running:
        yield SimpleNamespace(books=books, url=running.url, http=running)


@pytest.fixture
def erp(dolibarr):
    """The shipped profile on that Dolibarr."""
    made = Erp(dolibarr.url)
    yield made
    made.system.close()
