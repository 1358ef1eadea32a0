"""The login of a connection: made when it is first needed, shared by its calls, renewed once.

A call that is refused because the session is over surely did no work, so it is made once more with
a new login; a second refusal is told.  A login that failed sends no call: the call is as if never
begun.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock

from adapters.http import Broke, Reply
from adapters.replies import Answer, judge, said
from connector.errors import FieldErrors, NotSent
from connector.ports import Clock
from connector.profile import ErrorRule, Session, Step

_REST = 60.0  # seconds in which refused credentials are not tried again: accounts get locked


@dataclass(frozen=True, slots=True)
class Held:
    """What a login gave. *names* may be said as `session`; *cookies* go with every call."""

    names: Mapping[str, object] = field(default_factory=dict, repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)
    since: datetime | None = None

    def headers(self) -> dict[str, str]:
        """The Cookie header, if there are any."""
        pairs = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Cookie": pairs} if pairs else {}


class Denied(Exception):
    """The login was refused; *answer* says so to whoever wanted to call."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("login refused")
        self.answer = answer


class Sessions:
    """Gives calls the login that they need. *enter* makes one call of the session's own."""

    def __init__(
        self,
        session: Session | None,
        enter: Callable[[Step, Held], Answer],
        rules: tuple[ErrorRule, ...],
        clock: Clock,
        staged: Mapping[str, object] | None = None,
    ) -> None:
        self._session = None if staged is not None else session
        self._enter, self._rules, self._clock = enter, rules, clock
        self._without = Held(staged or {})
        self._lock = Lock()
        self._held: Held | None = None
        self._denied: tuple[float, Answer] | None = None

    def call(self, once: Callable[[Held], Answer]) -> Answer:
        """Make a call with a login; once more with a new one if that one was over."""
        session = self._session
        if session is None:
            return once(self._without)
        try:
            held = self._entered(session, None)
            answer = once(held)
            if not self._over(session, answer):
                return answer
            answer = once(self._entered(session, held))
        except Denied as denied:
            return denied.answer
        return replace(answer, denied="session_refused") if self._over(session, answer) else answer

    def leave(self) -> None:
        """Log out, if we are in; a system that does not hear it forgets us by itself."""
        with self._lock:
            held, self._held = self._held, None
        if self._session is not None and self._session.logout is not None and held is not None:
            with suppress(Broke, NotSent, FieldErrors):
                self._enter(self._session.logout, held)

    def _entered(self, session: Session, over: Held | None) -> Held:
        """The login that is held, made anew if it is *over* or has lasted long enough."""
        with self._lock:
            held = self._held
            if held is None or held is over or self._old(session, held):
                self._held = None
                held = self._held = self._login(session)
            return held

    def _old(self, session: Session, held: Held) -> bool:
        if session.lasts is None or held.since is None:
            return False
        return self._clock.now() - held.since >= session.lasts

    def _login(self, session: Session) -> Held:
        now = self._clock.boottime()
        if self._denied is not None and now - self._denied[0] < _REST:
            raise Denied(self._denied[1])
        try:
            answer = self._enter(session.login, Held())
        except Broke as broke:  # the call itself was not begun
            raise Broke(f"login_{broke.why}", sent=False) from broke
        verdict = judge(answer, self._rules, {})
        if verdict.outcome != "done":
            if verdict.outcome in ("in_doubt", "unavailable") and answer.fault is None:
                raise Broke(f"login_{verdict.code or 'unclear'}", sent=False)
            refused = replace(answer, denied=verdict.code or "login_refused")
            self._denied = (now, refused)
            raise Denied(refused)
        names = {name: said(one, answer.names()) for name, one in session.save.items()}
        if any(value in (None, "") for value in names.values()):
            raise Broke("login_without_token", sent=False)
        self._denied = None
        cookies = cookies_of(answer.http) if session.cookies else {}
        return Held(names, cookies, self._clock.now())

    def _over(self, session: Session, answer: Answer) -> bool:
        """Whether the reply says that we are not logged in: then it says it before all work."""
        if answer.denied:
            return False
        if answer.http.status == 401:
            return True
        judged = answer.parsed and answer.whole and session.expired is not None
        return judged and bool(said(session.expired, answer.names()))


def cookies_of(reply: Reply) -> dict[str, str]:
    """The cookies that a reply sets, without what it says of their places and times."""
    found = {}
    for line in reply.headers.get("set-cookie", "").split("\n"):
        name, equals, value = line.partition(";")[0].strip().partition("=")
        if equals and name:
            found[name] = value
    return found
