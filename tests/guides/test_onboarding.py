"""docs/onboard-a-system.md is true: from an unseen WSDL to an order in its server, YAML alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from guides.kraemer import Wawi, served
from guides.test_guides import Reader, free_port, steps

from connector.sandbox.seed import skus


@pytest.fixture
def wawi() -> Iterator[tuple[Wawi, str]]:
    """The imaginary ERP, and its port."""
    port = free_port()
    with served(int(port), skus(300)) as books:
        yield books, port


@pytest.fixture
def reader(tmp_path: Path, wawi: tuple[Wawi, str]) -> Iterator[Reader]:
    """A reader in a fresh directory, with an ERP at its address."""
    one = Reader(tmp_path, {"8091": free_port(), "8092": wawi[1]})
    yield one
    for command in list(one.running):
        one.end(command)


def test_the_first_order_reaches_a_system_that_was_never_seen(
    reader: Reader, wawi: tuple[Wawi, str]
) -> None:
    """Every command of the guide is run; then the orders stand there, once, to the cent."""
    for step in steps("onboard-a-system.md"):
        reader.do(step)
    there = {(o["FremdReferenz"], o["AuftragNr"]) for o in wawi[0].auftraege}
    assert len(wawi[0].auftraege) == len(there) == 2
    with closing(sqlite3.connect(reader.folder / "ledger.db")) as db:
        links = db.execute("select reference, target_key from link where entity = 'order'")
        assert set(links.fetchall()) == there
        (held,) = db.execute("select count(*) from record where state <> 'done'").fetchone()
    assert held == 0
