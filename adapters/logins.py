"""A login of a connection: made when it is first needed, shared by its calls, renewed once.

A call that is refused because the login is over surely did no work, so it is made once more with a
new one; a second refusal is told.  A login that failed sends no call: it is as if never begun.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from threading import Lock
from typing import Protocol

from adapters.http import Broke
from adapters.replies import Answer
from connector.errors import FieldErrors, NotSent
from connector.ports import Clock

_MOMENT = 1.0  # seconds
_REST = 60.0  # seconds in which credentials that did not let us in rest: accounts get locked


@dataclass(frozen=True, slots=True)
class Held:
    """What a login gave: *names* that may be said as `session`, *headers* of every call."""

    names: Mapping[str, object] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    lasts: timedelta | None = None
    since: datetime | None = None

    def with_(self, other: Held) -> Held:
        """This login with the headers of *other* beside its own."""
        if not other.headers:
            return self
        return replace(self, headers={**self.headers, **other.headers})


class Denied(Exception):
    """The login was refused; *answer* says so to whoever wanted to call."""

    def __init__(self, answer: Answer, code: str) -> None:
        super().__init__("login refused")
        self.answer = replace(answer, denied=code)


class Unclear(Broke):
    """The system answered, and neither let us in nor refused us: the fault may be its own."""

    def __init__(self, why: str) -> None:
        super().__init__(why, sent=False)


class Entry(Protocol):
    """One kind of login."""

    def enter(self) -> Held:
        """Log in. Raises Denied, Unclear, Broke, NotSent."""
        ...

    def over(self, answer: Answer) -> bool:
        """Whether a reply says that the login is over: then it says it before all work."""
        ...

    def leave(self, held: Held) -> None:
        """Log out."""
        ...


class Logins:
    """Gives calls the login that they need; without an entry they need none."""

    def __init__(self, entry: Entry | None, clock: Clock, without: Held | None = None) -> None:
        self._entry, self._clock, self._without = entry, clock, without or Held()
        self._lock = Lock()
        self._held: Held | None = None
        self._rests: tuple[float, Callable[[], Denied | Broke]] | None = None

    def call(self, once: Callable[[Held], Answer]) -> Answer:
        """Make a call with a login; once more with a new one if that one was over."""
        entry = self._entry
        if entry is None:
            return once(self._without)
        try:
            held = self._entered(entry, None)
            answer = once(held)
            if not _over(entry, answer):
                return answer
            answer = once(self._entered(entry, held))
        except Denied as denied:
            return denied.answer
        return replace(answer, denied="session_refused") if _over(entry, answer) else answer

    def leave(self) -> None:
        """Log out, if we are in; a system that does not hear it forgets us by itself.

        So does one that we are being let in by for longer than a moment: that is not waited for.
        """
        if not self._lock.acquire(timeout=_MOMENT):
            return
        held, self._held = self._held, None
        self._lock.release()
        if self._entry is not None and held is not None:
            with suppress(Broke, NotSent, FieldErrors):
                self._entry.leave(held)

    def _entered(self, entry: Entry, over: Held | None) -> Held:
        """The login that is held, made anew if it is *over* or has lasted long enough."""
        with self._lock:
            held = self._held
            if held is None or held is over or self._old(held):
                self._held = None
                held = self._held = self._made(entry)
            return held

    def _old(self, held: Held) -> bool:
        if held.lasts is None or held.since is None:
            return False
        return self._clock.now() - held.since >= held.lasts

    def _made(self, entry: Entry) -> Held:
        now = self._clock.boottime()
        if self._rests is not None and now - self._rests[0] < _REST:
            raise self._rests[1]()
        try:
            held = replace(entry.enter(), since=self._clock.now())
        except Denied as denied:
            self._rests = (now, partial(Denied, denied.answer, denied.answer.denied))
            raise
        except Broke as broke:  # the call itself was not begun
            unmade = partial(Broke, f"login_{broke.why}", sent=False)
            self._rests = (now, unmade) if isinstance(broke, Unclear) else None
            raise unmade() from broke
        except FieldErrors as error:
            raise Broke(f"login_{error.faults[0].code}", sent=False) from error
        self._rests = None
        return held


def _over(entry: Entry, answer: Answer) -> bool:
    return not answer.denied and entry.over(answer)
