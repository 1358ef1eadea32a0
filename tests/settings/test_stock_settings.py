"""Every setting of a stock flow, with two values and the difference that they make."""

from __future__ import annotations

from typing import Any

import pytest
from company import Company
from covering import covers

from connector.errors import Braked
from connector.sandbox import erp_stock
from connector.sandbox.seed import seed_erp, skus

ITEM, SKU = "I-0001", "SB-0001"


def offered(company: Company, **flow: Any) -> int:
    """What the shop offers of the first article, of which the ERP has 10, 3 of them in `outlet`."""
    company.config(flows={"stock": {"entity": "stock", "from": "erp", "to": "shop"}})
    company.flow("stock", **flow)
    with company.clerk() as store:
        erp_stock.count(store, ITEM, "9", reserved="2")
        erp_stock.count(store, ITEM, "3", warehouse="outlet")
    company.sync("products")
    company.sync("stock")
    levels = company.app.system("shop").match("stock", "sku", [SKU])
    return int(str(levels[SKU][0].there["offered"]))


@covers("flows.*.warehouses")
@pytest.mark.parametrize(("names", "level"), [(None, 10), (["outlet"], 3), (["main"], 7)])
def test_warehouses_are_those_that_are_offered(
    company: Company, names: list[str] | None, level: int
) -> None:
    """All, unless some are named."""
    assert offered(company, warehouses=names) == level


@covers("flows.*.amount", "flows.*.amount.buffer")
@pytest.mark.parametrize(("buffer", "level"), [("0", 10), ("4", 6)])
def test_buffer_is_never_offered(company: Company, buffer: str, level: int) -> None:
    """Pieces that are kept back."""
    assert offered(company, amount={"buffer": buffer}) == level


@covers("flows.*.amount.percent")
@pytest.mark.parametrize(("percent", "level"), [("100", 10), ("75", 7)])
def test_percent_is_the_share_that_is_offered(company: Company, percent: str, level: int) -> None:
    """Whole pieces only."""
    assert offered(company, amount={"percent": percent}) == level


@covers("flows.*.amount.min")
@pytest.mark.parametrize(("least", "level"), [("0", 0), ("1", 1)])
def test_min_is_offered_at_least(company: Company, least: str, level: int) -> None:
    """Where nothing is left."""
    assert offered(company, amount={"min": least, "buffer": "100"}) == level


@covers("flows.*.amount.max")
@pytest.mark.parametrize(("most", "level"), [("50", 10), ("5", 5)])
def test_max_is_offered_at_most(company: Company, most: str, level: int) -> None:
    """However much there is."""
    assert offered(company, amount={"max": most}) == level


@covers("flows.*.amount.measure")
@pytest.mark.parametrize(("measure", "level"), [("available", 10), ("on_hand", 12)])
def test_measure_is_the_figure_that_is_meant(company: Company, measure: str, level: int) -> None:
    """With or without what is put aside."""
    assert offered(company, amount={"measure": measure}) == level


@covers("flows.*.amount.minus_unsent_orders")
@pytest.mark.parametrize(("flows", "level"), [(["orders"], 8), (["others"], 10), (None, 8)])
def test_minus_unsent_orders_names_whose_orders_are_subtracted(
    company: Company, flows: list[str] | None, level: int
) -> None:
    """All that go into the ERP, unless some are named."""
    other = company.other_shop()
    company.connection("shop2", like="shop", url=other.url)
    company.flow("others", like="orders", **{"from": "shop2"}, reference="S2-{{ doc.number }}")
    company.order()
    assert offered(company, amount={"minus_unsent_orders": flows} if flows else None) == level


def all_at(company: Company, pieces: int, items: int = 40) -> None:
    """A clerk counts some of a hundred articles."""
    with company.clerk() as store:
        for n in range(1, items + 1):
            erp_stock.count(store, f"I-{n:04d}", str(pieces))


@covers("flows.*.brakes", "flows.*.brakes.zeroed", "flows.*.brakes.changed")
@pytest.mark.parametrize("brake", ["zeroed", "changed"])
def test_brakes_are_shares_that_need_a_person(hundred: Company, brake: str) -> None:
    """Forty of a hundred: under half they pass, over a fifth they wait."""
    both = {"zeroed": "50%", "changed": "50%"}
    hundred.flow("stock", brakes=both)
    hundred.sync("stock")
    all_at(hundred, 0)
    hundred.flow("stock", brakes=both | {brake: "20%"})
    with pytest.raises(Braked, match="40 of 100"):
        hundred.sync("stock")

    hundred.flow("stock", brakes=both)
    hundred.sync("stock")
    assert len(hundred.rows("SELECT * FROM stock WHERE offered = 0")) == 40


@pytest.fixture
def hundred(company: Company) -> Company:
    """A hundred articles in the ERP, five of them in the shop."""
    seed_erp(company.erp_file, items=[*skus(5), *(f"X-{n}" for n in range(95))])
    company.config(flows={"stock": {"entity": "stock", "from": "erp", "to": "shop"}})
    return company


@covers("flows.*.create")
@pytest.mark.parametrize(("create", "made"), [(None, 0), ("true", 1)])
def test_create_makes_what_is_not_there(company: Company, create: str | None, made: int) -> None:
    """A product of the ERP that the shop does not sell."""
    seed_erp(company.erp_file, items=[*skus(5), "NEW"])
    flow = {"entity": "product", "from": "erp", "to": "shop", "mode": "sync"}
    company.config(flows={"catalogue": flow})
    company.flow("catalogue", create=create)
    company.sync("catalogue")
    found = company.app.system("shop").match("stock", "sku", ["NEW"])
    assert len(found["NEW"]) == made
