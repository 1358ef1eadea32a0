"""Paths into replies against samples, where no contract says what comes back.

`product.create.json` is what comes back; `product.create.taken.json`, of no step of that name, is a
refusal: `errors` are held against those.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from connector.ledger.content import unpack
from connector.mapping.expressions import complain
from connector.mapping.keys import SENT, STEP, TOLD
from connector.problems import Problems
from connector.profile import Action
from connector.rehearsal import Element
from connector.workbench.answers import ends, judge_paths, names_replies
from connector.workbench.jsonshape import JsonShape
from connector.workbench.opened import Opened
from connector.workbench.paths import xml_of
from connector.workbench.payloads import payloads_of
from connector.workbench.samples import Sample
from connector.workbench.written import action_nodes, members
from connector.yamlread import Node

_APART = frozenset((*SENT, *STEP.keys() - TOLD.keys(), "steps", "bulk", "errors", "next", "can"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What samples show of one action: its replies, its refusals, the rows that it gives."""

    replies: Sequence[Element]
    refusals: Sequence[Element]
    rows: Sequence[Element]


def judge_replied(opened: Opened, problems: Problems) -> list[str]:
    """Hold every path into a reply against the samples; gives what there is no sample for."""
    notes: list[str] = []
    refusals: list[Element] = []
    for name, entity in opened.compiled.profile.entities.items():
        node = opened.raw.entities[name]
        nodes, own = action_nodes(node), list[Element]()
        for action in entity.actions.values():
            shown = _shown(opened, name, action, problems)
            own += shown.refusals
            written = members(members(members(node).get("actions")).get(action.name))
            for place in nodes.get(action.name, ()):
                notes += _judged(f"{name}.{action.name}", place, shown, problems)
            if "errors" in written and "bulk" not in written:
                judge_paths(written["errors"], {"reply": shown.refusals}, problems)
        if "errors" in members(node):
            judge_paths(members(node)["errors"], {"reply": own}, problems)
        refusals += own
    errors = members(opened.raw.top).get("errors")
    if errors is not None:
        judge_paths(errors, {"reply": refusals}, problems)
        if names_replies(errors) and not refusals:
            notes.append("no sample of a refusal (ENTITY.ACTION.NAME.json): `errors` is untried")
    return notes


def _judged(what: str, place: Node, shown: Shown, problems: Problems) -> Iterator[str]:
    """Judge what one call takes of its reply."""
    own = members(place)
    for word, node in own.items():
        if word in ("path", "query", "$if"):
            judge_paths(node, {"item": shown.rows}, problems)  # below a row
        if word not in _APART:
            judge_paths(node, {"reply": shown.replies, "item": shown.rows}, problems)
            if names_replies(node) and not shown.replies:
                yield f"no sample of its reply (samples/{what}.json): its `{word}` is untried"
    if "bulk" in own:
        _judge_bulk(members(own["bulk"]), shown, problems)
        if not shown.replies:
            yield f"no sample of its reply (samples/{what}.json): its `bulk` is untried"


def _judge_bulk(bulk: Mapping[str, Node], shown: Shown, problems: Problems) -> None:
    """Its `item` is one answer."""
    answers = [end for one in shown.replies for end in ends(bulk.get("answers"), one)]
    for word in ("answers", "answer", "error", "status"):
        if word in bulk:
            judge_paths(bulk[word], {"reply": shown.replies, "item": answers}, problems)


def _shown(opened: Opened, name: str, action: Action, problems: Problems) -> Shown:
    steps = {step.name for step in action.steps}
    replies: list[Element] = []
    refusals: list[Element] = []
    rows: list[Element] = []
    for sample in opened.samples:
        if sample.entity != name:
            continue
        if sample.action is None:
            rows += [_shape(one) for one in payloads_of(opened, sample, Problems())]
        elif sample.action == action.name:
            replies += _saved(opened, sample, problems)
        elif sample.action.startswith(f"{action.name}."):
            step = sample.action.removeprefix(f"{action.name}.")
            kept = replies if step in steps else refusals
            kept += _saved(opened, sample, problems)
    if _is_whole(opened, name, action):
        replies += rows
    return Shown(replies=replies, refusals=refusals, rows=rows)


def _saved(opened: Opened, sample: Sample, problems: Problems) -> list[Element]:
    """The reply in a file; none, and a problem, if it is not what the profile's replies are."""
    xml = opened.compiled.profile.replies == "xml"
    try:
        return [_shape(_held(sample.path) if xml else unpack(sample.path.read_bytes()))]
    except (OSError, ValueError, SyntaxError):
        place, kind = Node(None, 0, "", str(sample.path)), "XML" if xml else "JSON"
        complain(problems, place, f"is not {kind}", "save the whole reply as it came")
        return []


def _held(path: Path) -> object:
    """What the root of an XML reply holds."""
    found = xml_of(path.read_bytes())
    return next(iter(found.values()), None) if isinstance(found, Mapping) else found


def _is_whole(opened: Opened, name: str, action: Action) -> bool:
    """Is a reply to this action one payload, or a list of nothing else?"""
    places = action_nodes(opened.raw.entities[name]).get(action.name, ())
    own: Mapping[str, Node] = members(places[0]) if places else {}
    words = [own[w].value for w in ("item", "items") if w in own]
    return all(re.fullmatch(r"= reply", str(word).strip()) for word in words) and bool(words)


def _shape(value: object) -> Element:
    return JsonShape("", value, whole=True)
