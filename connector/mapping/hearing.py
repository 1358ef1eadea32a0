"""Compile `webhooks`: how a product signs what it sends of its own accord, and what it names."""

from __future__ import annotations

from connector.mapping.actions import check_keys, one_of, scalar, template
from connector.mapping.expressions import complain
from connector.mapping.keys import WEBHOOKS, words_of
from connector.mapping.terms import Scope
from connector.problems import Problems
from connector.profile import Webhooks
from connector.yamlread import Node

_NEEDED = ("header", "entity", "key")


def webhooks_of(node: Node | None, problems: Problems) -> Webhooks | None:
    """Compile the section; None where it is not written, or wrong."""
    if node is None:
        return None
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
    )
