"""The stage of one run: two sandboxes behind proxies, the daemon, its folder, the shop's life."""

from __future__ import annotations

import io
import json
import random
import shutil
import signal
import sqlite3
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import NullPool, create_engine, text

from connector.cli import run
from connector.demo.play import free_port
from connector.demo.scene import (
    DEMO,
    Sandbox,
    Shelves,
    Shopping,
    configure,
    prepare,
    start_sandbox,
)
from connector.ledger.readings import LONG
from connector.places import mappings_folder
from connector.sandbox import books, edit

from .bank import Bank
from .daemon import KILLS_PAGER, KILLS_READER, KILLS_SENDER
from .levers import Levers
from .nursery import Born, Nursery
from .proxy import Proxy

Rules = list[dict[str, Any]]
ATTEMPTS = 6
# The ERP's contract may change under us, and fewer attempts end sooner.
CONFIG = DEMO.replace("connections:", "mappings: [mappings]\nconnections:", 1).replace(
    "most: 12", f"most: {ATTEMPTS}"
)
POISONED = {"gave_up": KILLS_SENDER, "unreadable": KILLS_READER}  # what it must come to
ASIDE = "SELECT 1 AS one FROM quarantine WHERE code = 'kills_reader'"
KILLERS = (KILLS_PAGER, KILLS_READER, KILLS_SENDER)
SILENCE = LONG.total_seconds() + 1
AWAY = 4  # its exit code when a system or the ledger is
BUSY = ("prepared", "running", "in_doubt")


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much a run is: orders at its start and later, changes, seconds of storm and of calm."""

    first: int = 130
    later: int = 120
    changes: int = 500
    storm: float = 45.0
    lives: int = 8
    calm: float = 120.0


@dataclass(kw_only=True)
class Tally:
    """What was done to it."""

    kills: int = 0
    starts: int = 0
    met: dict[str, int] = field(default_factory=dict)
    missed: dict[str, int] = field(default_factory=dict)
    there: float = 0.0
    points: set[str] = field(default_factory=set)
    exits: list[int] = field(default_factory=list)
    healed: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)

    def count(self, name: str, *, struck: bool = True) -> None:
        """One more of *name*, which has met somebody or nobody."""
        which = self.met if struck else self.missed
        which[name] = which.get(name, 0) + 1


class World:
    """Everything of one run; `close` leaves nothing behind but the folder."""

    def __init__(
        self, folder: Path, seed: int, size: Size, broken: str = "", *, postgres: bool = False
    ) -> None:
        self.folder, self.seed, self.size, self._broken = folder, seed, size, broken
        self.dice = random.Random(seed)
        self.tally = Tally()
        self.poisoned: dict[str, int] = {}
        shutil.rmtree(folder, ignore_errors=True)
        self.bank = Bank() if postgres else None
        url = self.bank.url if self.bank else ""
        seeded = prepare(folder, seed, size.first, url)
        self.skus = len(seeded.skus)
        self.shopping = Shopping(
            folder / "shop.db", seeded, seed, later=size.later, changes=size.changes
        )
        self.proxies = {"shop": Proxy(), "erp": Proxy()}
        self.systems: dict[str, Sandbox] = {}
        self._rules: dict[str, dict[str, Rules]] = {"shop": {}, "erp": {}}
        for kind in self.proxies:
            self.open(kind)
        addresses = (proxy.url for proxy in self.proxies.values())
        (folder / "mappings").mkdir()
        configure(folder, *addresses, CONFIG, f"127.0.0.1:{free_port()}", url)
        self.shelves = Shelves(folder / "erp.db", len(seeded.skus), seed)
        with redirect_stdout(io.StringIO()):
            run(["check", "--fix-webhooks", "--config", str(folder / "config.yaml")])
        self.levers = Levers(folder / "levers")
        self.daemon: Born | None = None
        self._sent: set[signal.Signals] = set()
        self._log = folder / "daemon.log"
        self._before = 0  # bytes of it when the daemon was started
        self._nursery = Nursery(self._log)

    # ── the systems ─────────────────────────────────────────────────────────────────────────────

    def open(self, kind: str) -> None:
        """Start a sandbox, under the rules in force."""
        proxy = self.proxies[kind]
        started = start_sandbox(kind, self.folder / f"{kind}.db", "--address", proxy.url)
        self.systems[kind] = started
        proxy.upstream = urlsplit(started.url).port or 0
        if kind == "shop":
            started.hooks(doubled=0.3, shuffled=True, patience=1_000_000)
        self._apply(kind)

    def shut(self, kind: str) -> None:
        """End a sandbox as a power cut does."""
        process = self.systems.pop(kind).process
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def rule(self, kind: str, name: str, rules: Rules) -> None:
        """Put *rules* in force under *name*; none ends them."""
        self._rules[kind][name] = rules
        self._apply(kind)

    def no_rules(self) -> None:
        """Let both systems behave."""
        for kind, named in self._rules.items():
            named.clear()
            self._apply(kind)

    def _apply(self, kind: str) -> None:
        if kind in self.systems:
            # What was added last strikes first.
            named = reversed(self._rules[kind].values())
            self.systems[kind].faults([rule for rules in named for rule in rules])

    def pass_(self, seconds: float) -> None:
        """Let time go by for everybody."""
        self.levers["wall"] += seconds
        self.levers["boot"] += seconds
        body = json.dumps({"offset_seconds": self.levers["wall"]}).encode()
        for system in self.systems.values():
            request = urllib.request.Request(f"{system.url}/_sandbox/clock", body, method="POST")
            with urllib.request.urlopen(request, timeout=10) as reply:
                reply.read()

    @contextmanager
    def jumped(self, seconds: float) -> Iterator[None]:
        """The wall clock of our machine jumps, and comes back."""
        self.levers["wall"] += seconds
        self.levers["jumped"] = 1
        yield
        self.levers["jumped"] = 0
        self.levers["wall"] -= seconds

    def resume(self, kind: str) -> None:
        """An administrator lets a connection go on, now that its trouble is over."""
        with redirect_stdout(io.StringIO()):
            run(["resume", kind, "--config", str(self.folder / "config.yaml")])

    def reload(self) -> None:
        """An administrator has the configuration read again; whoever works takes it in time."""
        if self.ready():
            self.send(signal.SIGHUP)

    def retry(self, reason: str) -> None:
        """An administrator lets go on what is held for *reason*."""
        for row in self.rows(f"SELECT entity, key FROM record WHERE reason = '{reason}'"):
            with redirect_stdout(io.StringIO()):
                words = ["record", "retry", row["entity"], row["key"]]
                run([*words, "--config", str(self.folder / "config.yaml")])

    def new_contract(self) -> None:
        """An administrator installs the ERP's new WSDL, and restarts."""
        mine = self.folder / "mappings" / "sandbox_erp"
        shutil.copytree(mappings_folder() / "sandbox_erp", mine, dirs_exist_ok=True)
        wsdl = mine / "wsdl" / "erp.wsdl"
        known, added = '<xs:element name="Version" type="xs:string"/>', "AddedInTwo"
        more = known.replace("Version", added).replace("/>", ' minOccurs="0"/>')
        wsdl.write_text(wsdl.read_text().replace(known, more + known))
        self.stop()

    def poison(self, how: str) -> None:
        """One order becomes the death of us; nobody touches it until it is healed."""
        order = self.dice.choice(self.shopping.orders)
        self.shopping.orders.remove(order)
        self.poisoned[how] = order
        edit.change_order(self.folder / "shop.db", order, customer_note=how)

    def heal(self) -> bool:
        """Correct what killed and is held for it by now; is there anything left to correct?"""
        for how, order in list(self.poisoned.items()):
            rows = self.rows(
                f"SELECT reason FROM record WHERE entity = 'order' AND key = '{order}'"
            )
            aside = how == KILLS_PAGER and self.rows(ASIDE)
            if aside or [POISONED.get(row["reason"]) for row in rows] == [how]:
                del self.poisoned[how]
                self.tally.healed.append(how)
                edit.change_order(self.folder / "shop.db", order, customer_note="corrected")
        return bool(self.poisoned)

    # ── whether a misfortune has struck ─────────────────────────────────────────────────────────

    def counting(self, name: str) -> Callable[[], bool]:
        """Has the daemon counted more under *name* since now?"""
        before = self.levers[name]
        return lambda: self.levers[name] > before

    def striking(self, kind: str) -> Callable[[], bool]:
        """Has anything come to harm on the way to *kind* since now?"""
        harmed, refused = self.proxies[kind].struck, self.counting("met_unreachable")
        return lambda: self.proxies[kind].struck > harmed or refused()

    def met(self, kind: str, fault: str) -> Callable[[], bool]:
        """Has *fault* of *kind* struck a call since now?"""
        before = self.faults(kind).get(fault, 0)
        return lambda: self.faults(kind).get(fault, 0) > before

    def written(self) -> int:
        """How many calls the ERP has executed that write."""
        file = f"file:{self.folder / 'erp.db'}?mode=ro"
        with closing(sqlite3.connect(file, uri=True, timeout=30)) as db:
            wrote = "SELECT count(*) FROM journal WHERE executed AND op GLOB '[CUR]*'"
            return int(db.execute(wrote).fetchone()[0])

    def struck(self) -> set[str]:
        """The faults that have struck a call, as `erp late_commit`."""
        return {f"{kind} {fault}" for kind in self.proxies for fault in self.faults(kind)}

    def faults(self, kind: str) -> dict[str, int]:
        """How many calls each fault of *kind* has struck."""
        file = f"file:{self.folder / kind}.db?mode=ro"
        with closing(sqlite3.connect(file, uri=True, timeout=30)) as db:
            counted = "SELECT fault, count(*) FROM journal WHERE fault <> '' GROUP BY fault"
            return {str(fault): int(n) for fault, n in db.execute(counted)}

    # ── the daemon ──────────────────────────────────────────────────────────────────────────────

    def start(self, point: str = "") -> None:
        """Start the daemon, to die at *point* if one is given."""
        environ = {
            "CHAOS_LEVERS": str(self.folder / "levers"),
            "CHAOS_POINT": point,
            "CHAOS_BREAK": self._broken,
        }
        self._sent.clear()
        self._before = self._log.stat().st_size
        self.daemon = self._nursery.bear(self.folder / "config.yaml", environ)
        self.tally.starts += 1

    def kill(self) -> None:
        """SIGKILL, wherever it is."""
        if self.daemon is not None:
            self.send(signal.SIGKILL)
            self.buried()

    def died(self) -> bool:
        """Has the daemon ended?"""
        return self.daemon is not None and self.daemon.poll() is not None

    def ready(self) -> bool:
        """Does the daemon do its work by now?"""
        if self.bank is not None:  # nobody owns a ledger on PostgreSQL
            with self._log.open("rb") as log:
                log.seek(self._before)
                return self.daemon is not None and b"daemon ready" in log.read()
        lock = self.folder / "ledger.db.lock"
        said = lock.read_text() if lock.exists() else ""
        return self.daemon is not None and said == f"pid {self.daemon.pid} daemon"

    def buried(self) -> None:
        """Count how the daemon ended."""
        if self.daemon is None:
            return
        code = self.daemon.wait()
        self.daemon = None
        point = self._point()
        if code == -signal.SIGKILL:
            self.tally.kills += 1
        else:
            self.tally.exits.append(code)
        if self.bank is not None and point in KILLERS:
            self.pass_(SILENCE)  # there a death is believed only when nothing is heard for so long
        if not self._meant(code, point):
            self.tally.odd.append(f"the daemon ended with {code}")

    def _meant(self, code: int, point: str) -> bool:
        """Do we know why it ended so?"""
        if code == -signal.SIGKILL:
            return bool(point) or signal.SIGKILL in self._sent
        if code in (0, -signal.SIGTERM):  # the latter before it listens
            return signal.SIGTERM in self._sent
        return code == AWAY

    def _point(self) -> str:
        """The crash point at which it just ended, '' for none."""
        reached, point = self.folder / "reached", ""
        with suppress(FileNotFoundError):
            point = reached.read_text()
            self.tally.points.add(point)
            reached.unlink()
        return point

    def send(self, number: signal.Signals) -> None:
        """Send the daemon a signal, if there is one."""
        if self.daemon is not None:
            self._sent.add(number)
            self.daemon.send(number)

    def stop(self) -> None:
        """End it as an administrator does."""
        if self.daemon is not None:
            self.send(signal.SIGTERM)
            try:
                self.daemon.wait(20)
            except TimeoutError:
                self.send(signal.SIGKILL)
                self.tally.odd.append("the daemon had to be killed at its stop")
            self.buried()

    def close(self) -> None:
        """Leave nothing running."""
        if self.daemon is not None:
            self.daemon.send(signal.SIGKILL)
            self.daemon.wait()
        self._nursery.close()
        self.shelves.close()
        for kind in list(self.systems):
            self.shut(kind)
        for proxy in self.proxies.values():
            proxy.close()
        if self.bank is not None:
            self.bank.close()

    # ── the ledger ──────────────────────────────────────────────────────────────────────────────

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of the ledger, read beside whoever has it."""
        file = f"sqlite:///file:{self.folder / 'ledger.db'}?mode=ro&uri=true&timeout=30"
        engine = create_engine(self.bank.url if self.bank else file, poolclass=NullPool)
        with engine.connect() as db:
            return [dict(row) for row in db.execute(text(sql)).mappings()]

    def busy(self) -> int:
        """How many records are on their way."""
        marks = ", ".join(f"'{state}'" for state in BUSY)
        return int(self.rows(f"SELECT count(*) AS n FROM record WHERE state IN ({marks})")[0]["n"])

    def there(self) -> float:
        """The share of all orders, those to come included, that the ERP has by now."""
        wanted = self.size.first + self.size.later - self.shopping.cancelled
        return books.erp_order_count(self.folder / "erp.db") / wanted

    def log(self) -> list[dict[str, Any]]:
        """What the daemons said, whole lines only."""
        said = (self.folder / "daemon.log").read_text(errors="replace").splitlines()
        found = []
        for line in said:
            with suppress(ValueError):
                found.append(json.loads(line))
        return found


def wait(seconds: float) -> None:
    """Let a moment pass: the storm has a length, nothing here waits for a condition."""
    time.sleep(seconds)
