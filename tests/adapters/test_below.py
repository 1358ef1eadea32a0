"""What stands below the rows of a list, and in no list of its own: variations below products."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from answering import Fake, system
from profiles_by_hand import rest

from adapters import sources
from connector.errors import Truncated, Unavailable
from connector.mapping.compile import compile_profile
from connector.mapping.load import load_profile
from connector.places import mappings_folder
from connector.problems import Problems
from connector.sandbox.seed import seed_shop, skus
from connector.sandbox.shop import start_shop
from connector.values import Item

PROBLEMS = Problems()
SHOP = compile_profile(load_profile("woocommerce", [mappings_folder()], PROBLEMS), PROBLEMS)


@pytest.fixture
def running(tmp_path):
    """A shop of eight products, the last of them with two variations."""
    born = datetime.now(UTC) - timedelta(minutes=1)
    seed_shop(tmp_path / "shop.db", seed=1, products=8, customers=0, orders=0, born_after=born)
    with start_shop(tmp_path / "shop.db") as running:
        yield running


def walked(system):
    """Every product that the walk gives, as documents by SKU, and the payloads."""
    pages = system.pages("product", None, start=None, until=None)
    items = [one for page in pages for one in page.items if isinstance(one, Item)]
    return [SHOP.readers["product"].document(system.decode("product", i.raw)) for i in items]


def test_variations_come_with_the_page_of_their_product(running):
    """Each once, and it says which product it varies."""
    with closing(rest(running.url, SHOP.profile)) as system:
        docs = walked(system)
    varied = [doc for doc in docs if doc.kind == "variation"]
    assert set(skus(8)) <= {doc.sku for doc in docs}
    assert sorted(doc.sku for doc in varied) == ["SB-0008-L", "SB-0008-S"]
    assert len({doc.parent for doc in varied}) == 1


@pytest.mark.parametrize("size", [1, 2, 100])
def test_all_that_stands_below_is_read_page_by_page(running, size):
    """A full page may have another behind it."""
    of = SHOP.profile.entities["product"]
    paged = replace(of, walk=replace(of.walk, size=size))
    with closing(rest(running.url, SHOP.profile)) as system:
        [above] = system.match("product", "sku", ["SB-0008-S"])["SB-0008-S"]
        item = {"id": above.key.partition("/")[0], "type": "variable"}
        found = list(sources._below(system._at, paged, of.actions["below"], item))
    assert len({one.key for one in found}) == len(found) == 2


def test_one_document_below_a_row_has_no_second_page(running):
    """What `item` names is all of the reply, however short the pages of the list are."""
    of, action = SHOP.profile.entities["product"], SHOP.profile.entities["product"].actions["get"]
    paged = replace(of, walk=replace(of.walk, size=1))
    with closing(rest(running.url, SHOP.profile)) as system:
        [above] = system.match("product", "sku", ["SB-0001"])["SB-0001"]
        step = replace(action.steps[0], path=lambda names: f"/products/{names['item']['id']}")
        alone = replace(action, steps=(step,))
        found = list(sources._below(system._at, paged, alone, {"id": above.key}))
    assert [one.key for one in found] == [above.key]


def test_only_rows_that_have_some_are_asked(running):
    """One further call for the one product with variations."""
    with closing(rest(running.url, SHOP.profile)) as system:
        walked(system)
    asked = [call["op"] for call in running.journal() if call["op"].endswith("/variations")]
    assert len(asked) == 1


def test_a_page_whose_variations_cannot_be_read_is_no_page(running):
    """Its cursor would pass them by."""
    running.faults([{"fault": "unavailable", "ops": ["GET /products/"]}])
    with closing(rest(running.url, SHOP.profile)) as system, pytest.raises(Unavailable):
        list(system.pages("product", None, start=None, until=None))


def test_below_what_is_gone_by_now_stands_nothing(running):
    """The product was deleted between its list and the reading of its variations."""
    with closing(rest(running.url, SHOP.profile)) as system:
        of = SHOP.profile.entities["product"]
        gone = {"id": 9999, "type": "variable"}
        assert list(sources._below(system._at, of, of.actions["below"], gone)) == []


KIND = [("Content-Type", "application/json")]
AUTH = {"type": "oauth1", "user": "k", "password": "s"}
PARENT = b'[{"id": 7, "type": "variable", "date_modified_gmt": "2026-01-01T00:00:00"}]'


def below(rows, *, most=100, total=True, forgetful=False, leaving=()):
    """Keys of the variations that a shop gives, which takes *most* a page, and its calls.

    *leaving*: rows that are gone once the first page was given; *forgetful*: of the page asked for.
    """

    def answer(request):
        if "/variations" not in request.path:
            return 200, [*KIND, ("X-WP-Total", "1")], PARENT
        asked = {k: int(v) for k, v in parse_qsl(urlsplit(request.path).query) if v.isdigit()}
        page, size = 1 if forgetful else asked["page"], min(asked["per_page"], most)
        left = [n for n in range(rows) if asked["page"] == 1 or n not in leaving]
        found = [{"id": 100 + n} for n in left[(page - 1) * size : page * size]]
        said = [("X-WP-Total", str(len(left)))] if total else []
        return 200, [*KIND, *said], json.dumps(found).encode()

    with closing(Fake(answer)) as fake:
        conn = {"url": fake.url, "zone": "UTC"}
        with closing(system(SHOP.profile, fake.url, AUTH, conn=conn)) as shop:
            pages = shop.pages("product", None, start=None, until=None)
            keys = [one.key for page in pages for one in page.items]
    return keys, [one.path for one in fake.asked if "/variations" in one.path]


@pytest.mark.parametrize(("rows", "calls"), [(0, 1), (2, 1), (5, 3), (6, 3)])
def test_a_shop_that_gives_less_a_page_than_asked_for_loses_none(rows, calls):
    """Hosts cap `per_page`; the list says how long it is."""
    keys, asked = below(rows, most=2)
    assert [key for key in keys if key != "7"] == [str(100 + n) for n in range(rows)]
    assert len(asked) == calls


def test_a_list_that_says_no_length_ends_with_a_page_that_is_not_full():
    """As before: 100 rows ask for another page."""
    keys, asked = below(150, total=False)
    assert (len(keys), len(asked)) == (151, 2)


@pytest.mark.parametrize("total", [True, False])
def test_a_page_that_comes_twice_is_no_page(total):
    """A list that does not heed `page` is not asked ten thousand times."""
    with pytest.raises(Truncated, match="twice"):
        below(250, forgetful=True, total=total)


def test_a_row_that_leaves_while_the_rest_is_read_takes_none_with_it():
    """The first of the next page has moved into what was read: the page is read again later."""
    with pytest.raises(Truncated, match="changed"):
        below(150, leaving=(3,))


ORDER = b'{"id": 7, "number": "7", "total": 10.10, "refunds": [{"id": 9, "total": "-1.00"}]}'
BACK = b'[{"id": 9, "amount": "1.00", "line_items": [{"id": 1, "quantity": -1}]}]'


@pytest.mark.parametrize("wanted", [True, False])
def test_what_stands_below_may_stand_in_its_row(wanted):
    """In place of the short form, and the amounts as they were; else the bytes are the shop's."""
    with closing(Fake(lambda r: (200, KIND, BACK if "refunds" in r.path else ORDER))) as fake:
        conn = {"url": fake.url, "zone": "UTC", "refund_lines": wanted}
        with closing(system(SHOP.profile, fake.url, AUTH, conn=conn)) as shop:
            [read] = shop.read("order", ["7"])
            order = shop.decode("order", read.raw)
    assert len(fake.asked) == 1 + wanted
    assert (read.raw == ORDER) is not wanted
    assert str(order["total"]) == "10.10"
    assert ("amount" in order["refunds"][0]) is wanted
