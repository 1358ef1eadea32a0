"""The count after the calm: both sandboxes' own databases, the ledger's states, what trace says."""

from __future__ import annotations

import io
import json
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from typing import Any

from connector.cli import run
from connector.demo.count import count, stock_wrong
from connector.demo.scene import BUFFER
from connector.sandbox import books

from .world import BUSY, World

NUMBERS = (
    *(
        "runs",
        "kills",
        "orders",
        "skus",
        "lost",
        "duplicated",
        "stale",
        "stock_wrong",
        "unexplained",
    ),
)
FINE = ("done", "found")
TORN = "Traceback (most recent call last)"


@dataclass(kw_only=True)
class Result:
    """What one run, or all, came to."""

    runs: int = 0
    kills: int = 0
    orders: int = 0
    skus: int = 0
    lost: int = 0
    duplicated: int = 0
    stale: int = 0
    stock_wrong: int = 0
    unexplained: int = 0
    told: list[str] = field(default_factory=list)
    happened: set[str] = field(default_factory=set)

    @property
    def clean(self) -> bool:
        """Is nothing wrong?"""
        harm = (self.lost, self.duplicated, self.stale, self.stock_wrong, self.unexplained)
        return not any(harm)

    def line(self) -> str:
        """The last line."""
        return (
            f"chaos: runs={self.runs} kills={self.kills} lost={self.lost}"
            f" duplicated={self.duplicated} stale={self.stale} stock_wrong={self.stock_wrong}"
            f" unexplained={self.unexplained}"
        )

    def add(self, other: Result) -> None:
        """Both together."""
        for name in NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.told += other.told
        self.happened |= other.happened


def judge(world: World) -> Result:
    """Count everything of a run that has come to rest."""
    found = count(world.folder / "shop.db", world.folder / "erp.db")
    twice = doubled_customers(world)
    shelves = stock_wrong(world.folder / "shop.db", world.folder / "erp.db", BUFFER)
    result = Result(
        runs=1,
        kills=world.tally.kills,
        orders=found.checked,
        skus=len(books.erp_available(world.folder / "erp.db")),
        lost=found.count("lost"),
        duplicated=found.count("doubled") + found.count("stray") + len(twice),
        stale=found.count("stale") + found.count("different_total"),
        stock_wrong=len(shelves),
        happened={*world.tally.met, *world.tally.points, *world.struck()},
    )
    result.told += [f"{f.kind}: order {f.number} {f.detail}".rstrip() for f in found.findings]
    result.told += [f"doubled: customer {who}" for who in twice]
    result.told += [f"stock: {what}" for what in shelves]
    unexplained = [*unsettled(world), *untold(world), *bugs(world)]
    if result.skus != world.skus:
        unexplained.append(f"{result.skus} of {world.skus} SKUs were compared")
    result.unexplained = len(unexplained)
    result.told += [f"unexplained: {what}" for what in unexplained]
    return result


def doubled_customers(world: World) -> list[str]:
    """References and people that the ERP holds twice."""
    people = books.erp_customers(world.folder / "erp.db")
    by = Counter(p["reference"] for p in people if p["reference"])
    by += Counter(f"{p['email'].lower()} {p['name']}" for p in people if p["email"])
    return sorted(who for who, n in by.items() if n > 1)


def unsettled(world: World) -> list[str]:
    """Records that are still on their way, and intents that nobody closed."""
    marks = ", ".join(f"'{state}'" for state in BUSY)
    rows = world.rows(f"SELECT entity, key, state, reason FROM record WHERE state IN ({marks})")
    open_ = world.rows("SELECT id FROM attempt WHERE outcome IS NULL")
    return [f"{r['entity']} {r['key']} is still {r['state']}" for r in rows] + [
        f"intent {row['id']} is open" for row in open_
    ]


def untold(world: World) -> list[str]:
    """Failed attempts that `connector trace` does not show with an outcome and its why."""
    rows = world.rows(
        "SELECT DISTINCT r.id, r.entity, r.key FROM attempt a JOIN record r ON r.id = a.record"
        f" WHERE a.outcome NOT IN {FINE} ORDER BY r.id"
    )
    return [what for row in rows for what in _untold(world, row["entity"], row["key"])]


def _untold(world: World, entity: str, key: str) -> list[str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(["trace", entity, key, "--json", "-c", str(world.folder / "config.yaml")])
    if code:
        return [f"trace {entity} {key} ends with {code}: {err.getvalue()[:200]}"]
    return [
        f"{entity} {key}: {what}" for told in json.loads(out.getvalue()) for what in _gaps(told)
    ]


def _gaps(told: dict[str, Any]) -> list[str]:
    wrong = [
        f"attempt {a['id']} ended {a['outcome']} and nobody says why"
        for a in told["attempts"]
        if a["outcome"] not in FINE and not (a["code"] or a["closed_by"])
    ]
    if not told["events"]:
        wrong.append("nothing is told of what happened")
    if not told["next"]:
        wrong.append("nothing is told of what is next")
    return wrong


def bugs(world: World) -> list[str]:
    """Log lines that say `bug`, tracebacks, and ends that no misfortune of ours explains."""
    said = [
        f"the log says bug: {line.get('event')} {line.get('error', '')}"
        for line in world.log()
        if line.get("code") == "bug"
    ]
    torn = (world.folder / "daemon.log").read_text(errors="replace").count(TORN)
    said += [f"daemon.log holds {torn} tracebacks"] * bool(torn)
    return said + world.tally.odd
