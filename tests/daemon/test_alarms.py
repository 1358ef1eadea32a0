"""Alarms: told once, told when over, kept over a restart, and harmless when nobody hears them."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from company import Company
from service import free_port, until

from connector import alarms, logs
from connector.alarms import Alarms
from connector.cli import run
from connector.config import load_config
from connector.errors import ConfigError, Unavailable
from connector.ledger import brakes
from connector.problems import Problems
from connector.web import Request, Response, Web


class Inbox:
    """A service that takes alerts over HTTP, as a chat does; it can be away, or slow."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.status = 200
        self.wait = threading.Event()
        self.wait.set()
        self.web = Web(("127.0.0.1", 0), {"POST /alerts/": self.take})
        self.url = self.web.url.replace("http", "json") + "/alerts/"

    def take(self, asked: Request) -> Response:
        """Keep what was sent."""
        self.wait.wait(20)
        if self.status == 200:
            self.got.append(json.loads(asked.body))
        return Response(status=self.status)

    @property
    def titles(self) -> list[str]:
        """What was told, in order."""
        return [str(one["title"]).removeprefix("connector: ") for one in self.got]


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """Somebody who is told."""
    made = Inbox()
    yield made
    made.wait.set()
    made.web.close()


def alerting(company: Company, inbox: Inbox, *when: str, **more: Any) -> None:
    """Let the company alert the inbox, by an address that is kept secret."""
    secret(company, inbox.url)
    company.config(alerts=[{"url": "${ALERT_URL}", "when": list(when)}], **more)


def secret(company: Company, address: str) -> None:
    """Keep *address* where secrets are kept."""
    env = company.folder / ".env"
    if "ALERT_URL" not in env.read_text():
        env.write_text(env.read_text() + f"ALERT_URL={address}\n")


def rounds(company: Company, count: int = 1) -> Alarms:
    """A daemon that looks *count* times for what must be told."""
    made = Alarms(company.app)
    for _ in range(count):
        made.round(company.app)
    return made


def refuse(company: Company) -> str:
    """An order that the ERP refuses for good; its number."""
    company.config(attempts={"pattern": ["1s"], "most": "1"})
    company.erp.faults([{"fault": "fault", "code": "invalid", "ops": ["CreateSalesOrder"]}])
    number = company.order()
    company.settle(rounds=2)
    assert company.standing("order", number) == "held(refused)"
    return number


def test_a_finding_is_told_once_and_again_when_it_is_over(company: Company, inbox: Inbox) -> None:
    """One message names the record and the command; a restart repeats nothing; then: over."""
    alerting(company, inbox, "refused")
    rounds(company)
    assert inbox.titles == []
    number = refuse(company)
    rounds(company, 3)
    company.stop()
    rounds(company)  # another life of the daemon
    assert inbox.titles == ["orders: 1 record held (refused)"]
    assert f"order {number}" in inbox.got[0]["message"]
    assert "connector record list --flow orders --state held" in inbox.got[0]["message"]
    company.erp.faults([])
    company.retry("order", number)
    company.settle(rounds=3)
    rounds(company, 2)
    assert inbox.titles[1:] == ["orders: refused is over"]
    assert company.rows("SELECT * FROM alarm") == []


def test_news_of_the_same_kind_wait_for_a_quarter_of_an_hour(
    company: Company, inbox: Inbox
) -> None:
    """400 refused orders are one alarm; a new one later is not silent for ever."""
    alerting(company, inbox, "refused")
    refuse(company)
    rounds(company)
    second = refuse(company)
    rounds(company)
    assert len(inbox.got) == 1
    company.pass_(alarms.QUIET.total_seconds())
    rounds(company, 2)
    assert inbox.titles[1:] == ["orders: 2 records held (refused)"]
    assert second in inbox.got[1]["message"]


@pytest.mark.parametrize(("when", "after"), [("held > 1h", 3600), ("in_doubt > 2h", 7200)])
def test_a_condition_may_say_how_long_it_must_last(
    company: Company, inbox: Inbox, when: str, after: int
) -> None:
    """Before that nothing is told, after it the flow and since when."""
    alerting(company, inbox, when)
    if when.startswith("held"):
        refuse(company)
    else:
        company.erp.faults([{"fault": "commit_then_cut", "ops": ["CreateSalesOrder"], "count": 1}])
        company.order()
        company.sync()
    company.pass_(after - 300)
    rounds(company)
    assert inbox.titles == []
    company.pass_(300)
    rounds(company)
    assert inbox.titles == ["orders: 1 record " + when.partition(" ")[0].replace("_", " ")]


