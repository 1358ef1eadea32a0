"""What workers do beside their work: health, metrics, webhooks, alarms, the night, their clocks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import requests
from company import until
from crew import Crew

from connector.app import App, open_app
from connector.cli import run
from connector.codes import UNAVAILABLE, USAGE
from connector.daemon import Work
from connector.ledger import runs
from connector.ledger.store import Ledger
from connector.nightly import NIGHTLY, Night
from connector.web import Request, Response, Web
from connector.worker import Deriving, jobs, on_duty

SECRET = "hook-secret"


class Inbox:
    """A service that takes alerts over HTTP, as a chat does."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.web = Web(("127.0.0.1", 0), {"POST /alerts/": self.take})
        self.url = self.web.url.replace("http", "json") + "/alerts/"

    def take(self, asked: Request) -> Response:
        """Keep what was sent."""
        self.titles.append(str(json.loads(asked.body)["title"]))
        return Response(status=200)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """Somebody who is told."""
    made = Inbox()
    yield made
    made.web.close()


def answer(url: str) -> int:
    """The status of an address; 0: nobody listens."""
    with suppress(requests.ConnectionError):
        return requests.get(url, timeout=10).status_code
    return 0


def secret(crew: Crew, line: str) -> None:
    """One more secret."""
    env = crew.company.folder / ".env"
    env.write_text(env.read_text() + f"{line}\n")


def test_each_worker_answers_for_itself_and_any_of_them_hears(crew: Crew) -> None:
    """Two on one machine, each with an address of its own; a webhook to either is read."""
    secret(crew, f"HOOK={SECRET}")
    crew.company.config(
        web={"listen": "8088", "heartbeat": "alive"},
        fresh={"orders": "1h"},
        connections={"shop": {"webhooks": {"secret": "${HOOK}"}}},
        flows={"orders": {"every": "1h"}},
    )
    urls = [crew.command(), crew.command()]
    for url in urls:
        until(lambda url=url: answer(f"{url}/readyz") == 200, 60)
        assert answer(f"{url}/healthz") == 200
        assert 'connector_slots{connection="erp"}' in requests.get(f"{url}/metrics", timeout=5).text
    until(lambda: (crew.company.folder / "alive").exists(), 30)
    until(lambda: len(crew.rows("SELECT id FROM run WHERE state = 'ended'")) == 2, 60)
    for url in urls:
        number = crew.company.order()
        body = json.dumps({"id": int(number)}).encode()
        mac = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
        given = {"x-wc-webhook-signature": mac, "x-wc-webhook-resource": "order"}
        assert requests.post(f"{url}/hooks/shop", body, headers=given, timeout=5).status_code == 200
        until(lambda number=number: f"DE-{number}" in crew.company.references(), 60)
    assert crew.dismiss() == [0, 0]
    assert {answer(f"{url}/healthz") for url in urls} == {0}


def test_of_three_workers_one_tells_and_when_it_dies_another(crew: Crew, inbox: Inbox) -> None:
    """A refused order is told once, by whom it may be."""
    secret(crew, f"ALERT_URL={inbox.url}")
    crew.company.config(
        alerts=[{"url": "${ALERT_URL}", "when": ["refused"]}],
        attempts={"pattern": ["1s"], "most": "1"},
    )
    crew.company.erp.faults([{"fault": "fault", "code": "invalid", "ops": ["CreateSalesOrder"]}])
    crew.hire(3)
    duty = "SELECT owner FROM share WHERE connection = ':alarms' AND slots = 1"
    others = "SELECT owner FROM share WHERE connection = ':alarms' AND slots = 0"
    until(lambda: crew.rows(duty) and len(crew.rows(others)) == 2, 60)
    crew.kill(int(str(crew.rows(duty)[0]["owner"]).split(":")[1]))
    crew.company.order()
    until(lambda: inbox.titles, 90)
    until(lambda: crew.rows("SELECT * FROM alarm"), 10)
    assert crew.dismiss() == [0, 0]
    assert inbox.titles == ["connector: orders: 1 record held (refused)"]


@pytest.fixture
def pair(crew: Crew) -> Iterator[list[App]]:
    """Two workers' engines in this process, under the company's clock."""
    made = [open_app(crew.company.folder / "config.yaml", crew.company.clock) for _ in range(2)]
    with made[0].ledger.begin() as db:
        jobs.prepare(db)
    yield made
    for app in made:
        app.close()


def test_only_one_is_on_duty_and_gives_it_up_when_it_is_done(pair: list[App]) -> None:
    """Who is called by a lower name has it next, and not before."""
    first, second = sorted(pair, key=lambda app: app.ledger.owner)
    assert on_duty(second, ":alarms", busy=True)
    assert not on_duty(first, ":alarms", busy=False)
    assert on_duty(second, ":alarms", busy=True)
    assert not on_duty(first, ":alarms", busy=False)
    assert not on_duty(second, ":alarms", busy=False)
    assert on_duty(first, ":alarms", busy=False)


