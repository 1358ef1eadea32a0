"""Tables: rows of text by name, merged row by row; and digests over them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

from connector.mapping.expressions import complain
from connector.nearest import cure_for
from connector.problems import Problems
from connector.yamlread import Node

_BACK = re.compile(r"""\btable_back\(\s*['"]([^'"]+)['"]""")

Tables = Mapping[str, Mapping[str, str | None]]


def tables_of(node: Node | None, problems: Problems) -> Tables:
    """Read the `tables` of an entity."""
    if node is None:
        return {}
    if not isinstance(node.value, dict):
        complain(problems, node, "is no mapping of tables", "write `name: {from: to}` lines")
        return {}
    return {name: _rows(child, problems) for name, child in node.value.items()}


def check_back(text: str | None, place: Node, tables: Tables, problems: Problems) -> None:
    """Report a `table_back` of a table in which two rows lead to one value."""
    for name in _BACK.findall(text or ""):
        leading: dict[str, list[str]] = {}
        for key, value in tables.get(name, {}).items():
            if key != "else":
                leading.setdefault(str(value), []).append(key)
        for value, keys in leading.items():
            if len(keys) > 1:
                message = f"table `{name}` has several rows to `{value}`: {', '.join(keys)}"
                complain(problems, place, message, "keep one, or write a table of its own")


def _rows(node: Node, problems: Problems) -> Mapping[str, str | None]:
    if not isinstance(node.value, dict):
        complain(problems, node, "is no table", "write `from: to` lines")
        return {}
    rows: dict[str, str | None] = {}
    for key, child in node.value.items():
        if key == "$replace":
            continue
        if isinstance(child.value, (dict, list)):
            complain(problems, child, "is no row of a table", "write `from: to`")
        else:
            rows[key] = None if child.value == "$nil" else child.value
    return rows


def overlaid(base: Tables, rows: Tables) -> Tables:
    """Lay *rows* over the tables of the same names; raises ConfigError for one not there."""
    found = Problems()
    for name in rows.keys() - base.keys():
        place = Node(None, 0, f"tables.{name}", "config")
        complain(found, place, f"no table `{name}`", cure_for(name, base, "table"))
    found.raise_if_any()
    return {**base, **{name: {**base[name], **more} for name, more in rows.items()}}


def digest_of(*parts: object) -> str:
    """Return the hash of texts and tables."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
