"""Write and look up documents as a profile's actions describe them, whatever the protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from adapters.dialect import Connection, Query, Several, text, told
from adapters.http import Broke
from adapters.replies import Answer, blank, judge, key_of, outcome, outcome_of, said, spoken, strict
from connector import errors
from connector.errors import Bug, FieldErrors, NotSent
from connector.points import reach
from connector.profile import Action, Entity, Step
from connector.values import (
    Absent,
    Ambiguous,
    Change,
    Done,
    InDoubt,
    Outcome,
    Payload,
    Refused,
    Seen,
)
from connector.values import NotSent as Withdrawn


@dataclass(frozen=True, kw_only=True, slots=True)
class _Hit:
    key: str
    item: Payload | None
    reference: str | None


def find(
    at: Connection, entity: str, references: Sequence[str]
) -> Mapping[str, Seen | Absent | Ambiguous]:
    """Answer for every reference: who carries exactly it, over all that the target returns."""
    action = at.action(entity, "find")
    if action.reference is None and action.verify is None:
        raise Bug(f"{at.profile.name}, {entity}: find needs `reference` or `verify`")
    found: dict[str, Seen | Absent | Ambiguous] = {}
    for batch in _batches(references, action.batch):
        names = {"references": batch, "reference": batch[0]}
        asked = at.clock.now()
        try:
            hits = _hits(at, entity, action, names)
        except Several:
            if len(batch) > 1:
                raise
            found[batch[0]] = Ambiguous(keys=())
            continue
        for reference in batch:
            carriers = [hit for hit in hits if _carries(at, hit, reference, alone=len(batch) == 1)]
            found[reference] = _found(at, entity, carriers, reference) or Absent(at=asked)
    return found


def get(at: Connection, entity: str, keys: Sequence[str]) -> Mapping[str, Seen | Absent]:
    """Read documents by the target's keys."""
    action = at.action(entity, "get")
    found: dict[str, Seen | Absent] = {}
    for batch in _batches(keys, action.batch):
        asked = at.clock.now()
        hits = _hits(at, entity, action, {"keys": batch, "key": batch[0]})
        there = {hit.key: _seen(at, entity, hit) for hit in hits}
        found |= {key: there.get(key) or Absent(at=asked) for key in batch}
    return found


def match(
    at: Connection, entity: str, by: str, values: Sequence[str]
) -> Mapping[str, tuple[Seen, ...]]:
    """Give each value the documents that may carry it; one that fits no value is given to all."""
    action = at.action(entity, f"match.{by}")
    found: dict[str, tuple[Seen, ...]] = {}
    for batch in _batches(values, action.batch):
        hits = _hits(at, entity, action, {"values": batch, "value": batch[0]})
        seen = [one for hit in hits if (one := _whole(at, entity, hit)) is not None]
        known = {_plain(value) for value in batch}
        for value in batch:
            fitting = [s for s in seen if _fits(s.there.get(by), value, known)]
            found[value] = tuple({s.key: s for s in fitting}.values())
    return found


def send(at: Connection, entity: str, change: Change) -> Outcome:
    """Make one change, step by step; what surely happened is never lost behind a later failure."""
    action = at.entity(entity).actions.get(change.action)
    if action is None:
        return Refused(code="no_action", at=change.action)
    if too_much := beyond(action, change):
        return Refused(code="not_updatable", at=too_much[0])
    steps = [step for step in action.steps if not change.steps or step.name in change.steps]
    done: Done | None = None
    for place, step in enumerate(steps):
        names = names_of(at, change, done)
        result = _perform(at, entity, action, step, names, change)
        if result is None:
            continue
        if not isinstance(result, Done):
            left = tuple(s.name for s in steps[place:] if _applies(s, names))
            return _broken_off(result, done, change, left)
        done = _both(done, result)
        if done.steps_left or step is steps[-1]:
            return done
        reach("step1.before_step2")
    if done is None:
        return Done(key=change.key) if change.key else Refused(code="no_step", at=change.action)
    return done


def steps_left(at: Connection, entity: Entity, there: Mapping[str, object]) -> tuple[str, ...]:
    """Name the steps of create that the document does not show as done."""
    create = entity.actions.get("create")
    names = {"conn": at.conn, **there}
    return tuple(
        step.name
        for step in (create.steps if create else ())
        if step.done_when is not None and _applies(step, names) and not said(step.done_when, names)
    )


