"""Parameters: what a profile asks of a connection, and how its text is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connector.mapping.actions import check_keys, flag, one_of, scalar
from connector.mapping.expressions import complain
from connector.mapping.keys import PARAMETER
from connector.problems import Problems
from connector.spelled import Misspelled, web_address, whole
from connector.yamlread import Node


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise Misspelled("is no flag", "write true or false")
    return text == "true"


_TYPES: Mapping[str, Callable[[str], object]] = {
    "text": str,
    "url": web_address,
    "flag": _flag,
    "number": whole,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One value that a connection gives its profile, as `conn.<name>`."""

    name: str
    type: str
    meaning: str
    needed: bool
    default: str | None

    def value(self, text: str | None) -> object:
        """Return the typed value of *text*, or of the default. Raises Misspelled."""
        given = self.default if text is None else text
        return None if given is None else _TYPES[self.type](given)


def parameters_of(node: Node | None, problems: Problems) -> dict[str, Parameter]:
    """Read the `parameters` of a profile."""
    members = node.value if node is not None and isinstance(node.value, dict) else {}
    return {name: _parameter(name, child, problems) for name, child in members.items()}


def _parameter(name: str, node: Node, problems: Problems) -> Parameter:
    own = check_keys(node, PARAMETER, problems)
    made = Parameter(
        name=name,
        type=one_of(own.get("type"), tuple(_TYPES), problems) or "text",
        meaning=scalar(own.get("meaning"), problems) or "",
        needed=flag(own.get("needed"), problems),
        default=scalar(own.get("default"), problems),
    )
    try:
        made.value(None)
    except Misspelled as wrong:
        complain(problems, own["default"], f"the default {wrong}", wrong.cure)
    return made
