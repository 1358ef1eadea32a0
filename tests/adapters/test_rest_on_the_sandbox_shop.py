"""The rest adapter reads a shop that pages, dates and signs like WooCommerce, over real HTTP."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from profiles_by_hand import rest, shop_profile

from connector import errors
from connector.profile import Walk
from connector.sandbox.edit import change_order
from connector.sandbox.seed import seed_shop
from connector.sandbox.shop import start_shop
from connector.values import Change, Done, Gone, InDoubt, Tombstone, Unavailable


@pytest.fixture
def data(tmp_path):
    born = datetime.now(UTC) - timedelta(hours=2)
    seed_shop(tmp_path / "shop.db", seed=1, orders=40, customers=10, products=10, born_after=born)
    return tmp_path / "shop.db"


@pytest.fixture
def shop(data):
    with start_shop(data) as running:
        yield running


@pytest.fixture
def source(shop):
    system = rest(shop.url)
    yield system
    system.close()


def everything(source, cursor=None):
    return [i for p in source.pages("order", cursor, start=None, until=None) for i in p.items]


def change(payload, key):
    before = datetime.now(UTC) + timedelta(minutes=5)
    return Change(
        id=1, action="update", reference="r", payload=payload, key=key, send_before=before
    )


@pytest.mark.parametrize("hash_name", ["sha1", "sha256"])
def test_every_order_is_read_once_over_oauth(shop, hash_name):
    """Signed requests with queries are accepted, and the walk gives each row."""
    auth = {"type": "oauth1", "user": "ck_sandbox", "password": "cs_sandbox", "hash": hash_name}
    source = rest(shop.url, auth=auth)
    keys = [item.key for item in everything(source)]
    source.close()

    assert len(keys) == len(set(keys)) == 40


def test_wrong_credentials_raise_unauthorized(shop):
    """A read with a bad secret is not an empty shop."""
    auth = {"type": "oauth1", "user": "ck_sandbox", "password": "wrong"}
    stranger = rest(shop.url, auth=auth)
    with pytest.raises(errors.Unauthorized):
        everything(stranger)
    stranger.close()


def test_a_slice_decodes_with_exact_numbers(source):
    """No float touches money, and the slice is what the shop sent."""
    item = everything(source)[0]
    payload = source.decode("order", item.raw)

    assert payload["id"] == int(item.key)
    assert isinstance(payload["line_items"][0]["price"], Decimal)
    assert payload["date_modified_gmt"] == item.version


def test_an_order_touched_while_paging_is_not_missed(shop, data, source):
    """Rows that move behind the walk come again; the others are not skipped."""
    before = {item.key for item in everything(source)}
    read = []
    for number, page in enumerate(source.pages("order", None, start=None, until=None)):
        read += page.items
        if number < 2:
            for item in page.items[:3]:
                change_order(data, int(item.key), customer_note=f"moved {number}")

    assert {item.key for item in read} == before


def test_any_pages_cursor_resumes_without_losing_a_row(source):
    """After a crash the next walk gives everything behind the page that was kept."""
    pages = list(source.pages("order", None, start=None, until=None))
    for place, page in enumerate(pages):
        behind = {item.key for later in pages[place + 1 :] for item in later.items}
        assert {item.key for item in everything(source, page.cursor)} >= behind


def test_a_missing_and_a_trashed_order_are_tombstones(source):
    """read answers each key as it stands now."""
    key = everything(source)[0].key
    [outcome] = source.send("order", [replace(change({}, key), action="trash")])
    found = list(source.read("order", [key, "999999"]))

    assert isinstance(outcome, Done)
    assert found == [Tombstone(key=key), Tombstone(key="999999")]


def test_a_page_with_text_before_the_list_is_truncated(shop, source):
    """A page that cannot be trusted moves no cursor."""
    shop.faults([{"fault": "text_before", "ops": ["GET /orders"]}])
    with pytest.raises(errors.Truncated):
        everything(source)


def test_a_shop_that_is_down_raises_unavailable_with_its_own_wait(shop, source):
    """Retry-After is handed on."""
    shop.faults([{"fault": "unavailable", "retry_after": 7}])
    with pytest.raises(errors.Unavailable) as told:
        everything(source)

    assert told.value.wait == timedelta(seconds=7)


def test_an_update_is_done_with_the_shops_own_total(source):
    """The target side is generic: actions alone describe it."""
    key = everything(source)[0].key
    [done] = source.send("order", [change({"customer_note": "x"}, key)])

    assert done.key == key
    [item] = source.read("order", [key])
    assert done.total == Decimal(source.decode("order", item.raw)["total"])


def test_an_update_of_a_missing_order_is_gone(source):
    """A rule of the profile says so."""
    assert source.send("order", [change({"customer_note": "x"}, "999999")]) == [Gone()]


@pytest.mark.parametrize(
    ("fault", "outcome"), [("commit_then_cut", InDoubt), ("unavailable", InDoubt)]
)
def test_a_fault_while_writing_has_its_outcome(shop, source, fault, outcome):
    """503 is sure only where the profile says so; this one does not."""
    key = everything(source)[0].key
    shop.faults([{"fault": fault, "ops": ["PUT"]}])

    assert isinstance(source.send("order", [change({"customer_note": "x"}, key)])[0], outcome)


def test_a_refused_connection_while_writing_was_surely_not_executed(shop, source):
    """Nothing listens: ask again later."""
    shop.close()

    [outcome] = source.send("order", [change({"customer_note": "x"}, "1")])
    assert isinstance(outcome, Unavailable)


def test_a_shop_whose_clock_is_ahead_moves_the_safe_position_by_its_own_clock(shop):
    """P3: the source's clock counts, not ours."""
    shop.clock(600)
    source = rest(shop.url, shop_profile(Walk(type="watermark", size=100)))
    [*_, last] = source.pages("order", None, start=None, until=None)
    safe = datetime.fromisoformat(json.loads(last.cursor)["safe"])
    source.close()

    assert timedelta(seconds=590) < safe - datetime.now(UTC) < timedelta(seconds=601)
