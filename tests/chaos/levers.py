"""What the suite moves inside the daemon's process while it runs: clocks, disk, name service.

And what the daemon counts there for the suite, so that a misfortune it never met is not counted.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

MOVED = ("wall", "boot", "full", "nameless", "jumped")
MET = ("met_full", "met_away", "met_locked", "met_nameless", "met_jumped", "met_unreachable")
NAMES = MOVED + MET
_SIZE = 8 * len(NAMES)


class Levers:
    """Numbers in a file that two processes share; 0 is how things are without us."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_SIZE))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _SIZE)

    def __getitem__(self, name: str) -> float:
        at = 8 * NAMES.index(name)
        return float(struct.unpack_from("d", self._map, at)[0])

    def __setitem__(self, name: str, value: float) -> None:
        struct.pack_into("d", self._map, 8 * NAMES.index(name), value)
