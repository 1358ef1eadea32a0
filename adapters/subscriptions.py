"""The webhooks that a system keeps: listed, made and removed as its profile's `kept` says."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.dialect import Connection, text, told
from adapters.replies import key_of, said
from connector.errors import Bug
from connector.profile import Subscriptions
from connector.values import Subscription


def kept(at: Connection) -> Subscriptions:
    """How they are kept; callers ask only where the profile says so."""
    found = at.profile.webhooks.kept if at.profile.webhooks is not None else None
    if found is None:
        raise Bug(f"profile {at.profile.name} keeps no webhooks")
    return found


def listed(at: Connection) -> Sequence[Subscription]:
    """Every one of them. Raises Unavailable, Unauthorized."""
    form = kept(at)
    answer, _ = at.ask("", form.listed, {})
    names = {"conn": at.conn, **answer.names()}
    items = told(form.listed.items, names, "webhooks") if form.listed.items is not None else ()
    found = []
    for item in items if isinstance(items, list | tuple) else ():
        its = {"item": item}
        key = key_of(said(form.key, its))
        if key is not None:
            topic, to = text(form.topic, its) or "", text(form.to, its) or ""
            active = bool(said(form.active, its))
            found.append(Subscription(key=key, topic=topic, to=to, active=active))
    return found


def make(at: Connection, topic: str, url: str, secret: str) -> None:
    """Make one. Raises Unavailable, Unauthorized."""
    plain = secret.encode().decode()  # a secret hides itself from whoever writes it out
    at.ask("", kept(at).made, {"topic": topic, "url": url, "secret": plain})


def remove(at: Connection, key: str) -> None:
    """Remove one. Raises Unavailable, Unauthorized."""
    at.ask("", kept(at).removed, {"key": key})
