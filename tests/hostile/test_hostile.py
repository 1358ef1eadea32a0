"""Whatever a server answers: bounded time and memory, one clear outcome, and the flow goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from company import Company
from relay import (
    JSON,
    XML,
    Answer,
    Relay,
    bomb,
    deep_json,
    deep_xml,
    dripping,
    endless,
    entity_bomb,
    huge_number,
    many_json,
    many_xml,
    redirect,
    says,
    stolen_file,
)

from connector.errors import ConnectorError

MEGABYTE = 1024 * 1024
ROOM = 320 * MEGABYTE  # more than this no reply may cost
LONGEST = 20.0  # seconds, on a busy machine: the timeouts are 5 and 10
PACKED, GZIP = bomb(100 * MEGABYTE)

ANYWHERE: dict[str, Answer] = {
    "endless": endless,
    "dripping": dripping,
    "packed": says(PACKED, GZIP + JSON),
}
REST: dict[str, Callable[[], list[bytes]]] = {
    "deep": deep_json,
    "many": many_json,
    "number": huge_number,
}
SOAP: dict[str, Callable[[], list[bytes]]] = {
    "entities": entity_bomb,
    "file": stolen_file,
    "deep": deep_xml,
    "many": many_xml,
}


@pytest.fixture
def relays(company: Company) -> Iterator[dict[str, Relay]]:
    """The company's systems, each behind a relay."""
    made: dict[str, Relay] = {}
    for name, running, path in (("shop", company.shop, ""), ("erp", company.erp, "/soap")):
        made[name] = relay = Relay(urlsplit(running.url).port or 0)
        app = running._server.app
        (app.shop if name == "shop" else app).url = relay.url
        company.connection(name, url=relay.url + path, limits={"timeout": "3s"})
    company.order()
    company.sync()
    company.settle()
    yield made
    company.stop()
    for relay in made.values():
        relay.close()


def peak() -> int:
    """The most memory that this process has had since `forget`, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(x for x in lines if x.startswith("VmHWM")).split()[1]) * 1024


def forget() -> int:
    """Begin to measure anew; what there is now."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def met(
    company: Company, relay: Relay, call: str, answer: Answer, *, doubted: bool = False
) -> None:
    """A new order meets the hostile answer once: in time, in little memory; then it arrives.

    *doubted*: its creation is in doubt before, so that there is something to look up.
    """
    number = company.order()
    if doubted:
        company.erp.faults([{"fault": "commit_then_cut", "ops": ["CreateSalesOrder"], "count": 1}])
        company.sync()
        assert company.standing("order", number) == "in_doubt"
        company.pass_(15)
    relay.arm(call, answer)
    before, began = forget(), time.monotonic()
    with suppress(ConnectorError):  # a read that cannot be made ends the run, as it should
        company.sync()
    took, used = time.monotonic() - began, peak() - before
    assert relay.struck == 1, company.standing("order", number)
    assert took < LONGEST
    assert used < ROOM, f"{used / MEGABYTE:.0f} MB"
    company.settle()
    assert company.references().count(f"DE-{number}") == 1
    assert len(company.books()) == 2
    assert company.standing("order", number) in ("done(sent)", "done(same)")
    assert "localdomain" not in str(company.rows("SELECT * FROM record"))
    assert len(company.rows("SELECT * FROM quarantine")) < 1000


@pytest.mark.parametrize("name", [*ANYWHERE, *REST])
def test_a_page_of_orders(company: Company, relays: dict[str, Relay], name: str) -> None:
    """The shop answers so when it is asked what has changed."""
    answer = ANYWHERE.get(name) or says(REST[name](), JSON)
    met(company, relays["shop"], "/orders?", answer)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        *(("CreateSalesOrder", name) for name in (*ANYWHERE, *SOAP)),
        *(("FindSalesOrders", name) for name in ("dripping", "packed", "entities", "deep")),
    ],
)
def test_an_answer_of_the_erp(
    company: Company, relays: dict[str, Relay], call: str, name: str
) -> None:
    """The ERP answers so to a write, which may have happened, or to the look-up after one."""
    answer = ANYWHERE.get(name) or says(SOAP[name](), XML)
    met(company, relays["erp"], call, answer, doubted=call == "FindSalesOrders")


@pytest.mark.parametrize(("system", "call"), [("shop", "/orders?"), ("erp", "CreateSalesOrder")])
def test_a_redirect_to_somewhere_else(
    company: Company, relays: dict[str, Relay], system: str, call: str
) -> None:
    """Nobody there hears our credentials."""
    with closing(Relay(0)) as elsewhere:
        elsewhere.arm("", lambda handler: handler.reply(200, [b"[]"], JSON))
        met(company, relays[system], call, redirect(elsewhere.url + "/x"))
        assert elsewhere.struck == 0
