"""A connection that is away, refuses us or asks us to wait: what the whole company notices."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest
from company import Company

from connector.errors import ConnectorError, NotNow, Unavailable
from connector.sandbox.erp import start_erp

CREATE = "CreateSalesOrder"
SURE = "extends: sandbox_erp\ncapabilities:\n  refuses_with: [503]\n"


def linked(company: Company) -> None:
    """One order is through, so that find is proven and many go at once."""
    company.order()
    company.settle()


def tries(company: Company) -> str:
    """One sync; the code of what it raised, or nothing."""
    try:
        company.sync()
    except ConnectorError as error:
        return error.code
    return ""


def board(company: Company, name: str = "erp") -> dict[str, Any]:
    """What the ledger keeps of a connection."""
    found = company.rows(f"SELECT * FROM standing WHERE name = '{name}'")
    return found[0] if found else {}


def night(company: Company) -> None:
    """Hours without the ERP, until the probes come every five minutes."""
    company.erp.close()
    for _ in range(10):
        company.clock.ahead += timedelta(seconds=400)
        company.shop.clock(company.clock.ahead.total_seconds())
        assert tries(company) == "unavailable"


def erp_returns(company: Company) -> None:
    """The same books, at the same address."""
    port = int(company.erp.url.rsplit(":", 1)[1])
    company.erp = start_erp(company.erp_file, port=port)
    company.pass_(0)


def test_while_the_erp_is_away_the_shop_is_read_and_nothing_is_lost(company: Company) -> None:
    """The night: orders are pulled and wait, no attempt is burnt, and a read finds it back."""
    linked(company)
    for _ in range(5):
        company.order()
    night(company)
    assert [s for (e, _), s in company.states().items() if e == "order"].count(
        ("prepared", None)) == 5  # fmt: skip
    assert board(company)["probe_at"] is not None
    assert company.app.gate("erp").standing().state == "away"
    erp_returns(company)
    with pytest.raises(NotNow, match=r"erp: unreachable since .*; next probe"):
        company.sync()  # not before the probe's time
    before = len(company.calls())
    company.pass_(301)
    company.sync()
    calls = [c["op"] for c in company.calls()[before:]]
    assert not calls[0].startswith("Create")
    assert [c for c in calls if c.startswith(CREATE)] == [CREATE] * 5
    assert board(company)["failures"] == 0
    assert {r["attempts"] for r in company.rows("SELECT attempts FROM record")} == {0}
    assert len(company.references()) == len(set(company.references())) == 6


def test_another_process_knows_that_it_is_away(company: Company) -> None:
    """The standing is the ledger's: a fresh process asks no sooner than the next probe."""
    linked(company)
    night(company)
    company.stop()
    erp_returns(company)
    with pytest.raises(NotNow):
        company.sync()
    company.pass_(301)
    company.sync()
    assert company.app.gate("erp").standing().is_open


def test_a_wait_that_it_tells_one_call_holds_for_all_calls(company: Company) -> None:
    """503 with Retry-After on one create: neither another create nor a read is made until then."""
    company.mapping("mine", {"profile.yaml": SURE})
    company.connection("erp", profile="mine", limits={"concurrency": "1"})
    linked(company)
    for _ in range(6):
        company.order()
    rule = {"fault": "unavailable", "ops": [CREATE], "count": 1, "retry_after": 30}
    company.erp.faults([rule])
    company.sync()
    before = len(company.calls())
    assert tries(company) == "unavailable"
    assert len(company.calls()) == before
    assert len(company.books()) == 1
    assert board(company)["failures"] == 0
    company.pass_(31)
    company.sync()
    assert len(company.books()) == 7


def test_refused_credentials_are_tried_once_more_and_then_rarely(company: Company) -> None:
    """A wrong password in a loop of syncs locks no account, and a right one is taken up."""
    linked(company)
    env = company.folder / ".env"
    good = env.read_text()
    env.write_text(good.replace("ERP_PASSWORD=sandbox", "ERP_PASSWORD=wrong"))
    company.stop()
    before = len(company.calls())
    for _ in range(20):
        assert tries(company) == "unauthorized"
        company.pass_(2)
    assert 2 <= len(company.calls()) - before <= 3
    env.write_text(good)
    then = (company.clock.now() + timedelta(seconds=1)).timestamp()
    os.utime(env, (then, then))  # the company's clock is ahead of the file system's
    company.stop()
    company.order()
    company.pass_(2)
    company.sync()
    assert len(company.books()) == 2


def test_one_bad_answer_is_not_an_absence(company: Company) -> None:
    """Replies that make no sense are somebody's: the breaker stays closed however many come."""
    linked(company)
    company.erp.faults(
        [{"fault": "fault", "code": "busy", "status": 500, "ops": ["GetSystemInfo"]}]
    )
    for _ in range(4):
        with pytest.raises(Unavailable):
            company.sync()
    assert not board(company).get("failures")


def test_after_a_restart_with_the_shop_away_the_erp_still_gets_what_is_due(
    company: Company,
) -> None:
    """What was pulled goes; that the shop cannot be asked who it is holds up nothing else."""
    linked(company)
    company.order()
    company.pull()
    company.stop()
    company.shop.close()
    with pytest.raises(Unavailable):
        company.app.catch_up(company.app.flows["orders"])
    assert len(company.books()) == 2


def test_an_erp_that_answers_reads_and_takes_no_write_is_tried_ever_more_rarely(
    company: Company,
) -> None:
    """Its probe, a read, is answered each time: the write is not tried every 5 s for that."""
    company.mapping("mine", {"profile.yaml": SURE})
    company.connection("erp", profile="mine")
    linked(company)
    for _ in range(6):
        company.order()
    company.erp.faults([{"fault": "unavailable", "ops": [CREATE]}])
    before = len(company.calls())
    for _ in range(60):
        tries(company)
        company.pass_(5)
    calls = [c["op"] for c in company.calls()[before:]]
    assert 5 <= calls.count("GetSystemInfo") < 16
    assert calls.count(CREATE) < 50
    company.erp.faults([])
    company.pass_(301)
    company.settle()
    assert len(company.books()) == 7
    assert board(company)["probes"] == 0
