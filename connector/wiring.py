"""From configuration to running parts: profiles compiled, settings validated, flows put together.

Everything wrong in configuration, profiles and adapters' settings lands in one `Problems`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from connector import configured
from connector.configured import Config, Connection
from connector.documents import Document
from connector.flow.flows import AttemptRules, Flow, MoneyRules
from connector.forms import report
from connector.mapping.compile import Compiled, compile_profile
from connector.mapping.expressions import compile_text, document_names
from connector.mapping.load import load_profile
from connector.mapping.shapes import Shape
from connector.nearest import cure_for
from connector.places import mappings_folder
from connector.ports import Template
from connector.problems import Problems
from connector.spelled import Misspelled, duration
from connector.yamlread import Node

ADAPTERS = {"rest": "adapters.rest:Rest", "soap": "adapters.soap:Soap"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Wired:
    """One connection, ready to be opened: compiled profile, names for templates, limits."""

    config: Connection
    compiled: Compiled
    conn: Mapping[str, object]
    timeout: timedelta
    lag: timedelta
    slots: int


def adapter_module(protocol: str) -> tuple[ModuleType, str]:
    """The module and class that speak *protocol*: ours, or a third party's by entry point."""
    place = ADAPTERS.get(protocol)
    if place is None:
        found = entry_points(group="connector.adapters", name=protocol)
        place = next(iter(found)).value if found else None
    if place is None:
        raise Misspelled(
            f"speaks `{protocol}`, which no adapter does", cure_for(protocol, ADAPTERS)
        )
    module, _, name = place.partition(":")
    return import_module(module), name


def wire(config: Config, connection: Connection, problems: Problems) -> Wired | None:
    """Compile the profile of *connection* for it; None with every reason in *problems*."""
    before = len(problems.found)
    raw = load_profile(connection.profile, (*config.mappings, mappings_folder()), problems)
    if raw is None:
        if len(problems.found) == before:
            report(problems, connection.place, f"there is no profile `{connection.profile}`",
                   "name a folder of `mappings:` or a shipped profile")  # fmt: skip
        return None
    compiled = compile_profile(raw, problems, zone=connection.zone)
    if compiled is None:
        return None
    conn = names(config, connection, compiled, problems)
    if len(problems.found) > before:
        return None
    limits = compiled.profile.limits
    return Wired(
        config=connection,
        compiled=compiled,
        conn=conn,
        timeout=connection.limits.timeout or duration(limits.get("timeout", "60s")),
        lag=compiled.profile.lag if connection.lag is None else connection.lag,
        slots=connection.limits.concurrency or int(limits.get("concurrency", "1")),
    )


def names(
    config: Config, connection: Connection, compiled: Compiled, problems: Problems
) -> dict[str, object]:
    """What templates may say of a connection as `conn`; its secrets are not among it."""
    given = connection.parameters
    members = given.value if given is not None and isinstance(given.value, dict) else {}
    conn: dict[str, object] = {"name": connection.name, "zone": connection.zone}
    url = config.secrets.text(connection.url, problems)
    conn["url"] = (url or "").rstrip("/")
    for unknown in members.keys() - compiled.parameters.keys():
        cure = cure_for(unknown, compiled.parameters, "parameter")
        report(problems, members[unknown], f"the profile has no parameter `{unknown}`", cure)
    for name, parameter in compiled.parameters.items():
        if name == "url":
            continue
        node = members.get(name)
        text = config.secrets.text(node, problems) if node is not None else None
        if parameter.needed and text is None:
            cure = f"write `with: {{{name}: …}}`: {parameter.meaning}"
            report(problems, connection.place, f"the profile needs the parameter `{name}`", cure)
            continue
        try:
            conn[name] = parameter.value(text)
        except Misspelled as wrong:
            report(problems, node or connection.place, str(wrong), wrong.cure)
    return conn


def settings(config: Config, wired: Wired, problems: Problems) -> object | None:
    """The adapter's own settings, validated by its model; secrets are looked up here."""
    connection, profile = wired.config, wired.compiled.profile
    try:
        module, _ = adapter_module(profile.protocol)
    except Misspelled as wrong:
        report(problems, connection.place, str(wrong), wrong.cure)
        return None
    auth = config.secrets.reveal(connection.auth, problems)
    given: dict[str, Any] = {"auth": auth if auth is not None else {"type": "none"}}
    kind = auth.get("type") if isinstance(auth, dict) else None
    if kind is not None and profile.auth and kind not in profile.auth:
        cure = f"{profile.name} takes: {', '.join(profile.auth)}"
        report(problems, connection.auth or connection.place, f"`{kind}` is not for it", cure)
        return None
    if connection.ca_file is not None:
        given["tls"] = {"ca_file": connection.ca_file}
    try:
        made: object = module.Settings.model_validate(given)
    except ValidationError as error:
        _report_settings(error, connection, problems)
        return None
    return made


