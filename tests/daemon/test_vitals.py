"""Health and metrics: what they say of a company, in process."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from typing import Any

import pytest
from company import Company
from prometheus_client.parser import text_string_to_metric_families

from connector import vitals
from connector.errors import LedgerAway, Unavailable
from connector.ledger.store import Ledger
from connector.turns import Turns
from connector.vitals import Counts, Vitals
from connector.web import Request

ASKED = Request(method="GET", path="/", headers={})
Sample = tuple[str, tuple[tuple[str, str], ...]]


@pytest.fixture
def living(company: Company) -> Vitals:
    """The vitals of a daemon that has looked once."""
    made = Vitals(Turns(company.app), Counts())
    made.looked()
    return made


def samples(living: Vitals) -> dict[Sample, float]:
    """Every number of `/metrics`, read as Prometheus reads it."""
    living._told_at = float("-inf")
    families = text_string_to_metric_families(living.metrics(ASKED).text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}


def number(living: Vitals, name: str, **labels: str) -> float | None:
    """One number; None where there is none."""
    return samples(living).get((f"connector_{name}", tuple(sorted(labels.items()))))


def test_records_are_counted_by_state_and_reason(company: Company, living: Vitals) -> None:
    """One delivered, one in doubt: told apart, with the age of the doubt."""
    company.order()
    company.sync()
    company.erp.faults([{"fault": "commit_then_cut", "ops": ["CreateSalesOrder"], "count": 1}])
    company.order()
    company.sync()
    company.pass_(90)
    of = {"flow": "orders"}
    assert number(living, "records", state="done", reason="sent", **of) == 1
    assert number(living, "records", state="in_doubt", reason="", **of) == 1
    assert 90 <= (number(living, "oldest_doubt_seconds", **of) or 0) < 200
    erp = {"connection": "erp", "entity": "order"}
    assert number(living, "attempts_total", outcome="done", **erp) == 1
    assert number(living, "attempts_total", outcome="in_doubt", **erp) == 1


def test_what_is_due_has_an_age(company: Company, living: Vitals) -> None:
    """An order that is staged and not delivered grows old; one that waits its time does not."""
    company.order()
    company.pull()
    company.pass_(300)
    assert 300 <= (number(living, "oldest_due_seconds", flow="orders") or 0) < 400


def test_calls_are_measured(company: Company, living: Vitals) -> None:
    """Every call on the wire is in the histogram of its connection, and slots come back."""
    company.order()
    company.sync()
    found = samples(living)
    shop = (("connection", "shop"),)
    calls = found["connector_call_seconds_count", shop]
    assert calls == len(company.shop.journal())
    assert found["connector_call_seconds_bucket", (*shop, ("le", "+Inf"))] == calls
    assert found["connector_call_seconds_sum", shop] > 0
    assert found["connector_slots", shop] == 2
    assert found["connector_slots_in_use", shop] == 0


def test_how_a_connection_stands_is_one_of_its_states(company: Company, living: Vitals) -> None:
    """Open, and away once nobody answers."""
    state = {"connection": "shop"}
    assert number(living, "connection_state", state="open", **state) == 1
    company.shop.faults([{"fault": "unavailable"}])
    for _ in range(3):
        with suppress(Unavailable):
            company.sync()
    assert number(living, "connection_state", state="open", **state) == 0
    assert number(living, "connection_state", state="away", **state) == 1


def test_runs_and_failures_are_told(company: Company) -> None:
    """When a flow last went well, and how often in a row it failed since."""
    now = company.clock.now()
    counts = Counts(ran={"orders": now}, failures={"products": 3}, undelivered={"1": 2})
    living = Vitals(Turns(company.app), counts)
    ran = number(living, "flow_last_run_timestamp_seconds", flow="orders")
    assert ran == pytest.approx(now.timestamp())
    assert number(living, "flow_failures", flow="products") == 3
    assert number(living, "alert_failures", alert="1") == 2


def test_no_label_and_no_value_is_personal(company: Company, living: Vitals) -> None:
    """Labels hold names of the configuration and words of ours: no key, no name, no number."""
    company.order(billing={"email": "qanara@qanar.test", "first_name": "Qanara", "country": "DE"})
    company.settle()
    company.shop_sql("UPDATE orders SET body = json_set(body, '$.total', 'qanar')")
    company.order(customer_note="qanar")
    company.settle()
    text = living.metrics(ASKED).text
    assert "qanar" not in text.lower()
    words = {value for _, labels in samples(living) for name, value in labels if name != "le"}
    assert all(re.fullmatch(r"|[a-z_]+|\d+\.\d+\.\d+", word) for word in words), words


def test_a_flood_of_scrapes_asks_the_ledger_once(
    company: Company, living: Vitals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers of this moment are given again, and asked anew later."""
    asked: list[Any] = []
    read = Ledger.read
    monkeypatch.setattr(Ledger, "read", lambda *a, **k: asked.append(a) or read(*a, **k))
    living.metrics(ASKED)
    once = len(asked)
    for _ in range(5):
        living.metrics(ASKED)
    assert len(asked) == once > 0
    monkeypatch.setattr(vitals, "ANEW", -1.0)
    living.metrics(ASKED)
    assert len(asked) > once


def test_ready_is_who_can_deliver(company: Company) -> None:
    """Not before the first look, not without ledger, not after a refused reload, not at the end."""
    living = Vitals(Turns(company.app), Counts())
    assert living.readyz(ASKED).status == 503
    living.looked()
    assert living.readyz(ASKED).status == 200
    for name, value in (("ledger_answers", False), ("reload_refused", True), ("stopping", True)):
        setattr(living, name, value)
        assert living.readyz(ASKED).status == 503, name
        assert number(living, "ready") == 0
        setattr(living, name, not value)
    assert number(living, "ready") == 1


def test_a_ledger_that_does_not_answer_is_seen_by_the_scrape(
    company: Company, living: Vitals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What this process measured is still told, and that it is not ready."""

    def away(*_: object, **__: object) -> None:
        raise LedgerAway("the ledger does not answer (SQLITE_IOERR)")

    monkeypatch.setattr(Ledger, "read", away)
    assert number(living, "ready") == 0
    assert number(living, "slots", connection="shop") == 2
    assert living.readyz(ASKED).status == 503


def test_a_loop_that_stands_still_is_unhealthy(
    living: Vitals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process lives and does nothing: whoever restarts it must hear of that."""
    assert living.healthz(ASKED).status == 200
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + vitals.STANDS_STILL + 1)
    assert living.healthz(ASKED).status == 503
    living.looked()
    assert living.healthz(ASKED).status == 200