def test_nightly_work_is_done_once_by_whoever_takes_it(crew: Crew, pair: list[App]) -> None:
    """Both see that half past three has come; one run is asked for, and drops what is old."""
    crew.company.config(keep={"payloads": "1d"})
    night = [Deriving(app, once=True) for app in pair]
    asked = f"SELECT id, task, slot, state FROM run WHERE flow = '{NIGHTLY}'"
    for one in night:
        one.look(crew.company.clock.now())
    assert crew.rows(asked) == []
    crew.company.pass_(timedelta(days=1).total_seconds())
    for one in (*night, *night):
        one.look(crew.company.clock.now())
    [row] = crew.rows(asked)
    assert (row["task"], row["state"]) == ("vacuum", "asked")
    with pair[1].ledger.begin() as db:
        taken = runs.take(db, int(str(row["id"])), pair[1].ledger.owner)
    assert taken is not None
    Work(pair[1]).run_asked(taken)
    [row] = crew.rows(f"SELECT state, result FROM run WHERE flow = '{NIGHTLY}'")
    assert (row["state"], json.loads(str(row["result"]))) == ("ended", {"dropped": 0})


def test_the_time_of_a_night_is_the_same_for_all_who_look_at_it() -> None:
    """Half past three by the configuration's zone, whenever they look."""
    zone, day = ZoneInfo("Europe/Berlin"), datetime(2026, 11, 28, 12, tzinfo=UTC)
    at = [Night(zone, day - timedelta(days=n)) for n in range(1, 4)]
    assert [one.is_due(zone, day + timedelta(minutes=n)) for n, one in enumerate(at)] == [True] * 3
    assert {one.time(zone) for one in at} == {datetime(2026, 11, 28, 2, 30, tzinfo=UTC)}


def test_a_machine_whose_clock_is_off_is_refused_and_changes_nothing(crew: Crew) -> None:
    """By its times, leases of others would be over, and their calls forgotten."""
    before = crew.rows("SELECT epoch, alive_since, beat_at FROM life")
    crew.command(ahead_while=crew.company.folder)
    assert crew.processes[0].wait(60) == 2
    assert crew.said("is 3600 s ahead of the database's") or crew.said("3599 s ahead")
    assert crew.rows("SELECT epoch, alive_since, beat_at FROM life") == before


def test_a_worker_whose_clock_jumps_makes_no_call_until_it_is_right_again(crew: Crew) -> None:
    """It says so, leaves its calls to others, and asks for no run of a time that is to come."""
    jump = crew.company.folder / "jump"
    crew.company.config(web={"listen": "8088"})
    url = crew.command(ahead_while=jump)
    until(lambda: answer(f"{url}/readyz") == 200, 60)
    jump.touch()
    until(lambda: answer(f"{url}/readyz") == 503, 30)
    assert "the clock of this machine is not the database's" in requests.get(f"{url}/readyz").text
    until(lambda: not crew.rows("SELECT id FROM run WHERE state = 'running'"), 30)
    crew.company.order()
    until(lambda: crew.rows("SELECT * FROM share WHERE connection = 'erp' AND slots = 0"), 30)
    assert crew.company.references() == []
    jump.unlink()
    until(lambda: len(crew.company.references()) == 1, 60)
    slots = [int(str(row["slot"])) for row in crew.rows("SELECT slot FROM run")]
    assert max(slots) < (datetime.now(UTC) + timedelta(minutes=10)).timestamp() * 1_000_000
    assert crew.dismiss() == [0]


def test_an_address_that_is_none_is_refused(crew: Crew, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the ledger is opened, with what to write."""
    config = str(crew.company.folder / "config.yaml")
    assert run(["worker", "--listen", "nowhere", "--config", config]) == 2
    assert "is not an address to listen at; write 127.0.0.1:8088" in capsys.readouterr().err


def test_beside_connector_run_commands_are_made_by_it_and_nobody_else_delivers(crew: Crew) -> None:
    """On PostgreSQL, too: each would make all the calls that are allowed."""
    config = ("--config", str(crew.company.folder / "config.yaml"))
    crew.company.flow("orders", every="never")
    crew.daemon()
    until(lambda: crew.said("daemon ready"), 60)
    number = crew.company.order()
    assert run(["flow", "sync", "orders", *config]) == 0
    assert crew.company.references() == [f"DE-{number}"]
    assert crew.rows("SELECT state FROM run WHERE slot IS NULL") == [{"state": "ended"}]
    assert [run([word, *config]) for word in ("worker", "run")] == [UNAVAILABLE] * 2
    crew.kill()  # its pid is gone: nobody waits until its time is over
    crew.daemon()
    until(lambda: crew.said("daemon ready") == 2, 60)
    assert crew.dismiss() == [0]
    ledger = Ledger(crew.url)
    assert not ledger.held_by("daemon")
    ledger.close()


def test_a_secret_that_is_missing_is_told_before_a_worker_begins(
    crew: Crew, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its name; else every run of every flow would say it, and nobody the name."""
    env = crew.company.folder / ".env"
    env.write_text(env.read_text().replace("ERP_PASSWORD", "ERP_PASWORD"))
    assert run(["worker", "--config", str(crew.company.folder / "config.yaml")]) == USAGE
    assert "ERP_PASSWORD" in capsys.readouterr().err
