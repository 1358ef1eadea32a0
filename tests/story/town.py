"""A company of the size of the story: its shop and ERP as processes, its desk, and its hours."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable
from contextlib import closing, redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

from hours import Hours

from connector import cli
from connector.sandbox import erp_books, erp_stock
from connector.sandbox.erp import open_erp
from connector.sandbox.seed import person, seed_erp, seed_shop, skus
from connector.sandbox.shop import open_shop
from connector.web import Request, Response, Web

PRODUCTS, CUSTOMERS, OLD_ORDERS = 5_000, 8_000, 300
RENAMED, TWICE, STRANGERS = (5, 1005, 2005), (9, 1009), 4
SERVICES = ("SVC-DELIVERY", "SVC-SETUP")
HOURS = Path(__file__).with_name("hours.py")


def seed(folder: Path, hours: Hours, since: datetime) -> None:
    """Fill shop, ERP and the ERP's test company, with orders of the shop from *since* on.

    Everybody is on both sides; but three whom the ERP knows by e-mail alone, two whom it has
    twice, and four whom the shop does not know.
    """
    shop = open_shop(folder / "shop.db")
    shop.store.remember("clock_offset", str(hours["wall"]))
    shop.store.close()
    seed_shop(
        folder / "shop.db", seed=1, products=PRODUCTS, customers=CUSTOMERS, orders=OLD_ORDERS,
        born_after=since,
    )  # fmt: skip
    for name, company in (("erp", ("ACME GmbH", "ACME")), ("erp_test", ("ACME TEST", "TEST"))):
        file = folder / f"{name}.db"
        seed_erp(file, items=[*skus(PRODUCTS), *SERVICES], company=company)
        with closing(open_erp(file)) as store, store.begin():
            store.remember("clock_offset", str(hours["wall"]))
            for n in (*range(CUSTOMERS), *TWICE):
                erp_books.create_customer(store, _entered(n))
            for n in range(STRANGERS):
                erp_books.create_customer(store, {"Name": f"N {n}", "Email": f"n{n}@old.test"})


def _entered(n: int) -> dict[str, Any]:
    """The n-th customer as a clerk of the ERP entered him."""
    who = person(n, f"kunde{n}@example.test")
    if n in RENAMED:
        return {"Name": "Buchhaltung", "Email": who["email"].upper()}
    name = f"{who['first_name']} {who['last_name']}"
    place = {"Street": who["address_1"], "City": who["city"], "Postcode": who["postcode"]}
    return {"Name": name, "Email": who["email"], "Address": {**place, "Country": who["country"]}}


class Sandbox:
    """`connector sandbox KIND` on a port that stays its own, also while it is down."""

    def __init__(self, kind: str, data: Path) -> None:
        self.kind, self.data, self.port = kind, data, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        """Serve; ready when it says so."""
        words = ["sandbox", self.kind, "--port", str(self.port), "--data", str(self.data)]
        line = [sys.executable, "-c", "from connector.cli import main; main()", *words]
        self._process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert "ready" in self._process.stdout.readline()

    def stop(self) -> None:
        """Be down."""
        if self._process is not None:
            self._process.terminate()
            self._process.communicate(timeout=20)
            self._process = None

    def clock(self, ahead: float) -> None:
        """Put its clock; one that is down does so when it is back."""
        if self._process is None:
            return
        body = json.dumps({"offset_seconds": ahead}).encode()
        with urllib.request.urlopen(f"{self.url}/_sandbox/clock", body, timeout=20) as reply:
            reply.read()


class Town:
    """One installation and everything around it; commands are run as an administrator does."""

    def __init__(self, folder: Path, at: datetime, since: datetime) -> None:
        self.folder = folder
        self.etc = folder / "etc"
        self.hours = Hours(folder / "hours")
        self.hours["wall"] = (at - datetime.now(UTC)).total_seconds()
        seed(folder, self.hours, since)
        self.shop = Sandbox("shop", folder / "shop.db")
        self.erp = Sandbox("erp", folder / "erp.db")
        self.erp_test = Sandbox("erp", folder / "erp_test.db")
        self.told: list[dict[str, Any]] = []
        self.inbox = Web(("127.0.0.1", 0), {"POST /alerts/": self._take})
        self.daemon: subprocess.Popen[bytes] | None = None

    def _take(self, asked: Request) -> Response:
        self.told.append(json.loads(asked.body) | {"at": self.hours.now()})
        return Response(status=200)

    # ── the administrator ───────────────────────────────────────────────────────────────────────

    def line(self, *words: str) -> list[str]:
        """A command line that lives in the town's hours."""
        return [sys.executable, str(HOURS), str(self.folder / "hours"), *words]

    def says(self, *words: str, code: int = 0, config: bool = True) -> str:
        """Run `connector WORDS`; what it said, once it ended with *code*."""
        more = ("--config", str(self.etc / "config.yaml")) if config else ()
        out = StringIO()
        with redirect_stdout(out), redirect_stderr(out):
            ended = cli.run([*words, *more])
        said = out.getvalue()
        assert ended == code, f"{' '.join(words)}: exit {ended}\n{said}"
        return said

    def json(self, *words: str, code: int = 0) -> Any:
        """The same, for machines."""
        said = self.says(*words, "--json", code=code)
        return json.loads(said[said.index("{") :])

    def configure(self, text: str) -> None:
        """Write the configuration."""
        (self.etc / "config.yaml").write_text(text, encoding="utf-8")

    def run(self) -> None:
        """`connector run`, until `stop`."""
        with (self.folder / "daemon.log").open("ab") as log:
            self.daemon = subprocess.Popen(
                self.line("run", "--json", "--config", str(self.etc / "config.yaml")), stderr=log
            )
        self.settled()

    def stop(self) -> None:
        """SIGTERM for the daemon."""
        assert self.daemon is not None
        self.daemon.send_signal(signal.SIGTERM)
        assert self.daemon.wait(30) == 0, self.log()

    def log(self) -> str:
        """What the daemon said."""
        return (self.folder / "daemon.log").read_text(encoding="utf-8")

    def count(self, items: Iterable[int], pieces: int) -> None:
        """A clerk of the ERP counts shelves: as many *pieces* are there."""
        with closing(open_erp(self.erp.data)) as store, store.begin():
            for n in items:
                erp_stock.count(store, f"I-{n:04d}", str(pieces))

    # ── time ────────────────────────────────────────────────────────────────────────────────────

    def pass_(self, seconds: float) -> None:
        """Let time go by; a daemon that runs has done by then what was due."""
        self.hours.pass_(seconds)
        for one in (self.shop, self.erp, self.erp_test):
            one.clock(self.hours["wall"])
        if self.daemon is not None:
            self.settled()

    def settled(self) -> None:
        """Wait until the daemon has done what is due at this hour."""
        assert self.daemon is not None
        by, at = time.monotonic() + 150, self.hours["boot"]
        self.hours["done"] = -1
        while self.hours["done"] < at:
            assert self.daemon.poll() is None, self.log()
            assert time.monotonic() < by, self.log()
            time.sleep(0.005)

    def close(self) -> None:
        """Let nothing remain."""
        if self.daemon is not None and self.daemon.poll() is None:
            self.daemon.kill()
            self.daemon.wait()
        for one in (self.shop, self.erp, self.erp_test):
            one.stop()
        self.inbox.close()


def free_port() -> int:
    """A port of this machine that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
