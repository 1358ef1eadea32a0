"""Targets that break one promise of those who send many changes in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from connector.testing.liars.liar import Liar
from connector.values import Change, Done, Gone, InDoubt, NotSent, Outcome, Unauthorized
from connector.values import Refused as No
from connector.values import Unavailable as Away


class Retelling(Liar):
    """Sends, and tells the outcomes otherwise."""

    def send(self, entity: str, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Send, and lie about it."""
        return self.retold(list(super().send(entity, changes)))

    def retold(self, outcomes: list[Outcome]) -> Sequence[Outcome]:
        """Outcomes as they are told."""
        return outcomes


class Shuffling(Retelling):
    """Tells what was refused behind what was done."""

    breaks = ("test_every_change_of_a_bulk_has_its_own_outcome",)

    def retold(self, outcomes: list[Outcome]) -> Sequence[Outcome]:
        """Sort."""
        return sorted(outcomes, key=lambda outcome: isinstance(outcome, No))


class AllOrNothing(Liar):
    """Writes nothing when one is refused, and calls the others done."""

    breaks = ("test_a_bad_change_holds_no_other_up",)

    def send(self, entity: str, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Look for a bad one first."""
        if not any(self.fault(change) == "refuse" for change in changes):
            return super().send(entity, changes)
        refused = No(code="invalid")
        return [refused if self.fault(c) else Done(key=str(c.key)) for c in changes]


class Mourning(Retelling):
    """One is gone, so that the one behind it counts as gone too."""

    breaks = ("test_one_that_is_gone_is_told_alone",)

    def retold(self, outcomes: list[Outcome]) -> Sequence[Outcome]:
        """Go on with what was said before."""
        after = [False, *(isinstance(o, Gone) for o in outcomes)]
        return [Gone() if gone else o for o, gone in zip(outcomes, after, strict=False)]


class Hopeful(Retelling):
    """The first of a bulk without reply will have been written."""

    breaks = ("test_a_lost_reply_leaves_every_change_in_doubt",)

    def retold(self, outcomes: list[Outcome]) -> Sequence[Outcome]:
        """Hope."""
        if outcomes and isinstance(outcomes[0], InDoubt):
            return [Done(key="k0"), *outcomes[1:]]
        return outcomes


class Belated(Liar):
    """Sends the last one all the same."""

    breaks = ("test_a_bulk_after_its_time_is_not_sent",)

    def send(self, entity: str, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Give it a minute more."""
        later = [replace(c, send_before=c.send_before + timedelta(minutes=5)) for c in changes[-1:]]
        return super().send(entity, [*changes[:-1], *later])


class Doubting(Retelling):
    """Calls it a doubt when nobody was there."""

    breaks = ("test_a_bulk_to_a_system_that_is_away_surely_did_not_happen",)

    def retold(self, outcomes: list[Outcome]) -> Sequence[Outcome]:
        """Doubt."""
        return [InDoubt(why="away") if isinstance(o, Away) else o for o in outcomes]


class Unsuspecting(Retelling):
    """Calls refused credentials a refused change."""

    breaks = ("test_a_bulk_with_wrong_credentials_surely_did_not_happen",)

    def retold(self, outcomes: list[Outcome]) -> Sequence[Outcome]:
        """Blame the change."""
        return [No(code="denied") if isinstance(o, Unauthorized) else o for o in outcomes]


class Talkative(Liar):
    """Has something to say of nothing."""

    breaks = ("test_a_bulk_of_nothing_is_nothing",)

    def send(self, entity: str, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Say it."""
        return super().send(entity, changes) if changes else [NotSent(why="nothing")]


BULKS: tuple[type[Liar], ...] = (
    AllOrNothing,
    Belated,
    Doubting,
    Hopeful,
    Mourning,
    Shuffling,
    Talkative,
    Unsuspecting,
)
