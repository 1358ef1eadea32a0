"""The configuration: `config.yaml` read strictly, every mistake reported at once with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from connector import forms, spelled
from connector.configured import Attempts, Config, Connection, Flow, Guests, Limits, MoneyRule
from connector.forms import Form, Key, Kind, choice, mapping_of, report, section, series, text
from connector.likeness import copied
from connector.nearest import cure_for
from connector.problems import Problems
from connector.secret import Secrets, is_reference
from connector.spelled import Misspelled
from connector.yamlread import Node, read_yaml

__all__ = [
    "Attempts",
    "Config",
    "Connection",
    "Flow",
    "Guests",
    "Limits",
    "MoneyRule",
    "json_schema",
    "ledger_url",
    "load_config",
]

ENTITIES = ("customer", "order", "product")
_SECRET_WORDS = ("password", "secret", "key", "token")


def load_config(
    path: Path, problems: Problems, env: Mapping[str, str] | None = None
) -> Config | None:
    """Read *path*; None if it cannot be used, with every reason in *problems*."""
    path = path.absolute()
    before = len(problems.found)
    secrets = Secrets.beside(path, problems, env)
    node = read_yaml(path, str(path), problems)
    if node is None:
        return None
    try:
        got = forms.gather(node, _TOP, problems)
    except Misspelled as wrong:
        report(problems, node, str(wrong), wrong.cure)
        return None
    _check_ends(node, problems)
    flows, connections = got.get("flows", {}), got.get("connections", {})
    attempts = got.setdefault("attempts", Attempts())
    _check_flows(flows.values(), problems)
    _check_times(connections.values(), attempts.doubt_alarm, problems)
    if len(problems.found) > before:
        return None
    got.pop("version")
    return Config(file=path, secrets=secrets, **got)


def ledger_url(config: Config, problems: Problems) -> str | None:
    """Return the ledger's address, secrets in; a relative path begins at the file's folder."""
    url = config.secrets.text(config.ledger, problems)
    try:
        url = spelled.ledger_address(url) if url else None
    except Misspelled as wrong:
        report(problems, config.ledger, str(wrong), wrong.cure)
        return None
    if url and url.startswith("sqlite:///"):
        return f"sqlite:///{config.file.parent / url.removeprefix('sqlite:///')}"
    return url


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of `config.yaml`, for editors and for whoever generates it."""
    draft = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": draft, "title": "connector configuration", **forms.schema_of(_TOP)}


# ── how single values are read ──────────────────────────────────────────────────────────────────


def _lazily(check: Callable[[str], object]) -> Kind:
    """Keep the node, and check it now unless it names a secret."""

    def read(node: Node, _: Problems) -> Node:
        if not is_reference(forms.scalar(node)):
            check(forms.scalar(node))
        return node

    return Kind(read, {"type": "string"})


def _plain_ledger(address: str) -> None:
    if re.search(r"://[^/@]*:[^/@]*@", address):
        raise Misspelled("holds a password", "move it to .env and write ${NAME} in its place")
    spelled.ledger_address(address)


def _auth(node: Node, problems: Problems) -> Node:
    for word, child in forms.members(node).items():
        forms.remnant(node, word, problems)
        secret = any(part in word for part in _SECRET_WORDS)
        if secret and isinstance(child.value, str) and not is_reference(child.value):
            cure = "put it into .env beside this file (mode 0600) as NAME=…, write ${NAME} here"
            report(problems, child, "a secret stands in the configuration itself", cure)
    return node


def _beside(find: Callable[[str, Path], Path]) -> Kind:
    return Kind(
        lambda node, _: find(forms.scalar(node), Path(node.file).parent), {"type": "string"}
    )


def _reference(node: Node, _: Problems) -> Node:
    words = forms.scalar(node)
    if "{{" not in words and not words.startswith("= "):
        cure = "let it depend on the document, for example DE-{{ doc.number }}"
        raise Misspelled("is the same for every document", cure)
    return node


def _guests(node: Node, problems: Problems) -> Guests | None:
    if node.value == "each":
        return None
    given = dict(forms.members(node))
    by = given.pop("by", None)
    if by is None or not forms.scalar(by).startswith("= "):
        raise Misspelled("does not say which field chooses", "add `by: = doc.billing.country`")
    rows = {key: forms.value(child, text(), problems) for key, child in given.items()}
    if "else" not in rows:
        raise Misspelled("leaves countries without a customer", "add `else: NUMBER`")
    return Guests(by=by, rows=rows)


def _only(node: Node, problems: Problems) -> Mapping[str, tuple[str, ...]] | Node:
    if isinstance(node.value, str):
        if not node.value.startswith("= "):
            raise Misspelled("is not an expression", 'write "= …", or a list of values per field')
        return node
    return dict(mapping_of(series(text())).read(node, problems))


