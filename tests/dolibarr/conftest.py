"""A Dolibarr of our own making on loopback, and the shipped profile on it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from dolibarr_books import Dolibarr
from dolibarr_erp import AUTH, Erp
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


@pytest.fixture
def firm(company, books):
    """The company of the other tests, with Dolibarr as its ERP."""
    secrets = (company.folder / ".env").read_text()
    (company.folder / ".env").write_text(f"{secrets}DOLI_PASSWORD=secret\nDOLI_KEY=k\n")
    books.rows["thirdparty"].clear()
    auth = AUTH | {"password": "${DOLI_PASSWORD}", "key": "${DOLI_KEY}"}
    extra = {"validate": "true", "warehouse": "1", "shipping_item": "901", "fee_item": "902"}
    with Server(books) as running:
        erp = {"profile": "dolibarr", "url": running.url, "auth": auth, "with": extra}
        company.connection("erp", **erp, limits=None)
        company.flow("customers", match=None)
        yield SimpleNamespace(company=company, books=books)
        company.stop()
