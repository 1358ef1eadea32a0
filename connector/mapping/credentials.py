"""Where a profile may name credentials: in what is laid over a call after the stored payload."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from connector.mapping.load import leaves
from connector.mapping.shapes import Shape
from connector.mapping.terms import Scope
from connector.yamlread import Node

_NAMED = re.compile(r"\bconn\.auth\.([A-Za-z_]\w*)")


def credentials_of(own: Mapping[str, Node]) -> frozenset[str]:
    """The names that the templates of a profile.yaml take of `conn.auth`."""
    return frozenset(
        name
        for place in _places(own)
        for _, text, _ in leaves(place)
        for name in _NAMED.findall(text or "")
    )


def _places(own: Mapping[str, Node]) -> Iterator[Node]:
    if "args" in own:
        yield own["args"]
    services = own["services"].value if "services" in own else None
    for service in services.values() if isinstance(services, dict) else ():
        if isinstance(service.value, dict) and "args" in service.value:
            yield service.value["args"]


def wire_scope(conn: Mapping[str, Shape | None], credentials: frozenset[str]) -> Scope:
    """What those templates may name: the connection, and its credentials as `conn.auth`."""
    auth = Shape(members=dict.fromkeys(credentials))
    return Scope({"conn": Shape(members={**conn, "auth": auth})})
