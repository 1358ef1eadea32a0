"""Settings that only people notice, and the proof that no setting is without a test."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import covering
import pytest
import test_brake_settings
import test_client_certificate
import test_connection_settings
import test_flow_settings
import test_stock_settings
from company import Company
from covering import covers

from connector.alarms import Alarms
from connector.cli import run
from connector.config import json_schema
from connector.daemon import Daemon, Work
from connector.sandbox import edit, shop_hooks
from connector.web import Request, Response, Web

TESTED_HERE = (
    test_brake_settings,
    test_client_certificate,
    test_connection_settings,
    test_flow_settings,
    test_stock_settings,
)


@pytest.fixture
def yesterday(tmp_path: Path) -> Iterator[Company]:
    """A company that stood still an hour ago, with one order in doubt."""
    made = Company(tmp_path, at=datetime.now(UTC) - timedelta(hours=1))
    made.order()
    made.settle()
    made.erp.faults([{"fault": "commit_then_cut", "ops": ["CreateSalesOrder"], "count": 1}])
    made.order()
    made.sync()
    yield made
    made.close()


@covers("attempts.doubt", "attempts.doubt.alarm")
@pytest.mark.parametrize(("alarm", "told"), [("20m", 1), ("2h", 0)])
def test_alarm_is_the_age_at_which_a_doubt_is_told(
    yesterday: Company, capsys: pytest.CaptureFixture[str], alarm: str, told: int
) -> None:
    """A doubt of an hour is news for the one and patience for the other."""
    yesterday.config(attempts={"doubt": {"alarm": alarm}})
    run(["status", "--json", "--config", str(yesterday.folder / "config.yaml")])
    assert len(json.loads(capsys.readouterr().out)["needs_a_person"]) == told


@covers("keep", "keep.payloads", "keep.attempts", "keep.proof")
@pytest.mark.parametrize(
    ("keep", "left"),
    [
        (None, (4, 5)),
        ({"payloads": "9d", "attempts": "20d", "proof": "20d"}, (4, 5)),
        ({"payloads": "5d", "attempts": "9d", "proof": "20d"}, (0, 5)),
        ({"payloads": "1d", "attempts": "5d", "proof": "9d"}, (0, 1)),
    ],
)
def test_keep_says_how_long_what_is_done_is_kept(
    company: Company, keep: dict[str, str] | None, left: tuple[int, int]
) -> None:
    """A week later, by night: documents, then tries; by the third time also who did what."""
    for _ in range(4):
        company.order()
    company.settle()
    company.config(keep=keep)
    company.pass_(7 * 86_400)
    Work(company.app).vacuum()
    docs = company.rows("SELECT id FROM record WHERE doc IS NOT NULL AND entity = 'order'")
    assert (len(docs), len(company.rows("SELECT id FROM attempt"))) == left
    events = len(company.rows("SELECT id FROM event"))
    company.config(keep={"payloads": "1d", "attempts": "1d", "proof": "6d"})
    Work(company.app).vacuum()
    assert len(company.rows("SELECT id FROM event")) < events


@covers("zone")
def test_zone_is_the_zone_of_what_people_read(
    yesterday: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    """The times of a trace are told in the zone of the configuration."""
    told = set()
    for zone in ("Asia/Tokyo", "Europe/Berlin"):
        yesterday.config(zone=zone)
        run(["trace", "order", "1006", "--config", str(yesterday.folder / "config.yaml")])
        told.add(capsys.readouterr().out)
    assert len(told) == 2


@covers("web", "web.listen")
@pytest.mark.parametrize("listens", [True, False])
def test_listen_opens_the_daemon_to_questions(tmp_path: Path, listens: bool) -> None:
    """With it health is answered at that port, without it nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    company = Company(tmp_path)
    company.config(**({"web": {"listen": f"127.0.0.1:{port}"}} if listens else {}))
    daemon = Daemon(company.app)
    try:
        with closing(socket.socket()) as caller:
            assert (caller.connect_ex(("127.0.0.1", port)) == 0) is listens
    finally:
        daemon.stop()
        company.close()


