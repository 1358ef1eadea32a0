"""A list that changes while it is read gives up every row: simulations of the walks."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from changing import LAG, SECOND, T0, Shop, keys, safe, spread, walked

from adapters.walks import Ask, Batch, watermark
from connector import points
from connector.errors import Truncated
from connector.profile import Walk
from connector.testing.rig import Killed


@pytest.mark.parametrize("totals", [True, False])
@pytest.mark.parametrize("inclusive", [True, False])
def test_forty_rows_touched_while_paging_are_none_missed(totals, inclusive):
    """Rows that move behind us or ahead of us are read all the same."""
    shop = Shop(spread(1000), totals=totals, inclusive=inclusive)
    shop.happens = lambda s: s.touch(*range(len(s.asks) * 4, len(s.asks) * 4 + 4))
    pages = walked(shop, inclusive=inclusive)

    assert set(keys(pages)) >= {str(n) for n in range(1000)}
    assert len(shop.asks) < 20


@pytest.mark.parametrize("totals", [True, False])
def test_2500_rows_of_one_second_with_20_touched_per_page_are_none_missed(totals):
    """A second with more rows than a page is read from its last page to its first."""
    shop = Shop(dict.fromkeys(range(2500), T0) | {9999: T0 + SECOND}, totals=totals)
    shop.happens = lambda s: s.touch(*range(len(s.asks) * 20, len(s.asks) * 20 + 20))

    assert set(keys(walked(shop))) >= {str(n) for n in range(2500)} | {"9999"}


def test_dying_within_a_long_second_misses_nothing(monkeypatch):
    """The cursor that was kept last leads back to all that was not read."""
    shop = Shop(dict.fromkeys(range(500), T0) | {9999: T0 + SECOND})
    left = [3]

    def die(point):
        left[0] -= point == "second.mid_backward"
        if not left[0]:
            raise Killed(point)

    monkeypatch.setattr(points, "on_reach", die)
    pages, walk = [], Walk(type="watermark", size=100)
    with pytest.raises(Killed):
        pages.extend(watermark(walk, shop, None, start=None, until=None, lag=LAG))
    monkeypatch.undo()
    assert 100 < len(keys(pages)) < 500
    again = walked(shop, pages[-1].cursor)
    assert set(keys(pages)) | set(keys(again)) == {str(n) for n in range(500)} | {"9999"}


def test_a_full_second_that_is_still_open_waits_and_is_read_later():
    """A second that rows may still enter is not paged through; the cursor stays before it."""
    shop = Shop(dict.fromkeys(range(250), T0), now=T0 + 2 * SECOND)
    first = walked(shop)
    shop.now = T0 + timedelta(minutes=5)

    assert first[-1].complete
    assert len(keys(first)) == 100
    assert safe(first[-1]) <= T0
    assert set(keys(walked(shop, first[-1].cursor))) == {str(n) for n in range(250)}


def test_an_order_dated_2038_is_read_and_moves_no_cursor():
    """The safe position never passes the source's clock less the lag."""
    shop = Shop(spread(5) | {2038: datetime(2038, 1, 1, tzinfo=UTC)})
    [page] = walked(shop, until=shop.now - LAG)
    shop.rows[77] = shop.now
    shop.now += timedelta(minutes=5)

    assert "2038" in keys([page])
    assert safe(page) <= shop.now - LAG
    assert "77" in keys(walked(shop, page.cursor))


def test_many_orders_dated_2038_do_not_stop_the_walk():
    """Even a second ahead of the clock that fills pages is read, and only once a walk."""
    shop = Shop(spread(5) | dict.fromkeys(range(100, 400), datetime(2038, 1, 1, tzinfo=UTC)))
    pages = walked(shop)

    assert set(keys(pages)) == {str(n) for n in [*range(5), *range(100, 400)]}
    assert safe(pages[-1]) <= shop.now - LAG


def test_the_same_second_changed_twice_is_given_twice():
    """Two changes share time and id; only an identical row is a duplicate."""
    shop = Shop(spread(3))
    shop.happens = lambda s: s.touch(2, at=T0 + 2 * SECOND) if len(s.asks) == 1 else None
    [item] = [i for i in walked(shop, size=3)[0].items if i.key == "2"]
    again = [i for p in walked(shop, size=3) for i in p.items if i.key == "2"]

    assert [i.version for i in again] == [item.version]
    assert again[0].raw != item.raw


def test_a_change_to_the_same_second_within_one_walk_is_given_again():
    """P4: the duplicate test of the walk is the hash alone."""
    shop = Shop(spread(5))
    shop.happens = lambda s: s.touch(1, at=T0 + SECOND) if len(s.asks) == 1 else None

    assert keys(walked(shop, size=2)).count("1") == 2


def test_an_unchanged_row_at_the_seam_is_given_once():
    """The resolution that each page steps back gives no duplicates."""
    assert sorted(keys(walked(Shop(spread(50)), size=7))) == sorted(map(str, range(50)))


