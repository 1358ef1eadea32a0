"""Freshness: what counts as confirmed in time, and who is told when it is not."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from company import Company
from test_vitals import number

from connector.cli import run
from connector.config import load_config
from connector.configured import Fresh
from connector.daemon import Daemon
from connector.errors import ConnectorError
from connector.freshness import bound_of, freshness
from connector.problems import Problems
from connector.spelled import fresh as spelled_fresh
from connector.turns import Turns
from connector.vitals import Counts, Vitals

BERLIN = ZoneInfo("Europe/Berlin")
HALF = timedelta(minutes=30)


@pytest.fixture
def watched(company: Company) -> Company:
    """A company whose orders must be confirmed every half hour."""
    company.config(fresh={"orders": "30m"})
    return company


def verdict(company: Company, since: datetime | None = None) -> str:
    """How the orders flow is judged."""
    app = company.app
    now = company.clock.now()
    return freshness(app.config, app.ledger, now, watching_since=since)["orders"].verdict


def test_a_shop_without_orders_is_fresh_as_long_as_it_is_read(watched: Company) -> None:
    """Zero is not silence: what was read to its end and brought nothing was confirmed."""
    assert verdict(watched) == "stale"
    for _ in range(3):
        watched.sync()
        watched.pass_(20 * 60)
        assert verdict(watched) == "fresh"
    watched.pass_(20 * 60)
    assert verdict(watched) == "stale"


@pytest.mark.parametrize("fault", ["unavailable", "text_before"])
def test_a_reading_that_does_not_come_to_its_end_confirms_nothing(
    watched: Company, fault: str
) -> None:
    """The shop is away, or its pages are cut: stale when the time is over."""
    watched.sync()
    watched.shop.faults([{"fault": fault, "ops": ["GET /orders"]}])
    watched.pass_(31 * 60)
    with suppress(ConnectorError):
        watched.sync()
    assert verdict(watched) == "stale"


def test_an_order_that_does_not_arrive_makes_its_flow_stale(watched: Company) -> None:
    """The shop is read again and again, and the ERP takes no order: nothing is confirmed."""
    watched.order()
    watched.erp.faults([{"fault": "unavailable", "ops": ["CreateSalesOrder"]}])
    watched.sync()
    watched.pass_(20 * 60)
    watched.sync()
    assert verdict(watched) == "fresh"
    watched.pass_(15 * 60)
    watched.sync()
    assert verdict(watched) == "stale"


def test_what_is_held_waits_for_a_person_and_is_told_apart(watched: Company) -> None:
    """A held order is in `status` and in its metric; it does not make the flow stale for ever."""
    watched.order()
    watched.shop_sql("UPDATE orders SET body = json_set(body, '$.total', '999.00')")
    watched.settle()
    assert {s for s, _ in watched.states().values()} >= {"held"}
    watched.pass_(40 * 60)
    watched.sync()
    assert verdict(watched) == "fresh"


def test_what_the_configuration_makes_wait_is_not_late(watched: Company) -> None:
    """`wait: 1h`: an order of 40 minutes is where it should be, one of 100 is not."""
    watched.flow("orders", wait="1h")
    watched.order()
    watched.sync()
    watched.pass_(40 * 60)
    watched.pull()
    with closing(sqlite3.connect(watched.folder / "ledger.db")) as db, db:
        db.execute("UPDATE confirmed SET at = at + 40 * 60 * 1000000")
    assert verdict(watched) == "fresh"
    watched.pass_(60 * 60)
    with closing(sqlite3.connect(watched.folder / "ledger.db")) as db, db:
        db.execute("UPDATE confirmed SET at = at + 60 * 60 * 1000000")
    assert verdict(watched) == "stale"


def test_who_began_to_watch_just_now_gives_it_the_time(watched: Company) -> None:
    """An alarm counts from the start of our watch; `status` and the heartbeat do not."""
    now = watched.clock.now()
    assert verdict(watched, since=now) == "unwatched"
    assert verdict(watched, since=now - HALF) == "stale"


@pytest.mark.parametrize(
    ("during", "now", "since"),
    [
        ("08:00-20:00", "2026-12-01T12:00+01:00", "2026-12-01T11:30+01:00"),
        ("08:00-20:00", "2026-12-01T08:30+01:00", "2026-12-01T08:00+01:00"),
        ("08:00-20:00", "2026-12-01T08:29+01:00", None),
        ("08:00-20:00", "2026-12-01T20:00+01:00", None),
        ("08:00-20:00", "2026-12-01T03:00+01:00", None),
        ("22:00-06:00", "2026-12-01T01:00+01:00", "2026-12-01T00:30+01:00"),
        ("22:00-06:00", "2026-12-01T22:10+01:00", None),
        ("22:00-06:00", "2026-12-01T06:00+01:00", None),
        # the night in which clocks go back: 02:30 comes twice
        ("02:00-08:00", "2026-10-25T02:10+01:00", "2026-10-25T02:40+02:00"),
    ],
)
def test_only_the_hours_that_count_count(during: str, now: str, since: str | None) -> None:
    """Nothing is late outside of them, nor before they have lasted long enough."""
    _, hours = spelled_fresh(f"30m during {during}")
    found = bound_of(Fresh(within=HALF, during=hours), datetime.fromisoformat(now), BERLIN)
    assert found == (datetime.fromisoformat(since).astimezone(UTC) if since else None)


def test_stale_is_told_by_status_and_metric(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`connector status` says STALE and since when, with exit code 1; the metric is 0."""
    company = Company(tmp_path, at=datetime.now(UTC) - timedelta(hours=1))
    company.config(fresh={"orders": "30m"})
    company.sync()
    words = ["status", "--config", str(company.folder / "config.yaml")]
    assert run(words) == 1
    assert "STALE, confirmed 59m ago" in capsys.readouterr().out.replace("58m", "59m")
    run([*words, "--json"])
    flows = json.loads(capsys.readouterr().out)["flows"]
    assert [f["freshness"] for f in flows if f["flow"] == "orders"] == ["stale"]
    company.pass_(3600)
    living = Vitals(Turns(company.app), Counts())
    assert number(living, "flow_fresh", flow="orders") == 0
    company.sync()
    assert number(living, "flow_fresh", flow="orders") == 1
    assert number(living, "flow_confirmed_timestamp_seconds", flow="orders") is not None
    company.close()


