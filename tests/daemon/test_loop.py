"""The daemon's loop, round by round: what it does when the ledger is away, or a pair is busy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from company import Company
from service import until
from structlog.testing import capture_logs

from connector import daemon as daemon_of
from connector import reloading
from connector.app import App
from connector.daemon import ASKED, Daemon, ahead
from connector.errors import LedgerAway, WrongSystem
from connector.ledger import hints, runs
from connector.report import Report


@pytest.fixture
def daemon(company: Company) -> Iterator[Daemon]:
    """A daemon whose loop the test goes round; nothing runs by itself."""
    company.config(flows={"stock": {"entity": "stock", "from": "erp", "to": "shop"}})
    for name in ("orders", "products", "stock"):
        company.flow(name, every="never")
    made = Daemon(company.app)
    made._schedule.start()
    yield made
    made.stop()


def away_twice(real: Callable[..., Any]) -> Callable[..., Any]:
    """The ledger does not answer the first two times."""
    left = [1, 2]

    def ask(*given: Any) -> Any:
        if left:
            left.pop()
            raise LedgerAway("away")
        return real(*given)

    return ask


def test_hints_of_others_are_dropped_once_the_ledger_answers(
    daemon: Daemon, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reload while the ledger is away ends nothing, and is done to its end later."""
    with company.app.ledger.begin() as db:
        hints.note(db, "gone", [("1", None)], company.clock.now())
    monkeypatch.setattr(hints, "drop", away_twice(hints.drop))
    daemon._reloading.asked = True
    for answers, left in ((False, 1), (False, 1), (True, 0)):
        daemon._look()
        assert daemon.vitals.ledger_answers is answers
        assert len(company.rows("SELECT * FROM hint")) == left


