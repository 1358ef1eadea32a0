"""Services: the SOAP contracts that a profile names, and where their files are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from connector.mapping.actions import check_keys, flag, names_of, scalar, template
from connector.mapping.expressions import complain
from connector.mapping.keys import PATCH, SERVICE
from connector.mapping.overlay import Wire, address_scope, laid
from connector.mapping.shapes import Shape
from connector.mapping.terms import Scope
from connector.problems import Problems
from connector.profile import Service
from connector.yamlread import Node


def services_of(
    own: Mapping[str, Node], conn: Mapping[str, Shape | None], problems: Problems, wire: Wire
) -> dict[str, Service]:
    """Compile `services`; each path is read beside the file that names it."""
    found = {}
    node, address = own.get("services"), address_scope(own, conn)
    ns = _spaces(own.get("ns"), problems)
    members = node.value if node is not None and isinstance(node.value, dict) else {}
    for name, child in members.items():
        service = _service(child, address, problems, wire)
        if service is not None:
            found[name] = replace(service, ns=ns)
    return found


def _spaces(node: Node | None, problems: Problems) -> dict[str, str]:
    if node is None:
        return {}
    if not isinstance(node.value, dict):
        complain(problems, node, "`ns` is no mapping", "write `prefix: namespace` lines")
        return {}
    return {name: text for name, one in node.value.items() if (text := scalar(one, problems))}


def _service(node: Node, address: Scope, problems: Problems, wire: Wire) -> Service | None:
    own = check_keys(node, SERVICE, problems)
    wsdl, map_file = _file(own, "wsdl", problems), _file(own, "svcmap", problems)
    endpoint = template(own.get("endpoint"), address, problems)
    if "wsdl" not in own:
        complain(problems, node, "names no file", "add `wsdl:`")
    if endpoint is None:
        complain(problems, node, "has no endpoint", 'add endpoint: "{{ conn.url }}/…"')
    if wsdl is None or endpoint is None:
        return None
    return Service(
        wsdl=wsdl,
        endpoint=endpoint,
        port=scalar(own.get("port"), problems),
        encoded=flag(own.get("encoded"), problems),
        addressing=flag(own.get("addressing"), problems),
        catalog=_catalog(own.get("catalog"), problems),
        svcmap=map_file,
        patches=_patches(own.get("patches"), problems),
        args=laid(own.get("args"), wire, problems),
        headers=laid(own.get("headers"), wire, problems),
        lists=names_of(own.get("lists"), problems),
    )


def _file(own: dict[str, Node], key: str, problems: Problems) -> Path | None:
    named = scalar(own.get(key), problems)
    if named is None:
        return None
    path = Path(own[key].file).parent / named
    if not path.is_file():
        complain(problems, own[key], "names no file", "check the path")
        return None
    return path


def _catalog(node: Node | None, problems: Problems) -> dict[str, str]:
    if node is None or node.value == "bundled":
        return {}
    if not isinstance(node.value, dict):
        complain(problems, node, "is no mapping", "write `address: file` lines")
        return {}
    return {url: f for url, one in node.value.items() if (f := scalar(one, problems)) is not None}


def _patches(node: Node | None, problems: Problems) -> tuple[tuple[str, str], ...]:
    if node is None:
        return ()
    if not isinstance(node.value, list):
        complain(problems, node, "`patches` is no list", "write `- {match: …, replace: …}`")
        return ()
    found = []
    for row in node.value:
        own = check_keys(row, PATCH, problems)
        match, put = scalar(own.get("match"), problems), scalar(own.get("replace"), problems)
        try:
            re.compile(match or "")
        except re.error:
            match = None
        if match is None or put is None:
            complain(
                problems, row, "is no patch", "write {match: a regular expression, replace: …}"
            )
        else:
            found.append((match, put))
    return tuple(found)
