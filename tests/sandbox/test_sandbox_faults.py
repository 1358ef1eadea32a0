"""Faults strike by rule, and what was executed is what the journal says."""

from __future__ import annotations

import http.client
import socket
import threading
import time

import pytest

from connector.sandbox.erp import start_erp
from connector.sandbox.faults import Faults, parse

LATE = 0.3
ENDED = (ConnectionResetError, http.client.RemoteDisconnected)


def until(true, most=5.0):
    """Poll until a thing is so."""
    end = time.monotonic() + most
    while not true():
        assert time.monotonic() < end, "it never became so"
        threading.Event().wait(0.01)


def last(erp):
    """The newest create in the journal, as (fault, executed)."""
    call = [c for c in erp.running.journal() if c["op"] == "CreateSalesOrder"][-1]
    return call["fault"], call["executed"]


@pytest.mark.parametrize("fault", ["commit_then_hang", "commit_then_cut"])
def test_a_commit_without_answer_is_executed(erp, fault):
    """The client hears nothing, the order exists."""
    erp.running.faults([{"fault": fault, "count": 1, "seconds": 0.05}])
    with pytest.raises(ENDED) as ended:
        erp.create()

    assert ended.type is ConnectionResetError, "RST, not an orderly end"
    assert last(erp) == (fault, True)
    assert erp.find() == ["SO-100001"]


def test_a_hanging_call_holds_until_the_client_gives_up(erp):
    """Without seconds nothing comes back, but the order is there at once."""
    erp.running.faults([{"fault": "commit_then_hang", "count": 1}])
    erp.timeout = 0.2
    with pytest.raises(TimeoutError):
        erp.create()

    assert erp.find() == ["SO-100001"]


def raw_create(erp, *, reset):
    """Send a create and go away, with RST or in order, without reading."""
    with socket.create_connection(("127.0.0.1", erp.running.port)) as line:
        if reset:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        line.sendall(erp.raw_create())
        until(lambda: last(erp)[0] == "late_commit")


@pytest.mark.parametrize("reset", [True, False])
def test_a_late_commit_happens_although_the_client_is_gone(erp, reset):
    """Absent at first, there after the delay: even after the client's RST."""
    erp.create(ref="other")
    rule = {"fault": "late_commit", "ops": ["Create"], "count": 1, "seconds": LATE}
    erp.running.faults([rule])
    raw_create(erp, reset=reset)

    assert erp.find() == []
    until(lambda: last(erp) == ("late_commit", True))
    assert erp.find() == ["SO-100002"]


def test_a_late_commit_is_late_by_its_seconds(erp):
    """Not before the delay is over."""
    erp.running.faults([{"fault": "late_commit", "ops": ["Create"], "count": 1, "seconds": LATE}])
    erp.timeout = 0.05
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        erp.create()
    erp.timeout = 5
    until(lambda: erp.find() == ["SO-100001"])

    assert time.monotonic() - began >= LATE


def test_unavailable_is_503_and_not_executed(erp):
    """With Retry-After only when the rule says so."""
    rules = [{"fault": "unavailable", "calls": [1], "retry_after": 7}]
    erp.running.faults([*rules, {"fault": "unavailable", "calls": [2]}])
    first, second = erp.create(), erp.create()

    assert (first.status, first.headers["Retry-After"]) == (503, "7")
    assert (second.status, second.headers.get("Retry-After")) == (503, None)
    assert last(erp) == ("unavailable", False)
    assert erp.find() == []


@pytest.mark.parametrize(
    ("fault", "status", "begins"),
    [
        ("accepted_html", 202, b"This feature"),
        ("text_before", 200, b"<br />\n<b>Warning</b>"),
        ("garbage", 200, b"\x00\xff"),
    ],
)
def test_a_garbled_answer_belongs_to_an_executed_call(erp, fault, status, begins):
    """Status and text lie, the order exists."""
    erp.running.faults([{"fault": fault, "count": 1}])
    answer = erp.create()

    assert answer.status == status
    assert answer.body.startswith(begins)
    assert (b"Envelope>" in answer.body) == (fault != "garbage")
    assert erp.find() == ["SO-100001"]


def test_half_a_reply_promises_more_than_it_sends(erp):
    """Content-Length is honest, the body is not complete, the order exists."""
    erp.running.faults([{"fault": "half_reply", "count": 1}])
    with pytest.raises(http.client.IncompleteRead):
        erp.create()

    assert erp.find() == ["SO-100001"]


def test_a_fault_by_code_is_not_executed(erp):
    """A business code is the client's fault, another one the server's."""
    rules = [{"fault": "fault", "code": "locked", "calls": [1]}]
    erp.running.faults([*rules, {"fault": "fault", "code": "deadlock", "calls": [2]}])
    first, second = erp.create(), erp.create()

    assert (first.text("Code"), second.text("Code")) == ("locked", "deadlock")
    assert b"soap:Client" in first.body
    assert b"soap:Server" in second.body
    assert erp.find() == []


