"""Lists asked by time: since when, in which form and zone, and in spans that a reply can hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from lists import ALL, DAY, NOW, ROWS, by_key, clocked, keys, rows_of, said, walked

from connector import errors
from connector.errors import Truncated


def test_the_next_walk_asks_from_the_sources_clock_less_the_lag(listing):
    """P1 and P3: subtracted once, and by the clock of the walk's begin."""
    lag = timedelta(minutes=5)
    source, fake = listing(
        "type: bookmark, from: = item.Key, form: '%Y-%m-%dT%H:%M:%SZ', bound: inclusive",
        by_key,
        lag=lag,
    )
    first = walked(source, start=NOW - DAY)
    walked(source, first[-1].cursor)
    asked = [said(one)[1]["Since"] for one in fake.asked]

    took = json.loads(first[-1].cursor)["safe"]
    assert NOW - lag - timedelta(seconds=5) <= datetime.fromisoformat(took) <= NOW - lag
    assert asked[0] == "2026-11-09T12:00:00Z"
    assert asked[-1] in ("2026-11-10T11:55:00Z", "2026-11-10T11:54:59Z")


def test_a_walk_that_breaks_off_moves_no_cursor(listing):
    """Its places are the source's own: it is begun again from where it was safe."""
    calls = iter([rows_of(ROWS[:3]), (500, [], b""), *[rows_of([])] * 2])
    source, fake = listing("type: bookmark, from: = item.Key", lambda _: next(calls))
    broken = source.pages("order", None, start=NOW - DAY, until=None)
    first = next(broken)
    with pytest.raises(errors.Unavailable):
        next(broken)
    walked(source, first.cursor)

    since = [said(one)[1]["Since"] for one in fake.asked]
    assert keys([first]) == ALL[:3]
    assert since[0] == since[2]
    assert said(fake.asked[2])[1].get("After") is None


@pytest.mark.parametrize(
    ("bound", "low", "asked"),
    [
        # the ERP's day of Berlin, and one that gives only the days after the one it is given
        ("inclusive", datetime(2026, 11, 9, 23, 30, tzinfo=UTC), "10.11.2026"),
        ("exclusive", datetime(2026, 11, 9, 23, 30, tzinfo=UTC), "09.11.2026"),
        # 25 October has 25 hours there: a day less is still the day before
        ("exclusive", datetime(2026, 10, 25, 22, 30, tzinfo=UTC), "24.10.2026"),
        ("inclusive", datetime(2026, 10, 25, 22, 30, tzinfo=UTC), "25.10.2026"),
        ("exclusive", datetime(2026, 3, 29, 21, 30, tzinfo=UTC), "28.03.2026"),
    ],
)
def test_a_list_that_knows_days_is_asked_for_the_day_of_its_zone(listing, bound, low, asked):
    """Half a day earlier costs rows read twice; a day later would cost orders."""
    walk = f"type: bookmark, from: = item.Key, resolution: 1d, bound: {bound}, form: '%d.%m.%Y'"
    source, fake = listing(walk, lambda _: rows_of([]), times="connection")
    walked(source, json.dumps({"safe": low.isoformat()}))

    assert said(fake.asked[0])[1]["Since"] == asked


def test_an_hour_that_the_clock_shows_twice_is_asked_from_before_it(listing):
    """02:30 of that night may be either; the one that costs no order is asked."""
    walk = "type: bookmark, from: = item.Key, form: '%H:%M', bound: inclusive"
    source, fake = listing(walk, lambda _: rows_of([]), times="connection")
    for hour in (0, 1):
        low = datetime(2026, 10, 25, hour, 30, tzinfo=UTC)
        walked(source, json.dumps({"safe": low.isoformat()}))

    assert [said(one)[1]["Since"] for one in fake.asked] == ["01:30", "02:30"]


FORM = "form: '%Y-%m-%dT%H:%M:%S%z'"


def spans(rows, most):
    """A list that gives what lies in [since, until), cut silently after *most* rows."""

    def answer(request):
        _, asked = said(request)
        since, until = asked.get("Since"), asked.get("Until")
        low = datetime.fromisoformat(since) if since else datetime.min.replace(tzinfo=UTC)
        high = datetime.fromisoformat(until) if until else datetime.max.replace(tzinfo=UTC)
        found = [(no, at) for no, at in rows if low <= at < high]
        return rows_of(found[:most])

    return answer


