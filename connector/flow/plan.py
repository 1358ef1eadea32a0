"""A plan: what one run would do, document by document, and the licence to do exactly that; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connector.flow.decide import Want
from connector.ledger.content import digest, pack
from connector.ledger.records import Claimed
from connector.values import Adopt, Create, Decision, Hold, Payload, Ref, Resume, Update, Wait

LATER = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One thing that is done with a document: adopt, create, update or resume.

    *payload* is the digest of what is sent, *key* the document there that is adopted.
    """

    do: str
    payload: str = ""
    fields: tuple[str, ...] = ()
    key: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """What would be done with one document as it stood: *seq* and *content* are its state (R16).

    *ends*: what it comes to without a call (hold, nothing, wait), *again*: delivered before, and
    now otherwise because the mapping that writes it has changed (R14).
    """

    flow: str
    entity: str
    key: str
    reference: str
    seq: int
    content: str
    steps: tuple[Step, ...] = ()
    ends: str = ""
    needs: str = ""
    again: bool = False
    total: str = ""
    changes: Mapping[str, tuple[object, object]] = field(default_factory=dict)

    @property
    def name(self) -> tuple[str, str, str]:
        """What it is called in the ledger."""
        return self.flow, self.entity, self.key

    @property
    def acts(self) -> bool:
        """Does anything come of it, here or there?"""
        return bool(self.steps) or self.ends.startswith("hold")

    @property
    def sends(self) -> bool:
        """Does it depend on what the document says? A mere adoption depends on who it is there."""
        return any(step.do != "adopt" for step in self.steps) or not self.steps

    @property
    def words(self) -> str:
        """The decision in half a line."""
        told = [_words(step) for step in self.steps]
        return "; ".join([*told, *([self.ends] if self.ends else [])])


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The decisions of one run of *flow*. *mappings*: flow → digest of what writes its payloads."""

    flow: str
    source: str
    target: str
    installation: str
    made_at: datetime
    mappings: Mapping[str, str]
    documents: tuple[Planned, ...] = ()


def _words(step: Step) -> str:
    what = {"adopt": step.key, "create": ""}.get(step.do, ", ".join(step.fields))
    return f"{step.do} {what}".strip()


def to_be_made(reference: str) -> str:
    """What stands in a plan for the number of a document that is not there yet."""
    return f"(new) {reference}"


def step_of(decision: Decision, fields: Payload) -> Step | None:
    """The step of a decision, with the digest of what it sends of *fields*; None: no step."""
    match decision:
        case Create():
            return Step(do="create", payload=digest(pack(fields)))
        case Update(fields=names):
            sent = digest(pack({name: fields[name] for name in names}))
            return Step(do="update", fields=tuple(sorted(names)), payload=sent)
        case Resume(steps=steps):
            return Step(do="resume", fields=steps)
        case Adopt(key=key):
            return Step(do="adopt", key=key)
        case _:
            return None


@dataclass(kw_only=True, slots=True)
class Licence:
    """What may be done with which records of one flow; what is refused is written into it.

    *new*: documents that the plan itself creates, as its payloads name them.
    """

    planned: Mapping[int, Planned]
    new: Mapping[Ref, str]
    refused: dict[int, str] = field(default_factory=dict)

    def left(self) -> list[int]:
        """The records that may still be touched."""
        return [id_ for id_ in self.planned if id_ not in self.refused]

    def judged(
        self,
        work: Sequence[Claimed],
        decisions: Mapping[int, Decision],
        wants: Mapping[int, Want],
        now: datetime,
    ) -> dict[int, Decision]:
        """*decisions* as far as they are the planned ones; what is not is left for another plan.

        *wants*: what each would send if the documents in `new` had no number yet.
        """
        made = dict(decisions)
        for w in work:
            if why := self._against(w, decisions[w.id], wants[w.id]):
                self.refused[w.id] = why
                made[w.id] = self._left_alone(w, why, now)
        return made

    def _left_alone(self, w: Claimed, why: str, now: datetime) -> Decision:
        """What is due by itself stays due; what only the plan woke is a person's (R14)."""
        if self.planned[w.id].again:
            return Hold(reason="review", needs=f"not as planned: {why}; release it as it stands")
        return Wait(until=now + LATER, reason=f"not as planned: {why}")

    def _against(self, w: Claimed, decision: Decision, want: Want) -> str:
        planned = self.planned[w.id]
        if w.seq != planned.seq:
            return f"seq {w.seq} is wanted by now, the plan saw {planned.seq}"
        step = step_of(decision, want.fields)
        if step is None or step in planned.steps:
            return ""
        if step.do == "resume" and any(s.do in ("create", "update") for s in planned.steps):
            return ""  # the rest of a call that was planned
        if any(s.do == step.do and s.fields == step.fields for s in planned.steps):
            return f"{_words(step)} would send something else by now"
        return f"{_words(step)} by now, planned was {planned.words or 'nothing'}"