def test_a_reload_that_the_ledger_put_off_is_made_later(
    daemon: Daemon, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One SIGHUP is enough, and a configuration without a mistake is not called refused."""
    before = daemon.turns.app
    monkeypatch.setattr(reloading, "reopened", away_twice(reloading.reopened))
    daemon._reloading.asked = True
    for taken in (False, False, True):
        daemon._look()
        assert not daemon.vitals.reload_refused
        assert (daemon.turns.app is not before) is taken
    daemon._look()
    assert not daemon._reloading.asked


def test_a_reload_says_for_whose_run_it_waits(daemon: Daemon) -> None:
    """Until that has ended nothing begins, and nothing is called reloaded."""
    before = daemon.turns.app
    with capture_logs() as said:
        with daemon.turns.turn("orders"):
            daemon._reloading.asked = True
            for _ in range(2):
                daemon._look()
            assert daemon.turns.app is before
            assert not daemon.turns.idle("stock")
        daemon._look()
    assert daemon.turns.app is not before
    told = [(line["event"], line.get("flow")) for line in said]
    assert told == [("reload waits for a run", "orders"), ("reloaded", None)]


def test_a_reload_takes_another_zone_to_the_night_as_well(
    daemon: Daemon, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is dropped nightly is dropped in the night of the configuration as it is now."""
    asked: list[str] = []
    monkeypatch.setattr(daemon._night, "is_due", lambda zone, _: bool(asked.append(zone.key)))
    daemon._sweep()
    company.config(zone="Pacific/Auckland")
    daemon._reloading.asked = True
    daemon._look()
    daemon._sweep()
    assert (asked[0], asked[-1]) == ("Europe/Berlin", "Pacific/Auckland")


def test_a_daemon_that_began_with_a_clock_ahead_delivers_once_it_is_right(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine boots an hour ahead and is set right: its calls are not too late for an hour."""
    for name in ("orders", "products"):
        company.flow(name, every="never")
    hour, boottime = timedelta(hours=1), company.clock.boottime
    company.clock.ahead += hour
    for name in company.app.wired:
        company.app.gate(name)
    company.clock.ahead -= hour
    monkeypatch.setattr(company.clock, "boottime", lambda: boottime() + hour.total_seconds())
    made = Daemon(company.app)
    made._schedule.start()
    try:
        assert ahead(made.turns.app, "erp") > timedelta(minutes=59)
        for _ in range(3):
            made._look()
        right = made.turns.app
        assert right is not company.app
        assert ahead(right, "erp") < timedelta(seconds=1)
        made._look()
        assert made.turns.app is right  # it is done once
        number = company.order()
        company.pass_(5)
        right.sync(right.flows["orders"])
        company.pass_(60)
        right.sync(right.flows["orders"])
        assert company.references() == [f"DE-{number}"]
    finally:
        made.stop()


def asked(company: Company, flow: str, times: int = 1) -> list[int]:
    """Commands ask for runs of *flow*."""
    with company.app.ledger.begin() as db:
        wanted = runs.Asked(id=0, flow=flow, keys=())
        return [runs.ask(db, wanted, company.clock.now()) for _ in range(times)]


def states(company: Company, ids: list[int]) -> list[str]:
    """How far these runs are."""
    return [company.app.ledger.read(runs.result, id_)[0] for id_ in ids]


def test_a_flow_that_is_busy_holds_up_no_other(daemon: Daemon, company: Company) -> None:
    """However many runs are asked of it: one waits for its turn, the rest in the ledger."""
    many = asked(company, "stock", 70)
    with daemon.turns.turn("stock"):
        [order] = asked(company, "orders")
        daemon._look()
        until(
            lambda: daemon.turns.in_line("stock", ASKED) and states(company, [order]) == ["ended"]
        )
        daemon._look()
        assert states(company, many) == ["running"] + ["asked"] * 69
        with company.app.ledger.begin() as db:
            for id_ in many[2:]:
                runs.withdraw(db, id_)
    until(lambda: daemon._look() or states(company, many[:2]) == ["ended"] * 2)


def test_a_command_is_told_that_its_run_gave_way_and_came_to_no_end(
    daemon: Daemon, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon was stopped meanwhile: not all is delivered, and who asked must know."""
    [order] = asked(company, "orders")

    def sync(*_: Any, **__: Any) -> Report:
        daemon.turns.stop()
        return Report(gave_way=True)

    monkeypatch.setattr(App, "sync", sync)
    daemon._look()
    until(lambda: states(company, [order]) == ["ended"])
    assert company.app.ledger.read(runs.result, order)[1] == {"stopped": True}


def test_what_waits_for_a_thread_is_not_called_again(
    daemon: Daemon, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that is due at every look is made once, and again only when it has ended."""
    begun, go, ended = threading.Semaphore(0), threading.Semaphore(0), []

    def hear(name: str) -> None:
        begun.release()
        assert go.acquire(timeout=10)
        ended.append(name)

    monkeypatch.setattr(daemon.work, "hear", hear)
    monkeypatch.setattr(daemon_of, "runs_itself", lambda *_: True)
    with company.app.ledger.begin() as db:
        hints.note(db, "orders", [("1", None)], company.clock.now())
    daemon._look()
    assert begun.acquire(timeout=10)
    daemon._look()
    assert not begun.acquire(timeout=0.3)
    go.release()
    until(lambda: ended)
    until(lambda: daemon._look() or begun.acquire(blocking=False))
    go.release(2)


def test_what_is_no_flow_does_not_stay_failed(
    daemon: Daemon, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A probe is counted for no flow, and a night that goes well forgets the one that did not."""

    def wrong(_: object) -> None:
        raise WrongSystem("another one")

    monkeypatch.setattr(company.app, "meet", wrong)
    with capture_logs() as said:
        daemon.work.probe("erp")
    assert [(line["event"], line["code"]) for line in said] == [("probe failed", "wrong_system")]
    assert daemon.work.failures == {}
    daemon.work.failed("vacuum", LedgerAway("away"))
    daemon.work.vacuum()
    assert daemon.work.failures == {}