def test_who_waits_for_another_record_needs_no_person(company: Company, inbox: Inbox) -> None:
    """`held` leaves blocked ones out; `blocked` can be asked for by name."""
    with company.clerk() as store, store.begin() as db:
        db.execute("DELETE FROM items")
    alerting(company, inbox, "held", "blocked")
    company.order()
    company.settle(rounds=2)
    rounds(company)
    assert [t for t in inbox.titles if t.startswith("orders")] == [
        "orders: 1 record held (blocked)"
    ]


def test_stale_is_told_from_the_start_of_our_watch_on(company: Company, inbox: Inbox) -> None:
    """A daemon that was off for a day does not begin with an alarm, but one that hears nothing."""
    alerting(company, inbox, "stale", fresh={"orders": "30m"})
    company.sync()
    company.pass_(24 * 3600)
    company.stop()
    rounds(company)
    assert inbox.titles == []
    for _ in range(31):
        company.pass_(60)
        company.app.ledger.beat(company.clock.now(), company.clock.boottime())
    rounds(company, 2)
    assert inbox.titles == ["orders is stale"]
    company.sync()
    rounds(company)
    assert inbox.titles[1:] == ["orders: stale is over"]


def test_a_flow_that_is_braked_is_told_with_the_command_that_lets_it_go(
    company: Company, inbox: Inbox
) -> None:
    """One refusal over and over stopped it: one message; approved: over."""
    alerting(company, inbox, "braked")
    rounds(company)
    with company.app.ledger.begin() as db:
        brakes.engage(db, "orders", "same_error", "qanar", company.clock.now())
    rounds(company, 2)
    assert inbox.titles == ["orders is braked"]
    command = inbox.got[0]["message"].splitlines()[-1]
    assert command.startswith("connector approve orders-")
    assert "qanar" not in inbox.got[0]["message"]
    with company.app.ledger.begin() as db:
        brakes.approve(db, command.split()[-1], "test", company.clock.now(), None)
    rounds(company)
    assert inbox.titles[1:] == ["orders: braked is over"]


@pytest.mark.parametrize("when", ["refused", "braked"])
def test_a_refusal_over_and_over_is_one_alarm(company: Company, inbox: Inbox, when: str) -> None:
    """Twelve orders refused with one code: told once, with the command, and over when let go."""
    alerting(company, inbox, when)
    company.order()
    company.settle()
    company.flow("orders", brakes={"first": "0", "same_error": "5"})
    company.erp.faults([{"fault": "fault", "code": "invalid", "ops": ["CreateSalesOrder"]}])
    for _ in range(12):
        company.order()
    company.pass_(5)
    for _ in range(3):
        company.sync()
        rounds(company)
    [title] = inbox.titles
    assert title == "orders is braked"
    assert "connector approve" in inbox.got[0]["message"]
    company.erp.faults([])
    company.stop()
    assert run(["approve", "orders-1", "--config", str(company.folder / "config.yaml")]) == 0
    company.settle(rounds=3)
    rounds(company)
    assert inbox.titles[1:] == [f"orders: {when} is over"]
    assert len(company.books()) == 13


def test_a_connection_that_is_down_is_told_after_its_time_and_when_it_is_back(
    company: Company, inbox: Inbox
) -> None:
    """Since when, what waits and when it is tried next; a pause in between clears nothing."""
    alerting(company, inbox, "connection_down > 15m")
    company.erp.faults([{"fault": "unavailable"}])
    company.order()
    for _ in range(4):
        with suppress(Unavailable):
            company.sync()
        company.pass_(60)
    rounds(company)
    assert inbox.titles == []
    company.pass_(15 * 60)
    rounds(company, 2)
    [told] = inbox.titles
    assert told.startswith("erp unreachable since ")
    assert "2 records wait; next probe" in inbox.got[0]["message"]
    pause = ["pause", "erp", "--config", str(company.folder / "config.yaml"), "--reason", "x"]
    company.stop()
    assert run(pause) == 0
    rounds(company)
    assert run(["resume", *pause[1:4]]) == 0
    assert len(inbox.titles) == 1
    company.erp.faults([])
    company.pass_(600)
    company.settle(rounds=2)
    rounds(company, 2)
    assert inbox.titles[1:] == ["erp: connection_down > 15m is over"]


