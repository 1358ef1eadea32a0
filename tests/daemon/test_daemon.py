"""`connector run` as a process: times, commands beside it, stop, reload, a flow that fails."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
import requests
import yaml
from company import Company
from service import calls, free_port, until

Serve = Callable[[], Any]


def states(company: Company) -> set[tuple[str, str | None]]:
    """How the orders stand."""
    return {s for (entity, _), s in company.states().items() if entity == "order"}


def test_what_is_ordered_arrives_by_itself(company: Company, serve: Serve) -> None:
    """A flow runs at its interval: two orders, one after the other, no command given."""
    company.flow("orders", every="1s")
    service = serve()
    service.hears("READY=1")
    for count in (1, 2):
        company.order()
        until(lambda count=count: len(company.books()) == count)
    until(lambda: states(company) == {("done", "sent")})
    service.hears("WATCHDOG=1")
    assert service.stop() < 10
    service.hears("STOPPING=1")


def test_a_sync_beside_the_daemon_goes_through_it(company: Company, serve: Serve) -> None:
    """O1: the command asks, the daemon delivers, the command tells what came of it."""
    company.flow("orders", every="never")
    company.flow("products", every="never")
    service = serve()
    service.hears("READY=1")
    company.order()
    until(lambda: calls(company, "flow", "sync", "orders", "--json").returncode == 0
          and company.books())  # fmt: skip
    said = calls(company, "flow", "sync", "orders", "--json")
    assert [row["pulled"] for row in json.loads(said.stdout)["flows"]][-1] == 0
    company.erp.close()
    company.order()
    away = until(lambda: (s := calls(company, "flow", "sync", "orders")).returncode == 4 and s)
    assert "error[unavailable]" in away.stderr
    assert service.stop() < 10
    assert {row["state"] for row in company.rows("SELECT state FROM run")} == {"ended"}


def test_a_plan_beside_the_daemon_is_applied_by_it(company: Company, serve: Serve) -> None:
    """Made beside it, applied through it, and refused by it where it does not fit."""
    company.flow("orders", every="never")
    company.flow("products", every="never")
    service = serve()
    service.hears("READY=1")
    company.order()
    file = str(company.folder / "plan.yaml")
    until(lambda: calls(company, "flow", "plan", "orders", "--out", file).returncode == 0
          and "decision: create" in (company.folder / "plan.yaml").read_text())  # fmt: skip
    said = calls(company, "flow", "apply", file, "--json")
    assert (said.returncode, json.loads(said.stdout)["refused"]) == (0, 0)
    assert len(company.books()) == 1
    text = (company.folder / "plan.yaml").read_text().replace("from: shop", "from: erp")
    (company.folder / "plan.yaml").write_text(text)
    assert "error[plan_unusable]" in calls(company, "flow", "apply", file).stderr
    [first, second] = company.rows("SELECT * FROM run")
    assert (first["task"], first["given"], second["state"]) == ("apply", None, "ended")


def test_a_backfill_beside_the_daemon_goes_through_it(company: Company, serve: Serve) -> None:
    """It looks, is accepted and creates in the daemon, while a new order arrives by itself."""
    company.flow("orders", every="1s")
    old = company.order()
    company.shop_sql("UPDATE orders SET created = created - 1000000 WHERE id = ?", old)
    service = serve()
    service.hears("READY=1")
    line = ("flow", "backfill", "orders", "--from", "2020-01-01T00:00:00Z", "--json")
    said = calls(company, *line)
    assert (said.returncode, json.loads(said.stdout)["to_create"]) == (1, 1), said.stderr
    assert company.books() == []
    new = company.order()
    until(lambda: company.references() == [f"DE-{new}"])
    said = calls(company, *line, "--yes")
    assert (said.returncode, json.loads(said.stdout)["created"]) == (0, 1), said.stderr
    assert company.references() == sorted([f"DE-{old}", f"DE-{new}"])
    assert {r["task"] for r in company.rows("SELECT task FROM run")} == {"backfill"}


def test_a_locked_ledger_without_a_daemon_is_told(company: Company, serve: Serve) -> None:
    """Another `flow sync` cannot be asked: `ledger_locked`, and nothing waits in vain."""
    company.app.ledger.own()
    said = calls(company, "flow", "sync", "orders")
    assert "error[ledger_locked]" in said.stderr
    assert not company.rows("SELECT * FROM run")


def test_a_stop_withdraws_what_is_not_sent(company: Company, serve: Serve) -> None:
    """SIGTERM while a call hangs: inside 10 s, and only that call is in doubt."""
    company.connection("erp", limits={"concurrency": "1", "timeout": "10s"}, settle="10s")
    company.flow("orders", every="1s")
    company.order()
    service = serve()
    until(lambda: company.books())
    until(lambda: states(company) == {("done", "sent")})
    company.erp.faults(
        [{"fault": "commit_then_hang", "seconds": 30, "ops": ["CreateSalesOrder"], "count": 1}]
    )
    for _ in range(3):
        company.order()
    until(lambda: len(company.books()) == 2)  # made there, and no answer
    assert service.stop() < 10
    [doubt] = company.rows("SELECT * FROM attempt WHERE outcome IS NULL")
    assert len(company.rows("SELECT * FROM attempt WHERE outcome = 'not_sent'")) <= 2
    assert len(company.books()) == 2
    assert doubt["action"] == "create"


def test_a_broken_configuration_is_refused_and_the_good_one_stays(
    company: Company, serve: Serve
) -> None:
    """SIGHUP with two mistakes tells both and changes nothing; mended, it is taken."""
    company.flow("orders", every="never")
    company.flow("products", every="never")
    service = serve()
    service.hears("READY=1")
    file = company.folder / "config.yaml"
    good = yaml.safe_load(file.read_text())
    wrong = {**good, "zone": "Europe/Berln", "nonsense": "1"}
    file.write_text(yaml.safe_dump(wrong))
    service.process.send_signal(signal.SIGHUP)
    until(lambda: len(service.lines("wrong")) == 2)
    good["flows"]["orders"]["every"] = "1s"
    company.order()
    file.write_text(yaml.safe_dump(good))
    service.process.send_signal(signal.SIGHUP)
    until(lambda: service.lines("reloaded"))
    until(lambda: company.books())
    assert service.stop() < 10


def test_health_and_metrics_are_served_as_long_as_it_lives(company: Company, serve: Serve) -> None:
    """An order is seen in the numbers; a refused reload makes it unready, a mended one ready."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    company.config(web={"listen": str(port)})
    company.flow("orders", every="1s")
    company.order()
    service = serve()
    service.hears("READY=1")
    until(lambda: requests.get(f"{url}/readyz", timeout=5).status_code == 200)
    assert requests.get(f"{url}/healthz", timeout=5).text == "ok\n"
    sent = 'connector_records{flow="orders",reason="sent",state="done"} 1.0'
    until(lambda: sent in requests.get(f"{url}/metrics", timeout=5).text)
    file = company.folder / "config.yaml"
    good = file.read_text()
    for text, status in ((good + "nonsense: 1\n", 503), (good, 200)):
        file.write_text(text)
        service.process.send_signal(signal.SIGHUP)
        until(lambda status=status: requests.get(f"{url}/readyz", timeout=5).status_code == status)
    assert requests.get(f"{url}/healthz", timeout=5).status_code == 200
    assert service.stop() < 10
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/healthz", timeout=5)