def beyond(action: Action, change: Change) -> list[str]:
    """Name what an update may not carry."""
    if action.can is None or change.key is None:
        return []
    return sorted(change.payload.keys() - action.can - action.along)


def _perform(
    at: Connection,
    entity: str,
    action: Action,
    step: Step,
    names: Mapping[str, object],
    change: Change,
) -> Outcome | None:
    """Do one step; None if its condition leaves it out."""
    try:
        if step.when is not None and not step.when(names):
            return None
        query = Query(
            entity=entity,
            step=step,
            names=names,
            missing=action.missing,
            send_before=change.send_before,
            updating=change.key is not None,
        )
        answer = at.dialect.call(query)
    except FieldErrors as error:
        return Refused(code=error.faults[0].code, at=error.faults[0].field)
    except NotSent as error:
        return Withdrawn(why=error.code)
    except Broke as broke:
        return outcome_of(broke)
    verdict = judge(answer, at.rules(entity, action), names, at.profile.capabilities.refuses_with)
    result = outcome(verdict, new=names["key"] is None)
    if isinstance(result, Refused):
        result = replace(result, at=step.name)
    if isinstance(result, Refused | InDoubt) and _silent(step) and answer.success and answer.whole:
        back = _done(at, entity, step, names, answer)
        undone = not isinstance(back, Done) or bool(back.steps_left)
        return result if undone and isinstance(result, Refused) else back
    return result or _done(at, entity, step, names, answer)


def _silent(step: Step) -> bool:
    """Whether a step's reply tells nothing of the document: only the document itself does."""
    return step.done_when is not None and step.key is None and step.version is None


def _done(
    at: Connection, entity: str, step: Step, names: Mapping[str, object], answer: Answer
) -> Outcome:
    known = {**names, **answer.names()}
    key = key_of(said(step.key, known)) if step.key is not None else key_of(names["key"])
    if key is None:
        return InDoubt(why="no_key")
    if _silent(step):
        return _read_back(at, entity, step, key)
    return Done(key=key, version=text(step.version, known), total=_total(said(step.total, known)))


def _read_back(at: Connection, entity: str, step: Step, key: str) -> Outcome:
    """A reply that says nothing is believed only when the document shows the step done (S6)."""
    try:
        seen = get(at, entity, [key])[key]
    except (errors.Unavailable, errors.Unauthorized):
        return InDoubt(why="not_read_back", key=key)
    if isinstance(seen, Absent):
        return InDoubt(why="not_read_back", key=key)
    undone = (step.name,) if step.name in seen.steps_left else ()
    return Done(key=key, version=seen.version, steps_left=undone)


def _broken_off(
    result: Outcome, done: Done | None, change: Change, left: tuple[str, ...]
) -> Outcome:
    """A later step that failed leaves a document with steps left; a first one leaves nothing."""
    if isinstance(result, InDoubt):
        return replace(result, key=result.key or (done.key if done else change.key))
    if done is None:
        return result
    code = getattr(result, "code", None) or type(result).__name__
    return replace(done, steps_left=left, warnings=(*done.warnings, f"{left[0]}.{code}"))


def _both(first: Done | None, second: Done) -> Done:
    if first is None:
        return second
    return replace(
        second,
        version=second.version or first.version,
        total=first.total if second.total is None else second.total,
    )


def names_of(at: Connection, change: Change, done: Done | None = None) -> dict[str, object]:
    """What the templates of a change may name; *done*: its steps that have happened."""
    return {
        "conn": at.conn,
        "reference": change.reference,
        "payload": change.payload,
        "key": done.key if done else change.key,
        "version": (done and done.version) or change.version,
    }


def _applies(step: Step, names: Mapping[str, object]) -> bool:
    """A condition that cannot be told counts as holding: a step too many shows."""
    try:
        return step.when is None or bool(step.when(names))
    except FieldErrors:
        return True


def _hits(at: Connection, name: str, action: Action, names: Mapping[str, object]) -> list[_Hit]:
    answer, verdict = at.ask(name, action, names)
    if verdict.outcome != "done":
        return []
    what, known = f"{name} {action.name}", {"conn": at.conn, **names, **answer.names()}
    hits = []
    for item in _items(at, action, known, what, vague=answer.vague):
        own = {**known, "item": item}
        if action.verify is not None and not told(action.verify, own, what):
            continue
        key = _key(at.entity(name), action, own, item, what)
        if key is not None:
            reference = str(told(action.reference, own, what)) if action.reference else None
            content = item if action.items or action.item else None
            hits.append(_Hit(key=key, item=content, reference=reference))
        elif action.items is not None:
            raise errors.Unavailable(f"{what}: an item without a key", nobody=False)
    return hits


