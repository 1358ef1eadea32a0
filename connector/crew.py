"""Threads that work off one line of tasks, in the order in which they came."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

Task = Callable[[], None]


class Crew:
    """At most *most* threads, each begun when there is work for it; a task must not raise.

    It promises less than an executor, a task has no future, and costs a tenth of it.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._alone = threading.Lock()

    def give(self, task: Task, times: int = 1) -> None:
        """Let *task* be done, so many *times*."""
        with self._alone:
            for _ in range(min(times, self._most - len(self._threads))):
                thread = threading.Thread(target=self._work, name="gate", daemon=True)
                thread.start()  # the system may refuse
                self._threads.append(thread)
        for _ in range(times):
            self._tasks.put(task)

    def close(self) -> None:
        """Wait until everything that was given is done."""
        with self._alone:
            threads, self._threads = self._threads, []
        for _ in threads:
            self._tasks.put(None)
        for thread in threads:
            thread.join()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()
