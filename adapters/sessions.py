"""A session as a profile describes it: its login, what it saves, when it is over."""

from __future__ import annotations

from collections.abc import Callable

from adapters.auth import Credentials
from adapters.http import Broke, Http, Reply
from adapters.logins import Denied, Held, Logins, Unclear
from adapters.oauth2 import OAuth2, OAuth2Entry
from adapters.place import Place
from adapters.replies import Answer, Verdict, judge, said
from connector.profile import ErrorRule, Profile, Session, Step


def logins(
    profile: Profile,
    auth: Credentials,
    http: Http,
    place: Place,
    call: Callable[[Step, Held], Answer],
) -> tuple[Logins, Logins]:
    """The logins of a connection: its token's and its session's. On a stage nothing is entered."""
    clock, staged = place["clock"], place.get("session")
    if staged is not None:
        return Logins(None, clock), Logins(None, clock, Held(staged))
    session = profile.session
    entry = SessionEntry(session, call, profile.errors) if session is not None else None
    token = OAuth2Entry(auth, http) if isinstance(auth, OAuth2) else None
    return Logins(token, clock), Logins(entry, clock)


class SessionEntry:
    """An Entry by a profile's `session`. *call* makes one call of the session's own."""

    def __init__(
        self,
        session: Session,
        call: Callable[[Step, Held], Answer],
        rules: tuple[ErrorRule, ...],
    ) -> None:
        self._session, self._call, self._rules = session, call, rules

    def enter(self) -> Held:
        """Log in; see Entry."""
        session = self._session
        answer = self._call(session.login, Held())
        verdict = judge(answer, self._rules, {})
        if verdict.outcome != "done":
            if _refused(answer, verdict):
                raise Denied(answer, verdict.code or "login_refused")
            if answer.parsed:
                raise Unclear(verdict.code or "unclear")
            raise Broke(verdict.code or "unclear", sent=False)
        names = {name: said(one, answer.names()) for name, one in session.save.items()}
        if any(value in (None, "") for value in names.values()):
            raise Unclear("without_token")
        cookies = cookies_of(answer.http) if session.cookies else ""
        return Held(names, {"Cookie": cookies} if cookies else {}, session.lasts)

    def over(self, answer: Answer) -> bool:
        """Judge a whole reply, or a refusal of HTTP's, by `expired`; 401 needs no rule."""
        if answer.http.status == 401:
            return True
        judged = (answer.parsed and answer.whole) or _turned_away(answer)
        expired = self._session.expired
        return judged and expired is not None and bool(said(expired, answer.names()))

    def leave(self, held: Held) -> None:
        """Log out, where the profile says how."""
        if self._session.logout is not None:
            self._call(self._session.logout, held)


def _turned_away(answer: Answer) -> bool:
    """4xx: nothing was done, whatever form its words have (408: who waited cannot know that)."""
    return answer.http.status // 100 == 4 and answer.http.status != 408


def _refused(answer: Answer, verdict: Verdict) -> bool:
    """Whether it is we who are not let in: no crash says so, nor a page that is not the system's.

    What no rule judges does when it answers what was sent: a client fault, or 4xx.
    """
    if verdict.outcome == "in_doubt" and answer.fault is None:
        return answer.parsed and _turned_away(answer)
    if verdict.outcome == "in_doubt":
        return answer.fault is not None and answer.fault.ours
    return verdict.outcome == "unauthorized" or (answer.parsed and verdict.outcome != "unavailable")


def cookies_of(reply: Reply) -> str:
    """The cookies that a reply sets, as a later call sends them back."""
    found = {}
    for line in reply.headers.get("set-cookie", "").split("\n"):
        name, equals, value = line.partition(";")[0].strip().partition("=")
        if equals and name:
            found[name] = value
    return "; ".join(f"{name}={value}" for name, value in found.items())
