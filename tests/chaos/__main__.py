"""`make chaos`: CHAOS_RUNS runs from CHAOS_SEED on; the last line says what came of them."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from .audit import Result
from .course import POINTS, promised, run_one
from .hazards import HAZARDS
from .world import Size

EVERY = 5  # one run in so many has its ledger on PostgreSQL
ENOUGH = 10  # runs, in which every misfortune must have struck


def say(line: str) -> None:
    """Tell whoever waits."""
    print(line, flush=True)  # noqa: T201


def mistakes(runs: int, storm: float, kinds: list[str]) -> list[str]:
    """What of the words would run nothing and call it clean."""
    wrong = ["CHAOS_RUNS: at least 1"] * (runs < 1) + ["CHAOS_SECONDS: more than 0"] * (storm <= 0)
    known = ", ".join(sorted(HAZARDS))
    if os.environ.get("CHAOS_LEDGER", "sqlite") not in ("sqlite", "postgresql"):
        wrong.append("CHAOS_LEDGER: sqlite or postgresql")
    unknown = [name for name in kinds if name not in HAZARDS]
    return wrong + [f"CHAOS_KINDS: no {name}; there are {known}" for name in unknown]


def main() -> int:
    """Run, and exit 0 only if nothing was lost, doubled, stale or unexplained; 2: wrong words."""
    runs, seed = int(os.environ.get("CHAOS_RUNS", "10")), int(os.environ.get("CHAOS_SEED", "1"))
    storm = float(os.environ.get("CHAOS_SECONDS", "45"))
    given = os.environ.get("CHAOS_DIR")
    folder = Path(given).absolute() if given else Path(tempfile.mkdtemp(prefix="chaos-"))
    broken, kinds = os.environ.get("CHAOS_BREAK", ""), os.environ.get("CHAOS_KINDS", "").split()
    if wrong := mistakes(runs, storm, kinds):
        say("\n".join(wrong))
        return 2
    whole = Result()
    say(f"chaos: {runs} runs from seed {seed} on, in {folder}")
    size, on = Size(storm=storm), set[str]()
    for n in range(seed, seed + runs):
        ledger = os.environ.get("CHAOS_LEDGER") or ("sqlite" if n % EVERY else "postgresql")
        on.add(ledger)
        postgres = ledger == "postgresql"
        # Dealt to some run already, and not come to: nearly all are, before half of them are over.
        missing = sorted({*POINTS} - whole.happened) if n - seed >= runs / 2 else []
        one = run_one(
            folder / str(n), n, size, say, broken, kinds, first=missing, postgres=postgres
        )
        whole.add(one)
    say(f"{whole.orders} orders and {whole.skus} SKUs were compared")
    never = sorted(promised(kinds or list(HAZARDS), sorted(on)) - whole.happened)
    if runs >= ENOUGH:
        say(f"never happened: {', '.join(never)}" if never else "all that is promised happened")
    say(whole.line())
    idle = runs >= ENOUGH and not set(never) <= set(POINTS)
    return 0 if whole.clean and not idle else 1


if __name__ == "__main__":
    sys.exit(main())
