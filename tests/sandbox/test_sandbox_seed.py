"""Seeds, edits, direct readers and the process around them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from connector.sandbox import books, edit
from connector.sandbox.seed import seed_erp, seed_shop, skus
from connector.sandbox.shop import start_shop

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def seeded(tmp_path_factory):
    """The demo's 250 orders: path, and what was given."""
    path = tmp_path_factory.mktemp("seeded") / "shop.db"
    since = datetime.now(UTC) - timedelta(hours=1)
    made = seed_shop(path, seed=3, products=40, customers=80, orders=250, born_after=since)
    return path, made, since


@pytest.fixture
def small(tmp_path):
    """A shop with three orders."""
    path = tmp_path / "shop.db"
    made = seed_shop(path, seed=1, products=4, customers=2, orders=3, born_after=datetime.now(UTC))
    return path, made.orders


def test_every_seeded_order_adds_up(seeded):
    """Σ(net + tax) = total > 0, in cents."""
    orders = books.shop_orders(seeded[0])

    assert len(orders) == 250
    for order in orders:
        assert order["total"] == sum(net + tax for _, _, net, tax in order["lines"])
        assert order["total"] == order["total"].quantize(Decimal("0.01")) > 0


def test_seeded_orders_are_born_after_their_start(seeded):
    """None is older than asked, ids grow with births."""
    path, _, since = seeded
    births = [order["created"] for order in books.shop_orders(path)]

    assert min(births) >= since
    assert births == sorted(births)


def test_seeds_have_what_hurts(seeded, shop_client):
    """Guests, a pair at once, coupons, negative fees over two rates, two rates a line, …"""
    with start_shop(seeded[0]) as running:
        shop = shop_client(running)
        orders = [o for n in (1, 2, 3) for o in shop.get("/orders", per_page=100, page=n).json]
    guests = [o for o in orders if o["customer_id"] == 0]
    births = Counter((o["billing"]["email"], o["date_created_gmt"]) for o in guests)
    fees = [fee for o in orders for fee in o["fee_lines"] if fee["total"].startswith("-")]

    assert max(births.values()) == 2
    assert {o["currency"] for o in orders} == {"EUR", "CHF"}
    assert any(len(fee["taxes"]) == 2 for fee in fees)
    assert any(len(line["taxes"]) == 2 for o in orders for line in o["line_items"])
    assert any(o["coupon_lines"] for o in orders)
    assert any(o["refunds"] for o in orders)
    assert any("🌸" in o["billing"]["first_name"] for o in orders)
    assert any("小明" in o["billing"]["first_name"] for o in orders)


def test_the_same_seed_gives_the_same_totals(tmp_path):
    """A course can be repeated, another seed is another course."""
    totals = []
    for n, seed in enumerate((5, 5, 6)):
        path = tmp_path / f"{n}.db"
        common = {"products": 8, "customers": 3, "orders": 12}
        seed_shop(path, seed=seed, born_after=datetime.now(UTC), **common)
        totals.append([order["total"] for order in books.shop_orders(path)])

    assert totals[0] == totals[1] != totals[2]


def test_an_item_for_every_sku(tmp_path, seeded, erp_client):
    """Both sides are seeded with the same SKUs, variations included."""
    used = {line[0] for order in books.shop_orders(seeded[0]) for line in order["lines"]} - {""}
    seed_erp(tmp_path / "erp.db", items=skus(40))

    assert used <= set(skus(40)) == set(seeded[1].skus)
    assert [c["customer_no"] for c in books.erp_customers(tmp_path / "erp.db")] == [
        "C-GUEST-DE",
        "C-GUEST-EU",
    ]


def test_edits_go_through_the_shops_own_rules(small):
    """Dates are bumped, amounts follow, refunds are told; also while the shop is served."""
    path, (first, second, third) = small
    with start_shop(path) as running:
        running.clock(60)
        edit.set_quantity(path, first, 10)
        edit.cancel_order(path, second)
        edit.refund_order(path, third, "1.00")
        edit.change_order(path, third, customer_note="新")
        edit.add_order(path, {"status": "processing"})
    one, two, three, four = books.shop_orders(path)

    assert one["lines"][0][1] == 10
    assert one["total"] == sum(net + tax for _, _, net, tax in one["lines"])
    assert two["status"] == "cancelled"
    assert (three["refunded"], three["note"]) == (Decimal("1.00"), "新")
    assert all(order["modified"] > order["created"] for order in (one, two, three))
    assert four["status"] == "processing"


def test_the_erps_books_are_read_whole(erp):
    """Reference, total and lines as plain values, cancelled or not."""
    erp.create(ref="x-1", net="1.10")
    [order] = books.erp_orders(erp.running.data)

    assert (order["order_no"], order["reference"]) == ("SO-100001", "x-1")
    assert order["grand_total"] == Decimal("1.29")
    assert order["lines"] == [("", Decimal(1), Decimal("1.10"), Decimal("0.19"))]
    assert order["released"] is False


@pytest.mark.parametrize("kind", ["shop", "erp"])
def test_a_sandbox_is_a_process_that_says_when_it_is_ready(tmp_path, kind):
    """One line with the URL, the end with SIGTERM, exit code 0."""
    command = [sys.executable, "-m", "connector.sandbox", kind, "--data", tmp_path / "x.db"]
    rules = '[{"fault": "unavailable"}]'
    with subprocess.Popen(
        [*command, "--faults", rules], stdout=subprocess.PIPE, cwd=ROOT, text=True
    ) as process:
        line = process.stdout.readline()
        os.kill(process.pid, signal.SIGTERM)
        code = process.wait(timeout=10)

    assert line.startswith(f"{kind} ready url=http://127.0.0.1:")
    assert code == 0


def test_a_wrong_rule_ends_the_command_with_its_reason(tmp_path):
    """The command names what is wrong instead of serving without faults."""
    click_testing = pytest.importorskip("click.testing")
    command = pytest.importorskip("connector.cli.sandbox").sandbox
    wrong = ["erp", "--data", str(tmp_path / "x.db"), "--faults", '[{"fault": "nonsense"}]']
    result = click_testing.CliRunner().invoke(command, wrong)

    assert result.exit_code == 1
    assert "faults[0]" in result.output