def test_a_slow_call_answers_after_its_seconds(erp):
    """Executed at once, answered late."""
    erp.running.faults([{"fault": "slow", "count": 1, "seconds": 0.2}])
    began = time.monotonic()

    assert erp.create().status == 200
    assert time.monotonic() - began >= 0.2


def test_a_refused_connection_executes_nothing(erp):
    """Closed before the body is read."""
    erp.running.faults([{"fault": "refuse", "count": 1}])
    with pytest.raises((*ENDED, BrokenPipeError)):
        erp.create()

    assert last(erp) == ("refuse", False)
    assert erp.find() == []


def test_an_outage_ends_by_itself(erp):
    """Every call fails for its seconds, none is executed, then all is well."""
    erp.running.faults([{"fault": "outage", "seconds": 0.3}])
    failed = 0
    while not any(c["op"] == "FindSalesOrders" and c["executed"] for c in erp.running.journal()):
        try:
            failed += erp.call("FindSalesOrders").status == 503
        except (*ENDED, BrokenPipeError):
            failed += 1

    assert failed > 1


def test_rules_are_replaced_over_http_and_a_wrong_one_is_named(erp):
    """The admin's interface takes the same rules as Python."""
    assert erp.admin("faults", [{"fault": "unavailable"}]).status == 200
    assert erp.create().status == 503
    wrong = erp.admin("faults", [{"fault": "nonsense"}])
    assert (wrong.status, "faults[0]" in wrong.json["error"]) == (400, True)
    assert erp.admin("faults", []).status == 200
    assert erp.create().status == 200
    assert erp.admin("journal").json[-1]["op"] == "CreateSalesOrder"


def test_the_shifted_clock_shows_in_date_and_documents(erp):
    """One clock for header and body."""
    erp.admin("clock", {"offset_seconds": 86400 * 365 * 12})
    answer = erp.call("GetSystemInfo")

    assert answer.text("ServerTime") > "2038"
    assert int(answer.headers["Date"].split()[3]) >= 2038


def test_share_calls_and_count_choose_calls():
    """share is about its part, calls are the n-th matching ones, count the next n."""
    share = Faults([{"fault": "slow", "share": 0.2, "seed": 5}])
    calls = Faults([{"fault": "slow", "ops": ["Create"], "calls": [2]}])
    count = Faults([{"fault": "slow", "count": 2}])

    assert 150 < sum(bool(share.strike("x")) for _ in range(1000)) < 250
    struck = [bool(calls.strike(op)) for op in ("CreateA", "Find", "CreateB", "CreateC")]
    assert struck == [False, False, True, False]
    assert [bool(count.strike("x")) for _ in range(3)] == [True, True, False]


def test_the_same_seed_strikes_the_same_calls():
    """A course can be repeated."""
    once, again = (Faults([{"fault": "slow", "share": 0.5, "seed": 9}]) for _ in range(2))

    assert [bool(once.strike("x")) for _ in range(50)] == [
        bool(again.strike("x")) for _ in range(50)
    ]


def test_a_wrong_rule_is_refused():
    """A misspelt key would be a fault that never strikes."""
    with pytest.raises(ValueError, match="'shares'"):
        parse({"fault": "slow", "shares": 0.1})


def test_the_contract_is_spared_by_rules_for_all(erp):
    """Rules for all calls mean the operations; the WSDL fails when it is named."""
    erp.running.faults([{"fault": "unavailable"}])
    assert erp.send("GET", "/soap?wsdl", None, {}).status == 200
    erp.running.faults([{"fault": "unavailable", "ops": ["wsdl"]}])
    assert erp.send("GET", "/soap?wsdl", None, {}).status == 503


@pytest.mark.parametrize("fault", ["commit_then_hang", "late_commit", "slow"])
def test_closing_does_not_wait_for_hung_calls(tmp_path, erp_client, fault):
    """A hung client does not keep the server; what was not due is not executed."""
    running = start_erp(tmp_path / "erp.db")
    running.faults([{"fault": fault, "seconds": 60}])
    erp = erp_client(running)
    hung = threading.Thread(target=swallow, args=(lambda: erp.call("FindItems"),))
    hung.start()
    until(lambda: any(c["op"] == "FindItems" for c in running.journal()))
    began = time.monotonic()
    running.close()
    hung.join(timeout=5)

    assert time.monotonic() - began < 1.5
    assert not hung.is_alive()


def swallow(act):
    """The client's side of a server that ends."""
    try:
        act()
    except (OSError, http.client.HTTPException):
        return
