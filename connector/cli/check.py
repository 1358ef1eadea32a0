"""`connector check`: examine configuration, profiles and systems; change nothing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from connector import codes, logs, places
from connector.app import open_system
from connector.cli import output
from connector.cli.hooks import look_at
from connector.cli.options import config_option, config_path, json_option
from connector.cli.outlook import outlook
from connector.cli.rehearse import rehearse
from connector.clock import SystemClock
from connector.config import ledger_url
from connector.configured import Config
from connector.errors import ConnectorError, Unauthorized, WrongSystem
from connector.examining import examine, read_config
from connector.forms import members
from connector.gate import ThreadGate
from connector.identity import differing, refuse_other
from connector.ledger import history, life, revisions, systems
from connector.ledger.store import Ledger
from connector.mapping.compile import compile_profile
from connector.mapping.load import load_profile
from connector.problems import Problems
from connector.wiring import Wired


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """How the ledger stands, whom it has met, and what is minted of it."""

    told: str
    met: Mapping[str, Mapping[str, str] | None] = field(default_factory=dict)
    born: datetime | None = None
    installation: str = "000000"


@dataclass(frozen=True, kw_only=True, slots=True)
class Met:
    """What one system says of itself; *error* where it says nothing or is the wrong one."""

    connection: str
    profile: str
    identity: Mapping[str, str]
    skew: float | None = None
    complaints: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    error: ConnectorError | None = None


@click.command()
@click.argument("profile", required=False)
@click.option("--offline", is_flag=True, help="Ask no system.")
@click.option("--fix-webhooks", is_flag=True, help="Make our webhooks there anew.")
@config_option
@json_option
def check(
    profile: str | None, offline: bool, fix_webhooks: bool, config: Path | None, as_json: bool
) -> int:
    """Examine everything: configuration, mappings, then every system and flow. Changes nothing,

    unless --fix-webhooks asks for it: then our webhooks are removed there and made anew.

    With PROFILE, that profile alone, its folder's name under mappings/, or its folder; with
    --offline every action is built from its samples and judged by the schema of its WSDL.
    """
    if fix_webhooks and (offline or profile is not None):
        cure = "leave --offline and PROFILE out"
        raise ConnectorError("--fix-webhooks asks the systems", code="usage", cure=cure)
    logs.start(as_json=as_json, level="warning")
    if profile is not None:
        return rehearse(profile, config, as_json) if offline else _profile(profile, config, as_json)
    read = read_config(config_path(config))
    problems = Problems()
    wired, drafted = examine(read, problems)
    url = ledger_url(read, problems)
    problems.raise_if_any()
    known = _ledger(url) if url else Known(told="no address")
    flows = {n: replace(f, installation=known.installation) for n, f in drafted.items()}
    asked = {} if offline else wired
    met = [_meet(read, w, known.met.get(n), fix=fix_webhooks) for n, w in asked.items()]
    now = SystemClock().now()
    looks = [outlook(flow, flows, known.born, now) for flow in flows.values()]
    if as_json:
        output.emit(
            {
                "ledger": known.told,
                "connections": [{**_fields(m), "error": _told(m.error)} for m in met],
                "flows": [asdict(look) for look in looks],
            }
        )
    else:
        click.echo(
            f"{read.file}: {len(wired)} connections, {len(flows)} flows; ledger {known.told}"
        )
        for one_met in met:
            _print(one_met)
        for look in looks:
            _say(look.flow, look.says, look.warnings)
    warned = any(m.complaints for m in met) or any(look.warnings for look in looks)
    return _exit_code(met, warned=warned)


def _ledger(url: str) -> Known:
    ledger = Ledger(url)
    try:
        if ledger.path is not None and not ledger.path.exists():
            return Known(told="not there yet: connector ledger upgrade")
        at = ledger.read(revisions.revision)
        if at != revisions.HEAD:
            return Known(told=f"at revision {at}: connector ledger upgrade")
        names = [row["name"] for row in ledger.read(history.connections)]
        met = {name: ledger.read(systems.identity, name) for name in names}
        lives = ledger.read(life.read)
        return Known(told="ready", met=met, born=lives.created_at, installation=lives.installation)
    finally:
        ledger.close()


def _meet(config: Config, wired: Wired, known: Mapping[str, str] | None, *, fix: bool) -> Met:
    """Ask one system who it is, as R9 does before every run, without remembering it."""
    clock = SystemClock()
    gate = ThreadGate(clock, replace(wired.limits, concurrency=1))
    name, profile = wired.config.name, wired.config.profile
    met = Met(connection=name, profile=profile, identity={})
    try:
        with closing(open_system(config, wired, gate, clock)) as system:
            found = system.check()
            skew = found.skew.total_seconds() if found.skew is not None else None
            met = Met(connection=name, profile=profile, identity=found.identity, skew=skew,
                      complaints=found.problems)  # fmt: skip
            refuse_other(wired.config, found)
            who = {**found.identity, "host": str(wired.conn["url"])}
            if known and (changed := differing(known, who)):
                message = f"{name} is another system than the ledger knows: {', '.join(changed)}"
                cure = f"correct connections.{name}, or begin a new ledger"
                raise WrongSystem(message, cure=cure)
            says, wrong = look_at(config, wired, system, fix=fix)
            met = replace(met, hooks=tuple(says), complaints=(*met.complaints, *wrong))
    except ConnectorError as error:
        if isinstance(error, Unauthorized):
            error.cure = _plain(wired)
        return Met(**{**_fields(met), "error": error})
    finally:
        gate.close()
    return met


def _plain(wired: Wired) -> str:
    """The cure where `basic` is refused for its way and not for its words; else nothing.

    What also takes signatures (oauth1) takes a password over https only, and answers over http as
    if the key were unknown.
    """
    place, auth = wired.config.url, wired.config.auth
    kind = members(auth).get("type") if auth is not None else None
    plain = str(wired.conn["url"]).startswith("http://")
    if not plain or kind is None or kind.value != "basic":
        return ""
    if "oauth1" not in wired.compiled.profile.auth:
        return ""
    return (
        f"{place.file}:{place.line}: over plain http it takes no `basic`: write https:// in `url`, "
        "or `type: oauth1` in `auth`, with the same user and password"
    )


def _fields(met: Met) -> dict[str, Any]:
    return {name: getattr(met, name) for name in Met.__dataclass_fields__}


def _told(error: ConnectorError | None) -> dict[str, str] | None:
    if error is None:
        return None
    return {"code": error.code, "message": str(error), "cure": error.cure}


def _print(met: Met) -> None:
    who = ", ".join(f"{k} {v}" for k, v in sorted(met.identity.items())) or "says nothing of itself"
    clock = "" if met.skew is None else f"; its clock differs by {int(met.skew)} s"
    says = [] if met.error and not met.identity else [f"{who}{clock}", *met.hooks]
    wrong = list(met.complaints)
    if met.error:
        cure = met.error.cure or codes.CODES[met.error.code].cure
        wrong.append(f"error[{met.error.code}]: {met.error} ({cure})")
    _say(f"{met.connection} ({met.profile})", says, wrong)


def _say(what: str, says: Any, warnings: Any) -> None:
    click.echo(f"{what}: {'needs attention' if warnings else 'ok'}")
    for line in says:
        click.echo(f"  {line}")
    for line in warnings:
        click.echo(f"  ! {line}")


def _exit_code(met: list[Met], *, warned: bool) -> int:
    """The gravest first: another system, then a system away, then what a person should see."""
    found = {codes.CODES[m.error.code].exit_code for m in met if m.error}
    for grave in (codes.WRONG_SYSTEM, codes.USAGE, codes.UNAVAILABLE):
        if grave in found:
            return grave
    return codes.ATTENTION if warned or found else codes.OK


def _profile(name: str, config: Path | None, as_json: bool) -> int:
    """Load and compile one profile, as it stands."""
    problems = Problems()
    try:
        own = read_config(config_path(config)).mappings
    except ConnectorError as error:
        if config is not None or error.code != "config_missing":
            raise
        own = ()
    raw = load_profile(name, (*own, places.mappings_folder()), problems)
    compiled = compile_profile(raw, problems) if raw is not None else None
    problems.raise_if_any()
    if raw is None or compiled is None:
        raise ConnectorError(f"profile {name} cannot be used", code="mapping")
    entities = [
        {
            "entity": entity,
            "read": entity in compiled.readers,
            "write": entity in compiled.writers,
            "actions": ", ".join(sorted(of.actions)),
        }
        for entity, of in compiled.profile.entities.items()
    ]
    if as_json:
        output.emit({"profile": name, "version": raw.version, "entities": entities})
    else:
        click.echo(f"{name} {raw.version} ({compiled.profile.protocol}) of {raw.folder}: ok")
        output.table(entities, ("entity", "read", "write", "actions"))
    return codes.OK