def test_a_connection_for_tests_never_alarms(
    company: Company, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither it nor a flow with it."""
    alerting(company, inbox, "refused", "connection_down")
    refuse(company)
    real = company.app.config.connections["erp"]
    marked = SimpleNamespace(tests=True, closed=real.closed, zone=real.zone)
    connections = {**company.app.config.connections, "erp": marked}
    config = dataclasses.replace(company.app.config, connections=connections)
    monkeypatch.setattr(company.app, "config", config)
    rounds(company)
    assert inbox.titles == []


def test_nothing_personal_is_told(company: Company, inbox: Inbox) -> None:
    """Neither title nor text holds what stands in the order."""
    alerting(company, inbox, "held")
    person = {
        "first_name": "Qanara",
        "last_name": "Qanar",
        "email": "q@qanar.test",
        "country": "DE",
    }
    company.order(billing=person, customer_note="qanar")
    company.shop_sql("UPDATE orders SET body = json_set(body, '$.total', 'qanar')")
    company.settle(rounds=2)
    rounds(company)
    assert len(inbox.got) == 1
    assert "qanar" not in json.dumps(inbox.got).lower()


def test_who_cannot_be_reached_is_told_later_and_hurts_nobody(
    company: Company, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure is counted, nothing is noted as told, and the next try comes after a while."""
    alerting(company, inbox, "refused")
    refuse(company)
    inbox.status = 500
    made = rounds(company, 3)
    assert made.failures == {"1": 1}
    assert company.rows("SELECT * FROM alarm") == []
    inbox.status = 200
    later = time.monotonic() + alarms.AGAIN[1] + 1
    monkeypatch.setattr(alarms.time, "monotonic", lambda: later)
    made.round(company.app)
    assert (made.failures, len(inbox.got)) == ({}, 1)


def test_a_target_that_hangs_holds_up_nobody(company: Company, inbox: Inbox) -> None:
    """`go` comes back at once, begins no second round meanwhile, and a stop does not wait."""
    alerting(company, inbox, "refused")
    refuse(company)
    inbox.wait.clear()
    made = Alarms(company.app)
    began = time.monotonic()
    for _ in range(3):
        made.go(company.app)
    assert made.stop(0.1) is False
    assert time.monotonic() - began < 1
    inbox.wait.set()
    until(lambda: made.idle)
    assert len(inbox.got) == 1


def test_what_nobody_wants_to_hear_any_more_is_forgotten(company: Company, inbox: Inbox) -> None:
    """Another `when` begins anew, without a word about the old one."""
    alerting(company, inbox, "refused")
    refuse(company)
    rounds(company)
    alerting(company, inbox, "held")
    rounds(company)
    assert inbox.titles == ["orders: 1 record held (refused)", "orders: 1 record held"]
    assert [r["what"] for r in company.rows("SELECT what FROM alarm")] == ["held"]


@pytest.mark.parametrize(
    ("alert", "said"),
    [
        ({"url": "${ALERT_URL}", "when": ["refuse"]}, "did you mean refused"),
        ({"url": "${ALERT_URL}", "when": ["held > long"]}, "is not a duration"),
        ({"url": "mailto://me:qanar@mail.test", "when": ["held"]}, "may hold a secret"),
        ({"url": "discord://123456/qanar", "when": ["held"]}, "may hold a secret"),
        ({"url": "jsons://mail.test/?token=qanar", "when": ["held"]}, "may hold a secret"),
        ({"url": "tgram://qanar", "when": ["held"]}, "put it into .env beside this file"),
        ({"url": "nobody", "when": ["held"]}, "is not an address of apprise"),
        ({"url": "${ALERT_URL}"}, "`when` is missing"),
    ],
)
def test_mistakes_are_told_with_their_place(company: Company, alert: Any, said: str) -> None:
    """Refused before anything runs, and no secret is repeated."""
    company.config(alerts=[alert])
    problems = Problems()
    assert load_config(company.folder / "config.yaml", problems) is None
    assert said in str(problems).replace("`refused`", "refused")
    assert "qanar" not in str(problems)


def test_an_address_that_apprise_does_not_know_is_refused_at_the_start(company: Company) -> None:
    """With its place in the configuration, and without the address."""
    secret(company, "nosuch://qanar")
    company.config(alerts=[{"url": "${ALERT_URL}", "when": ["held"]}])
    with pytest.raises(ConfigError) as wrong:
        Alarms(company.app)
    assert "alerts[0].url: is no address that apprise knows" in str(wrong.value)
    assert "qanar" not in str(wrong.value)
    assert run(["check", "--offline", "--config", str(company.folder / "config.yaml")]) == 2


def test_nobody_listens_at_that_port(company: Company, capfd: pytest.CaptureFixture[str]) -> None:
    """A connection that is refused is a failure like any other, and shows no address."""
    logs.start(as_json=True, level="debug")
    secret(company, f"json://qanar:qanar@127.0.0.1:{free_port()}/qanar?token=qanar")
    company.config(alerts=[{"url": "${ALERT_URL}", "when": ["refused"]}])
    refuse(company)
    assert rounds(company).failures == {"1": 1}
    said = capfd.readouterr()
    assert "qanar" not in said.out + said.err
