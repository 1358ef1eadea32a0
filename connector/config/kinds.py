"""How single values of the configuration are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from connector import forms, spelled
from connector.forms import Kind, choice, text
from connector.problems import Problems
from connector.secret import is_reference
from connector.yamlread import Node

DURATION = text(spelled.duration, spelled.DURATION)
ZONE = text(spelled.zone)
WHOLE = text(spelled.whole)
FLAG = Kind(
    lambda node, problems: choice("true", "false").read(node, problems) == "true",
    {"enum": [True, False, "true", "false"]},
)
NAME = text(spelled.name, spelled.NAME)


def lazily(check: Callable[[str], object]) -> Kind:
    """Keep the node, and check it now unless it names a secret."""

    def read(node: Node, _: Problems) -> Node:
        if not is_reference(forms.scalar(node)):
            check(forms.scalar(node))
        return node

    return Kind(read, {"type": "string"})


def beside(find: Callable[[str, Path], Path]) -> Kind:
    """Find a file or folder; a relative one begins where the configuration lies."""
    return Kind(
        lambda node, _: find(forms.scalar(node), Path(node.file).parent), {"type": "string"}
    )
