"""What the demo promises to have thrown: a count after a calm course would prove nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from connector.sandbox import books

WRITES = ("CreateSalesOrder", "UpdateSalesOrder", "ReleaseSalesOrder")
# Least percent of the calls that write orders in the storm, those that met the outage left out.
SHARES = {
    "commit_then_hang": 5,
    "commit_then_cut": 5,
    "late_commit": 3,
    "unavailable": 10,
    "slow": 10,
}
TORN = "Traceback (most recent call last)"


@dataclass(kw_only=True)
class Course:
    """What was done, as far as no database tells it."""

    kills: int = 0
    odd: list[str] = field(default_factory=list)  # ends of the daemon that nobody caused
    last_call: int = 0  # of the ERP's journal, when the storm was over
    changed: int = 0
    refunded: int = 0
    counted: int = 0
    skus: int = 0  # of which stock must be compared


def faults_met(erp: Path, until: int) -> Counter[str]:
    """How many calls that write orders met each fault up to call *until*; '' for none.

    The outage was met by whatever call came to it first: then hardly any other is made.
    """
    met = Counter(books.calls(erp, WRITES, until))
    met["outage"] = sum(fault == "outage" for fault in books.calls(erp, (), until))
    return met


def told(met: Counter[str]) -> str:
    """The same as a line."""
    away = met["outage"]
    whole = met.total() - away
    shares = [
        f"{name} {n} ({100 * n / whole:.0f} %)"
        for name, n in met.most_common()
        if name not in ("", "outage")
    ]
    met_it = f"{away} more met the outage"
    return f"of {whole} calls that write orders in the storm: {', '.join(shares)}; {met_it}"


def not_kept(folder: Path, course: Course, met: Counter[str]) -> list[str]:
    """What did not happen though it was promised, and what happened though it must not."""
    whole = met.total() - met["outage"]
    missing = [
        f"{name}: {met[name]} of {whole} calls, less than {least} %"
        for name, least in SHARES.items()
        if not whole or 100 * met[name] < least * whole
    ]
    delivered = books.erp_orders(folder / "erp.db")
    happened = {
        "no outage of the ERP": met["outage"],
        "no SIGKILL": course.kills,
        "no order was cancelled after its delivery": sum(
            row["status"] == "cancelled" for row in delivered
        ),
        "no order was changed": course.changed,
        "no order was refunded": course.refunded,
        "no shelf was counted": course.counted,
        "no webhook was taken": books.hooks_taken(folder / "shop.db"),
    }
    missing += [words for words, often in happened.items() if not often]
    if (compared := len(books.erp_available(folder / "erp.db"))) != course.skus:
        missing.append(f"{compared} of {course.skus} SKUs were compared")
    torn = (folder / "daemon.log").read_text(errors="replace").count(TORN)
    return missing + [f"daemon.log holds {torn} tracebacks"] * bool(torn) + course.odd
