"""The keys of a connection."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from connector import forms, spelled
from connector.config.kinds import DURATION, FLAG, WHOLE, ZONE, beside, lazily
from connector.configured import Connection, Limits, Webhooks
from connector.forms import Form, Key, Kind, mapping_of, report, section, series, text
from connector.problems import Problems
from connector.secret import is_reference
from connector.spelled import Misspelled
from connector.windows import WINDOW, window
from connector.yamlread import Node

_NO_SECRET = ("_url", "_file")
_SECRET_WORDS = ("password", "secret", "key", "token")


def _auth(node: Node, problems: Problems) -> Node:
    own = forms.members(node)
    files = {word: _at(child) for word, child in own.items() if word.endswith("_file")}
    for word, child in own.items():
        forms.remnant(node, word, problems)
        # the address of a token is none: credentials in it are the adapter's to refuse
        secret = any(part in word for part in _SECRET_WORDS) and not word.endswith(_NO_SECRET)
        blank = word == "password" and child.value == ""  # who has a key as user may have none
        if blank or not (secret and isinstance(child.value, str)):
            continue
        if not is_reference(child.value):
            cure = "put it into .env beside this file (mode 0600) as NAME=…, write ${NAME} here"
            report(problems, child, "a secret stands in the configuration itself", cure)
    return replace(node, value={**own, **files}) if files else node


def _at(node: Node) -> Node:
    """A path that begins where the configuration lies."""
    path = node.value if isinstance(node.value, str) else ""
    return replace(node, value=str((Path(node.file).parent / path).resolve())) if path else node


def _secret(_: str) -> None:
    """What reaches here is written out: only `${…}` is not looked at."""
    cure = "put it into .env beside this file (mode 0600) as NAME=…, write ${NAME} here"
    raise Misspelled("a secret stands in the configuration itself", cure)


def connection(word: str, place: Node, got: dict[str, Any]) -> Connection:
    """Make a connection of what its keys say."""
    identity = dict(got.pop("identity", {}))
    return Connection(
        name=word,
        place=place,
        parameters=got.pop("with", None),
        tls=got.pop("tls", {}),
        expect=identity.pop("expect", None),
        identity=identity,
        **got,
    )


def _raw(node: Node, _: Problems) -> Node:
    forms.members(node)
    return node


_RAW = Kind(_raw, {"type": "object"})

CONNECTION: Form = {
    "profile": Key(text(spelled.name), "the folder under mappings/ that describes it", needed=True),
    "url": Key(lazily(spelled.web_address), "its address, as the profile wants it", needed=True),
    "zone": Key(ZONE, "the zone of its local times; a fact, checked", needed=True),
    "auth": Key(Kind(_auth, {"type": "object"}), "type and credentials, secrets as ${NAME}"),
    "lag": Key(DURATION, "younger than this may still change there"),
    "limits": Key(
        section(
            {
                "concurrency": Key(WHOLE, "calls at the same time, over all processes"),
                "timeout": Key(DURATION, "total deadline of one call"),
                "per_second": Key(WHOLE, "calls that may begin in any second"),
            },
            lambda got: Limits(**got),
        ),
        "how hard it may be worked",
    ),
    "identity": Key(mapping_of(text()), "who it must be; `expect` is its company's name"),
    "tls": Key(
        section(
            {
                "ca_file": Key(beside(spelled.existing_file), "its authority's certificate"),
                "cert_file": Key(beside(spelled.existing_file), "the certificate that we show"),
                "key_file": Key(beside(spelled.existing_file), "its key, without a password"),
            }
        ),
        "trust beyond the system's own",
    ),
    "closed": Key(
        series(text(window, WINDOW)), "windows of its week in which it is neither read nor written"
    ),
    "settle": Key(DURATION, "how long a call that we gave up on may still commit"),
    "webhooks": Key(
        section(
            {
                "secret": Key(lazily(_secret), "the secret that signs them", needed=True),
                "url": Key(text(spelled.web_address), "where the system reaches /hooks/NAME"),
            },
            lambda got: Webhooks(**got),
        ),
        "hear of changes at once; needs `web.listen`",
    ),
    "tests": Key(
        FLAG, "true: a test company; it never alarms, and each flow to its like can be rehearsed"
    ),
    "with": Key(_RAW, "parameters that the profile declares"),
    "like": Key(text(), "another connection: this is a copy with differences"),
}
