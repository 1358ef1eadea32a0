"""Targets that each break one promise."""

# ruff: noqa: ARG002 - a liar does not look at everything

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import ClassVar

from connector import errors
from connector.ledger.content import pack, unpack
from connector.testing.liars.liar import Liar
from connector.testing.memory import Paper
from connector.values import (
    Absent,
    Ambiguous,
    Change,
    Done,
    InDoubt,
    Outcome,
    Refused,
    Seen,
    Unauthorized,
)

Answer = Seen | Absent | Ambiguous
READS = {
    "away": "test_reads_of_a_system_that_is_away_raise_unavailable",
    "denied": "test_reads_with_wrong_credentials_raise_unauthorized",
}


class Finding(Liar):
    """A target whose answers are told otherwise than they were found."""

    def find(self, entity: str, references: Sequence[str]) -> Mapping[str, Answer]:
        """Find, and lie about it."""
        return {r: self.retold(a) for r, a in super().find(entity, references).items()}

    def retold(self, answer: Answer) -> Answer:
        """An answer as it is told."""
        return answer


class Nameless(Finding):
    """Does not say which reference a document carries."""

    breaks = ("test_what_was_sent_is_found_by_its_reference",)

    def retold(self, answer: Answer) -> Answer:
        """Keep the reference back."""
        return replace(answer, reference=None) if isinstance(answer, Seen) else answer


class FindsOnlyWhatIsThere(Liar):
    """Leaves out what it did not find."""

    breaks = ("test_find_answers_for_every_reference",)

    def find(self, entity: str, references: Sequence[str]) -> Mapping[str, Answer]:
        """Answer for what is there."""
        found = super().find(entity, references)
        return {r: a for r, a in found.items() if len(found) == 1 or not isinstance(a, Absent)}


class Careless(Liar):
    """Takes the beginning of a reference for the whole."""

    breaks = ("test_a_reference_that_is_only_alike_is_not_found",)

    def find(self, entity: str, references: Sequence[str]) -> Mapping[str, Answer]:
        """Search as careless systems do."""
        self._read("find", entity)
        papers = self._of(entity)
        return {
            r: self._one([p for p in papers if (p.reference or "").startswith(r)])
            for r in references
        }


class TakesTheFirst(Liar):
    """Two are one too many, so it takes the first."""

    breaks = ("test_two_carriers_of_a_reference_are_told",)

    def _one(self, found: Sequence[Paper]) -> Answer:
        return super()._one(found[:1])


class OnlyOpen(Finding):
    """Does not see what is closed."""

    breaks = ("test_what_is_closed_is_found_all_the_same",)

    def retold(self, answer: Answer) -> Answer:
        """Look among open documents."""
        closed = isinstance(answer, Seen) and answer.locked
        return Absent(at=self.clock.now()) if closed else answer


class Hindsight(Finding):
    """Dates its answer later than the question."""

    breaks = ("test_absent_says_when_it_was_asked",)

    def retold(self, answer: Answer) -> Answer:
        """Put the clock forward."""
        later = self.clock.now() + timedelta(minutes=1)
        return replace(answer, at=later) if isinstance(answer, Absent) else answer


class Nostalgic(Finding):
    """Finds what was created, not what became of it."""

    breaks = ("test_what_is_seen_is_what_was_written_last",)

    def retold(self, answer: Answer) -> Answer:
        """Show an empty note, as at first."""
        if not isinstance(answer, Seen):
            return answer
        return replace(answer, there={**answer.there, "note": ""})


class Versionless(Liar):
    """Shows the same version for ever."""

    breaks = ("test_a_write_gives_another_version",)

    def get(self, entity: str, keys: Sequence[str]) -> Mapping[str, Seen | Absent]:
        """Call every version the first."""
        found = super().get(entity, keys)
        return {k: replace(a, version="1") if isinstance(a, Seen) else a for k, a in found.items()}


class GetsOnlyWhatIsThere(Liar):
    """Leaves out what it did not find."""

    breaks = ("test_get_answers_for_every_key",)

    def get(self, entity: str, keys: Sequence[str]) -> Mapping[str, Seen | Absent]:
        """Answer for what is there."""
        return {k: a for k, a in super().get(entity, keys).items() if isinstance(a, Seen)}


class Presumes(Finding):
    """Says what we wrote last, as if it knew."""

    breaks = ("test_what_we_wrote_last_is_not_the_adapters_to_say",)

    def retold(self, answer: Answer) -> Answer:
        """Take what is there for it."""
        return replace(answer, base=answer.there) if isinstance(answer, Seen) else answer


class OneCandidate(Liar):
    """Knows one document for a natural key."""

    breaks = ("test_match_gives_every_value_its_candidates",)

    def match(self, entity: str, by: str, values: Sequence[str]) -> Mapping[str, tuple[Seen, ...]]:
        """Take the first."""
        return {v: found[:1] for v, found in super().match(entity, by, values).items()}


class Blind(Liar):
    """Takes an error for absence."""

    swallows: ClassVar[type[errors.ConnectorError]]

    def get(self, entity: str, keys: Sequence[str]) -> Mapping[str, Seen | Absent]:
        """See nothing."""
        try:
            return super().get(entity, keys)
        except self.swallows:
            return {k: Absent(at=self.clock.now()) for k in keys}


class BlindWhenAway(Blind):
    """What cannot be asked is not there."""

    breaks = (READS["away"],)
    swallows = errors.Unavailable


class BlindWhenDenied(Blind):
    """What may not be asked is not there."""

    breaks = (READS["denied"],)
    swallows = errors.Unauthorized


