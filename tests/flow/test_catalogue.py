"""Products from the ERP to the shop: what is there is kept up to date, nothing is made unasked."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from connector.errors import ConfigError
from connector.sandbox import shop_catalog
from connector.sandbox.edit import desk
from connector.sandbox.seed import seed_erp, skus


@pytest.fixture
def catalogue(company):
    """A flow of products from the ERP to the shop."""
    flow = {"entity": "product", "from": "erp", "to": "shop", "mode": "sync"}
    company.config(flows={"catalogue": flow})
    return company


def erp_says(company, no, **fields):
    """The ERP's clerk changes an item."""
    with company.clerk() as store, store.begin() as db:
        row = db.execute("SELECT data FROM items WHERE no = ?", (no,)).fetchone()
        data = json.loads(row["data"]) | fields
        db.execute(
            "UPDATE items SET data = ?, version = version + 1 WHERE no = ?", (json.dumps(data), no)
        )


def there(company, sku):
    """A product of the shop."""
    with desk(company.shop_file) as shop:
        row = shop.store.row("SELECT id FROM products WHERE sku = ?", (sku,))
        return None if row is None else shop_catalog.read(shop, row["id"])


def run(company):
    """One run, a second later."""
    company.pass_(1)
    return company.sync("catalogue")


def test_name_description_price_status_and_weight_follow_the_erp(catalogue):
    """To the cent; what the flow does not own stays."""
    erp_says(catalogue, "I-0001", Name="Kanne", Description="Aus Ton", Price="19.99", Weight="1.25")
    before = there(catalogue, "SB-0001")
    run(catalogue)
    now = there(catalogue, "SB-0001")
    assert (now["name"], now["description"], now["status"]) == ("Kanne", "Aus Ton", "publish")
    assert (Decimal(now["regular_price"]), Decimal(now["weight"])) == (
        Decimal("19.99"),
        Decimal("1.25"),
    )
    kept = ("sku", "sale_price", "stock_quantity", "manage_stock", "tax_class", "categories")
    assert {k: now[k] for k in kept} == {k: before[k] for k in kept}

    erp_says(catalogue, "I-0001", Active="false")
    run(catalogue)
    assert there(catalogue, "SB-0001")["status"] == "draft"


def test_a_variation_has_its_own_price(catalogue):
    """It is written under its product, which stays as it is."""
    with desk(catalogue.shop_file) as shop:
        parent = shop_catalog.create(shop, {"name": "Shirt", "type": "variable", "sku": "SHIRT"})
        shop_catalog.create(shop, {"sku": "SHIRT-S", "regular_price": "5.00"}, parent=parent["id"])
    seed_erp(catalogue.erp_file, items=[*skus(5), "SHIRT-S"])
    run(catalogue)
    assert Decimal(there(catalogue, "SHIRT-S")["regular_price"]) == Decimal("10.00")
    assert there(catalogue, "SHIRT")["name"] == "Shirt"
    link = catalogue.rows("SELECT target_key FROM link WHERE source_key = 'I-0006'")
    assert link[0]["target_key"].startswith(f"{parent['id']}/")


SALES = """extends: sandbox_erp
entity: product
read:
  sale_price: = SalePrice | default(none)
  sale_from:  = SaleFrom | default(none)
  sale_until: = SaleUntil | default(none)
"""


@pytest.fixture
def sales(catalogue):
    """An ERP whose items may say that they are on sale."""
    catalogue.mapping("acme", {"profile.yaml": "extends: sandbox_erp\n", "product.yaml": SALES})
    catalogue.connection("erp", profile="acme")
    return catalogue


def test_a_sale_price_follows_the_erp_and_ends_with_it(sales):
    """With its first and last moment, as the shop writes them; no sale any more is said, too."""
    span = {"SaleFrom": "2026-12-01T00:00:00+01:00", "SaleUntil": "2026-12-24T23:59:59+01:00"}
    erp_says(sales, "I-0001", Price="19.99", SalePrice="14.90", **span)
    run(sales)
    now = there(sales, "SB-0001")
    assert (Decimal(now["regular_price"]), Decimal(now["sale_price"])) == (
        Decimal("19.99"),
        Decimal("14.90"),
    )
    assert now["date_on_sale_from_gmt"] == "2026-11-30T23:00:00"
    assert now["date_on_sale_to_gmt"] == "2026-12-24T22:59:59"

    erp_says(sales, "I-0001", SalePrice=None, SaleFrom=None, SaleUntil=None)
    run(sales)
    now = there(sales, "SB-0001")
    assert (now["sale_price"], now["date_on_sale_from_gmt"]) == ("", None)
    assert Decimal(now["regular_price"]) == Decimal("19.99")


