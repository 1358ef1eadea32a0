"""What a connection's calls make of how it stands; pure, by a clock on paper."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector import standing
from connector.standing import Noted, stands
from connector.windows import Hours

NOW = datetime(2026, 11, 28, 1, 12, tzinfo=UTC)
OPEN = Hours(False, None)


def after(seconds: float) -> datetime:
    """So long after the beginning."""
    return NOW + timedelta(seconds=seconds)


def failing(times: int, *, refused: bool = False) -> Noted:
    """A connection that failed so often in a row, a second apart."""
    noted = Noted()
    for n in range(times):
        noted = standing.failed(noted, after(n), why="unreachable", refused=refused)
    return noted


def state(noted: Noted, now: datetime) -> str:
    """In one word."""
    return stands(noted, OPEN, now).state


def test_three_calls_in_a_row_that_find_nobody_open_the_breaker() -> None:
    """Two may be chance, an answer in between begins the count anew."""
    assert state(failing(2), after(2)) == "open"
    away = stands(failing(3), OPEN, after(2))
    assert (away.state, away.since, away.why) == ("away", NOW, "unreachable")
    again = standing.answered(failing(2), NOW, wrote=False)
    assert again == Noted()
    assert state(standing.failed(again, NOW, why="x", refused=False), NOW) == "open"


def test_one_refusal_of_credentials_is_enough() -> None:
    """A wrong password is not tried twice by every order: the account would be locked."""
    assert state(failing(1, refused=True), NOW) == "refused"


def waits(noted: Noted, probes: int) -> list[int]:
    """Seconds between probes that all fail, each made when it is due."""
    found, now = [], after(10)
    for _ in range(probes):
        due = noted.probe_at
        assert due is not None
        found.append(int((due - now).total_seconds()))
        assert standing.probing(noted, due - timedelta(microseconds=1)) == noted  # not before
        now, before = due, noted
        noted = standing.probing(noted, now)
        assert noted != before
        assert standing.probing(noted, now) == noted  # one of those who ask makes it
        noted = standing.failed(noted, now, why="unreachable", refused=noted.refused)
    return found[1:]


def test_probes_come_rarer_and_never_stop() -> None:
    """A night costs some seventy reads; after refused credentials only a few an hour."""
    assert waits(failing(3), 9) == [10, 20, 40, 80, 160, 300, 300, 300]
    assert waits(failing(1, refused=True), 6) == [300, 1800, 3600, 3600, 3600]


def comes_back(noted: Noted, *, wrote: bool = False) -> tuple[Noted, datetime]:
    """The probe that is due is made and answered."""
    assert noted.probe_at is not None
    now = noted.probe_at
    return standing.answered(standing.probing(noted, now), now, wrote=wrote), now


def test_one_that_answers_reads_and_takes_no_write_is_asked_ever_more_rarely() -> None:
    """A probe is a read: were the ladder begun anew by it, a window of calls failed every 5 s."""
    noted, now, found = failing(3), after(2), []
    for _ in range(5):
        assert noted.probe_at is not None
        found.append(int((noted.probe_at - now).total_seconds()))
        noted, now = comes_back(noted)
        assert state(noted, now) == "open"
        for _ in range(3):
            noted = standing.failed(noted, now, why="http_503", refused=False)
    assert found == [5, 10, 20, 40, 80]


def test_one_refusal_after_an_outage_costs_a_second_not_an_hour() -> None:
    """One call may lack a right of its own; that it was away for long is no reason to wait."""
    noted = failing(3)
    for _ in range(6):
        assert noted.probe_at is not None
        now = noted.probe_at
        noted = standing.failed(standing.probing(noted, now), now, why="x", refused=False)
    found = []
    for _ in range(4):  # reads are answered, each write is refused
        noted, now = comes_back(noted)
        noted = standing.failed(noted, now, why="http_403", refused=True)
        assert noted.probe_at is not None
        found.append(int((noted.probe_at - now).total_seconds()))
    assert found == [1, 300, 1800, 3600]


def test_a_write_that_is_answered_or_some_quiet_minutes_begin_the_ladder_anew() -> None:
    """An outage a day later has nothing to do with that of today."""
    for wrote, later in ((True, 1), (False, 301)):
        noted, now = comes_back(failing(3), wrote=wrote)
        now += timedelta(seconds=later)
        for _ in range(3):
            noted = standing.failed(noted, now, why="unreachable", refused=False)
        assert noted.probe_at == now + timedelta(seconds=5)


def test_calls_that_end_late_do_not_put_the_probe_off() -> None:
    """Of many calls on the wire at once the later failures change nothing."""
    assert failing(9).probe_at == failing(3).probe_at


def test_what_it_tells_us_to_wait_is_waited_but_not_for_a_day() -> None:
    """Retry-After holds for the whole connection, is no failure, and a slip of it costs an hour."""
    told = standing.told(Noted(), after(90), NOW, "http_429")
    assert stands(told, OPEN, after(89)).until == after(90)
    assert state(told, after(90)) == "open"
    assert told.failures == 0
    assert standing.told(told, after(30), NOW, "http_429") == told  # the longer one holds
    long = standing.told(Noted(), after(86_400), NOW, "http_503")
    assert stands(long, OPEN, NOW).until == after(3600)


def test_what_a_clock_noted_that_was_ahead_is_tried_as_soon_as_it_is_right() -> None:
    """An hour ahead for a moment, OAuth's timestamps are refused: that costs no hour afterwards."""
    for refused in (False, True):
        noted = failing(3, refused=refused)
        back = NOW - timedelta(hours=1)
        assert stands(noted, OPEN, back).until == back
        tried = standing.probing(noted, back)
        assert tried != noted
        assert tried.probe_at is not None
        assert tried.probe_at > back
        assert standing.probing(tried, back) == tried
    told = standing.told(Noted(), after(90), NOW, "http_503")
    assert state(told, NOW - timedelta(hours=1)) == "open"
    assert state(told, NOW - timedelta(seconds=9)) == "told"


