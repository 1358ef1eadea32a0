"""Compiling: a raw profile becomes what adapters and the engine use, or a list of its mistakes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, timedelta, tzinfo

from connector.mapping.actions import (
    Calls,
    actions_of,
    check_keys,
    decode_of,
    errors_of,
    names_of,
    one_of,
    scalar,
    template,
)
from connector.mapping.capable import capabilities_of, duration_of, limits_of
from connector.mapping.entity import Context, compile_entity
from connector.mapping.expressions import complain
from connector.mapping.hearing import webhooks_of
from connector.mapping.keys import AUTH, AUTH_OF, PROFILE, words_of
from connector.mapping.load import RawProfile
from connector.mapping.overlay import Wire, address_scope, overlay_of, session_of
from connector.mapping.parameters import Parameter, parameters_of
from connector.mapping.read import Reader
from connector.mapping.services import services_of
from connector.mapping.shapes import Shape
from connector.mapping.tables import digest_of
from connector.mapping.terms import Scope
from connector.mapping.walks import walk_of
from connector.mapping.write import Writer
from connector.problems import Problems
from connector.profile import Action, Entity, Profile, Walk
from connector.yamlread import Node, plain

_CONN = ("url", "zone", "name")  # what every connection has; its credentials are not among it


@dataclass(frozen=True, kw_only=True, slots=True)
class Compiled:
    """A profile ready for use. *incomplete*: required fields that an entity's `read` lacks, so that
    it has no reader and the system cannot be a source of it.
    """

    profile: Profile
    readers: Mapping[str, Reader]
    writers: Mapping[str, Writer]
    parameters: Mapping[str, Parameter]
    incomplete: Mapping[str, tuple[str, ...]]


def compile_profile(raw: RawProfile, problems: Problems, *, zone: tzinfo = UTC) -> Compiled | None:
    """Compile *raw* for a connection in *zone*; None if it is wrong, and *problems* says how."""
    before = len(problems.found)
    compiled = compile_as_far(raw, problems, zone=zone)
    return None if len(problems.found) > before or not raw.sound else compiled


def compile_as_far(raw: RawProfile, problems: Problems, *, zone: tzinfo = UTC) -> Compiled:
    """Compile what can be compiled of *raw*: the workbench goes on to look for more mistakes."""
    own = check_keys(raw.top, PROFILE, problems)
    parameters = parameters_of(own.get("parameters"), problems)
    conn: dict[str, Shape | None] = dict.fromkeys((*_CONN, *parameters))
    wire = Wire.of(own, conn, problems)
    services = services_of(own, conn, problems, wire)
    times = one_of(own.get("times"), ("utc", "connection"), problems) or "utc"
    context = Context(
        problems=problems,
        conn=conn,
        services=services,
        zone=UTC if times == "utc" else zone,
        blank=one_of(own.get("empty"), ("null", "keep"), problems) == "null",
        numbers=one_of(own.get("numbers"), words_of(PROFILE, "numbers"), problems) == "json",
        send_as=wire.send_as,
        xml=one_of(own.get("replies"), words_of(PROFILE, "replies"), problems) == "xml",
        walk=walk_of(own.get("walk"), problems, Walk()),
        decode=decode_of(
            own.get("decode"), problems, soap=scalar(own.get("protocol"), problems) == "soap"
        ),
    )
    parts = {name: compile_entity(name, node, context) for name, node in raw.entities.items()}
    profile = _profile(raw, own, context, {name: part.entity for name, part in parts.items()})
    profile = replace(
        profile,
        overlay=overlay_of(own, wire, profile.protocol, problems),
        session=session_of(own.get("session"), wire, services, problems),
        credentials=wire.credentials,
    )
    return Compiled(
        profile=profile,
        readers={name: part.reader for name, part in parts.items() if part.reader},
        writers={name: part.writer for name, part in parts.items() if part.writer},
        parameters=parameters,
        incomplete={name: part.lacks for name, part in parts.items() if part.lacks},
    )


def _profile(
    raw: RawProfile,
    own: Mapping[str, Node],
    context: Context,
    entities: Mapping[str, Entity],
) -> Profile:
    problems = context.problems
    calls = context.calls()
    probe = {name: _probe(name, node, calls) for name, node in _members(own.get("probe")).items()}
    known = Scope({**dict.fromkeys(probe), "conn": Shape(members=context.conn)}, lenient=True)
    identity = {k: template(n, known, problems) for k, n in _members(own.get("identity")).items()}
    auth = own.get("auth")
    kinds = AUTH_OF.get(scalar(own.get("protocol"), problems) or "", AUTH)
    words = auth.value if auth and isinstance(auth.value, list) else [auth] if auth else []
    times = one_of(own.get("times"), ("utc", "connection"), problems)
    return Profile(
        name=raw.name,
        version=raw.version,
        protocol=_protocol(raw, own, problems),
        folder=raw.folder,
        entities=entities,
        base=template(own.get("base"), address_scope(own, context.conn), problems),
        auth=tuple(w for one in words if (w := one_of(one, kinds, problems)) is not None),
        services=context.services,
        errors=errors_of(own.get("errors"), calls),
        probe=probe,
        capabilities=capabilities_of(own.get("capabilities"), tuple(entities), problems),
        limits=limits_of(own.get("limits"), problems),
        lag=duration_of(own.get("lag"), problems, timedelta(minutes=2)),
        times="connection" if times == "connection" else "utc",
        empty="null" if context.blank else "keep",
        numbers="json" if context.numbers else "text",
        replies="xml" if context.xml else "json",
        lists=names_of(own["lists"], problems) if "lists" in own else frozenset(),
        identity={k: t for k, t in identity.items() if t is not None},
        webhooks=webhooks_of(own.get("webhooks"), calls),
        digest=digest_of(_text(raw.top), [_text(n) for n in raw.entities.values()]),
    )


def _protocol(raw: RawProfile, own: Mapping[str, Node], problems: Problems) -> str:
    if "protocol" not in own:
        complain(problems, raw.top, "`protocol` is missing", "add `protocol: rest` or `soap`")
    return one_of(own.get("protocol"), words_of(PROFILE, "protocol"), problems) or ""


def _members(node: Node | None) -> dict[str, Node]:
    return node.value if node is not None and isinstance(node.value, dict) else {}


def _text(node: Node | None) -> str:
    return json.dumps(plain(node), sort_keys=True)


def _probe(name: str, node: Node, calls: Calls) -> Action:
    holder = Node({"get": node}, node.line, node.path, node.file)
    action = actions_of(holder, calls)["get"]
    return Action(name=name, steps=action.steps, errors=action.errors)
