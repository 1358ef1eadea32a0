"""Walks: how a profile says that its lists are paged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.mapping.actions import asks, check_keys, number, one_of, scalar, template
from connector.mapping.capable import duration_of
from connector.mapping.expressions import complain
from connector.mapping.keys import WALK, words_of
from connector.mapping.terms import Scope
from connector.problems import Problems
from connector.profile import Walk
from connector.yamlread import Node

_ONWARD = ("bookmark", "cursor", "more", "index", "link")
_NUMBERED = ("watermark", "page", "offset")
# which walks read a key; the others stand in all
_OF: Mapping[str, tuple[str, ...]] = {
    "first": ("page", "index"),
    "from": ("bookmark", "cursor", "more"),
    "more": ("more",),
    "carry": ("bookmark", "cursor", "more", "index"),
    "pages": ("index",),
    "total": (*_NUMBERED, "index"),
    "window": ("window",),
    "most": (*_ONWARD, "window"),
}
_NEEDED: Mapping[str, str] = {"bookmark": "from", "cursor": "from", "more": "more"}
_FIELDS = {"from": "place"}
_TOLD = Scope(
    dict.fromkeys(
        ("conn", "reply", "item", "http", "fault", "page", "size", "bookmark", "carried")
    ),
    lenient=True,
)


def walk_of(node: Node | None, problems: Problems, otherwise: Walk) -> Walk:
    """Read how lists are paged; what is not said is as in *otherwise*."""
    if node is None:
        return otherwise
    own = check_keys(node, WALK, problems)
    for key in ("from", "more", "pages", "total"):
        asks(own.get(key), problems)
    told = {key: template(own.get(key), _TOLD, problems) for key in ("from", "more", "pages")}
    told["total"] = template(own.get("total"), _TOLD, problems)
    given: dict[str, Any] = {_FIELDS.get(key, key): made for key, made in told.items() if made}
    for word in ("type", "bound"):
        given[word] = one_of(own.get(word), words_of(WALK, word), problems)
    if "carry" in own:
        given["carry"] = _carry(own["carry"], problems)
    if "first" in own:
        given["first"] = int(one_of(own["first"], words_of(WALK, "first"), problems) or "1")
    if "window" in own:
        given["window"] = duration_of(own["window"], problems, otherwise.resolution)
    given["form"] = scalar(own.get("form"), problems)
    kept = {name: getattr(otherwise, name) for name in Walk.__dataclass_fields__}
    said = {name: value for name, value in given.items() if value is not None}
    walk = Walk(
        **{
            **kept,
            **said,
            "size": number(own.get("size"), problems, otherwise.size),
            "most": number(own.get("most"), problems, otherwise.most),
            "resolution": duration_of(own.get("resolution"), problems, otherwise.resolution),
        }
    )
    _check(walk, node, own, problems)
    return walk


def _carry(node: Node, problems: Problems) -> dict[str, Any]:
    if not isinstance(node.value, dict):
        complain(problems, node, "`carry` is no mapping", "write `name: = reply.…` lines")
        return {}
    made = {name: template(one, _TOLD, problems) for name, one in node.value.items()}
    return {name: one for name, one in made.items() if one is not None}


def _check(walk: Walk, node: Node, own: Mapping[str, Node], problems: Problems) -> None:
    """Report what its type lacks, and what it would never read."""
    for key, kinds in _OF.items():
        if key in own and walk.type not in kinds:
            cure = f"leave it out; it is for {', '.join(kinds)}"
            complain(problems, own[key], f"a `{walk.type}` walk reads no `{key}`", cure)
    needed = _NEEDED.get(walk.type)
    if needed is not None and getattr(walk, _FIELDS.get(needed, needed)) is None:
        complain(problems, node, f"a `{walk.type}` walk needs `{needed}`", f"add {needed}: = …")
    if walk.type == "index" and walk.pages is None and walk.total is None:
        cure = "add pages: = …, or total: = … (rows)"
        complain(problems, node, "an `index` walk needs `pages` or `total`", cure)
    if walk.type == "more" and walk.place is None and not walk.carry:
        cure = "add `from:` or `carry:`"
        complain(problems, node, "a `more` walk does not say what the next call takes along", cure)