class Sends(Liar):
    """A target whose outcomes are told otherwise than they were."""

    def send(self, entity: str, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Send, and lie about it."""
        told = zip(changes, super().send(entity, changes), strict=True)
        return [self.retold(entity, change, outcome) for change, outcome in told]

    def retold(self, entity: str, change: Change, outcome: Outcome) -> Outcome:
        """An outcome as it is told."""
        raise NotImplementedError


class Litters(Sends):
    """Makes more than it was asked for."""

    breaks = ("test_a_create_makes_one_document",)

    def retold(self, entity: str, change: Change, outcome: Outcome) -> Outcome:
        """Leave a draft behind where all went well."""
        lonely = change.action == "create" and not self.steps and len(self.calls) == 1
        if lonely and isinstance(outcome, Done):
            self.papers.append(Paper(key="draft", entity=entity, reference=None, fields={}))
        return outcome


class Shuffles(Liar):
    """Outcomes in the order in which calls end."""

    breaks = ("test_every_change_has_its_outcome_in_order",)

    def send(self, entity: str, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Refusals are quick."""
        outcomes = super().send(entity, changes)
        return sorted(outcomes, key=lambda outcome: not isinstance(outcome, Refused))


class Mute(Sends):
    """Refuses without a word."""

    breaks = ("test_what_is_refused_has_a_code_and_left_nothing",)

    def retold(self, entity: str, change: Change, outcome: Outcome) -> Outcome:
        """Drop the code."""
        return Refused(code="") if isinstance(outcome, Refused) else outcome


class Raises(Liar):
    """Raises what should be an outcome."""

    breaks = ("test_a_system_that_is_away_is_an_outcome",)

    def send(self, entity: str, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Raise as the reads do."""
        if self.away:
            raise errors.Unavailable("memory is away")
        return super().send(entity, changes)


class Timid(Sends):
    """Calls a refused login a doubt."""

    breaks = ("test_wrong_credentials_are_an_outcome",)

    def retold(self, entity: str, change: Change, outcome: Outcome) -> Outcome:
        """Doubt where nothing is doubtful."""
        return InDoubt(why="denied") if isinstance(outcome, Unauthorized) else outcome


class Repeats(Sends):
    """Tries again what may have happened."""

    breaks = ("test_a_lost_reply_is_a_doubt_and_sent_once",)

    def retold(self, entity: str, change: Change, outcome: Outcome) -> Outcome:
        """Send once more."""
        if isinstance(outcome, InDoubt):
            self._apply(entity, change)
        return outcome


class Sleeper(Liar):
    """Sends whenever it wakes up."""

    breaks = ("test_nothing_is_written_after_its_time",)

    def send(self, entity: str, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Never look at the clock."""
        late = self.clock.now() + timedelta(hours=1)
        return super().send(entity, [replace(c, send_before=late) for c in changes])


class Overwrites(Liar):
    """Writes over what somebody else changed."""

    breaks = ("test_a_stale_version_writes_nothing",)

    def send(self, entity: str, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Forget the version."""
        return super().send(entity, [replace(c, version=None) for c in changes])


class Behind(Sends):
    """Tells the version before its own write."""

    breaks = ("test_the_version_told_is_the_one_to_write_on",)

    def retold(self, entity: str, change: Change, outcome: Outcome) -> Outcome:
        """Count one less."""
        if isinstance(outcome, Done) and change.action == "update":
            return replace(outcome, version=str(int(outcome.version or "1") - 1))
        return outcome


class Revives(Liar):
    """Makes anew what is gone."""

    breaks = ("test_an_update_of_what_is_gone_says_so",)

    def _apply(self, entity: str, change: Change) -> Outcome:
        if change.action == "update" and not any(p.key == change.key for p in self.papers):
            change = replace(change, action="create", key=None)
        return super()._apply(entity, change)


class Blanks(Liar):
    """An update is all there is."""

    breaks = ("test_an_update_changes_what_it_names_alone",)

    def _apply(self, entity: str, change: Change) -> Outcome:
        outcome = super()._apply(entity, change)
        if change.action == "update" and isinstance(outcome, Done):
            for paper in (p for p in self.papers if p.key == change.key):
                paper.fields = dict(unpack(pack(change.payload)))
        return outcome


class Binary(Sends):
    """Its totals went through a float."""

    breaks = ("test_a_total_is_told_to_the_cent",)

    def retold(self, entity: str, change: Change, outcome: Outcome) -> Outcome:
        """Spoil the total."""
        if isinstance(outcome, Done) and outcome.total is not None:
            return replace(outcome, total=Decimal(float(outcome.total)))
        return outcome


class Finished(Liar):
    """Takes found for finished."""

    breaks = ("test_a_create_that_stops_halfway_is_told_and_resumed",)

    def _seen(self, paper: Paper) -> Seen:
        return replace(super()._seen(paper), steps_left=())


TARGETS: tuple[type[Liar], ...] = (
    Nameless,
    FindsOnlyWhatIsThere,
    Careless,
    TakesTheFirst,
    OnlyOpen,
    Hindsight,
    Nostalgic,
    Versionless,
    GetsOnlyWhatIsThere,
    Presumes,
    OneCandidate,
    BlindWhenAway,
    BlindWhenDenied,
    Litters,
    Shuffles,
    Mute,
    Raises,
    Timid,
    Repeats,
    Sleeper,
    Overwrites,
    Behind,
    Revives,
    Blanks,
    Binary,
    Finished,
)
