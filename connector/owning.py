"""Whose each field is (D4, one way): what the target owns is never written."""

from __future__ import annotations

from collections.abc import Collection

from connector import forms
from connector.configured import Flow
from connector.documents import ENTITIES, fields_of
from connector.forms import report
from connector.mapping.write import Writer
from connector.nearest import cure_for
from connector.problems import Problems


def owned_there(flow: Flow, writer: Writer, problems: Problems) -> frozenset[str]:
    """The fields of `write` that are made of what the target owns, and of nothing else.

    A field made of what both own is a problem: it could only be written whole.
    """
    if not flow.owner:
        return frozenset()
    known = fields_of(ENTITIES[flow.entity])
    _check(flow, (*known, "default"), problems)
    default = flow.owner.get("default", flow.source)
    theirs = {name for name in known if flow.owner.get(name, default) == flow.target}
    mixed = {f: of for f, of in writer.made_of.items() if of & theirs and of - theirs}
    place = forms.members(flow.place)["owner"]
    for field, of in sorted(mixed.items()):
        names = ", ".join(sorted(of))
        message = f"`{field}` there is made of {names}, which are not one side's"
        report(problems, place, message, "give them all to one side")
    return frozenset(f for f, of in writer.made_of.items() if of and of <= theirs)


def unsaid(writer: Writer, said: Collection[str]) -> frozenset[str]:
    """The fields of `write` that are made of nothing that the source says."""
    return frozenset(f for f, of in writer.made_of.items() if of and of.isdisjoint(said))


def _check(flow: Flow, known: tuple[str, ...], problems: Problems) -> None:
    given = forms.members(forms.members(flow.place)["owner"])
    for name, side in flow.owner.items():
        if name not in known:
            cure = cure_for(name, known, "field")
            report(problems, given[name], f"`{name}` is no field of {flow.entity}", cure)
        if side not in (flow.source, flow.target):
            cure = f"write {flow.source} or {flow.target}"
            report(problems, given[name], f"`{side}` is no side of this flow", cure)