@pytest.mark.parametrize("longest", ["", ", window: 5h"])
def test_a_list_without_pages_is_read_in_spans_that_it_can_hold(listing, longest):
    """A full reply may have been cut: it is asked again for half the time."""
    rows = [*ROWS, ("O2038", datetime(2038, 1, 1, tzinfo=UTC))]
    source, fake = listing(
        f'type: window, size: "3", bound: inclusive, {FORM}{longest}', spans(rows, 3)
    )
    pages = walked(source, start=NOW - 3 * DAY)

    assert set(keys(pages)) == {no for no, _ in rows}
    assert [page.complete for page in pages] == [False] * (len(pages) - 1) + [True]
    assert json.loads(pages[-1].cursor)["safe"] <= NOW.isoformat()
    assert len(fake.asked) < 60


def test_a_walk_in_spans_goes_on_where_it_was_broken_off(listing):
    """Each span's cursor lies behind its own rows."""
    source, _ = listing(f'type: window, size: "3", bound: inclusive, {FORM}', spans(ROWS, 3))
    first = next(p for p in source.pages("order", None, start=NOW - 3 * DAY, until=None) if p.items)
    rest = walked(source, first.cursor)

    assert set(keys([first]) + keys(rest)) == set(ALL)
    assert not set(keys(rest)) >= set(ALL)


def test_a_second_with_more_rows_than_a_reply_takes_is_truncated(listing):
    """What cannot be read whole is not taken for whole."""
    rows = [(f"O{n}", NOW - DAY) for n in range(9)]
    source, _ = listing(f'type: window, size: "3", bound: inclusive, {FORM}', spans(rows, 3))

    with pytest.raises(Truncated, match="more rows than a reply takes"):
        walked(source, start=NOW - 2 * DAY)


def test_what_changes_while_a_long_walk_runs_is_asked_for_again(listing):
    """The next walk begins at the clock of this one's first page, not of its last."""
    pages = iter(range(10**6))

    def answer(request):
        return clocked(by_key(request), NOW + next(pages) * timedelta(minutes=10))

    source, _ = listing('type: bookmark, from: = item.Key, size: "3"', answer)
    last = walked(source)[-1]

    assert datetime.fromisoformat(json.loads(last.cursor)["safe"]) <= NOW


@pytest.mark.parametrize("longest", ["", ", window: 30d"])
def test_a_walk_in_spans_never_passes_the_sources_clock_less_the_lag(listing, longest):
    """Not with spans that end after now, nor with ones that end within the lag."""
    lag = timedelta(minutes=5)
    rows = [*ROWS, *[(f"L{n}", NOW - timedelta(minutes=4 - n)) for n in range(4)]]
    walk = f'type: window, size: "3", bound: inclusive, {FORM}{longest}'
    source, _ = listing(walk, spans(rows, 3), lag=lag)
    pages = walked(source, start=NOW - DAY)

    safes = [datetime.fromisoformat(json.loads(page.cursor)["safe"]) for page in pages]
    assert set(keys(pages)) >= {no for no, at in rows if at >= NOW - DAY}
    assert max(safes) <= NOW - lag


def test_a_span_that_ended_within_the_lag_holds_the_cursor_back(listing):
    """A row may still appear in it, though the walk goes on and the clock with it."""
    lag, first = timedelta(minutes=30), []
    rows = [(f"L{n}", NOW - timedelta(minutes=9 - n)) for n in range(9)]
    calls = iter(range(10**6))
    answer = spans(rows, 3)

    def moving(request):
        now, until = NOW + next(calls) * timedelta(minutes=2), said(request)[1].get("Until")
        reply = answer(request)
        young = until is None or datetime.fromisoformat(until) > now - lag
        if young and reply[2].count(b"<t:Row>") < 3:
            first.append(now)
        return clocked(reply, now)

    walk = f'type: window, size: "3", bound: inclusive, {FORM}'
    source, _ = listing(walk, moving, lag=lag)
    pages = walked(source, start=NOW - timedelta(hours=1))

    assert set(keys(pages)) == {no for no, _ in rows}
    assert datetime.fromisoformat(json.loads(pages[-1].cursor)["safe"]) <= first[0] - lag
