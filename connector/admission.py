"""Who may call a connection now: its standing, kept where all processes see it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from connector import standing
from connector.errors import LedgerAway, NotNow, NotSent, Unauthorized, Unavailable
from connector.ledger import standings
from connector.ledger.store import Ledger
from connector.ports import Clock
from connector.standing import Noted, Standing
from connector.values import InDoubt, Outcome
from connector.values import NotSent as Withdrawn
from connector.values import Unauthorized as Refused
from connector.values import Unavailable as Away
from connector.windows import Diary

NEVER = datetime.min.replace(tzinfo=UTC)
LOOK = 1.0  # seconds between looks for what another process noted
Step = Callable[[Noted], Noted]


class Board(Protocol):
    """Where what is known of one connection is noted."""

    def read(self) -> Noted:
        """What is noted."""
        ...

    def change(self, step: Step) -> tuple[Noted, Noted]:
        """Note what *step* makes of it, alone at the board; before and after."""
        ...


class Slate:
    """A board of this process' own."""

    def __init__(self) -> None:
        self._noted, self._alone = Noted(), threading.Lock()

    def read(self) -> Noted:
        """What is noted."""
        return self._noted

    def change(self, step: Step) -> tuple[Noted, Noted]:
        """Note what *step* makes of it."""
        with self._alone:
            before, self._noted = self._noted, step(self._noted)
            return before, self._noted


class Shared:
    """A board in the ledger. A ledger that does not answer stops no call that is on its way."""

    def __init__(self, ledger: Ledger, name: str) -> None:
        self._ledger, self._name = ledger, name
        self._last = Slate()

    def read(self) -> Noted:
        """What is noted, or was when the ledger answered last."""
        try:
            found = self._ledger.read(standings.read, self._name)
        except LedgerAway as error:
            return self._alone(error)
        self._last.change(lambda _: found)
        return found

    def change(self, step: Step) -> tuple[Noted, Noted]:
        """Note what *step* makes of it, in a transaction of its own."""
        try:
            with self._ledger.begin() as db:
                before = standings.read(db, self._name, locked=True)
                after = step(before)
                if after != before:
                    standings.write(db, self._name, after)
        except LedgerAway as error:
            self._alone(error)
            return self._last.change(step)
        self._last.change(lambda _: after)
        return before, after

    def _alone(self, error: LedgerAway) -> Noted:
        structlog.get_logger().error("standing cannot be shared", code="ledger", error=error)
        return self._last.read()


class Admission:
    """Lets calls of one connection begin, or says why not; learns from how each ended.

    *changed_at*: when the configuration changed last, and with it perhaps our credentials.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        *,
        board: Board | None = None,
        diary: Diary | None = None,
        changed_at: datetime = NEVER,
    ) -> None:
        self.name = name
        self._now, self._diary = clock.now, diary or Diary()
        self._board, self._changed_at = board or Slate(), changed_at
        self._noted, self._looked = Noted(), float("-inf")
        self._probing = threading.local()

    def standing(self, *, fresh: bool = False) -> Standing:
        """How the connection stands; *fresh*: asked of the board anew."""
        if fresh or time.monotonic() - self._looked >= LOOK:
            self._noted, self._looked = self._board.read(), time.monotonic()
        return self._stands(self._noted)

    def admit(self) -> None:
        """Raise NotSent unless a call may begin now: a probe may, where only failures forbid it."""
        at = self.standing()
        if at.is_open or (at.state in ("away", "refused") and getattr(self._probing, "on", False)):
            return
        raise NotSent(self._said(at), code=at.code)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A read, for a `with`. Raises NotNow where none may begin; counts how it ended."""
        try:
            self.admit()
        except NotSent as error:
            raise NotNow(str(error), code=error.code, cure=self._cure()) from error
        try:
            yield
        except NotNow:
            raise
        except Unavailable as error:
            if error.nobody:
                self._failed(error.wait, why=error.why, refused=False)
            raise
        except Unauthorized as error:
            self._failed(None, why=error.why, refused=True)
            raise
        else:
            self._answered(wrote=False)

    @contextmanager
    def probing(self) -> Iterator[None]:
        """A read that may close an open breaker, for a `with`; one at a time, when it is due."""
        if self.standing(fresh=True).state in ("away", "refused"):
            before, self._noted = self._board.change(self._book_probe)
            self._probing.on = before != self._noted
        try:
            with self.reading():
                yield
        finally:
            self._probing.on = False

    def probe_is_due(self) -> bool:
        """Is it away, and time to ask whether it is back?"""
        at = self.standing(fresh=True)
        return at.state in ("away", "refused") and at.until is not None and self._now() >= at.until

    def hear(self, outcomes: Sequence[Outcome]) -> None:
        """Learn from how a call that writes ended."""
        for outcome in outcomes:
            match outcome:
                case Away(wait=wait, why=why):
                    self._failed(wait, why=why, refused=False)
                case Refused(why=why):
                    self._failed(None, why=why, refused=True)
                case Withdrawn() | InDoubt():
                    pass
                case _:
                    self._answered(wrote=True)

    def _book_probe(self, noted: Noted) -> Noted:
        now = self._now()
        return standing.probing(standing.renewed(noted, self._changed_at, now), now)

    def _cure(self) -> str:
        at = self.standing()
        return "" if at.state == "closed" else f"`connector resume {self.name}` tries at once"

    def _stands(self, noted: Noted) -> Standing:
        now = self._now()
        return standing.stands(noted, self._diary.at(now), now)

    def _said(self, at: Standing) -> str:
        what, then = standing.said(
            at, lambda t: f"{t.astimezone(self._diary.zone):%Y-%m-%d %H:%M %Z}"
        )
        return f"{self.name}: {what}; {then}" if then else f"{self.name}: {what}"

    def _failed(self, wait: timedelta | None, *, why: str, refused: bool) -> None:
        now = self._now()
        if wait is not None and not refused:
            self._note(lambda noted: standing.told(noted, now + wait, now, why))
        else:
            self._note(lambda noted: standing.failed(noted, now, why=why, refused=refused))

    def _answered(self, *, wrote: bool) -> None:
        if self._noted.failures or (wrote and self._noted.probes):
            self._note(lambda noted: standing.answered(noted, self._now(), wrote=wrote))

    def _note(self, step: Step) -> None:
        before, self._noted = self._board.change(step)
        was, is_ = self._stands(before), self._stands(self._noted)
        if was.state != is_.state:
            said = {"connection": self.name, "state": is_.state, "code": is_.code or None}
            structlog.get_logger().warning("connection changed", **said)
