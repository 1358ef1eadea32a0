"""The shop offers what the ERP has: what differs, each article by itself, whatever was sent."""

from __future__ import annotations

import pytest
from shelves import SKU

from connector import cli, stockroom
from connector.errors import Unavailable
from connector.flow.counting import read_some
from connector.sandbox import shop_catalog
from connector.sandbox.edit import desk
from connector.sandbox.seed import seed_erp, skus


def test_the_shop_offers_what_the_erp_has(shelves):
    """Of every article, in one call; what it already offers is not written."""
    shelves.count(7)
    shelves.sync()
    assert shelves.shop() == 7
    assert shelves.writes() == ["POST /products/batch"]
    assert shelves.company.standing("stock", "I-0001") == "done(sent)"
    assert shelves.company.standing("stock", "I-0002") == "done(same)"


def test_a_run_without_a_difference_writes_nothing_and_reads_once(shelves):
    """One read of the shop for a hundred articles."""
    shelves.sync()
    before = len(shelves.company.shop.journal())
    shelves.sync()
    made = [call["op"] for call in shelves.company.shop.journal()[before:]]
    assert [op for op in made if op == "GET /products"] == ["GET /products"]
    assert shelves.writes() == []


def test_what_was_sent_last_is_never_asked(shelves):
    """Somebody writes another level into the shop: the next run corrects it."""
    shelves.count(7)
    shelves.sync()
    shelves.set_shop(99)
    shelves.sync()
    assert shelves.shop() == 7


def test_a_level_that_was_read_anew_meanwhile_is_not_overruled(shelves):
    """Another process reads the article between our reckoning and our call: its level is newer."""
    app = shelves.company.app
    shelves.count(10)
    shelves.sync()
    shelves.count(7)

    def read_anew():
        shelves.count(3)
        read_some(stockroom._stocking(app, app.flows["stock"]), [SKU])

    with shelves.company.when("page.committed", read_anew):
        shelves.sync()
    assert shelves.shop() == 10
    shelves.sync()
    assert shelves.shop() == 3


def test_variations_are_offered_under_their_products(shelves):
    """Each has a level of its own."""
    company = shelves.company
    with desk(company.shop_file) as shop:
        parent = shop_catalog.create(shop, {"name": "Shirt", "type": "variable"})["id"]
        for size in "SL":
            shop_catalog.create(shop, {"name": size, "sku": f"SHIRT-{size}"}, parent=parent)
    seed_erp(company.erp_file, items=[*skus(5), "SHIRT-S", "SHIRT-L"])
    shelves.count(3, "I-0006")
    shelves.count(4, "I-0007")
    shelves.sync()
    assert (shelves.shop("SHIRT-S"), shelves.shop("SHIRT-L")) == (3, 4)
    assert shelves.writes() == [f"POST /products/{parent}/variations/batch"]


def test_a_bad_article_holds_no_other_up(shelves):
    """It is tried again by itself, and named; the others are offered."""
    company = shelves.company
    with desk(company.shop_file) as shop:
        shop_catalog.freeze(shop, 1002)
    for n in (1, 2, 3):
        shelves.count(n, f"I-000{n}")
    shelves.sync()
    assert [shelves.shop(f"SB-000{n}") for n in (1, 2, 3)] == [1, 1000, 3]
    bad = company.record("stock", "I-0002")
    assert (bad["state"], bad["attempts"]) == ("prepared", 1)
    assert "woocommerce_rest_cannot_edit" in bad["needs"]


def test_an_article_that_the_shop_does_not_sell_is_left_alone(shelves):
    """Until it does: then it is linked and offered."""
    company = shelves.company
    seed_erp(company.erp_file, items=[*skus(5), "NEW"])
    shelves.count(5, "I-0006")
    shelves.sync()
    assert company.standing("stock", "I-0006") == "done(filtered)"

    with desk(company.shop_file) as shop:
        shop_catalog.create(shop, {"name": "New", "sku": "NEW"})
    shelves.sync()
    assert shelves.shop("NEW") == 5


def test_two_articles_of_one_product_are_a_question(shelves):
    """They would overwrite each other; nothing of the second is sent."""
    company = shelves.company
    seed_erp(company.erp_file, items=[*skus(5), "SB-0001"])
    shelves.count(5, "I-0006")
    shelves.sync()
    assert company.standing("stock", "I-0006") == "held(duplicate)"
    assert shelves.shop() == 1000


