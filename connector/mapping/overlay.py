"""What profile.yaml lays over every call, and its session: the places that may name credentials."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from connector.mapping.actions import (
    Calls,
    asks,
    check_keys,
    flag,
    scalar,
    send_as_of,
    step_of,
    template,
)
from connector.mapping.capable import duration_of
from connector.mapping.expressions import complain
from connector.mapping.keys import SESSION, STEP
from connector.mapping.load import leaves
from connector.mapping.shapes import Shape
from connector.mapping.terms import Scope
from connector.mapping.trees import compile_tree
from connector.ports import Template
from connector.problems import Problems
from connector.profile import Overlay, SendAs, Service, Session, Step
from connector.yamlread import Node

_NAMED = re.compile(r"\bconn\.auth\.([A-Za-z_]\w*)")
_LAID = ("args", "headers", "http_headers", "query")
_REST = ("query", "numbers", "send_as", "replies", "lists")
_OF = dict.fromkeys(("args", "http_headers"), "soap") | dict.fromkeys(_REST, "rest")
_CURE = {
    "args": "REST has `headers` and `query` for every call",
    "http_headers": "the `headers` of REST are HTTP's",
    "query": "SOAP has `args` and `headers` for every call",
    "numbers": "SOAP sends what its contract says",
    "send_as": "SOAP sends what its contract says",
    "replies": "SOAP answers in XML, as its contract says",
    "lists": "a service of SOAP has `lists`",
}


@dataclass(frozen=True, slots=True)
class Wire:
    """What templates laid over a call may name: *conn* with its credentials, and *session*.

    *send_as*: how bodies travel where their call does not say.
    """

    credentials: frozenset[str]
    conn: Mapping[str, Shape | None]
    session: Mapping[str, Shape | None]
    vars: Mapping[str, Shape | None]
    send_as: SendAs = "json"

    @classmethod
    def of(
        cls, own: Mapping[str, Node], conn: Mapping[str, Shape | None], problems: Problems
    ) -> Wire:
        """Read the names from the sections of a profile.yaml."""
        credentials = _credentials(own)
        known = {**conn, "auth": Shape(members=dict.fromkeys(credentials))}
        saved = _members(_members(own.get("session")).get("save"))
        made = _members(own.get("vars"))
        send_as = send_as_of(own.get("send_as"), problems) or "json"
        return cls(credentials, known, dict.fromkeys(saved), dict.fromkeys(made), send_as)

    def scope(self, *more: str) -> Scope:
        """The scope of such a template; *more*: what else it may name."""
        names: dict[str, Shape | None] = {
            "conn": Shape(members=self.conn),
            "session": Shape(members=self.session),
            "vars": Shape(members=self.vars),
        }
        return Scope(names | dict.fromkeys(("now", "nonce", *more)))


def address_scope(own: Mapping[str, Node], conn: Mapping[str, Shape | None]) -> Scope:
    """What an address may name: the connection, and what its session's login gave."""
    saved = _members(_members(own.get("session")).get("save"))
    session = {"session": Shape(members=dict.fromkeys(saved))} if saved else {}
    return Scope({"conn": Shape(members=conn), **session})


def overlay_of(own: Mapping[str, Node], wire: Wire, protocol: str, problems: Problems) -> Overlay:
    """Compile what is laid over every call."""
    for key, only in _OF.items():
        if key in own and protocol in ("rest", "soap") and protocol != only:
            complain(problems, own[key], f"`{key}` is for {only.upper()}", _CURE[key])
    made = {name: template(node, wire.scope(), problems) for name, node in _named(own, "vars")}
    return Overlay(
        vars={name: one for name, one in made.items() if one is not None},
        **{key: laid(own.get(key), wire, problems, key) for key in _LAID},
    )


def laid(node: Node | None, wire: Wire, problems: Problems, key: str = "args") -> Template | None:
    """Compile one tree that is laid over calls; HTTP headers may name the `request` they sign."""
    if node is None:
        return None
    signs = ("request",) if key in ("headers", "http_headers") else ()
    return compile_tree(node, wire.scope(*signs), problems)


def session_of(
    node: Node | None, wire: Wire, services: Mapping[str, Service], problems: Problems
) -> Session | None:
    """Compile `session`."""
    if node is None:
        return None
    own = check_keys(node, SESSION, problems)
    more = dict.fromkeys(("now", "nonce"))
    calls = Calls(wire.conn, services, "", problems, more=more, send_as=wire.send_as)
    login = _call("login", own.get("login"), calls)
    saved = calls.told()
    made = {name: template(one, saved, problems) for name, one in _named(own, "save")}
    asks(own.get("expired"), problems)
    cookies = flag(own.get("cookies"), problems)
    if login is None:
        complain(problems, node, "`session` has no `login`", "add login: {op: …} or {method: …}")
        return None
    if not made and not cookies:
        cure = "add save: {token: = reply.…}, or cookies: true"
        complain(problems, node, "`session` keeps nothing of its login", cure)
    out = replace(calls, more={"session": Shape(members=wire.session)})
    hosts = own.get("hosts")
    listed = hosts.value if hosts and isinstance(hosts.value, list) else [hosts] if hosts else []
    return Session(
        login=login,
        save={name: one for name, one in made.items() if one is not None},
        cookies=cookies,
        expired=template(own.get("expired"), saved, problems, flag=True),
        lasts=duration_of(own["lasts"], problems, None) if "lasts" in own else None,
        logout=_call("logout", own.get("logout"), out),
        hosts=tuple(h for one in listed if (h := scalar(one, problems)) is not None),
    )


def _call(name: str, node: Node | None, calls: Calls) -> Step | None:
    if node is None:
        return None
    return step_of(name, node, check_keys(node, STEP, calls.problems), calls)


def _credentials(own: Mapping[str, Node]) -> frozenset[str]:
    texts = [text for place in _places(own) for _, text, _ in leaves(place) if text]
    return frozenset(name for text in texts for name in _NAMED.findall(text))


def _places(own: Mapping[str, Node]) -> Iterator[Node]:
    yield from (own[key] for key in (*_LAID, "vars", "session") if key in own)
    for service in _members(own.get("services")).values():
        yield from (one for key, one in _members(service).items() if key in _LAID)


def _named(own: Mapping[str, Node], key: str) -> Iterator[tuple[str, Node]]:
    yield from _members(own.get(key)).items()


def _members(node: Node | None) -> dict[str, Node]:
    return node.value if node is not None and isinstance(node.value, dict) else {}
