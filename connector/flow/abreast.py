"""How many go at once where one may be the death of all, or find is not proven yet; pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from connector.values import Create, Decision, Resume, Update, Wait

CALLS = (Create, Update, Resume)
AGAIN = timedelta(seconds=1)


def few_at_a_time(
    decisions: Mapping[int, Decision],
    blamed: Mapping[int, int],
    most: int,
    due: Mapping[int, datetime],
    *,
    alone: bool = True,
) -> dict[int, Decision]:
    """R12: of calls that may have killed a worker only so many go at once as begin at once.

    *blamed*: by record, how many deaths count against it. Who is blamed for one goes alone, the
    least blamed first: else those that go with the killer would be given up with it. *alone*: are
    no others on the wire? *due*: since when each is, so that who waits keeps his place.
    """
    calls = [i for i in decisions if i in blamed and isinstance(decisions[i], CALLS)]
    fresh = [i for i in calls if not blamed[i]][:most]
    going = fresh or sorted(calls, key=lambda i: blamed[i])[:alone]
    why = "a worker died while it was sent: it goes with few others"
    return {i: Wait(until=due[i], reason=why) for i in calls if i not in going}


def one_at_a_time(
    decisions: Mapping[int, Decision], most: int, now: datetime
) -> dict[int, Decision]:
    """S7: while find is unproven, all creates but *most* wait for the next round."""
    creates = [id_ for id_, decision in decisions.items() if isinstance(decision, Create)]
    # With one on its way the next round may know more; with none it can only wait.
    later = Wait(until=now if most else now + AGAIN, reason="find is being proven")
    return dict.fromkeys(creates[most:], later)
