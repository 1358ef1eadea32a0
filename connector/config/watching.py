"""The keys that say what others see of the daemon, and when its silence is one."""

from __future__ import annotations

from collections.abc import Mapping

from connector import forms, spelled
from connector.config.kinds import beside
from connector.configured import Flow, Fresh, Web
from connector.forms import Form, Key, mapping_of, report, section, text
from connector.nearest import cure_for
from connector.problems import Problems
from connector.yamlread import Node


def _fresh(words: str) -> Fresh:
    within, during = spelled.fresh(words)
    return Fresh(within=within, during=during)


WEB: Form = {
    "listen": Key(text(spelled.listen), "where health, metrics and webhooks are served"),
    "heartbeat": Key(beside(spelled.new_file), "touched as long as every flow is fresh"),
}
WATCHED = section(WEB, lambda got: Web(**got))
FRESH = mapping_of(text(_fresh))


def check_fresh(node: Node, flows: Mapping[str, Flow], problems: Problems) -> None:
    """What must be fresh is a flow that reads of itself, and a heartbeat proves something."""
    given = forms.members(node)
    watched = forms.members(given["fresh"]) if "fresh" in given else {}
    for name, place in watched.items():
        if name not in flows:
            cure = cure_for(name, flows, "flow")
            report(problems, place, f"there is no flow `{name}`", cure)
        elif flows[name].mode == "on_demand":
            cure = "name the flow that needs it"
            report(problems, place, "is only read when another flow needs it", cure)
    web = given.get("web")
    if web is not None and not watched and "heartbeat" in forms.members(web):
        cure = "add `fresh: {FLOW: 30m}`"
        message = "proves nothing as long as no flow must be fresh"
        report(problems, forms.members(web)["heartbeat"], message, cure)
