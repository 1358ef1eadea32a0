"""A connection that somebody shut: paused by a person, or in a window of its week."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from company import Company

from connector import cli, points
from connector.clock import SystemClock
from connector.errors import NotNow

CREATE = "CreateSalesOrder"


@pytest.fixture
def say(
    company: Company, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Any:
    """A command line beside the engine, in the company's time: exit code, stdout, stderr."""
    monkeypatch.setattr(SystemClock, "now", lambda _: company.clock.now())
    monkeypatch.setattr(SystemClock, "boottime", lambda _: company.clock.boottime())

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.run([*words, "--config", str(company.folder / "config.yaml")])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def linked(company: Company) -> None:
    """One order is through, so that find is proven and many go at once."""
    company.order()
    company.settle()


def window(company: Company, begin: float, end: float) -> str:
    """A daily window from so many minutes from now, by the ERP's clock."""
    now = company.clock.now().astimezone(company.app.wired["erp"].config.zone)
    edges = [now + timedelta(minutes=m) for m in (begin, end)]
    return "daily " + "-".join(f"{edge:%H:%M}" for edge in edges)


def orders(company: Company) -> list[str]:
    """How the orders stand."""
    return sorted(s for (e, _), (s, _) in company.states().items() if e == "order")


def test_in_a_window_nothing_is_sent_and_nothing_counts_as_a_failure(
    company: Company, say: Any
) -> None:
    """The shop is read, the ERP hears nothing, the command ends well, and all goes afterwards."""
    linked(company)
    company.connection("erp", closed=[window(company, -30, 30)])
    for _ in range(3):
        company.order()
    company.pass_(5)
    before = len(company.calls())
    company.sync()
    assert len(company.calls()) == before
    assert orders(company) == ["done"] + ["prepared"] * 3
    assert not company.rows("SELECT * FROM standing WHERE failures > 0")
    company.stop()
    code, _, err = say("flow", "sync", "orders")
    assert code == 0
    assert "erp: is closed; what concerns it waits" in err
    with pytest.raises(NotNow, match="erp: closed; until"):
        company.app.system("erp").find("order", ["x"])
    company.pass_(31 * 60)
    company.sync()
    assert orders(company) == ["done"] * 4
    assert {r["attempts"] for r in company.rows("SELECT attempts FROM record")} == {0}


def test_a_source_that_is_closed_is_not_read(company: Company) -> None:
    """No call reaches the shop; what was pulled before is delivered all the same."""
    linked(company)
    company.order()
    company.pull()
    company.connection("shop", closed=[window(company, -30, 30)])
    company.order()
    company.pass_(5)
    before = len(company.calls(system=company.shop))
    company.sync()
    assert len(company.calls(system=company.shop)) == before
    assert orders(company) == ["done", "done"]


@pytest.mark.parametrize(("timeout", "sent"), [("50s", 0), ("5s", 1)])
def test_a_call_whose_deadline_reaches_into_the_window_does_not_begin(
    company: Company, timeout: str, sent: int
) -> None:
    """Half a minute before the backup a call that may take 50 seconds is too long."""
    linked(company)
    company.connection("erp", limits={"timeout": timeout}, settle="60s")
    begin = datetime.now(company.app.wired["erp"].config.zone) + timedelta(hours=3)
    begin = begin.replace(second=0, microsecond=0)
    company.connection("erp", closed=[f"daily {begin:%H:%M}-{begin + timedelta(hours=1):%H:%M}"])
    company.pass_((begin - timedelta(seconds=30) - company.clock.now()).total_seconds())
    company.order()
    company.pass_(2)
    before = len(company.calls(CREATE))
    company.sync()
    assert len(company.calls(CREATE)) - before == sent


