"""A REST profile on a stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from adapters.auth import Tls
from adapters.rehearsal import Rehearsed, masked
from adapters.rest import RestDialect, Settings
from connector.profile import Action, Profile, Step
from connector.rehearsal import Sent


class RestRehearsal(Rehearsed):
    """JSON has no contract: what is declared and what it forbids stay open."""

    def declared(self, entity: str, step: Step) -> None:
        """Nothing is declared."""

    def answered(self, entity: str, step: Step) -> None:
        """Nor for replies."""

    def faults(self, entity: str, action: Action, step: Step, sent: Sent) -> None:
        """No schema judges."""


def rehearse(profile: Profile, conn: Mapping[str, object], zone: ZoneInfo) -> RestRehearsal:
    """Put *profile* on a stage."""
    settings: Any = Settings.model_construct(auth=masked(profile), tls=Tls())
    return RestRehearsal(
        profile, conn, zone, lambda stage, place: RestDialect(profile, settings, stage, place)
    )
