"""What is done once a night: dropping what is kept no longer (`keep:`)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from connector.configured import Keep
from connector.ledger import keeping
from connector.ledger.keeping import Bounds
from connector.ledger.store import Ledger

HOUR = time(3, 30)
NIGHTLY = ":nightly"  # stands where a flow does when workers share it; no flow has such a name


def bounds(keep: Keep, now: datetime) -> Bounds:
    """Before which times what is dropped."""
    return Bounds(
        payloads=now - keep.payloads, attempts=now - keep.attempts, proof=now - keep.proof
    )


def vacuum(ledger: Ledger, keep: Keep, now: datetime) -> dict[str, int]:
    """Drop what *keep* keeps no longer; how much of each went. May run beside a delivery."""
    return keeping.drop(ledger, bounds(keep, now))


class Night:
    """Whether this night's work is due; a start in the middle of a day owes none."""

    def __init__(self, zone: ZoneInfo, now: datetime) -> None:
        self._done = _night(zone, now)

    def is_due(self, zone: ZoneInfo, now: datetime) -> bool:
        """Once after each half past three, by the zone of the configuration as it is now."""
        due = _night(zone, now) > self._done
        self._done = max(self._done, _night(zone, now))
        return due

    def time(self, zone: ZoneInfo) -> datetime:
        """When the latest night's work was due: the same for every process."""
        return datetime.combine(self._done, HOUR, zone).astimezone(UTC)


def _night(zone: ZoneInfo, now: datetime) -> date:
    local = now.astimezone(zone)
    return local.date() if local.time() >= HOUR else date.fromordinal(local.toordinal() - 1)
