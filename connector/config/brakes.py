"""The brakes of a flow: what waits for `connector approve`."""

from __future__ import annotations

from collections.abc import Iterable

from connector import forms, spelled
from connector.config.kinds import WHOLE
from connector.configured import Brakes, Flow
from connector.forms import Form, Key, report, section, text
from connector.problems import Problems

BRAKES: Form = {
    "first": Key(text(spelled.count), "so many first creates of the flow wait for one approval"),
    "per_hour": Key(WHOLE, "creates in an hour; what is beyond waits"),
    "same_error": Key(WHOLE, "documents refused in a row with one code; then the flow stops"),
    "zeroed": Key(text(spelled.share), "share of all articles that may become empty in a day"),
    "changed": Key(text(spelled.share), "share of all articles that may change in a day"),
}
OF_STOCK = ("zeroed", "changed")
BRAKED = Key(section(BRAKES, lambda got: Brakes(**got)), "what waits for `approve`")


def check_brakes(flows: Iterable[Flow], problems: Problems) -> None:
    """Each brake is one that the flow can be stopped by."""
    for flow in flows:
        for word, child in forms.inside(flow.place, "brakes").items():
            if word in BRAKES and (word in OF_STOCK) is not (flow.entity == "stock"):
                message = f"`{word}` does nothing in a flow of {flow.entity}"
                report(problems, child, message, "remove it")
