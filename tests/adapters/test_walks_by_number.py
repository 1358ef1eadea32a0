"""Pages that cannot be read, and lists read by their numbers from the last page to the first."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import pytest
from changing import LAG, T0, Shop, keys, spread, walked

from adapters.walks import Ask, Batch, Unreadable, scan, watermark
from connector.errors import Truncated
from connector.profile import Walk
from connector.values import Broken, Item


def poisoned(shop, key):
    def fetch(ask):
        batch = shop(ask)
        if any(row.read.key == str(key) for row in batch.rows):
            empty = Batch(
                rows=(),
                asked=batch.asked,
                answered=batch.answered,
                began=batch.began,
                total=batch.total,
            )
            raise Unreadable("unsplittable", b"...", empty)
        return batch

    return fetch


def test_a_page_that_cannot_be_split_is_halved_down_to_the_one_broken_row():
    """The rest of the page is read; the broken row is told with its place."""
    pages = walked(poisoned(Shop(spread(60)), 13), size=20)
    broken = {item for page in pages for item in page.items if isinstance(item, Broken)}

    assert {b.code for b in broken} == {"unsplittable"}
    good = {i.key for page in pages for i in page.items if isinstance(i, Item)}
    assert good == set(map(str, range(60))) - {"13"}


def test_of_a_row_that_no_reply_came_of_the_others_of_its_page_tell_the_clock():
    """Too large to be received at all: it is told what was asked for, and the cursor stays safe."""
    shop = Shop(spread(60))

    def fetch(ask):
        batch = shop(ask)
        if any(row.read.key == "13" for row in batch.rows):
            raise Unreadable("too_large", b"", None)
        return batch

    pages = walked(fetch, size=20)
    [broken] = {item for page in pages for item in page.items if isinstance(item, Broken)}
    assert (broken.code, json.loads(broken.raw)["size"]) == ("too_large", 1)
    assert set(keys(pages)) >= set(map(str, range(60))) - {"13"}
    assert pages[-1].complete


@pytest.mark.parametrize("bad", [0, 19, 20, 59])
def test_a_row_is_cut_out_wherever_it_stands_and_the_number_of_rows_is_kept(bad):
    """First or last of its page, or of the list: the scan still knows how many pages there are."""
    shop = Shop(spread(60))
    pages = list(scan(Walk(size=20), poisoned(shop, bad), None))
    good = {i.key for page in pages for i in page.items if isinstance(i, Item)}
    assert good == set(map(str, range(60))) - {str(bad)}


def test_a_list_that_heeds_no_size_is_not_taken_for_smaller_pages():
    """Its second page is not the second half of the first: rows would be missed in silence."""
    fetch = poisoned(Shop(spread(60)), 13)
    with pytest.raises(Truncated, match="no smaller one"):
        list(scan(Walk(size=20), lambda ask: whole_pages(fetch, ask), None))


def whole_pages(fetch, ask):
    """However little is asked for, twenty rows; what cannot be read is the whole page."""
    if ask.size < 20:
        return Shop(spread(60))(replace(ask, size=20))
    return fetch(ask)


@pytest.mark.parametrize("totals", [True, False])
def test_a_scan_misses_nothing_when_rows_it_has_read_are_deleted(totals):
    """From the last page to the first, a deletion shifts no unread row past us."""
    shop = Shop(dict.fromkeys(range(95), T0), totals=totals)
    gone = []

    def delete(s):
        gone.append(max(s.rows))
        del s.rows[gone[-1]]

    shop.happens = delete
    read = keys(scan(Walk(size=10), shop, None))

    assert set(read) >= set(map(str, range(95))) - set(map(str, gone))


def hollow(shop, number):
    def fetch(ask):
        batch = shop(ask)
        return replace(batch, rows=()) if ask.page == number else batch

    return fetch


@pytest.mark.parametrize(("totals", "number"), [(True, 3), (False, 3), (False, 9)])
def test_a_scan_with_a_hole_is_not_complete(totals, number):
    """Taken for complete, the rows of the page would be deleted ones."""
    shop = Shop(spread(95), totals=totals)
    with pytest.raises(Truncated):
        list(scan(Walk(size=10), hollow(shop, number), None))


def test_a_scan_resumes_at_its_next_page_and_an_empty_one_completes():
    """The cursor is the page still to read."""
    shop = Shop(spread(25))
    pages = list(scan(Walk(size=10), shop, None))
    [empty] = scan(Walk(size=10), Shop({}), None)

    assert keys(scan(Walk(size=10), shop, pages[0].cursor)) == keys(pages[1:])
    assert [p.complete for p in pages] == [False, False, True]
    assert empty.complete


def test_a_list_that_ignores_page_numbers_is_truncated():
    """The same full page for every number would be counted for ever."""
    shop = Shop(spread(30), totals=False)
    with pytest.raises(Truncated):
        list(scan(Walk(size=10), lambda ask: shop(Ask(size=ask.size)), None))


def test_a_list_of_which_nothing_can_be_split_is_truncated():
    """It is the list that is broken, not a row: no page is asked for behind the first."""
    shop, asked = Shop(spread(30), totals=False), []

    def fetch(ask):
        asked.append((ask.page - 1) * ask.size)
        batch = shop(replace(ask, page=1))
        raise Unreadable("unsplittable", f"busy {len(asked)}".encode(), replace(batch, rows=()))

    for walk in (scan, partial(watermark, start=None, until=None, lag=LAG)):
        with pytest.raises(Truncated, match="no row of a page"):
            list(walk(Walk(size=10), fetch, None))
    assert max(asked) < 10


@pytest.mark.parametrize("size", [1, 10])
def test_a_list_without_end_is_truncated(size):
    """Rows for every page number, each new: a counter is not believed for ever."""
    shop, asked = Shop({}, totals=False), []

    def fetch(ask):
        asked.append(ask.page)
        if size == 1:
            raise Unreadable("unsplittable", f"busy {ask.page}".encode(), shop(ask))
        rows = tuple(shop.row(T0, f"{ask.page}.{n}") for n in range(size))
        return replace(shop(ask), rows=rows, total=None)

    with pytest.raises(Truncated):
        list(scan(Walk(size=size), fetch, None))
    assert len(asked) < 30
