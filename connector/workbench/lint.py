"""Lint: everything that can be known of a profile without its system, in one report."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from connector.errors import ConnectorError, FieldErrors
from connector.mapping.expressions import complain
from connector.mapping.load import Laid, leaves, newer
from connector.mapping.preview import nearest_node
from connector.mapping.read import Reader, There
from connector.problems import Problem, Problems
from connector.profile import Action, Entity, Step
from connector.rehearsal import Element, Rehearsal
from connector.values import Payload
from connector.workbench.against import Against, judge
from connector.workbench.answers import judge_paths, judge_reply
from connector.workbench.given import document
from connector.workbench.opened import Opened
from connector.workbench.payloads import payloads_of
from connector.workbench.replied import judge_replied
from connector.workbench.samples import Sample
from connector.workbench.written import action_nodes, cases_of, members
from connector.yamlread import Node

_WRITTEN_FOR = re.compile(r">=\s*(\d+(?:\.\d+)*)|==\s*(\d+(?:\.\d+)*)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What lint found: *problems* are wrong, *warnings* want a look, *notes*: what is untried."""

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    notes: tuple[str, ...]


def lint(opened: Opened, problems: Problems) -> Report:
    """Judge a profile; *problems* holds what reading it has found already."""
    warnings = Problems()
    for laid in opened.raw.laid:
        _overridden(laid, warnings)
    if opened.stage is not None:
        _against_contracts(opened, opened.stage, problems)
    for node in opened.raw.entities.values():
        cases_of(node, problems)
    tried = [s for s in opened.samples if _try(opened, s, problems)]
    notes = [
        f"{name}: no sample, so its `read` is untried"
        for name, node in opened.raw.entities.items()
        if "read" in members(node) and not any(s.entity == name for s in tried)
    ]
    if not opened.compiled.profile.services:
        notes += judge_replied(opened, problems)
    if opened.stage is None:
        notes.append(f"protocol {opened.compiled.profile.protocol}: no rehearsal")
    return Report(
        problems=tuple(sorted(set(problems.found))),
        warnings=tuple(sorted(set(warnings.found))),
        notes=tuple(notes),
    )


def _overridden(laid: Laid, warnings: Problems) -> None:
    """Say which overridden leaves the base has changed since the version that was overridden."""
    needs = members(laid.file).get("needs")
    fits = _WRITTEN_FOR.search(needs.value) if needs and isinstance(needs.value, str) else None
    if fits is None or needs is None:
        return
    since = fits[1] or fits[2]
    for version, paths in members(members(laid.top).get("changes")).items():
        if not newer(version, since):
            continue
        for path in paths.value if isinstance(paths.value, list) else []:
            entity, _, rest = str(path.value).partition(".")
            if entity != (laid.entity or "profile"):
                continue
            for mine, _, node in leaves(laid.file):
                if mine == rest or mine.startswith((f"{rest}.", f"{rest}[")):
                    message = f"{laid.base} {version} changed {rest}, which you override"
                    cure = f"compare (connector map diff), then write `needs: {laid.base} >= "
                    complain(warnings, node, message, f"{cure}{version}`")


def _against_contracts(opened: Opened, stage: Rehearsal, problems: Problems) -> None:
    """Hold every message and every path into a reply against the contracts, where there are."""
    backs: list[Element] = []
    for name, entity in opened.compiled.profile.entities.items():
        backs += _against_contract(opened, stage, name, entity, problems)
    if "errors" in members(opened.raw.top):
        judge_paths(members(opened.raw.top)["errors"], {"reply": backs}, problems)
    probe = members(members(opened.raw.top).get("probe"))
    for name, action in opened.compiled.profile.probe.items():
        _declared(stage, "", action.steps[0], probe[name], problems)


def _against_contract(
    opened: Opened, stage: Rehearsal, name: str, entity: Entity, problems: Problems
) -> list[Element]:
    """Hold every message of an entity against its contract; gives what its replies are."""
    own = members(opened.raw.entities[name])
    nodes = action_nodes(opened.raw.entities[name])
    beside = members(members(opened.raw.top).get("args"))
    backs: list[Element] = []
    for action in entity.actions.values():
        for place, step in zip(nodes.get(action.name, ()), action.steps, strict=False):
            element = _declared(stage, name, step, place, problems)
            if element is not None:
                against = Against(
                    problems=problems,
                    payload=own.get("write"),
                    only=_only(action, own.get("write")),
                    whole=action.missing == "omit",
                )
                judge(against, members(place).get("args"), element, beside)
                back = stage.answered(name, step)
                if back is not None:
                    judge_reply(place, back, problems)
                    backs.append(back)
    if backs and "errors" in own:
        judge_paths(own["errors"], {"reply": backs}, problems)
    return backs


def _declared(
    stage: Rehearsal, entity: str, step: Step, place: Node, problems: Problems
) -> Element | None:
    try:
        return stage.declared(entity, step)
    except ConnectorError as error:
        complain(problems, members(place).get("op", place), str(error), error.cure)
        return None


def _only(action: Action, write: Node | None) -> frozenset[str] | None:
    fields = frozenset(members(write))
    if action.name != "update" or fields <= action.along:
        return None
    return fields if action.can is None else action.can | action.along


def _try(opened: Opened, sample: Sample, problems: Problems) -> bool:
    """Read a sample as the profile does; False if there was nothing to read in it."""
    if sample.entity not in opened.compiled.profile.entities:
        return False
    payloads = payloads_of(opened, sample, problems)
    found = [one for payload in payloads for one in read_faults(opened, sample, payload)]
    if found and _is_foreign(opened, sample):
        return False
    for one in found:
        problems.add(one)
    return bool(payloads)


def _is_foreign(opened: Opened, sample: Sample) -> bool:
    """Whether a sample of a pure target is what another profile reads: what will be written."""
    entity = sample.entity
    if sample.action or entity in opened.compiled.readers or entity not in opened.compiled.writers:
        return False
    try:
        return document(opened, entity, sample.path, sample.profile) is not None
    except ConnectorError:
        return False


def read_faults(opened: Opened, sample: Sample, payload: Payload) -> Iterator[Problem]:
    """Read one payload; each path that fails is a problem at its expression."""
    entity = opened.compiled.profile.entities[sample.entity]
    reader = opened.compiled.readers.get(sample.entity)
    own = members(opened.raw.entities[sample.entity])
    for word in ("key", "version", "birth"):
        template = getattr(entity, word)
        try:
            if template is not None:
                template(payload)
        except FieldErrors as error:
            yield _failing(own[word], sample, error.faults[0].code, error.faults[0].cure)
    there = entity.there
    try:
        if reader is not None:
            reader.document(payload)
        elif isinstance(there, There):
            there(payload)
    except FieldErrors as error:
        made = reader or there
        origins = made.origins(payload) if isinstance(made, (Reader, There)) else {}
        for fault in error.faults:
            node = nearest_node(fault.field, origins) or own["read"]
            yield _failing(node, sample, f"{fault.field}: {fault.code}", fault.cure)


def _failing(node: Node, sample: Sample, what: str, cure: str) -> Problem:
    found = Problems()
    complain(found, node, f"cannot read {sample.name}: {what}", cure.partition("; /")[0])
    return found.found[0]