def test_another_listener_is_taken_at_a_restart_only(company: Company, serve: Serve) -> None:
    """A reload cannot exchange the socket: `restart_needed`, and the one before stays."""
    company.flow("orders", every="never")
    company.flow("products", every="never")
    service = serve()
    service.hears("READY=1")
    company.config(web={"listen": str(free_port())})
    service.process.send_signal(signal.SIGHUP)
    refused = until(lambda: service.lines("reload refused"))
    assert refused[0]["code"] == "restart_needed"
    assert service.stop() < 10


def test_a_flow_that_fails_ends_neither_the_daemon_nor_the_others(
    company: Company, serve: Serve
) -> None:
    """The shop of one flow is away: told with code and count, and the other goes on."""
    other = company.other_shop()
    company.connection("shop2", like="shop", url=other.url)
    company.flow("more", like="orders", every="1s", reference="X-{{ doc.number }}",
                 **{"from": "shop2"})  # fmt: skip
    company.flow("orders", every="1s")
    other.close()
    service = serve()
    until(lambda: [f for f in service.lines("flow failed") if f["count"] > 1])
    company.order()
    until(lambda: company.books())
    assert {f["code"] for f in service.lines("flow failed")} == {"unavailable"}
    assert service.stop() < 10


def test_what_runs_by_itself_begins_with_an_approval(company: Company, serve: Serve) -> None:
    """Nobody watches: without a word about brakes the first orders wait until somebody looked."""
    company.flow("orders", every="1s", brakes=None)
    company.order()
    service = serve()
    waits = "creates wait, the first of this flow"
    until(lambda: waits in calls(company, "approve").stdout)
    assert not company.books()
    assert calls(company, "approve", "orders-1").returncode == 0
    until(lambda: company.books())
    company.order()
    until(lambda: len(company.books()) == 2)
    assert service.stop() < 10


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_another_user_is_sent_to_the_right_command(company: Company) -> None:
    """O1: files made by another user would lock the daemon out of its own ledger."""
    os.chown(company.folder / "ledger.db", 1, 1)
    said = calls(company, "flow", "sync", "orders")
    assert said.returncode == 2
    assert "error[other_user]" in said.stderr
    assert "sudo -u daemon connector" in said.stderr
    upgraded = calls(company, "ledger", "upgrade")  # its journal would be ours
    assert (upgraded.returncode, upgraded.stderr) == (2, said.stderr)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_ledger_is_made_by_the_user_whose_the_secrets_are(company: Company) -> None:
    """`sudo connector ledger upgrade`: the daemon could not open what root has made."""
    os.chown(company.folder / ".env", 1, 1)
    (company.folder / "ledger.db").unlink()
    said = calls(company, "ledger", "upgrade")
    assert (said.returncode, "sudo -u daemon connector" in said.stderr) == (2, True)
    assert not (company.folder / "ledger.db").exists()


def test_a_secret_that_is_missing_is_told_at_start_and_at_a_reload(
    company: Company, serve: Serve
) -> None:
    """Not at each time of each flow, by a code alone; the one of a flow that never runs may be."""
    company.connection(
        "spare", like="erp", auth={"type": "basic", "user": "x", "password": "${NO}"}
    )
    company.flow("rare", like="products", every="never", to="spare")
    secrets = company.folder / ".env"
    whole = secrets.read_text()
    secrets.write_text(whole.replace("ERP_PASSWORD", "ERP_PASWORD"))
    refused = serve()
    assert refused.process.wait(15) == 2
    [said] = [s for s in refused.log.read_text().splitlines() if "error" in s]
    assert "${ERP_PASSWORD} is not set" in said
    refused.close()
    refused.log.unlink()
    secrets.write_text(whole)
    service = serve()
    service.hears("READY=1")
    secrets.write_text(whole.replace("ERP_PASSWORD", "ERP_PASWORD"))
    service.process.send_signal(signal.SIGHUP)
    [wrong] = until(lambda: service.lines("wrong"))
    assert (service.lines("reload refused")[0]["code"], wrong["file"]) == (
        "config",
        str(company.folder / "config.yaml"),
    )
    assert service.stop() < 10
