"""Probes that each break one promise."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from connector import errors
from connector.testing.liars.liar import Liar
from connector.testing.memory import Paper
from connector.values import Findings


class Anonymous(Liar):
    """Has no name."""

    breaks = ("test_a_system_says_who_it_is",)

    def check(self) -> Findings:
        """Say nothing of itself."""
        return replace(super().check(), identity={})


class Fickle(Liar):
    """Is somebody else every time."""

    breaks = ("test_a_system_is_who_it_was",)

    def check(self) -> Findings:
        """Count its checks as its name."""
        return replace(super().check(), identity={"company": str(len(self.calls))})


class Grumbler(Liar):
    """Complains while all is well."""

    breaks = ("test_a_healthy_system_has_no_problems",)

    def check(self) -> Findings:
        """Complain."""
        found = super().check()
        return replace(found, problems=found.problems or ("it could be faster",))


class Clockless(Liar):
    """Takes every clock for right."""

    breaks = ("test_a_wrong_clock_is_told_and_complained_of",)

    def check(self) -> Findings:
        """See no difference."""
        return replace(super().check(), skew=timedelta(0), problems=())


class Meddler(Liar):
    """Leaves a document behind."""

    breaks = ("test_a_check_changes_nothing",)

    def check(self) -> Findings:
        """Try whether one can write."""
        self.papers.append(Paper(key="test", entity="order", reference=None, fields={}))
        return super().check()


class FineWhenAway(Liar):
    """Finds nothing wrong with nobody."""

    breaks = ("test_a_check_of_a_system_that_is_away_raises_unavailable",)

    def check(self) -> Findings:
        """Take silence for consent."""
        try:
            return super().check()
        except errors.Unavailable:
            return Findings(identity={})


class FineWhenDenied(Liar):
    """Finds nothing wrong with a closed door."""

    breaks = ("test_a_check_with_wrong_credentials_raises_unauthorized",)

    def check(self) -> Findings:
        """Take a refusal for an answer."""
        try:
            return super().check()
        except errors.Unauthorized:
            return Findings(identity={})


PROBES: tuple[type[Liar], ...] = (
    Anonymous,
    Fickle,
    Grumbler,
    Clockless,
    Meddler,
    FineWhenAway,
    FineWhenDenied,
)
