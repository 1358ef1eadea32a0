"""A stop in a bad hour: inside 10 s, whatever does not answer."""

from __future__ import annotations

import socket
from collections.abc import Callable

from company import Company
from service import Service

from connector.ledger import standings
from connector.standing import Noted


def test_a_probe_that_hangs_keeps_nobody_from_ending(
    company: Company, serve: Callable[[], Service]
) -> None:
    """The ERP was away, takes our call now and says nothing: no run of a flow waits for it."""
    company.connection("erp", limits={"timeout": "60s"}, settle="60s")
    for name in ("orders", "products"):
        company.flow(name, every="never")
    host, port = company.erp.url.split("/")[2].split(":")
    company.erp.close()
    now = company.clock.now()
    with company.app.ledger.begin() as db:
        standings.read(db, "erp", locked=True)
        away = Noted(failures=3, failing_since=now, why="timeout", probe_at=now)
        standings.write(db, "erp", away)
    company.stop()
    with socket.create_server((host, int(port))) as mute:
        mute.settimeout(30)
        service = serve()
        call, _ = mute.accept()
        with call:
            assert call.recv(10)
            assert service.stop() < 10
