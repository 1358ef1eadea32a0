"""`connector status`: who must look, and who need not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from connector.codes import PIECES
from connector.ledger import cursors
from connector.ledger.store import Ledger
from connector.sandbox import edit, shop_catalog
from connector.values import Broken


def asked(desk: Any) -> set[tuple[str, str]]:
    """What waits for a person."""
    told = desk("status", "--json")
    waits = {(one["entity"], one["key"]) for one in told.json["needs_a_person"]}
    assert told.code == bool(waits)
    return waits


def test_a_product_that_is_not_there_is_nobodys_business_until_an_order_waits_for_it(
    desk: Any,
) -> None:
    """A shop sells what the ERP need not know; what an order needs is told with the order."""
    company = desk.company
    with edit.desk(company.shop_file) as shop:
        given = {"name": "Unknown there", "sku": "NOT-IN-THE-ERP", "regular_price": "9.90"}
        missing = shop_catalog.create(shop, given)["id"]
    assert desk("flow", "sync", "products").code == 0
    held = desk("record", "list", "--state", "held", "--json").json
    assert [row["key"] for row in held] == [str(missing)]
    assert asked(desk) == set()
    order = company.order(sku="NOT-IN-THE-ERP")
    company.settle()
    assert ("product", str(missing)) in asked(desk)
    assert ("order", str(order)) not in asked(desk)


def test_a_row_that_was_set_aside_is_told_with_its_place_and_what_to_do(desk: Any) -> None:
    """It has no key: where it stood and why is all that helps to find it."""
    company = desk.company
    ledger = Ledger(f"sqlite:///{company.folder}/ledger.db")
    with ledger.begin() as db:
        for place in ("page 3", "page 7"):
            row = Broken(at=place, code="kills_reader", raw=place.encode())
            cursors.set_aside(db, "orders", "order", row, company.clock.now())
    ledger.close()
    told = desk("status")
    assert told.code == 1
    assert "2 pieces without a key set aside (kills_reader)" in told.out
    assert "on page 7" in told.out
    assert PIECES["kills_reader"] in told.out


def test_a_start_that_is_still_to_come_is_told(desk: Any) -> None:
    """A year mistyped: nothing is created, which looks as if nothing had been sold."""
    desk.company.order()
    ahead = desk.company.clock.now() + timedelta(days=3, seconds=30)
    desk.company.flow("orders", start=ahead.isoformat())
    assert "; starts in 3d: nothing older is created" in desk("status").out
    assert "  its start is still to come: what is born before then" in desk("check").out
    desk.company.flow("orders", start=desk.company.born.isoformat())
    assert "start" not in desk("status").out
    assert "still to come" not in desk("check").out
