"""`make chaos`: CHAOS_RUNS runs from CHAOS_SEED on; the last line says what came of them."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from .audit import Result
from .course import run_one
from .world import Size


def say(line: str) -> None:
    """Tell whoever waits."""
    print(line, flush=True)  # noqa: T201


def main() -> int:
    """Run, and exit 0 only if nothing was lost, doubled, stale or unexplained."""
    runs, seed = int(os.environ.get("CHAOS_RUNS", "10")), int(os.environ.get("CHAOS_SEED", "1"))
    storm = float(os.environ.get("CHAOS_SECONDS", "45"))
    given = os.environ.get("CHAOS_DIR")
    folder = Path(given).absolute() if given else Path(tempfile.mkdtemp(prefix="chaos-"))
    whole = Result()
    say(f"chaos: {runs} runs from seed {seed} on, in {folder}")
    broken, kinds = os.environ.get("CHAOS_BREAK", ""), os.environ.get("CHAOS_KINDS", "").split()
    for n in range(seed, seed + runs):
        whole.add(run_one(folder / str(n), n, Size(storm=storm), say, broken, kinds))
    say(f"{whole.orders} orders and every SKU of each run were compared")
    say(whole.line())
    return 0 if whole.clean else 1


if __name__ == "__main__":
    sys.exit(main())