def _unknown_product(words: str) -> str:
    if words == "create":
        raise Misspelled("cannot be `create` yet", "write hold, or the number of an item")
    return words


def _money(got: dict[str, Any]) -> MoneyRule:
    if "tolerance" in got:
        got["tolerance"], got["currency"] = got["tolerance"]
    if "verify" in got:
        got["verify"], got["verify_number"] = got["verify"]
    return MoneyRule(**got)


def _attempts(got: dict[str, Any]) -> Attempts:
    doubt = got.pop("doubt", {})
    return Attempts(**got, **({"doubt_alarm": doubt["alarm"]} if "alarm" in doubt else {}))


def _connection(word: str, place: Node, got: dict[str, Any]) -> Connection:
    identity = dict(got.pop("identity", {}))
    return Connection(
        name=word,
        place=place,
        parameters=got.pop("with", None),
        ca_file=got.pop("tls", {}).get("ca_file"),
        expect=identity.pop("expect", None),
        identity=identity,
        **got,
    )


def _flow(word: str, place: Node, got: dict[str, Any]) -> Flow:
    return Flow(name=word, place=place, source=got.pop("from"), target=got.pop("to"), **got)


# ── the keys ────────────────────────────────────────────────────────────────────────────────────

_DURATION = text(spelled.duration, spelled.DURATION)
_ZONE = text(spelled.zone)
_WHOLE = text(spelled.whole)
_RAW = Kind(lambda node, _: forms.members(node) and node, {"type": "object"})

_CONNECTION: Form = {
    "profile": Key(text(spelled.name), "the folder under mappings/ that describes it", needed=True),
    "url": Key(_lazily(spelled.web_address), "its address, as the profile wants it", needed=True),
    "zone": Key(_ZONE, "the zone of its local times; a fact, checked", needed=True),
    "auth": Key(Kind(_auth, {"type": "object"}), "type and credentials, secrets as ${NAME}"),
    "lag": Key(_DURATION, "younger than this may still change there"),
    "limits": Key(
        section(
            {
                "concurrency": Key(_WHOLE, "calls at the same time, over all processes"),
                "timeout": Key(_DURATION, "total deadline of one call"),
            },
            lambda got: Limits(**got),
        ),
        "how hard it may be worked",
    ),
    "identity": Key(mapping_of(text()), "who it must be; `expect` is its company's name"),
    "tls": Key(
        section({"ca_file": Key(_beside(spelled.existing_file), "its authority's certificate")}),
        "trust beyond the system's own",
    ),
    "settle": Key(_DURATION, "how long a call that we gave up on may still commit"),
    "with": Key(_RAW, "parameters that the profile declares"),
    "like": Key(text(), "another connection: this is a copy with differences"),
}

_FLOW: Form = {
    "entity": Key(choice(*ENTITIES), "what flows", needed=True),
    "from": Key(text(), "the connection that is read", needed=True),
    "to": Key(text(), "the connection that is written", needed=True),
    "mode": Key(choice("on_demand", "link_only"), "left out: every document is created"),
    "match": Key(series(text(spelled.name)), "fields by which first contact looks for it"),
    "guests": Key(Kind(_guests, {}), "each, or which collective customer stands for them"),
    "start": Key(text(spelled.moment), "older documents are never created by this flow"),
    "reference": Key(Kind(_reference, {"type": "string"}), "our id in the target, unique there"),
    "only": Key(Kind(_only, {}), "which documents: values per field, or an expression"),
    "wait": Key(_DURATION, "after the last change at the source"),
    "money": Key(
        section(
            {
                "tolerance": Key(text(spelled.amount, spelled.AMOUNT), "difference that is equal"),
                "within": Key(choice("record"), "what follows inside the tolerance"),
                "outside": Key(choice("hold"), "what follows outside of it"),
                "verify": Key(text(spelled.verify, spelled.VERIFY), "whose totals are read back"),
            },
            _money,
        ),
        "how totals are compared after delivery",
    ),
    "unknown_product": Key(text(_unknown_product), "hold, or the number of an item for all such"),
    "tables": Key(mapping_of(mapping_of(text())), "rows over those of the profile"),
    "like": Key(text(), "another flow: this is a copy with differences"),
}

_ATTEMPTS: Form = {
    "pattern": Key(series(_DURATION), "waits between attempts; the last one repeats"),
    "most": Key(_WHOLE, "attempts before a person must look"),
    "doubt": Key(section({"alarm": Key(_DURATION, "age at which a doubt is told")}), "open doubts"),
}