def test_a_pause_is_kept_through_a_restart_and_told_by_status(company: Company, say: Any) -> None:
    """Durable in the ledger, with who, why and how many wait; resumed, everything goes."""
    linked(company)
    assert say("pause", "erp", "--reason", "new server")[0] == 0
    company.stop()
    for _ in range(2):
        company.order()
    company.pass_(5)
    before = len(company.calls())
    company.sync()
    assert len(company.calls()) == before
    code, out, _ = say("status")
    [line] = [one for one in out.splitlines() if one.startswith("erp")]
    assert line.startswith("erp paused since ")
    assert "(new server); 2 records wait; until `connector resume`; nothing lost" in line
    [erp] = [c for c in json.loads(say("status", "--json")[1])["connections"]
             if c["connection"] == "erp"]  # fmt: skip
    assert (code, erp["state"], erp["waiting"], erp["why"]) == (0, "paused", 2, "new server")
    assert say("resume", "erp")[1].startswith("erp goes on")
    company.sync()
    assert orders(company) == ["done"] * 3


def test_a_pause_in_the_middle_withdraws_what_is_not_sent(company: Company, say: Any) -> None:
    """S2: the calls on the wire end, the other intents are closed as not sent, none is a doubt."""
    company.connection("erp", limits={"concurrency": "1"})
    linked(company)
    for _ in range(4):
        company.order()
    company.pass_(5)
    paused: list[int] = []

    def on_reach(point: str) -> None:
        if point == "started.before_send" and not paused:
            paused.append(say("pause", "erp")[0])
            company.app.gate("erp").admission.standing(fresh=True)

    points.on_reach = on_reach
    try:
        company.sync()
    finally:
        points.on_reach = points._nothing
    closed = company.rows("SELECT code FROM attempt WHERE outcome = 'not_sent'")
    assert {row["code"] for row in closed} == {"paused"}
    assert not company.rows("SELECT * FROM attempt WHERE outcome IS NULL")
    say("resume", "erp")
    company.pass_(5)
    company.sync()
    assert len(company.books()) == len(set(company.references())) == 5


@pytest.mark.parametrize("until", ["2h", "clock", "moment"])
def test_a_pause_until_then_ends_by_itself(company: Company, say: Any, until: str) -> None:
    """After a while, when the clock shows a time next, or at a moment."""
    linked(company)
    end = company.clock.now() + timedelta(hours=2)
    zone = company.app.config.zone
    words = {
        "2h": "2h",
        "clock": f"{end.astimezone(zone):%H:%M}",
        "moment": end.isoformat(),
    }[until]
    assert say("pause", "erp", "--until", words)[0] == 0
    company.order()
    company.pass_(3600)
    company.sync()
    assert orders(company) == ["done", "prepared"]
    company.pass_(3700)
    company.sync()
    assert orders(company) == ["done", "done"]


@pytest.mark.parametrize(
    "words",
    [("pause", "erb"), ("resume", "erb"), ("pause", "erp", "--until", "noon"),
     ("pause", "erp", "--until", "2020-01-01T00:00:00Z")],
)  # fmt: skip
def test_what_cannot_be_paused_is_told_with_its_cure(say: Any, words: tuple[str, ...]) -> None:
    """A connection that is none, and a time that is none or over."""
    code, _, err = say(*words)
    assert code == 2
    assert "did you mean" in err or "until" in err


def test_resume_tries_what_was_away_at_once(company: Company, say: Any) -> None:
    """Who knows that it is back does not wait for the next probe."""
    linked(company)
    company.erp.faults([{"fault": "refuse"}])
    for _ in range(12):
        company.pass_(400)
        with pytest.raises(Exception, match=r"erp|probe"):
            company.sync()
    company.erp.faults([])
    company.order()
    company.pass_(5)
    with pytest.raises(NotNow):
        company.sync()
    line = next(one for one in say("status")[1].splitlines() if one.startswith("erp"))
    assert line.startswith("erp unreachable since ")
    assert "1 records wait; next probe " in line
    say("resume", "erp")
    company.sync()
    assert orders(company) == ["done", "done"]