@covers("fresh")
@pytest.mark.parametrize(("within", "told"), [("30m", "stale"), ("2h", "fresh")])
def test_fresh_is_the_time_in_which_something_must_be_confirmed(
    yesterday: Company, capsys: pytest.CaptureFixture[str], within: str, told: str
) -> None:
    """Products read an hour ago are old for the one and new enough for the other."""
    yesterday.sync("products")
    yesterday.config(fresh={"products": within})
    run(["status", "--json", "--config", str(yesterday.folder / "config.yaml")])
    flows = json.loads(capsys.readouterr().out)["flows"]
    assert [f["freshness"] for f in flows if f["flow"] == "products"] == [told]


@covers("alerts")
@pytest.mark.parametrize(("when", "told"), [("in_doubt > 30m", 1), ("in_doubt > 3h", 0)])
def test_alerts_say_whom_to_tell_what(yesterday: Company, when: str, told: int) -> None:
    """A doubt of an hour is told to the one who wants to hear of it after half an hour."""
    got: list[bytes] = []

    def take(asked: Request) -> Response:
        got.append(asked.body)
        return Response(status=200)

    inbox = Web(("127.0.0.1", 0), {"POST /": take})
    yesterday.pass_(3600)
    env = yesterday.folder / ".env"
    env.write_text(env.read_text() + f"INBOX={inbox.url.replace('http', 'json')}\n")
    yesterday.config(alerts=[{"url": "${INBOX}", "when": [when]}])
    Alarms(yesterday.app).round(yesterday.app)
    inbox.close()
    assert len(got) == told


@covers("connections.*.webhooks.url")
@pytest.mark.parametrize(("url", "active"), [("http://127.0.0.1:1/hooks/shop", 1), (None, 0)])
def test_the_url_of_webhooks_is_where_the_shop_reaches_us(
    company: Company, capsys: pytest.CaptureFixture[str], url: str | None, active: int
) -> None:
    """Those that the shop sends there are ours; those to another address are not."""
    env = company.folder / ".env"
    env.write_text(env.read_text() + "HOOK=secret\n")
    webhooks = {"secret": "${HOOK}", "url": url or "https://else.test/hooks/shop"}
    company.config(web={"listen": "8088"}, connections={"shop": {"webhooks": webhooks}})
    with edit.desk(company.shop_file) as shop:
        given = {"topic": "order.created", "delivery_url": "http://127.0.0.1:1/hooks/shop"}
        shop_hooks.create(shop, given)
    run(["check", "--config", str(company.folder / "config.yaml")])
    assert f"{active} of 6 webhooks are active" in capsys.readouterr().out


@covers("web.heartbeat")
@pytest.mark.parametrize("file", ["alive", "lives"])
def test_heartbeat_is_the_file_that_the_daemon_touches(company: Company, file: str) -> None:
    """The one that is named, and only that."""
    company.config(fresh={"orders": "1h"}, web={"heartbeat": file})
    company.sync()
    daemon = Daemon(company.app)
    daemon._sweep()
    daemon.stop()
    assert [f.name for f in company.folder.iterdir() if f.name in ("alive", "lives")] == [file]


def keys(schema: Mapping[str, Any], at: str = "") -> Iterator[str]:
    """Every key that the configuration knows, `*` for a name."""
    for word, inner in schema.get("properties", {}).items():
        yield f"{at}{word}"
        yield from keys(inner, f"{at}{word}.")
    entries = schema.get("additionalProperties")
    if isinstance(entries, dict):
        yield from keys(entries, f"{at}*.")


def test_every_setting_has_an_end_to_end_test_with_two_values() -> None:
    """A setting without one does not exist, and a test of none that is not there."""
    assert all(module.covers is covering.covers for module in TESTED_HERE)
    known = set(keys(json_schema()))
    assert known - covering.COVERED.keys() == set()
    assert covering.COVERED.keys() - known == set()