def test_status_calls_nothing_late_that_was_due_before_the_ledger_was_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its first look, before the first run, finds nothing wrong; half an hour later it does."""
    for minutes, code in ((20, 0), (40, 1)):
        folder = tmp_path / str(minutes)
        folder.mkdir()
        words = ["status", "--config", str(folder / "config.yaml")]
        company = Company(folder, at=datetime.now(UTC) - timedelta(minutes=minutes))
        company.config(fresh={"orders": "30m"})
        assert company.app.ledger
        company.close()
        assert run(words) == code
        assert ("STALE" in capsys.readouterr().out) == bool(code)


def test_the_heartbeat_beats_only_while_all_is_fresh(watched: Company) -> None:
    """A dead-man switch: the file grows old when a flow does, and with us."""
    watched.config(web={"heartbeat": "alive"})
    file = watched.folder / "alive"
    daemon = Daemon(watched.app)
    daemon._sweep()
    assert not file.exists()
    watched.sync()
    daemon._sweep()
    assert file.exists()
    file.unlink()
    watched.pass_(31 * 60)
    daemon._sweep()
    assert not file.exists()
    file.mkdir()  # a broken place harms nobody
    watched.sync()
    daemon._sweep()
    daemon.stop()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fresh": {"order": "30m"}}, "fresh.order: there is no flow `order`"),
        ({"fresh": {"customers": "30m"}}, "fresh.customers: is only read when another flow"),
        ({"fresh": {"orders": "30s"}}, "fresh.orders: is too short"),
        ({"fresh": {"orders": "30m during 8-20"}}, "fresh.orders: does not say from when"),
        ({"fresh": {"orders": "30m during 08:00-08:00"}}, "fresh.orders: does not say from when"),
        ({"fresh": {"orders": "always"}}, "fresh.orders: is not a duration"),
        ({"web": {"heartbeat": "alive"}}, "web.heartbeat: proves nothing"),
        ({"web": {"heartbeat": "no/alive"}, "fresh": {"orders": "1h"}}, "web.heartbeat: is no fil"),
    ],
)
def test_mistakes_are_told_with_their_place(company: Company, changes: dict, said: str) -> None:
    """Each of these is refused before anything runs."""
    company.config(**changes)
    problems = Problems()
    assert load_config(company.folder / "config.yaml", problems) is None
    assert said in str(problems)
