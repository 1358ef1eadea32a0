"""When flows run: `every:` of the configuration as triggers, in the configuration's zone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Protocol
from zoneinfo import ZoneInfo

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from connector.configured import Config

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Failed = Callable[[str, BaseException], object]


class Trigger(Protocol):
    """What the scheduler asks for the next time; only ever passed on."""


def trigger(every: timedelta | str, zone: ZoneInfo) -> Trigger:
    """The times of one flow."""
    if isinstance(every, timedelta):
        made: Trigger = IntervalTrigger(seconds=int(every.total_seconds()), timezone=zone)
    else:
        made = CronTrigger.from_crontab(every, timezone=zone)
    return made


def triggers(config: Config) -> dict[str, Trigger]:
    """The times of every flow that runs by itself: not of those that only others need."""
    return {
        flow.name: trigger(flow.every, config.zone)
        for flow in config.flows.values()
        if flow.mode != "on_demand" and flow.every != "never"
    }


def passed(config: Config, since: datetime | None, now: datetime) -> dict[str, datetime]:
    """The newest time of each flow after *since* and not after *now*; what was missed is one run.

    The same for every process that looks: an interval counts from the epoch, not from its start.
    *since* None: what runs every so often begins at once, a cron line is waited for.
    """
    found: dict[str, datetime] = {}
    for flow in config.flows.values():
        if flow.mode == "on_demand" or flow.every == "never":
            continue
        if isinstance(flow.every, timedelta):
            slot: datetime | None = now - (now - EPOCH) % flow.every
        else:
            cron = CronTrigger.from_crontab(flow.every, timezone=config.zone)
            slot = _newest(cron, since or now, now)
        if slot is not None and (since is None or slot > since):
            found[flow.name] = slot
    return found


def _newest(cron: CronTrigger, since: datetime, now: datetime) -> datetime | None:
    """The last time after *since*: a cron line's times are whole minutes, looked for one by one.

    In the hour that comes twice the library may answer with what has passed: then a minute is
    stepped over.
    """
    newest, at = None, since + timedelta(microseconds=1)
    while at <= now:
        found = cron.get_next_fire_time(None, at)
        found = None if found is None else found.astimezone(UTC)  # of one zone, clocks compare
        if found is None or found > now:
            break
        if found >= at:
            newest = found
        at = max(found, at) + timedelta(minutes=1)
    return newest


class Schedule:
    """Calls at the flows' times: of one flow two at most at once, missed times are made up once.

    What a call raises is told to *failed* with the flow's name, and ends nothing else.
    """

    def __init__(self, workers: int, failed: Failed) -> None:
        self._numbers = count()
        self._once: set[tuple[Callable[[str], object], str]] = set()
        pool = ThreadPoolExecutor(workers)
        # One waits for its turn while the other has it, and is what that one gives way to; that a
        # third time passes meanwhile is no news.
        logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
        defaults = {"coalesce": True, "max_instances": 2, "misfire_grace_time": None}
        self._scheduler = BackgroundScheduler(
            executors={"default": pool},
            job_defaults=defaults,
            timezone=UTC,  # triggers have theirs
        )

        def tell(event: JobExecutionEvent) -> None:
            failed(event.job_id.partition(" ")[0], event.exception)

        self._scheduler.add_listener(tell, EVENT_JOB_ERROR)

    def start(self) -> None:
        """Begin to call."""
        self._scheduler.start()

    def replace(self, times: Mapping[str, Trigger], call: Callable[[str], object]) -> None:
        """From now on call *call* with each flow's name at its *times*, and at no others."""
        for job in self._scheduler.get_jobs():
            if " " not in job.id and job.id not in times:
                job.remove()
        for name, when in times.items():
            # What runs every so often begins at once; a cron line is waited for.
            first = {} if isinstance(when, CronTrigger) else {"next_run_time": datetime.now(UTC)}
            self._scheduler.add_job(
                call, when, args=[name], id=name, replace_existing=True, **first
            )

    def now(self, call: Callable[..., object], name: str, *args: object) -> None:
        """Call *call* with *args* once, for flow *name*, as soon as a worker is free."""
        self._scheduler.add_job(call, args=args, id=f"{name} {next(self._numbers)}")

    def once(self, call: Callable[[str], object], name: str) -> None:
        """The same for *name* alone, unless such a call waits or is under way."""
        if (call, name) in self._once:
            return
        self._once.add((call, name))

        def do() -> None:
            try:
                call(name)
            finally:
                self._once.discard((call, name))

        self.now(do, name)

    def stop(self) -> None:
        """Call nothing any more; what is under way goes on."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