def test_a_variation_has_a_sale_price_of_its_own(sales):
    """Under its product, which stays as it is."""
    with desk(sales.shop_file) as shop:
        parent = shop_catalog.create(shop, {"name": "Shirt", "type": "variable", "sku": "SHIRT"})
        shop_catalog.create(shop, {"sku": "SHIRT-S", "regular_price": "5.00"}, parent=parent["id"])
    seed_erp(sales.erp_file, items=[*skus(5), "SHIRT-S"])
    erp_says(sales, "I-0006", SalePrice="4.50")
    run(sales)
    assert Decimal(there(sales, "SHIRT-S")["sale_price"]) == Decimal("4.50")
    assert there(sales, "SHIRT")["sale_price"] == ""


def test_who_never_speaks_of_sales_ends_none(catalogue):
    """The shop's own sale prices stay, whatever else of the product is written."""
    with desk(catalogue.shop_file) as shop:
        row = shop.store.row("SELECT id FROM products WHERE sku = 'SB-0001'")
        shop_catalog.change(shop, row["id"], {"sale_price": "3.00"})
    erp_says(catalogue, "I-0001", Price="7.00")
    run(catalogue)
    now = there(catalogue, "SB-0001")
    assert (Decimal(now["regular_price"]), now["sale_price"]) == (Decimal("7.00"), "3.00")


def test_nothing_is_made_unless_asked_for(catalogue):
    """What the shop does not sell is left alone; with `create` it is made."""
    seed_erp(catalogue.erp_file, items=[*skus(5), "NEW"])
    run(catalogue)
    assert there(catalogue, "NEW") is None
    assert catalogue.standing("product", "I-0006") == "done(filtered)"

    catalogue.flow("catalogue", create="true")
    erp_says(catalogue, "I-0006", Name="New")
    run(catalogue)
    made = there(catalogue, "NEW")
    assert (made["name"], made["type"]) == ("New", "simple")
    assert catalogue.standing("product", "I-0006") == "done(sent)"


def test_a_run_without_a_change_writes_nothing(catalogue):
    """And one change is one write."""
    run(catalogue)
    before = len([c for c in catalogue.shop.journal() if c["op"].startswith("PUT")])
    run(catalogue)
    erp_says(catalogue, "I-0002", Price="3.50")
    run(catalogue)
    after = [c for c in catalogue.shop.journal() if c["op"].startswith("PUT")]
    assert len(after) - before == 1
    assert Decimal(there(catalogue, "SB-0002")["regular_price"]) == Decimal("3.50")


def test_what_the_shop_changes_is_not_undone(catalogue):
    """One way: only what changes in the ERP is written, field by field."""
    run(catalogue)
    with desk(catalogue.shop_file) as shop:
        row = shop.store.row("SELECT id FROM products WHERE sku = 'SB-0001'")
        shop_catalog.change(shop, row["id"], {"description": "By the shop"})
    erp_says(catalogue, "I-0001", Price="7.00")
    run(catalogue)
    now = there(catalogue, "SB-0001")
    assert (now["description"], Decimal(now["regular_price"])) == ("By the shop", Decimal("7.00"))


def test_a_price_in_another_currency_is_held(catalogue):
    """A number of another currency would be another price."""
    catalogue.connection("shop", **{"with": {"currency": "EUR"}})
    erp_says(catalogue, "I-0001", Currency="CHF")
    run(catalogue)
    assert catalogue.standing("product", "I-0001") == "held(rule)"
    assert "regular_price" in catalogue.record("product", "I-0001")["needs"]
    assert catalogue.standing("product", "I-0002") == "done(sent)"


def test_two_items_of_one_sku_are_no_two_masters(catalogue):
    """The second would overwrite the first's price."""
    seed_erp(catalogue.erp_file, items=[*skus(5), "SB-0001"])
    run(catalogue)
    links = catalogue.rows("SELECT role FROM link WHERE entity = 'product' AND source = 'erp'")
    assert {row["role"] for row in links} == {"identity"}
    states = {catalogue.standing("product", no) for no in ("I-0001", "I-0006")}
    assert "held(duplicate)" in states


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"entity": "customer"}, "cannot be sync"),
        ({"from": "shop", "to": "erp"}, "cannot take product"),
    ],
)
def test_only_products_into_a_system_that_takes_them_are_kept_up_to_date(catalogue, changes, says):
    """Told with the configuration."""
    catalogue.flow(
        "products", mode=None, start=catalogue.born.isoformat(), **{"from": "erp", "to": "shop"}
    )
    catalogue.config(flows={"products": None})
    catalogue.flow("catalogue", **changes)
    with pytest.raises(ConfigError, match=says):
        _ = catalogue.app
