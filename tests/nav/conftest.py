"""A NAV on loopback, and a company whose ERP it is."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from nav_server import Nav, Server

from connector.sandbox.seed import skus


@pytest.fixture
def nav():
    """A company with items and no customer."""
    made = Nav()
    for sku in skus(5):
        made.add("ItemCard", No=sku, Description=f"Goods {sku}", Inventory="12",
                 Qty_on_Sales_Order="2", Unit_Price="10.5", Base_Unit_of_Measure="PCS")  # fmt: skip
    return made


@pytest.fixture
def served(nav):
    """The same, listening."""
    with Server(nav) as running:
        yield SimpleNamespace(nav=nav, url=running.url)


@pytest.fixture
def firm(company, served):
    """The company of the other tests, with NAV as its ERP."""
    secrets = (company.folder / ".env").read_text()
    (company.folder / ".env").write_text(f"{secrets}NAV_PASSWORD=secret\n")
    auth = {"type": "basic", "user": "svc", "password": "${NAV_PASSWORD}"}
    extra = {"shipping_account": "8400", "fee_account": "8500", "location": "shop"}
    company.connection(
        "erp", profile="nav", url=served.url, auth=auth, limits=None, **{"with": extra}
    )
    yield SimpleNamespace(company=company, nav=served.nav)
    company.stop()
