"""Compile `webhooks`: how a product signs what it sends of its own accord, and what it names."""

from __future__ import annotations

from dataclasses import replace

from connector.mapping.actions import (
    Calls,
    actions_of,
    check_keys,
    one_of,
    scalar,
    template,
)
from connector.mapping.expressions import complain
from connector.mapping.keys import KEPT, WEBHOOKS, words_of
from connector.mapping.terms import Scope
from connector.profile import Subscriptions, Webhooks
from connector.yamlread import Node

_NEEDED = ("header", "entity", "key")


def webhooks_of(node: Node | None, calls: Calls) -> Webhooks | None:
    """Compile the section; None where it is not written, or wrong."""
    if node is None:
        return None
    problems = calls.problems
    own = check_keys(node, WEBHOOKS, problems)
    for word in _NEEDED:
        if word not in own:
            complain(problems, node, f"`{word}` is missing", f"add `{word}:`")
    names = Scope({"headers": None, "body": None}, lenient=True)
    entity = template(own.get("entity"), names, problems)
    key = template(own.get("key"), names, problems)
    header = scalar(own.get("header"), problems)
    encoding = one_of(own.get("encoding"), words_of(WEBHOOKS, "encoding"), problems)
    if header is None or entity is None or key is None:
        return None
    return Webhooks(
        header=header.lower(),
        entity=entity,
        key=key,
        version=template(own.get("version"), names, problems),
        algorithm=one_of(own.get("algorithm"), words_of(WEBHOOKS, "algorithm"), problems)
        or "sha256",
        encoding="hex" if encoding == "hex" else "base64",
        prefix=scalar(own.get("prefix"), problems) or "",
        ping=scalar(own.get("ping"), problems),
        kept=_kept(own.get("kept"), calls),
    )


def _kept(node: Node | None, calls: Calls) -> Subscriptions | None:
    if node is None:
        return None
    problems, own = calls.problems, check_keys(node, KEPT, calls.problems)
    if lacking := KEPT.keys() - own.keys():
        complain(problems, node, f"lacks {', '.join(sorted(lacking))}", "say all of them")
        return None
    more = {**calls.more, "topic": None, "url": None, "secret": None}
    words = {word: own[word] for word in ("list", "create", "delete")}
    acting = replace(calls, more=more)
    actions = actions_of(Node(words, node.line, node.path, node.file), acting)
    item = Scope({"item": None}, lenient=True)
    read = {word: template(own[word], item, problems) for word in ("key", "topic", "to", "active")}
    topics = own["topics"].value if isinstance(own["topics"].value, dict) else {}
    named = {
        entity: tuple(t for one in given.value if (t := scalar(one, problems)) is not None)
        for entity, given in topics.items()
        if isinstance(given.value, list)
    }
    key, topic, to, active = read.values()
    if key is None or topic is None or to is None or active is None:
        return None
    return Subscriptions(
        listed=actions["list"],
        made=actions["create"],
        removed=actions["delete"],
        key=key,
        topic=topic,
        to=to,
        active=active,
        topics=named,
    )
