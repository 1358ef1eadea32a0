"""Stock, by the shipped profiles on the sandboxes, over real HTTP."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from profiles_by_hand import rest, soap

from connector.mapping.compile import compile_profile
from connector.mapping.load import load_profile
from connector.places import mappings_folder
from connector.problems import Problems
from connector.sandbox import shop_catalog
from connector.sandbox.edit import desk
from connector.sandbox.erp import start_erp
from connector.sandbox.seed import seed_erp, seed_shop, skus
from connector.sandbox.shop import start_shop
from connector.values import Change, Done, Item, Tombstone


def shipped(name):
    """A shipped profile, compiled."""
    problems = Problems()
    made = compile_profile(load_profile(name, [mappings_folder()], problems), problems)
    problems.raise_if_any()
    return made


ERP, SHOP = shipped("sandbox_erp"), shipped("woocommerce")


@pytest.fixture
def source(tmp_path):
    """An ERP of 250 items."""
    seed_erp(tmp_path / "erp.db", items=[f"SB-{n}" for n in range(250)])
    with (
        start_erp(tmp_path / "erp.db") as running,
        closing(soap(f"{running.url}/soap", ERP.profile)) as system,
    ):
        yield system


def test_a_walk_of_the_stock_gives_every_item_once(source):
    """Page by page, and it says at its end that this was all."""
    pages = list(source.pages("stock", None, start=None, until=None))
    keys = [item.key for page in pages for item in page.items]

    assert (len(keys), len(set(keys))) == (250, 250)
    assert [page.complete for page in pages].index(True) == len(pages) - 1


def test_stock_is_read_by_number_too(source):
    """What is there is a whole document, what is not there a tombstone."""
    [there, gone] = source.read("stock", ["I-0007", "I-9999"])
    assert isinstance(there, Item)
    assert isinstance(gone, Tombstone)

    doc = ERP.readers["stock"].document(source.decode("stock", there.raw))
    assert (doc.sku, doc.unit, doc.pieces) == ("SB-6", "pcs", 1)
    assert [(at.warehouse, at.on_hand, at.available) for at in doc.levels] == [("main", 1000, 1000)]


def test_the_same_stock_read_later_is_the_same_document(source):
    """When it was read is no part of it: nothing changes by the passing of time."""
    [first] = source.read("stock", ["I-0007"])
    [second] = source.read("stock", ["I-0007"])

    assert first.raw == second.raw


@pytest.fixture
def shop(tmp_path):
    """A shop of eight products, the last of them with two variations."""
    born = datetime.now(UTC) - timedelta(minutes=1)
    seed_shop(tmp_path / "shop.db", seed=1, products=8, customers=0, orders=0, born_after=born)
    with (
        start_shop(tmp_path / "shop.db") as running,
        closing(rest(running.url, SHOP.profile)) as system,
    ):
        yield running, system


def levels(target, *skus):
    """What the shop offers, by SKU, read in one call."""
    found = target.match("stock", "sku", skus)
    return {sku: (seen.key, seen.there.get("offered")) for sku, [seen] in found.items()}


def test_products_and_variations_are_read_by_sku_in_one_call(shop):
    """A variation is told with its parent, by which it is reached."""
    running, target = shop
    found = levels(target, "SB-0001", "SB-0008-S", "SB-0008-L")

    assert found["SB-0001"][0].isdecimal()
    assert "/" in found["SB-0008-S"][0]
    assert found["SB-0008-S"][0] != found["SB-0008-L"][0]
    assert len([call for call in running.journal() if call["op"].startswith("GET /products")]) == 1


def test_levels_are_written_in_one_call_for_products_and_one_for_each_parent(shop):
    """Each lands where it belongs, variations under their product."""
    running, target = shop
    keys = {sku: key for sku, (key, _) in levels(target, *skus(8)).items()}
    changes = [level(keys[sku], str(n)) for n, sku in enumerate(keys)]
    outcomes = target.send("stock", changes)

    parent = keys["SB-0008-S"].split("/")[0]
    writes = [call["op"] for call in running.journal() if call["op"].startswith("POST")]
    assert {type(outcome) for outcome in outcomes} == {Done}
    assert sorted(writes) == sorted(
        ["POST /products/batch", f"POST /products/{parent}/variations/batch"]
    )
    assert [offered for _, offered in levels(target, *skus(8)).values()] == list(range(9))


def test_a_product_whose_stock_was_not_counted_is_counted_from_then_on(shop):
    """The shop drops a number for a product that it does not count; so both are sent."""
    running, target = shop
    [(key, _)] = levels(target, "SB-0001").values()
    with desk(running.data) as there:
        shop_catalog.change(there, int(key), {"manage_stock": False})
    assert levels(target, "SB-0001")["SB-0001"][1] is None

    target.send("stock", [level(key, "5")])
    assert levels(target, "SB-0001")["SB-0001"][1] == 5


def level(key, pieces):
    """A change of one level."""
    return Change(
        id=1, action="update", reference=key, key=key,
        payload={"manage_stock": True, "stock_quantity": pieces},
        send_before=datetime.now(UTC) + timedelta(minutes=5),
    )  # fmt: skip
