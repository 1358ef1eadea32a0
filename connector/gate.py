"""The gate of one connection: how many calls are on the wire, and until when one may begin."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from queue import Empty, SimpleQueue

from connector import errors
from connector.admission import Admission
from connector.congestion import Congestion, is_busy
from connector.crew import Crew, Task
from connector.meter import Meter
from connector.pace import Pace
from connector.points import reach
from connector.ports import Clock, More, Target, Watch
from connector.profile import Limits
from connector.slots import Slots
from connector.standing import Standing
from connector.values import Change, InDoubt, NotSent, Outcome

Group = Sequence[tuple[Change, Outcome]]
Ended = SimpleQueue[Group | BaseException]
Waiting = deque[Sequence[Change]]
NOTICE = 0.2  # seconds until a stop is noticed behind a call that hangs


class ThreadGate:
    """Sends with threads: no more calls at once than *limits* say, none too late (S3)."""

    def __init__(
        self,
        clock: Clock,
        limits: Limits,
        *,
        bulk: Mapping[str, int] | None = None,
        admission: Admission | None = None,
    ) -> None:
        self._clock, self._timeout, self._bulk = clock, limits.timeout, bulk or {}
        self.admission = admission or Admission("", clock)
        self.slots = Slots(limits.concurrency)
        self.congestion = Congestion(limits.concurrency)
        self.slots.open_to(self.congestion.window)
        self.pace, self._crew = Pace(limits.per_second), Crew(limits.concurrency)
        self.meter = Meter(limits.concurrency)
        self._stopping = threading.Event()
        self._wall, self._boot = clock.now(), clock.boottime()

    def now(self) -> datetime:
        """The later of wall and boot clock: no set-back, no suspension adds to a deadline."""
        since = timedelta(seconds=self._clock.boottime() - self._boot)
        return max(self._clock.now(), self._wall + since)

    @contextmanager
    def slot(self, send_before: datetime | None = None) -> Iterator[None]:
        """Hold one of its slots; raises NotSent when it is shut or too late, or we stop."""
        free = self.slots.take(self._stopping.is_set)
        try:
            if not free:
                raise errors.NotSent("other processes have all of its calls")
            self.admission.admit()
            _await_turn(self.pace, self._stopping)
            if send_before is not None and self.too_late(send_before):
                raise errors.NotSent("too late")
            began, full = self.meter.begin(), self.slots.full
            try:
                yield
            finally:
                self.congestion.timed(began, self.meter.end(began), full=full)
        finally:
            self.slots.give()

    def too_late(self, send_before: datetime) -> bool:
        """S3: would a call that begins now still run when others may take its record over?"""
        return self.now() + self._timeout >= send_before

    def standing(self) -> Standing:
        """How the connection stands: open, or why no call begins and when it is tried next."""
        return self.admission.standing()

    @property
    def stopping(self) -> bool:
        """Was it told to stop?"""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Let no further call begin; those on the wire end by themselves."""
        self._stopping.set()

    def close(self) -> None:
        """Stop, and wait for the calls on the wire."""
        self.stop()
        self._crew.close()

    def room(self, entity: str, seconds: float) -> int | None:
        """How many changes of *entity* are begun within *seconds*; None where it is not known."""
        calls = self.pace.within(seconds, self.congestion.room(entity, seconds))
        return calls and calls * self._bulk.get(entity, 1)

    def send(
        self,
        target: Target,
        entity: str,
        changes: Sequence[Change],
        *,
        watch: Watch | None = None,
        more: More | None = None,
    ) -> Iterator[Group]:
        """Send all *changes*, and *more* as they end; yield each group as it ends."""
        ended: Ended = SimpleQueue()
        size, waiting = self._bulk.get(entity, 1), Waiting()
        call = partial(_begin, waiting, partial(self._send_one, target, entity, ended, watch))
        left = _line_up(self._crew, call, size, changes, waiting)
        while left:
            calls, group = _ended(self, ended, waiting, left)
            left -= calls
            yield group
            if more is not None and not self.stopping:
                try:
                    left += _line_up(self._crew, call, size, more(left * size), waiting)
                except Exception:  # what is on the wire is heard all the same (S10)
                    yield from _all(self, ended, waiting, left)
                    raise

    def _send_one(
        self,
        target: Target,
        entity: str,
        ended: Ended,
        watch: Watch | None,
        batch: Sequence[Change],
    ) -> None:
        try:
            if why := withheld(self, watch):
                ended.put([(c, NotSent(why=why)) for c in batch])
                return
            reach("started.before_send")
            outcomes = _learn(self, entity, batch, target.send(entity, batch))
            if watch is not None:
                watch.notice(outcomes)
            ended.put(list(zip(batch, outcomes, strict=True)))
        except Exception as error:  # noqa: BLE001 - around a task: an adapter's bug leaves doubt
            ended.put(_doubted(self, entity, batch, error))
        except BaseException as error:  # noqa: BLE001 - the process is being ended
            ended.put(error)