def test_a_person_comes_first_then_the_week_then_the_breaker() -> None:
    """A pause outlasts the window in it, and neither is forgotten when the other ends."""
    closed = Hours(True, after(60))
    noted = standing.paused(failing(3), NOW, until=after(600), by="ada", why="moving")
    assert stands(noted, closed, NOW).state == "paused"
    assert stands(noted, closed, after(600)).state == "closed"
    assert stands(noted, OPEN, after(600)).state == "away"
    assert stands(standing.paused(Noted(), NOW, until=None, by="ada", why=""), OPEN,
                  after(10**7)).until is None  # fmt: skip


def test_who_resumes_lets_it_be_tried_at_once() -> None:
    """Neither the pause, the wait told nor the next probe's time is waited for."""
    noted = standing.paused(failing(3), NOW, until=None, by="ada", why="")
    noted = standing.told(noted, after(3000), NOW, "http_429")
    on = standing.resumed(noted, after(9))
    assert standing.probing(on, after(9)) != on
    assert stands(standing.answered(on, after(9), wrote=False), OPEN, after(9)).is_open


def test_credentials_that_may_have_changed_are_tried_at_once() -> None:
    """Who mends the password and starts again does not wait an hour; nor is it tried in a loop."""
    noted = failing(1, refused=True)
    for seconds in (1, 301, 2101):
        noted = standing.probing(noted, after(seconds))
    assert standing.renewed(noted, after(2000), after(3000)) == noted  # changed before the last try
    now = standing.renewed(noted, after(2500), after(3000))
    assert now.probe_at == after(3000)
    tried = standing.probing(now, after(3000))
    assert standing.renewed(tried, after(2500), after(3001)) == tried
    away = failing(3)
    assert standing.renewed(away, after(60), after(61)) == away


def test_every_standing_is_told_in_words() -> None:
    """What goes on, and what comes next."""
    told = {}
    for noted, reach in (
        (Noted(), OPEN),
        (Noted(), Hours(True, after(60))),
        (failing(3), OPEN),
        (failing(1, refused=True), OPEN),
        (standing.told(Noted(), after(90), NOW, "http_429"), OPEN),
        (standing.paused(Noted(), NOW, until=None, by="ada", why="moving"), OPEN),
    ):
        at = stands(noted, reach, NOW)
        told[at.state] = standing.said(at, lambda t: f"{t:%H:%M:%S}")
    assert told == {
        "open": ("open", ""),
        "closed": ("closed", "until 01:13:00"),
        "away": ("unreachable since 01:12:00 (unreachable)", "next probe 01:12:07"),
        "refused": ("refuses our credentials since 01:12:00 (unreachable)", "next probe 01:12:01"),
        "told": ("told us to wait (http_429)", "goes on 01:13:30"),
        "paused": ("paused since 01:12:00 by ada (moving)", "until `connector resume`"),
    }