def test_a_product_that_is_gone_is_told(shelves):
    """Its article is held; nothing is made."""
    company = shelves.company
    shelves.sync()
    with desk(company.shop_file) as shop:
        shop_catalog.delete(shop, 1001, force=True)
    shelves.sync()
    assert company.standing("stock", "I-0001") == "held(gone_at_target)"


def test_a_product_with_another_sku_than_before_is_a_question(shelves):
    """Whose level would it be?"""
    company = shelves.company
    shelves.sync()
    company.shop_sql("UPDATE products SET sku = 'OTHER' WHERE id = 1001")
    shelves.count(3)
    shelves.sync()
    assert company.standing("stock", "I-0001") == "held(review)"
    assert shelves.shop("OTHER") == 1000

    company.release("stock", "I-0001")
    company.app.catch_up(company.app.flows["stock"])
    assert shelves.shop("OTHER") == 3


def test_a_level_in_doubt_is_computed_anew_and_sent_again(shelves):
    """After `settle`, and with what is known then: an absolute write is not looked up."""
    company = shelves.company
    company.connection("shop", settle="10s")
    company.shop.faults([{"fault": "commit_then_cut", "ops": ["POST /products"], "count": 1}])
    shelves.count(7)
    shelves.sync()
    assert company.record("stock", "I-0001")["state"] == "in_doubt"

    company.shop.faults([])
    company.pass_(5)
    company.app.catch_up(company.app.flows["stock"])
    assert company.record("stock", "I-0001")["state"] == "in_doubt"

    shelves.count(4)
    company.pass_(10)
    company.app.catch_up(company.app.flows["stock"])
    company.pass_(1)
    company.app.catch_up(company.app.flows["stock"])
    assert company.standing("stock", "I-0001") == "done(sent)"
    assert shelves.shop() == 4


def test_nothing_is_sent_of_a_level_in_doubt_before_it_has_settled(shelves):
    """S4: the call that we gave up on may still come, and would be the last word."""
    company = shelves.company
    company.connection("shop", settle="10s")
    late = {"fault": "late_commit", "ops": ["POST /products"], "count": 1, "seconds": 0.3}
    company.shop.faults([late])
    shelves.count(7)
    shelves.sync()
    before = len(shelves.writes())
    shelves.count(4)
    shelves.sync()
    assert len(shelves.writes()) == before


def test_only_some_articles_by_key_or_sku(shelves):
    """Those alone are read and offered."""
    shelves.sync()
    for n in (1, 2, 3):
        shelves.count(n, f"I-000{n}")
    shelves.sync("I-0001", "SB-0003")
    assert [shelves.shop(f"SB-000{n}") for n in (1, 2, 3)] == [1, 1000, 3]


def test_what_is_due_between_readings_is_read_again(shelves):
    """A retry offers what the ERP has now."""
    company = shelves.company
    company.shop.faults([{"fault": "fault", "status": 429, "ops": ["POST /products"], "count": 1}])
    shelves.count(7)
    shelves.sync()
    assert shelves.shop() == 1000

    shelves.count(5)
    company.pass_(5)
    company.app.catch_up(company.app.flows["stock"])
    assert shelves.shop() == 5


def test_with_the_erp_away_nothing_is_offered(shelves):
    """Half a reading is none."""
    company = shelves.company
    shelves.sync()
    shelves.count(3)
    company.erp.faults([{"fault": "unavailable", "ops": ["ListStock"]}])
    with pytest.raises(Unavailable):
        shelves.sync()
    assert shelves.shop() == 1000


@pytest.mark.parametrize("name", ["erp", "shop"])
def test_with_one_side_paused_a_run_does_nothing_and_is_no_failure(shelves, name):
    """A person paused it; everything waits."""
    company = shelves.company
    shelves.sync()
    shelves.count(3)
    company.stop()
    assert cli.run(["pause", name, "--config", str(company.folder / "config.yaml")]) == 0
    report = shelves.sync()
    assert report.stopped == {"stock": "paused"}
    assert shelves.shop() == 1000


@pytest.mark.parametrize(
    "point",
    [
        "snapshot.before_seal",
        "intent.none_sent",
        "outcome.committed",
        "bulk.sent",
        "bulk.reply_partial",
    ],
)
def test_a_run_that_dies_is_made_up_for_by_the_next(shelves, point):
    """Nothing of an unsealed reading is left, and no article is stuck."""
    company = shelves.company
    shelves.count(7)
    assert company.dies_at(point, flow="stock")
    company.pass_(60 * 60)
    shelves.sync()
    company.pass_(60 * 60)
    company.app.catch_up(company.app.flows["stock"])
    assert shelves.shop() == 7
    assert company.record("stock", "I-0001")["state"] == "done"
