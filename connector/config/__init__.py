"""The configuration: `config.yaml` read strictly, every mistake reported at once with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from pathlib import Path
from typing import Any

from connector import forms, spelled
from connector.config.brakes import check_brakes
from connector.config.connections import CONNECTION, connection
from connector.config.fit import check_children, check_ends, check_flows, check_times
from connector.config.flows import ENTITIES, FLOW, flow
from connector.config.kinds import DURATION, NAME, WHOLE, ZONE, beside, lazily
from connector.config.rehearsals import check_tests, rehearsals
from connector.config.stock import check_stock
from connector.config.watching import ALERTS, FRESH, WATCHED, check_fresh, check_heard
from connector.configured import Attempts, Config, Connection, Flow, Guests, Keep, Limits, MoneyRule
from connector.forms import Form, Key, Kind, choice, report, section, series, text
from connector.likeness import copied
from connector.problems import Problems
from connector.secret import Secrets
from connector.spelled import Misspelled
from connector.yamlread import Node, read_yaml

__all__ = [
    "ENTITIES",
    "Attempts",
    "Config",
    "Connection",
    "Flow",
    "Guests",
    "Limits",
    "MoneyRule",
    "json_schema",
    "ledger_url",
    "load_as_far",
    "load_config",
]


def load_config(
    path: Path, problems: Problems, env: Mapping[str, str] | None = None
) -> Config | None:
    """Read *path*; None if it cannot be used, with every reason in *problems*."""
    before = len(problems.found)
    config = load_as_far(path, problems, env)
    return config if len(problems.found) == before else None


def load_as_far(
    path: Path, problems: Problems, env: Mapping[str, str] | None = None
) -> Config | None:
    """Read what is well-formed of *path*, to be examined further; the rest is in *problems*.

    None if nothing of it can be read.
    """
    path = path.absolute()
    before = len(problems.found)
    secrets = Secrets.beside(path, problems, env)
    node = read_yaml(path, str(path), problems)
    if node is not None and not isinstance(node.value, dict):
        report(problems, node, "must be a mapping", "write `key: value` lines")
    if node is None or not isinstance(node.value, dict):
        problems.more = True
        return None
    got = forms.gather(node, _TOP, problems)
    check_ends(node, problems)
    flows, connections = got.setdefault("flows", {}), got.setdefault("connections", {})
    lost = _lost(node, "flows", flows)
    apart = _lost(node, "connections", connections)
    problems.more |= bool(lost or apart)
    ends = connections.keys() | apart
    lost |= {name for name, one in flows.items() if not {one.source, one.target} <= ends}
    attempts = got.setdefault("attempts", Attempts())
    check_flows(flows.values(), problems)
    check_stock(flows.values(), lost, problems)
    check_children(flows.values(), lost, problems)
    check_brakes(flows.values(), problems)
    check_fresh(node, flows, lost, problems)
    check_heard(node, connections, problems)
    check_tests(connections, flows.values(), problems)
    check_times(connections.values(), attempts.doubt_alarm, problems)
    got.pop("version", None)
    got.setdefault("ledger", Node(None, 0, "ledger", str(path)))
    if len(problems.found) == before:
        got["flows"] = flows | rehearsals(connections, flows)
    return Config(file=path, secrets=secrets, **got)


def _lost(node: Node, word: str, read: Mapping[str, object]) -> set[str]:
    """The entries of section *word* that are too wrong to be examined further."""
    return forms.inside(node, word).keys() - read.keys()


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


def _plain_ledger(address: str) -> None:
    if re.search(r"://[^/@]*:[^/@]*@", address):
        raise Misspelled("holds a password", "move it to .env and write ${NAME} in its place")
    spelled.ledger_address(address)


def attempts(got: dict[str, Any]) -> Attempts:
    doubt = got.pop("doubt", {})
    return Attempts(**got, **({"doubt_alarm": doubt["alarm"]} if "alarm" in doubt else {}))


def keep(got: dict[str, Any]) -> Keep:
    """Content goes first and proof last; raises Misspelled where it would be otherwise."""
    kept = Keep(**got)
    if not kept.payloads <= kept.attempts <= kept.proof:
        raise Misspelled("drops proof before content", "let payloads, attempts, proof grow longer")
    return kept


_SPAN = text(spelled.span, spelled.SPAN)
KEEP: Form = {
    "payloads": Key(
        _SPAN, "documents, what was sent, what a page could not be read of", needed=True
    ),
    "attempts": Key(_SPAN, "single tries, with their outcomes", needed=True),
    "proof": Key(_SPAN, "who did what when, and totals", needed=True),
}
ATTEMPTS: Form = {
    "pattern": Key(series(DURATION), "waits between attempts; the last one repeats"),
    "most": Key(WHOLE, "attempts before a person must look"),
    "doubt": Key(section({"alarm": Key(DURATION, "age at which a doubt is told")}), "open doubts"),
}


def entries(
    form: Form,
    make: Callable[[str, Node, dict[str, Any]], object],
    decisive: Set[str] = frozenset(),
) -> Kind:
    """Make the kind of named entries; one whose *decisive* key is wrong is judged no further."""

    def read(node: Node, problems: Problems) -> dict[str, object] | None:
        found = {}
        given = forms.members(node)
        for word, child in copied(given, problems).items():
            forms.value(Node(word, child.line, child.path, child.file), NAME, problems)
            got = forms.value(child, section(form), problems)
            if got and not forms.members(child).keys() & decisive - got.keys():
                found[word] = make(word, child, got)
        return found

    schema = forms.schema_of(form)
    needed = schema.pop("required")
    entry = {**schema, "anyOf": [{"required": ["like"]}, {"required": needed}]}
    return Kind(read, {"type": "object", "additionalProperties": entry, "minProperties": 1})


_TOP: Form = {
    "version": Key(choice("1"), "of this file's syntax", needed=True),
    "ledger": Key(lazily(_plain_ledger), "where all state is kept", needed=True),
    "zone": Key(ZONE, "for what people read; data is UTC"),
    "mappings": Key(series(beside(spelled.existing_folder)), "searched before the shipped"),
    "connections": Key(entries(CONNECTION, connection), "the systems", needed=True),
    "flows": Key(entries(FLOW, flow, {"mode"}), "what goes where", needed=True),
    "attempts": Key(section(ATTEMPTS, attempts), "how often a failing delivery is tried"),
    "keep": Key(section(KEEP, keep), "how long what is done is kept; left out: for ever"),
    "web": Key(WATCHED, "what others may see of the daemon"),
    "fresh": Key(FRESH, "within which time something must be confirmed, by flow"),
    "alerts": Key(ALERTS, "whom to tell when a person is needed"),
}
