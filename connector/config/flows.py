"""The keys of a flow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connector import forms, spelled
from connector.config.brakes import BRAKED
from connector.config.kinds import DURATION, FLAG
from connector.config.stock import AMOUNTS, WAREHOUSES
from connector.configured import Flow, Guests, MoneyRule
from connector.forms import Form, Key, Kind, choice, mapping_of, section, series, text
from connector.problems import Problems
from connector.spelled import Misspelled
from connector.yamlread import Node

ENTITIES = ("customer", "invoice", "order", "payment", "product", "refund", "stock")


_EXPRESSIONS = re.compile(r"{{.*?(?:}}|$)")
_OF_DOCUMENT = re.compile(r"\b(?:doc|key)\b")


def _reference(node: Node, _: Problems) -> Node:
    words = forms.scalar(node)
    expressions = words[2:] if words.startswith("= ") else " ".join(_EXPRESSIONS.findall(words))
    if not _OF_DOCUMENT.search(expressions):
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


def flow(word: str, place: Node, got: dict[str, Any]) -> Flow:
    """Make a flow of what its keys say."""
    return Flow(name=word, place=place, source=got.pop("from"), target=got.pop("to"), **got)


FLOW: Form = {
    "entity": Key(choice(*ENTITIES), "what flows", needed=True),
    "from": Key(text(), "the connection that is read", needed=True),
    "to": Key(text(), "the connection that is written", needed=True),
    "mode": Key(
        choice("on_demand", "link_only", "sync"),
        "left out: every document is created; sync: products that are there are kept up to date",
    ),
    "create": Key(FLAG, "with `sync`: make what is not there"),
    "match": Key(series(text(spelled.name)), "fields by which first contact looks for it"),
    "guests": Key(Kind(_guests, {}), "each, or which collective customer stands for them"),
    "every": Key(text(spelled.every), "when the daemon runs it: 1m, never, or a cron line"),
    "start": Key(text(spelled.moment), "older documents are never created by this flow"),
    "reference": Key(Kind(_reference, {"type": "string"}), "our id in the target, unique there"),
    "only": Key(Kind(_only, {}), "which documents: values per field, or an expression"),
    "wait": Key(DURATION, "after the last change at the source"),
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
    "owner": Key(mapping_of(text()), "whose each field is; `default` for the others"),
    "warehouses": WAREHOUSES,
    "amount": AMOUNTS,
    "brakes": BRAKED,
    "tables": Key(mapping_of(mapping_of(text())), "rows over those of the profile"),
    "like": Key(text(), "another flow: this is a copy with differences"),
}
