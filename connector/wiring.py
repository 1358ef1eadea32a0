"""From configuration to running parts: profiles compiled, settings validated, flows put together.

Everything wrong in configuration, profiles and adapters' settings lands in one `Problems`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from connector.configured import Config, Connection
from connector.forms import members, report
from connector.mapping.compile import Compiled, compile_profile
from connector.mapping.load import load_profile
from connector.nearest import cure_for
from connector.places import mappings_folder
from connector.ports import Hints
from connector.problems import Problems
from connector.profile import Limits
from connector.spelled import Misspelled

ADAPTERS = {"rest": "adapters.rest:Rest", "soap": "adapters.soap:Soap"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Wired:
    """One connection, ready to be opened: compiled profile, names for templates, limits."""

    config: Connection
    compiled: Compiled
    conn: Mapping[str, object]
    limits: Limits
    lag: timedelta


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
    """Compile the profile of *connection* for it; what is wrong is in *problems*.

    None without a usable profile; with one, what hangs on it can be examined further.
    """
    folders = (*config.mappings, mappings_folder())
    named = members(connection.place).get("profile", connection.place)
    raw = load_profile(connection.profile, folders, problems, at=named)
    compiled = compile_profile(raw, problems, zone=connection.zone) if raw is not None else None
    if compiled is None:
        problems.more = True
        for node in (connection.url, connection.auth, connection.parameters):
            config.secrets.reveal(node, problems)
        return None
    conn = names(config, connection, compiled, problems)
    own, usual = connection.limits, compiled.profile.limits
    return Wired(
        config=connection,
        compiled=compiled,
        conn=conn,
        limits=Limits(
            concurrency=own.concurrency or usual.concurrency,
            timeout=own.timeout or usual.timeout,
            per_second=own.per_second or usual.per_second,
        ),
        lag=compiled.profile.lag if connection.lag is None else connection.lag,
    )


def names(
    config: Config, connection: Connection, compiled: Compiled, problems: Problems
) -> dict[str, object]:
    """What templates may say of a connection as `conn`; its secrets are not among it."""
    given = connection.parameters
    written = given.value if given is not None and isinstance(given.value, dict) else {}
    conn: dict[str, object] = {"name": connection.name, "zone": connection.zone}
    conn |= dict.fromkeys(compiled.parameters)
    url = config.secrets.text(connection.url, problems)
    conn["url"] = (url or "").rstrip("/")
    if given is None and "with" in members(connection.place):
        problems.more = True
        return conn
    for unknown in written.keys() - compiled.parameters.keys():
        cure = cure_for(unknown, compiled.parameters, "parameter")
        report(problems, written[unknown], f"the profile has no parameter `{unknown}`", cure)
    for name, parameter in compiled.parameters.items():
        if name == "url":
            continue
        node = written.get(name)
        text = config.secrets.text(node, problems) if node is not None else None
        if node is not None and text is None:
            continue  # its secret is not there: that is told
        if parameter.needed and text is None:
            cure = f"write `with: {{{name}: …}}`: {parameter.meaning}"
            report(problems, connection.place, f"the profile needs the parameter `{name}`", cure)
            continue
        try:
            conn[name] = parameter.value(text)
        except Misspelled as wrong:
            report(problems, node or connection.place, str(wrong), wrong.cure)
    return conn


def hints(config: Config, wired: Wired, problems: Problems) -> Hints | None:
    """Who judges what the system sends of its own accord; None where the connection wants none."""
    wanted, profile = wired.config.webhooks, wired.compiled.profile
    if wanted is None:
        return None
    module, _ = adapter_module(profile.protocol)
    made = getattr(module, "Hints", None)
    if profile.webhooks is None or made is None:
        cure = "remove it: the system is polled"
        report(problems, wanted.secret, f"{profile.name} sends no webhooks", cure)
        return None
    secret = config.secrets.text(wanted.secret, problems)
    if secret is None:
        return None
    judge: Hints = made(profile.webhooks, secret)
    return judge


def settings(config: Config, wired: Wired, problems: Problems) -> object | None:
    """The adapter's own settings, validated by its model; secrets are looked up here."""
    connection, profile = wired.config, wired.compiled.profile
    if connection.auth is None and "auth" in members(connection.place):
        problems.more = True
        return None
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
    if not _credentials_fit(auth if isinstance(auth, dict) else {}, wired, problems):
        return None
    if connection.tls:
        given["tls"] = dict(connection.tls)
    try:
        made: object = module.Settings.model_validate(given)
    except ValidationError as error:
        _report_settings(error, connection, problems)
        return None
    return made


def _credentials_fit(auth: Mapping[str, object], wired: Wired, problems: Problems) -> bool:
    """Compare what the profile's templates take of `conn.auth` with what the connection gives."""
    before, connection = len(problems.found), wired.config
    place, wanted = connection.auth or connection.place, wired.compiled.profile.credentials
    for name in sorted(wanted - auth.keys()):
        cure = f'write `{name}: "${{NAME}}"` into `auth`'
        report(problems, place, f"the profile needs `auth.{name}`", cure)
    if auth.get("type") == "body":
        given = members(place)
        for name in sorted(auth.keys() - wanted - {"type"}):
            cure = cure_for(name, wanted, "name")
            report(problems, given.get(name, place), f"the profile uses no `auth.{name}`", cure)
    return len(problems.found) == before


def _report_settings(error: ValidationError, connection: Connection, problems: Problems) -> None:
    auth = connection.auth
    for wrong in error.errors(include_input=False, include_url=False, include_context=False):
        words = [str(part) for part in wrong["loc"]]
        given = members(auth) if auth is not None else {}
        node = next((given[w] for w in words if w in given), auth or connection.place)
        where = ".".join(w for w in words if w in ("auth", "tls") or w in given or w == words[-1])
        report(problems, node, f"{where}: {wrong['msg'].lower()}", "see docs/config.md, `auth`")
