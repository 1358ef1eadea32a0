"""What a piece of work takes: wall time, CPU of all threads, the most memory."""

from __future__ import annotations

import resource
import time
from typing import Self


class Measured:
    """Measures the `with` of one process."""

    def __enter__(self) -> Self:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self._wall, self._cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu

    def told(self) -> dict[str, float]:
        """The figures: seconds, CPU seconds, peak RSS in MB."""
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {"seconds": self._wall, "cpu": self._cpu, "rss": rss}