def test_the_lag_is_subtracted_once():
    """P1: subtracting it at every page the walk would stand still."""
    shop = Shop({n: T0 + n * timedelta(seconds=0.1) // SECOND * SECOND for n in range(300)})
    pages = walked(shop, json.dumps({"walk": None, "safe": T0.isoformat()}), size=20)

    assert shop.asks[0].since == T0 - LAG - SECOND
    assert min(map(safe, pages)) >= T0
    assert all(ask.since >= T0 - SECOND for ask in shop.asks[1:])
    assert len(set(keys(pages))) == 300


@pytest.mark.parametrize("crash", range(1, 12))
def test_after_a_crash_the_walk_goes_on_where_it_stood_and_misses_nothing(crash):
    """Every page's cursor resumes behind its own rows, also in the middle of a long second."""
    rows = spread(100) | dict.fromkeys(range(200, 500), T0 + 50 * SECOND)
    shop = Shop(rows)
    shop.happens = lambda s: s.touch(len(s.asks), 200 + len(s.asks))
    walk = Walk(type="watermark", size=30)
    first = []
    for page in watermark(walk, shop, None, start=None, until=None, lag=LAG):
        first.append(page)
        if len(first) == crash:
            break
    rest = walked(shop, first[-1].cursor, size=30)

    assert first[-1].complete or json.loads(first[-1].cursor)["walk"] is not None
    assert set(keys(first) + keys(rest)) >= set(map(str, rows))


def test_a_row_that_appears_late_behind_the_walk_is_read_by_the_next():
    """A commit that became visible within the lag is not lost behind a finished walk."""
    shop = Shop(spread(10), now=T0 + 20 * SECOND)
    shop.happens = lambda s: s.rows.update({99: T0 + 5 * SECOND}) if len(s.asks) == 3 else None
    pages = walked(shop, size=4)
    shop.now += timedelta(minutes=10)
    later = walked(shop, pages[-1].cursor, size=4)

    assert "99" in keys(pages + later)


def test_rows_younger_than_until_wait_for_the_next_walk():
    """What may still change is not given yet, and not lost either."""
    shop = Shop(spread(10), now=T0 + 8 * SECOND)
    pages = walked(shop, until=T0 + 5 * SECOND)
    shop.now += timedelta(minutes=5)

    assert keys(pages) == [str(n) for n in range(6)]
    assert {"6", "7", "8", "9"} <= set(keys(walked(shop, pages[-1].cursor)))


def test_a_walk_that_ends_in_the_past_does_not_read_on_to_today():
    """A range of last year costs no pages of this year."""
    shop = Shop(spread(5000), now=T0 + timedelta(days=300))
    pages = walked(shop, until=T0 + 150 * SECOND)

    assert set(keys(pages)) == {str(n) for n in range(151)}
    assert len(shop.asks) <= 4


def test_an_idle_list_moves_the_safe_position_on():
    """An empty page proves that nothing lies before the source's clock less the lag."""
    shop = Shop({})
    [page] = walked(shop, json.dumps({"walk": None, "safe": T0.isoformat()}))

    assert safe(page) == shop.now - LAG
    assert page.complete


def test_a_short_page_without_total_proves_nothing():
    """A list that caps its pages silently must not be taken for finished."""
    shop = Shop(spread(10), totals=False)
    [page] = walked(shop)

    assert safe(page) == T0 + 9 * SECOND


def test_a_list_that_ignores_its_bound_is_truncated():
    """Unknown parameters are silently ignored by some; we must not loop for ever."""
    shop = Shop(spread(300))
    with pytest.raises(Truncated):
        list(
            watermark(
                Walk(type="watermark"),
                lambda ask: shop(Ask(size=ask.size)),
                None,
                start=T0 + 200 * SECOND,
                until=None,
                lag=LAG,
            )
        )


def test_a_list_in_another_order_is_truncated():
    """Newest first would move the cursor past everything unread."""
    shop = Shop(spread(300))

    def backwards(ask):
        batch = shop(ask)
        return Batch(
            rows=batch.rows[::-1],
            asked=batch.asked,
            answered=batch.answered,
            began=batch.began,
            total=batch.total,
        )

    with pytest.raises(Truncated):
        walked(backwards)


def test_a_row_touched_while_its_page_is_made_moves_no_position():
    """It shows its new time at its old place; taken for the position, the rest would be skipped."""
    shop = Shop(spread(300), now=T0 + timedelta(hours=1, milliseconds=900))

    def racing(ask):
        batch = shop(ask)
        rows = list(batch.rows)
        if len(shop.asks) == 1:
            rows[-1] = shop.row(batch.answered.replace(microsecond=0), 99)
        return Batch(
            rows=tuple(rows),
            asked=batch.asked,
            answered=batch.answered,
            began=batch.began,
            total=batch.total,
        )

    assert set(keys(walked(racing))) >= set(map(str, range(300)))


def test_orphans_in_the_total_do_not_stop_a_walk():
    """A shop counts rows that it then does not show."""
    shop = Shop(spread(250))

    def counting(ask):
        batch = shop(ask)
        return Batch(
            rows=tuple(r for r in batch.rows if r.read.key not in ("42", "249")),
            asked=batch.asked,
            answered=batch.answered,
            began=batch.began,
            total=batch.total,
        )

    pages = walked(counting)
    assert set(keys(pages)) == set(map(str, range(250))) - {"42", "249"}
    assert len(shop.asks) < 20