def _await_turn(pace: Pace, stopping: threading.Event) -> None:
    """Wait until the next call may begin; raises NotSent if none may, or we stop."""
    wait = pace.book(time.monotonic())
    if wait is None:
        raise errors.NotSent("other processes have all of its calls")
    if (wait and stopping.wait(wait)) or stopping.is_set():
        raise errors.NotSent("stopping")


def _doubted(gate: ThreadGate, entity: str, batch: Sequence[Change], bug: Exception) -> Group:
    """What the bug of an adapter leaves of a call: doubt."""
    for _ in batch:
        gate.meter.ended(entity, InDoubt.__name__)
    return [(c, InDoubt(why=f"bug: {type(bug).__name__}")) for c in batch]


def _line_up(crew: Crew, call: Task, size: int, changes: Sequence[Change], waiting: Waiting) -> int:
    """Let *changes* wait for a thread in batches of that size, and *call* come for each of them."""
    batches = [changes[i : i + size] for i in range(0, len(changes), size)]
    waiting.extend(batches)
    crew.give(call, len(batches))
    return len(batches)


def _taken(waiting: Waiting) -> Sequence[Change] | None:
    """What waited longest, for one who takes it; each is taken once."""
    try:
        return waiting.popleft()
    except IndexError:
        return None


def _begin(waiting: Waiting, call: Callable[[Sequence[Change]], None]) -> None:
    """A thread has time; what it comes for may have been withdrawn."""
    batch = _taken(waiting)
    if batch is not None:
        call(batch)


def _learn(
    gate: ThreadGate, entity: str, batch: Sequence[Change], outcomes: Sequence[Outcome]
) -> Sequence[Outcome]:
    """Learn from a call how many the system takes, and whether it is there; what came of it."""
    told = gate.congestion.hear(entity, batch, outcomes)
    gate.admission.hear([one for one in told if not is_busy(one)])
    gate.slots.open_to(gate.congestion.window)
    for outcome in told:
        gate.meter.ended(entity, type(outcome).__name__)
    return told


def withheld(gate: ThreadGate, watch: Watch | None) -> str:
    """Why a call is not made that could begin now; empty if it is."""
    halted = watch.halted() if watch is not None else ""
    return "stopping" if gate.stopping else gate.standing().code or halted


def _all(gate: ThreadGate, ended: Ended, waiting: Waiting, left: int) -> Iterator[Group]:
    """What becomes of all that are *left*."""
    while left:
        calls, group = _ended(gate, ended, waiting, left)
        left -= calls
        yield group


def _ended(gate: ThreadGate, ended: Ended, waiting: Waiting, left: int) -> tuple[int, Group]:
    """How many calls ended by now, one at least, of *left*, and what became of them."""
    groups: list[Group] = []
    for one in (_next(gate, ended, waiting), *islice(_rest(ended), left - 1)):
        if isinstance(one, BaseException):
            raise one
        groups.append(one)
    return len(groups), [pair for group in groups for pair in group]


def _next(gate: ThreadGate, ended: Ended, waiting: Waiting) -> Group | BaseException:
    """What ends next; once we stop, what no thread has begun is withdrawn at once (S2)."""
    while True:
        try:
            return ended.get(timeout=NOTICE)
        except Empty:
            while gate.stopping and (batch := _taken(waiting)):
                ended.put([(c, NotSent(why="stopping")) for c in batch])


def _rest(ended: SimpleQueue[Group | BaseException]) -> Iterator[Group | BaseException]:
    """What has ended by now, without waiting: the natural batch."""
    while True:
        try:
            yield ended.get_nowait()
        except Empty:
            return
