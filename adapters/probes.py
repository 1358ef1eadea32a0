"""Examine a connection without changing anything: who is it, what does its clock say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from adapters.dialect import Connection
from adapters.http import Reply
from adapters.replies import Answer, said
from connector import errors
from connector.profile import Action
from connector.values import Findings

_MOST_SKEW = timedelta(seconds=30)


def check(at: Connection) -> Findings:
    """Ask what the profile's `probe` asks, and read the identity from the replies."""
    names: dict[str, object] = {"conn": at.conn}
    skew, problems = None, []
    for name, action in at.profile.probe.items():
        answer = _asked(at, action, names)
        names |= {name: answer.reply, "reply": answer.reply}
        skew = _skew(answer.http) or skew
    identity = {}
    for name, template in at.profile.identity.items():
        value = said(template, names)
        if value in (None, ""):
            problems.append(f"identity {name} cannot be read; give the user the right to read it")
        else:
            identity[name] = str(value)
    if skew is not None and abs(skew) > _MOST_SKEW:
        seconds = int(skew.total_seconds())
        problems.append(f"its clock differs from ours by {seconds} s; synchronise both (NTP)")
    return Findings(identity=identity, skew=skew, problems=tuple(problems))


def _asked(at: Connection, action: Action, names: Mapping[str, object]) -> Answer:
    """Ask; why the system would not answer is told in its words: a probe names no person."""
    try:
        return at.ask("", action, names)[0]
    except errors.Unavailable as away:
        if away.said:
            away.args = (f"{away}: {away.said}",)
        raise


def _skew(http: Reply) -> timedelta | None:
    """Its clock less ours, at the middle of the call; a Date header knows whole seconds only."""
    if http.date is None:
        return None
    return http.date + timedelta(seconds=0.5) - (http.began + http.took / 2)
