"""Jobs for workers, by procrastinate: each says "run this" or "drain that", and is never the truth.

A job may be lost, doubled or late without harm: what is due stands in the ledger, jobs are derived
from it again every half second, and taking a record in hand is guarded there (O2).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import ConnectorException
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import IntegrityError

from connector.errors import LedgerAway
from connector.ledger.nested import nested

QUEUE = "connector"
LOOK = 0.5  # seconds between looks for jobs that no notice told of
DEAD = 30.0  # seconds without heartbeat after which a worker's jobs are another's
_DEFER = text(
    "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(:queue, :task, 0, NULL, :once,"
    " CAST(:args AS jsonb), NULL)::procrastinate_job_to_defer_v1])"
)
_ALONE = text("SELECT pg_advisory_xact_lock(hashtext('connector.jobs'))")
_STALLED = text(
    "DELETE FROM procrastinate_jobs WHERE status = 'doing' AND NOT EXISTS ("
    " SELECT 1 FROM procrastinate_workers WHERE procrastinate_workers.id = worker_id"
    " AND last_heartbeat > now() - make_interval(secs => :dead))"
)
_WAITS = text("SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = :once AND status = 'todo'")


def prepare(db: Connection) -> None:
    """Make procrastinate's own tables beside the ledger's, unless they are there."""
    db.execute(_ALONE)  # of workers that start together one makes them
    if inspect(db).has_table("procrastinate_jobs"):
        return
    schema = App(connector=SyncPsycopgConnector()).schema_manager.get_schema()
    raw: Any = db.connection.driver_connection
    raw.execute(schema)  # without parameters it may be many statements


def defer(db: Connection, task: str, once: str | None = None, **args: Any) -> bool:
    """Defer a job in the ledger's transaction; False if one named *once* waits already."""
    if once is not None and db.execute(_WAITS, {"once": once}).first() is not None:
        return False
    told = {"queue": QUEUE, "task": task, "once": once, "args": json.dumps(args)}
    try:
        with nested(db):
            db.execute(_DEFER, told)
    except IntegrityError:
        return False  # another worker was faster
    return True


def forget_stalled(db: Connection) -> int:
    """Forget the jobs that dead workers had in hand; what is still due is derived anew."""
    return db.execute(_STALLED, {"dead": DEAD}).rowcount


class Jobs:
    """A procrastinate worker in a thread of its own, that calls *tasks* by name."""

    def __init__(self, conninfo: str, tasks: dict[str, Callable[..., None]], *, most: int) -> None:
        self._app = App(connector=PsycopgConnector(conninfo=conninfo))
        for name, call in tasks.items():
            self._app.task(name=name, queue=QUEUE)(call)
        self._most = most
        self._loop = asyncio.new_event_loop()
        self._work: asyncio.Task[None] | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="jobs")
        self._served: Future[None] | None = None

    def start(self) -> None:
        """Begin to take jobs."""
        self._served = self._pool.submit(self._run)

    def stop(self, seconds: float) -> bool:
        """Take no further job, and wait for those under way; False if they take longer.

        Raises what ended the taking of jobs before it was told to.
        """
        if self._served is None:
            return True
        told = self.running
        if told:
            self._loop.call_soon_threadsafe(self._end)
        try:
            self._served.result(seconds)
        except TimeoutError:
            return False
        except ConnectorException as error:
            if not told:
                raise LedgerAway("the ledger does not answer to jobs") from error
        return True  # who could not take his leave of a ledger that is away is forgotten in time

    @property
    def over(self) -> bool:
        """Did it end by itself?"""
        return self._served is not None and self._served.done()

    @property
    def running(self) -> bool:
        """Does it take jobs?"""
        return self._work is not None and not self._work.done()

    def _end(self) -> None:
        if self._work is not None:
            self._work.cancel()

    def _run(self) -> None:
        with suppress(asyncio.CancelledError), closing(self._loop):
            self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        async with self._app.open_async():
            self._work = asyncio.ensure_future(
                self._app.run_worker_async(
                    queues=[QUEUE],
                    concurrency=self._most,
                    fetch_job_polling_interval=LOOK,
                    delete_jobs="always",
                    install_signal_handlers=False,
                    update_heartbeat_interval=DEAD / 3,
                    stalled_worker_timeout=DEAD,
                )
            )
            await self._work
