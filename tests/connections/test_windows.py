"""Closed windows against a clock read minute by minute, over the nights in which it is changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from connector.spelled import Misspelled
from connector.windows import Hours, hours, open_since, window

BERLIN, LORD_HOWE = ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe")
MINUTE = timedelta(minutes=1)


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> datetime:
    """A wall clock's time, as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


def by_the_minute(text: str, zone: ZoneInfo, begin: datetime, days: int) -> list[Hours]:
    """What a person with an eye on the clock would say, minute by minute."""
    word, _, span = text.partition(" ")
    first, last = span.split("-")
    closed = []
    for n in range(days * 24 * 60):
        local = (begin + n * MINUTE).astimezone(zone)
        clock, today = f"{local:%H:%M}", f"{local:%a}".lower()
        yesterday = f"{local - timedelta(days=1):%a}".lower()
        if first < last:
            closed.append(word in ("daily", today) and first <= clock < last)
        else:
            late = word in ("daily", today) and clock >= first
            closed.append(late or (word in ("daily", yesterday) and clock < last))
    found, turn = [Hours(closed[-1], None)], None
    for n in range(len(closed) - 2, -1, -1):
        turn = n + 1 if closed[n] != closed[n + 1] else turn
        found.append(Hours(closed[n], None if turn is None else begin + turn * MINUTE))
    return found[::-1]


@pytest.mark.parametrize(
    ("zone", "night"),
    [(BERLIN, "2026-03-28T12:00"), (BERLIN, "2026-10-24T12:00"), (BERLIN, "2026-06-10T12:00"),
     (LORD_HOWE, "2026-04-04T12:00"), (LORD_HOWE, "2026-10-03T12:00")],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize(
    "text",
    ["daily 00:00-01:00", "daily 02:30-03:30", "daily 01:30-02:15", "daily 02:00-03:00",
     "daily 22:00-06:00", "sat 23:30-02:45", "sun 02:59-03:01"],
)  # fmt: skip
def test_windows_follow_the_wall_clock_through_summer_time(
    text: str, night: str, zone: ZoneInfo
) -> None:
    """At every 23rd minute of two days: closed or not, and until when, as the clock says."""
    begin = at(night, zone)
    said = by_the_minute(text, zone, begin, 3)
    for n in range(0, 2 * 24 * 60, 23):
        found = hours([window(text)], zone, begin + n * MINUTE + timedelta(seconds=30))
        expected = said[n]
        if expected.turns is None:  # it comes after what was looked at
            assert found.closed == expected.closed
        else:
            assert found == expected, begin + n * MINUTE


def test_the_hour_shown_twice_is_closed_twice_and_the_one_skipped_never() -> None:
    """A backup at two: on the short night it does not come, on the long one it is open for none."""
    backup = [window("daily 02:00-03:00")]
    long = at("2026-10-25T02:00")
    assert hours(backup, BERLIN, long) == Hours(True, long + timedelta(hours=2))
    short = at("2026-03-29T01:59")
    assert hours(backup, BERLIN, short) == Hours(False, at("2026-03-30T02:00"))


def test_weekdays_and_several_windows() -> None:
    """Days by list, range and over the week's end; windows that meet are one."""
    friday = at("2026-11-27T22:00")
    weekend = [window("fri-mon 22:00-24:00"), window("sat,sun 00:00-22:00")]
    assert hours(weekend, BERLIN, friday) == Hours(True, at("2026-11-30T00:00"))
    assert hours(weekend, BERLIN, at("2026-11-26T23:00")) == Hours(False, friday)
    assert hours([window("wed 10:00-11:00")], BERLIN, at("2026-11-25T11:00")) == Hours(
        False, at("2026-12-02T10:00")
    )


def test_without_windows_nothing_ever_closes() -> None:
    """And with nothing but windows nothing opens."""
    now = at("2026-11-28T06:00")
    assert hours([], BERLIN, now) == Hours(False, None)
    assert hours([window("daily 00:00-24:00")], BERLIN, now) == Hours(True, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [("00:00-01:00", "not a window"), ("daily 1:00-2:00", "not a window"),
     ("daily 25:00-26:00", "no clock"), ("daily 10:60-11:00", "no clock"),
     ("moon 10:00-11:00", "a day that is none"), ("mon-moon 10:00-11:00", "a day that is none"),
     ("daily 10:00-10:00", "without length"), ("daily 24:00-01:00", "without length"),
     ("daily 00:00-24:01", "no clock"), ("mon, 10:00-11:00", "a day that is none")],
)  # fmt: skip
def test_a_window_that_is_none_is_refused_with_its_cure(text: str, words: str) -> None:
    """Each mistake is named, and the cure shows how it is written."""
    with pytest.raises(Misspelled, match=words) as told:
        window(text)
    assert told.value.cure


@pytest.mark.parametrize(
    ("until", "lasts", "since"),
    [
        ("2026-12-02T00:30", 60, "2026-12-01T23:00"),
        ("2026-12-02T01:20", 60, "2026-12-01T23:20"),
        ("2026-12-02T02:30", 60, "2026-12-02T01:30"),
        ("2026-12-03T12:00", 24 * 60, "2026-12-02T11:00"),
        ("2026-12-03T00:30", 24 * 60, "2026-12-01T23:00"),  # what is added holds a night as well
    ],
)
def test_closed_hours_do_not_count(until: str, lasts: int, since: str) -> None:
    """Since when it has been open for so many minutes."""
    nightly, now = [window("daily 00:00-01:00")], at(until)
    assert open_since(nightly, BERLIN, lasts * MINUTE, now) == at(since)
    assert open_since([], BERLIN, lasts * MINUTE, now) == now - lasts * MINUTE
