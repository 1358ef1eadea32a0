"""The webhooks that systems keep for us: looked at by `check`, made anew where a person asks."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from connector.configured import Config
from connector.errors import ConfigError
from connector.hooks import listening_entities
from connector.ports import Subscribes
from connector.problems import Problems
from connector.values import Subscription
from connector.wiring import Wired

CURE = "connector check --fix-webhooks"
Told = tuple[list[str], list[str]]  # what is well, what is not


def look_at(config: Config, wired: Wired, system: object, *, fix: bool) -> Told:
    """How the webhooks of one connection stand; *fix*: ours are removed and made anew before.

    Raises Unavailable, Unauthorized, ConfigError.
    """
    wanted, form = wired.config.webhooks, wired.compiled.profile.webhooks
    if wanted is None or form is None or form.kept is None or not isinstance(system, Subscribes):
        return [], []
    name = wired.config.name
    entities = listening_entities(config, name)
    topics = sorted({t for entity in entities for t in form.kept.topics.get(entity, ())})
    found = system.subscriptions()
    if fix and wanted.url is None:
        return [], [f"webhooks cannot be made: add `connections.{name}.webhooks.url`"]
    if fix and wanted.url is not None:
        problems = Problems()
        secret = config.secrets.text(wanted.secret, problems)
        if secret is None:
            raise ConfigError(problems)
        # First made, then removed: where we may not write, what there is stays.
        for topic in topics:
            system.subscribe(topic, wanted.url, secret)
        for one in ours(found, name, wanted.url):
            system.unsubscribe(one.key)
        found = system.subscriptions()
    return judged(topics, ours(found, name, wanted.url))


def ours(found: Sequence[Subscription], name: str, url: str | None) -> list[Subscription]:
    """Those that come to us: to *url*, or, where none is configured, to any `/hooks/NAME`."""
    if url is not None:
        return [one for one in found if one.to.rstrip("/") == url]
    return [one for one in found if urlsplit(one.to).path.endswith(f"/hooks/{name}")]


def judged(topics: Sequence[str], found: Sequence[Subscription]) -> Told:
    """What is well and what is not of our webhooks. Pure."""
    active = [one.topic for one in found if one.active]
    off = sorted({one.topic for one in found if not one.active and one.topic in topics})
    missing = [topic for topic in topics if topic not in active and topic not in off]
    doubled = sorted({topic for topic in active if active.count(topic) > 1})
    wrong = []
    if off:
        wrong.append(f"webhooks are switched off: {', '.join(off)} ({CURE})")
    if missing:
        wrong.append(f"webhooks are missing: {', '.join(missing)} ({CURE})")
    if doubled:
        wrong.append(f"webhooks are sent twice: {', '.join(doubled)} ({CURE})")
    well = [topic for topic in topics if topic in active]
    return [f"{len(well)} of {len(topics)} webhooks are active"], wrong
