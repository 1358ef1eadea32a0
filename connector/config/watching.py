"""The keys that say what others see of the daemon, and when its silence is one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set

from connector import codes, forms, spelled
from connector.config.kinds import beside, lazily
from connector.configured import Alert, Connection, Flow, Fresh, Web, When
from connector.forms import Form, Key, mapping_of, report, section, series, text
from connector.nearest import cure_for
from connector.problems import Problems
from connector.spelled import Misspelled
from connector.yamlread import Node

# What can be told beside the reasons for which a record is held.
OTHERS = ("held", "in_doubt", "braked", "connection_down", "stale")


def _fresh(words: str) -> Fresh:
    within, during = spelled.fresh(words)
    return Fresh(within=within, during=during)


def _when(words: str) -> When:
    word, _, after = words.partition(" > ")
    known = (*OTHERS, *codes.HELD)
    if word not in known:
        raise Misspelled("is nothing that can be told", cure_for(word, known, "word"))
    return When(text=words, word=word, after=spelled.duration(after) if after else None)


def _address(words: str) -> None:
    """What reaches here is written out: only `${…}` is not looked at.

    A service may take its key as host, path, query or user: no part is known to be harmless.
    """
    if not re.match(r"^[a-z][a-z0-9+.-]*://.", words):
        raise Misspelled("is not an address of apprise", "write for example ${file:alert_url}")
    cure = "put it into .env beside this file (mode 0600) as NAME=…, write ${NAME} here"
    raise Misspelled("stands in the configuration itself, and may hold a secret", cure)


ALERT: Form = {
    "url": Key(lazily(_address), "any address that apprise knows", needed=True),
    "when": Key(series(text(_when)), "what is told: refused, held > 1h, stale, …", needed=True),
}
ALERTS = series(section(ALERT, lambda got: Alert(**got)))
WEB: Form = {
    "listen": Key(text(spelled.listen), "where health, metrics and webhooks are served"),
    "heartbeat": Key(beside(spelled.new_file), "touched as long as every flow is fresh"),
}
WATCHED = section(WEB, lambda got: Web(**got))
FRESH = mapping_of(text(_fresh))


def check_heard(node: Node, connections: Mapping[str, Connection], problems: Problems) -> None:
    """Webhooks need somebody who listens."""
    if "listen" in forms.inside(node, "web"):
        return
    for one in connections.values():
        given = forms.members(one.place)
        if one.webhooks is not None:
            cure = "add `web: {listen: 127.0.0.1:8088}`, or leave `webhooks` out: it is polled"
            place = given.get("webhooks", one.place)
            report(problems, place, "nobody listens for them", cure)


def check_fresh(node: Node, flows: Mapping[str, Flow], lost: Set[str], problems: Problems) -> None:
    """What must be fresh is a flow that reads of itself, and a heartbeat proves something."""
    watched = forms.inside(node, "fresh")
    for name, place in watched.items():
        if name in lost:
            continue
        if name not in flows:
            cure = cure_for(name, flows, "flow")
            report(problems, place, f"there is no flow `{name}`", cure)
        elif flows[name].mode == "on_demand":
            cure = "name the flow that needs it"
            report(problems, place, "is only read when another flow needs it", cure)
    beat = forms.inside(node, "web").get("heartbeat")
    if beat is not None and not watched:
        cure = "add `fresh: {FLOW: 30m}`"
        message = "proves nothing as long as no flow must be fresh"
        report(problems, beat, message, cure)
