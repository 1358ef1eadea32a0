"""Paging: a row that kills whoever splits the page it stands on is found out and set aside (R15).

Before it is split its rows have no keys, so pages are made smaller until it stands alone.  A young
process notes that it walks; where one had died walking, each reply is noted before it is looked
into; one that is not much smaller than what killed is not looked into any more; and what killed as
often as `DEATHS`, alone, is set aside.  A page that gives it again is known by its bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from connector.errors import Truncated
from connector.flow.flows import Flow
from connector.flow.wary import DEATHS, KILLER, YOUNG
from connector.ledger import pagings
from connector.ledger.content import digest
from connector.ledger.pagings import Paging
from connector.ledger.store import Ledger
from connector.ports import Clock

SMALLER = 8  # times, than what killed: each step down costs a process
HOPELESS = 3 * DEATHS  # deaths over single rows that were never the same


class Careful:
    """The `Care` of one walk."""

    def __init__(self, flow: Flow, ledger: Ledger, clock: Clock) -> None:
        self._scope, self._ledger, self._clock = (flow.name, flow.entity), ledger, clock
        self._killers = list(ledger.read(pagings.killers, self._scope, KILLER))
        now = clock.now()
        died = ledger.read(pagings.left, self._scope, ledger.owner, now) if self._young() else []
        self._dead = {had.owner for had in died}
        killed = min((had.much for had in died if had.much), default=0)
        self._most = max(1, killed // SMALLER) if killed else None
        self._alone = Counter(had.alone for had in died if had.alone)
        self._noted: Paging | None = None
        self._found = False

    def may_be_read(self, much: int, body: bytes) -> bool:
        """See Care; raises Truncated where deaths do not tell what anybody died of."""
        if much == 1:
            if body in self._killers:
                return False
            if self._is_killer(body):
                self._killers.append(body)
                self._most, self._alone, self._found = None, Counter(), True
                return False
        elif any(gives(body, one) for one in self._killers):
            return False
        if not self._young():
            return True
        if self._most is not None and much > self._most:
            return False
        self._note(much, digest(body) if much == 1 else "")
        return True

    def was_read(self) -> None:
        """See Care."""
        if self._noted is not None and self._noted.much:
            self._note(0)

    def settle(self, db: Connection) -> None:
        """A page was staged, in this transaction: what killed, too, where it was found out."""
        if self._found:
            pagings.end(db, self._scope, self._dead)
            self._dead, self._found = set(), False

    def ends(self) -> None:
        """The walk came to its end: nobody died of anything on it."""
        if self._noted is not None:
            with self._ledger.begin() as db:
                pagings.end(db, self._scope, {*self._dead, self._ledger.owner})

    def _young(self) -> bool:
        woken = self._ledger.woken_at
        return woken is not None and self._clock.now() - woken <= YOUNG

    def _is_killer(self, body: bytes) -> bool:
        if self._alone[digest(body)] >= DEATHS:
            return True
        if self._alone.total() >= HOPELESS:
            flow, entity = self._scope
            raise Truncated(
                f"{flow}: one row of {entity} kills who reads it, and looks different every time",
                cure="find the document changed last at the source, and correct it there",
            )
        return False

    def _note(self, much: int, alone: str = "") -> None:
        """Where nobody died it is enough to say once that there is a walk."""
        if self._dead or self._noted is None:
            self._noted = Paging(self._ledger.owner, much if self._dead else 0, alone)
            with self._ledger.begin() as db:
                pagings.begin(db, self._scope, self._noted, self._clock.now())


@contextmanager
def careful(flow: Flow, ledger: Ledger, clock: Clock) -> Iterator[Careful]:
    """For a `with` in which a list of the flow's is walked to its end."""
    care = Careful(flow, ledger, clock)
    yield care
    care.ends()


def gives(body: bytes, alone: bytes) -> bool:
    """Does this reply give the row of which another one, *alone*, consists?

    Between what both begin with and what both end with stands the row.  Where hardly anything does
    it may be another one: that costs some calls, and no more.
    """
    begin = _alike(len(alone), lambda n: body.startswith(alone[:n]))
    rest = alone[begin:]
    return (
        rest[: len(rest) - _alike(len(rest), lambda n: body.endswith(rest[len(rest) - n :]))]
        in body
    )


def _alike(most: int, same: Callable[[int], bool]) -> int:
    """The largest number up to *most* of which it is true, as of all smaller ones."""
    low = 0
    while low < most:
        middle = (low + most + 1) // 2
        low, most = (middle, most) if same(middle) else (low, middle - 1)
    return low
