"""Where an adapter works: what the engine gives it beside its profile."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import NotRequired, TypedDict
from zoneinfo import ZoneInfo

from connector.ports import Clock, Slot


class Place(TypedDict):
    """Its connection's names and zone, its limits, the engine's gate; on a stage, a session."""

    conn: Mapping[str, object]
    zone: ZoneInfo
    timeout: timedelta
    lag: timedelta
    slot: Slot
    clock: Clock
    session: NotRequired[Mapping[str, object]]