def _items(
    at: Connection, action: Action, names: Mapping[str, object], what: str, *, vague: bool
) -> list[Payload]:
    """Nothing where the items should be means none only in a reply that a contract describes.

    No contract describes what a string holds. `get` is laxer: many say so that a key is unknown.
    """
    template, lax = action.items or action.item, action.name == "get"
    found = names["reply"] if template is None else told(template, names, what)
    items = found if isinstance(found, list | tuple) else [found]
    silent = found is None or found == ""
    nothing, unsaid = silent and not at.profile.services, silent and vague
    if nothing and template is not None and at.profile.replies == "xml":
        told(template, {**names, "reply": strict(names["reply"], xml=True)}, what)
        nothing = False  # an element without rows
    odd = any(not isinstance(item, Mapping) and not blank(item) for item in items)
    if nothing or (not lax and (unsaid or odd)):
        message = f"{what}: the reply is not as the profile says"
        raise errors.Unavailable(message, nobody=False)
    return [item for item in items if isinstance(item, Mapping) and not blank(item)]


def _key(
    entity: Entity, action: Action, names: Mapping[str, object], item: Payload, what: str
) -> str | None:
    if action.found is not None:
        return key_of(told(action.found, names, what))
    if entity.key is not None:
        return key_of(told(entity.key, item, what))
    return key_of(names.get("key"))


def _found(
    at: Connection, entity: str, hits: Sequence[_Hit], reference: str
) -> Seen | Ambiguous | None:
    keys = tuple(dict.fromkeys(hit.key for hit in hits))
    if len(keys) > 1:
        return Ambiguous(keys=keys)
    if not keys:
        return None
    seen = _whole(at, entity, hits[0])
    return replace(seen, reference=hits[0].reference or reference) if seen is not None else None


def _whole(at: Connection, name: str, hit: _Hit) -> Seen | None:
    """A hit as `read` needs it: a search that tells the key only, or not enough, is asked by it."""
    entity = at.entity(name)
    if hit.item is not None and not ("get" in entity.actions and _lacks(entity, hit.item)):
        return _seen(at, name, hit)
    seen = get(at, name, [hit.key])[hit.key]
    return seen if isinstance(seen, Seen) else None


def _lacks(entity: Entity, item: Payload) -> bool:
    """Whether an item has not all that `read` names."""
    try:
        if entity.there is not None:
            entity.there(item)
    except FieldErrors as error:
        return any(fault.code == "no_member" for fault in error.faults)
    return False


def _seen(at: Connection, name: str, hit: _Hit) -> Seen:
    """What cannot be read in our terms counts as locked: nothing is written to it unread."""
    entity, item = at.entity(name), hit.item or {}
    try:
        there, readable = (entity.there(item) if entity.there else {}), True
    except FieldErrors:
        there, readable = {}, False
    names = {"conn": at.conn, **there, "there": there, "item": item, "key": hit.key}
    silent = getattr(item, "silent", ())
    return Seen(
        key=hit.key,
        version=text(entity.version, item),
        there=there,
        item={name: spoken(value) for name, value in item.items() if name not in silent},
        steps_left=steps_left(at, entity, names) if readable else (),
        locked=not readable or bool(said(entity.locked, names)),
        reserved=None
        if entity.reserved is None
        else readable and bool(said(entity.reserved, names)),
        reference=hit.reference,
    )


def _carries(at: Connection, hit: _Hit, reference: str, *, alone: bool) -> bool:
    if hit.reference is None:
        return alone  # `verify` has compared it
    if at.profile.capabilities.reference_folding == "case":
        return hit.reference.casefold() == reference.casefold()
    return hit.reference == reference


def _fits(carried: object, value: str, known: set[str]) -> bool:
    plain = _plain(carried)
    return plain == _plain(value) or plain not in known


def _plain(value: object) -> str:
    return str(value or "").strip().casefold()


def _total(value: object) -> Decimal | None:
    try:
        found = Decimal(str(value)) if isinstance(value, str | int | Decimal) else None
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() else None


def _batches(keys: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    distinct = tuple(dict.fromkeys(keys))
    for begin in range(0, len(distinct), size):
        yield distinct[begin : begin + size]