def _entries(form: Form, make: Callable[[str, Node, dict[str, Any]], object]) -> Kind:
    def read(node: Node, problems: Problems) -> dict[str, object] | None:
        found = {}
        given = forms.members(node)
        for word, child in copied(given, problems).items():
            forms.value(Node(word, child.line, child.path, child.file), _NAME, problems)
            if got := forms.value(child, section(form), problems):
                found[word] = make(word, child, got)
        return found

    schema = forms.schema_of(form)
    needed = schema.pop("required")
    entry = {**schema, "anyOf": [{"required": ["like"]}, {"required": needed}]}
    return Kind(read, {"type": "object", "additionalProperties": entry, "minProperties": 1})


_NAME = text(spelled.name, spelled.NAME)
_TOP: Form = {
    "version": Key(choice("1"), "of this file's syntax", needed=True),
    "ledger": Key(_lazily(_plain_ledger), "where all state is kept", needed=True),
    "zone": Key(_ZONE, "for what people read; data is UTC"),
    "mappings": Key(series(_beside(spelled.existing_folder)), "searched before the shipped"),
    "connections": Key(_entries(_CONNECTION, _connection), "the systems", needed=True),
    "flows": Key(_entries(_FLOW, _flow), "what goes where", needed=True),
    "attempts": Key(section(_ATTEMPTS, _attempts), "how often a failing delivery is tried"),
}

# ── what must fit together ──────────────────────────────────────────────────────────────────────

# Keys that mean something only for these entities, or only in these modes.
_ENTITIES_OF = {
    "guests": ("customer",),
    "match": ("customer", "product"),
    "money": ("order",),
    "unknown_product": ("order",),
}
_MODES_OF = {
    "start": ("create",),
    "wait": ("create",),
    "only": ("create",),
    "reference": ("create", "on_demand"),
}


def _check_ends(node: Node, problems: Problems) -> None:
    sections = node.value if isinstance(node.value, dict) else {}
    raw = {word: child.value for word, child in sections.items() if isinstance(child.value, dict)}
    names = raw.get("connections", {})
    for flow in raw.get("flows", {}).values():
        members = flow.value if isinstance(flow.value, dict) else {}
        ends = [members[word] for word in ("from", "to") if word in members]
        for end in ends:
            if isinstance(end.value, str) and end.value not in names:
                cure = cure_for(end.value, names, "connection")
                report(problems, end, f"no connection is named `{end.value}`", cure)
        if len(ends) == 2 and ends[0].value == ends[1].value:
            report(problems, ends[1], "is where it comes from", "name the other connection")


def _check_flows(flows: Iterable[Flow], problems: Problems) -> None:
    first: dict[tuple[str, str, str], str] = {}
    for flow in flows:
        given = forms.members(flow.place)
        if flow.mode == "create" and not {"mode", "start"} & given.keys():
            cure = "add `start: 2026-12-01T00:00:00+01:00`; older documents are left alone"
            report(problems, flow.place, "creates of itself, so it needs a `start`", cure)
        _check_fit(flow, given, problems)
        other = first.setdefault((flow.entity, flow.source, flow.target), flow.name)
        if other != flow.name:
            cure = "remove one, or send it to another connection"
            report(problems, flow.place, f"delivers the same documents as `{other}`", cure)


def _check_fit(flow: Flow, given: Mapping[str, Node], problems: Problems) -> None:
    for word, child in given.items():
        if flow.entity not in _ENTITIES_OF.get(word, ENTITIES):
            report(
                problems, child, f"`{word}` does nothing in a flow of {flow.entity}", "remove it"
            )
        if flow.mode not in _MODES_OF.get(word, (flow.mode,)):
            report(problems, child, f"`{word}` does nothing in mode {flow.mode}", "remove it")


def _check_times(connections: Iterable[Connection], alarm: timedelta, problems: Problems) -> None:
    for connection in connections:
        place, settle = connection.place, connection.settle
        given = forms.members(place)
        if connection.lag is not None and connection.lag < timedelta(seconds=1):
            cure = "write at least 1s: times of shops have whole seconds"
            report(problems, given["lag"], "is shorter than a second", cure)
        timeout = connection.limits.timeout
        if timeout is not None and timeout <= timedelta(0):
            report(problems, given["limits"], "timeout is no time at all", "write for example 60s")
        if timeout is not None and settle < timeout:
            cure = "make `settle` at least as long as `limits.timeout`"
            message = "is shorter than the timeout: a call given up may still be executed"
            report(problems, given.get("settle", place), message, cure)
        if alarm <= settle:
            cure = "make `attempts.doubt.alarm` longer than every `settle`"
            message = "is not shorter than the alarm age: every doubt would alarm"
            report(problems, given.get("settle", place), message, cure)