def _report_settings(error: ValidationError, connection: Connection, problems: Problems) -> None:
    auth = connection.auth
    for wrong in error.errors(include_input=False, include_url=False, include_context=False):
        words = [str(part) for part in wrong["loc"]]
        members = auth.value if auth is not None and isinstance(auth.value, dict) else {}
        node = next((members[w] for w in words if w in members), auth or connection.place)
        where = ".".join(w for w in words if w in ("auth", "tls") or w in members or w == words[-1])
        report(problems, node, f"{where}: {wrong['msg'].lower()}", "see docs/config.md, `auth`")


# ── flows ───────────────────────────────────────────────────────────────────────────────────────


def build_flow(
    config: Config,
    flow: configured.Flow,
    source: Wired,
    target: Wired,
    installation: str,
    problems: Problems,
) -> Flow | None:
    """Put a flow together from its configuration and both sides' profiles."""
    before = len(problems.found)
    reader = source.compiled.readers.get(flow.entity)
    there = target.compiled.profile.entities.get(flow.entity)
    if reader is None:
        lacks = ", ".join(source.compiled.incomplete.get(flow.entity, ()))
        why = f" (its `read` lacks {lacks})" if lacks else ""
        message = f"`{source.config.profile}` cannot be read for {flow.entity}{why}"
        report(problems, flow.place, message, "choose another profile, or write its `read`")
    if there is None:
        message = f"`{target.config.profile}` has no {flow.entity}"
        report(problems, flow.place, message, "choose another profile, or write its file")
    if reader is None or there is None:
        return None
    creates = flow.mode != "link_only"
    writer = target.compiled.writers.get(flow.entity) if creates else None
    if creates and ("create" not in there.actions or writer is None):
        message = f"`{target.config.profile}` cannot create {flow.entity}"
        report(
            problems, flow.place, message, "use `mode: link_only`, or write `create` and `write`"
        )
    if writer is not None and flow.tables:
        writer = writer.with_tables(flow.tables)
    update = there.actions.get("update")
    create = there.actions.get("create")
    rules = flow.money
    verify = f"{rules.verify} {rules.verify_number or ''}".strip()
    made = Flow(
        name=flow.name,
        entity=flow.entity,
        source=source.config.name,
        target=target.config.name,
        reader=reader,
        writer=writer,
        conn=target.conn,
        settle=target.config.settle,
        timeout=target.timeout,
        lag=source.lag,
        capabilities=target.compiled.profile.capabilities,
        mode="sync" if flow.mode == "create" else flow.mode,
        match=flow.match,
        start=flow.start,
        reference=_template(flow.reference, flow.entity, target, problems),
        only=_only(flow, target, problems),
        wait=flow.wait,
        guests=_guests(flow, target, problems),
        unknown_product=flow.unknown_product,
        money=MoneyRules(
            tolerance=rules.tolerance, within=rules.within, outside=rules.outside, verify=verify
        ),
        attempts=AttemptRules(pattern=config.attempts.pattern, most=config.attempts.most),
        can=update.can if update is not None else frozenset(),
        steps=tuple(s.name for s in create.steps[1:]) if create is not None else (),
        finds="find" in there.actions,
        gets="get" in there.actions,
        matches=frozenset(
            a.removeprefix("match.") for a in there.actions if a.startswith("match.")
        ),
        slots=target.slots,
        installation=installation,
        profile_digest=target.compiled.profile.digest,
    )
    return made if len(problems.found) == before else None


def _names_of(entity: str, target: Wired) -> Mapping[str, Shape | None]:
    return {**document_names(entity, dict.fromkeys(target.conn)), "key": None}


def _template(node: Node | None, entity: str, target: Wired, problems: Problems) -> Template | None:
    if node is None or not isinstance(node.value, str):
        return None
    shapes = _names_of(entity, target)
    return compile_text(node.value, names=shapes, problems=problems, place=node)


def _only(
    flow: configured.Flow, target: Wired, problems: Problems
) -> Callable[[Document], bool] | None:
    match flow.only:
        case None:
            return None
        case Node() as node:
            shapes = _names_of(flow.entity, target)
            template = compile_text(
                str(node.value), names=shapes, problems=problems, place=node, flag=True
            )
            if template is None:
                return None
            conn = target.conn
            return lambda doc: bool(template({"doc": doc, "conn": conn}))
        case rows:
            allowed = {field: frozenset(values) for field, values in rows.items()}
            return lambda doc: all(str(getattr(doc, f, None)) in v for f, v in allowed.items())


def _guests(flow: configured.Flow, target: Wired, problems: Problems) -> Any:
    """How a guest gets a customer: the template of a number, or "each"."""
    if flow.entity != "customer":
        return None
    if flow.guests is None:
        return "each"
    by = _template(flow.guests.by, "order", target, problems)
    rows = flow.guests.rows
    return None if by is None else lambda given: rows.get(str(by(given)), rows["else"])
