"""Jobs for workers, by procrastinate: each says "run this" or "drain that", and is never the truth.

A job may be lost, doubled or late without harm: what is due stands in the ledger, jobs are derived
from it again every half second, and taking a record in hand is guarded there (O2).
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import IntegrityError

from connector.errors import ConnectorError
from connector.ledger.nested import nested

QUEUE = "connector"
LOOK = 0.5  # seconds between looks for jobs that no notice told of
DEAD = 30.0  # seconds without heartbeat after which a worker's jobs are another's
_DEFER = text(
    "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(:queue, :task, 0, NULL, :once,"
    " CAST(:args AS jsonb), NULL)::procrastinate_job_to_defer_v1])"
)
_WAITS = text("SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = :once AND status = 'todo'")


def prepare(db: Connection) -> None:
    """Make procrastinate's own tables beside the ledger's, where it is installed."""
    if find_spec("procrastinate") is None or inspect(db).has_table("procrastinate_jobs"):
        return
    from procrastinate import App, SyncPsycopgConnector

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


class Jobs:
    """A procrastinate worker in a thread of its own, that calls *tasks* by name."""

    def __init__(self, conninfo: str, tasks: dict[str, Callable[..., None]], *, most: int) -> None:
        from procrastinate import App, PsycopgConnector

        self._app = App(connector=PsycopgConnector(conninfo=conninfo))
        for name, call in tasks.items():
            self._app.task(name=name, queue=QUEUE)(call)
        self._most = most
        self._loop = asyncio.new_event_loop()
        self._work: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        self.failed: BaseException | None = None

    def start(self) -> None:
        """Begin to take jobs."""
        self._thread.start()

    def stop(self, seconds: float) -> bool:
        """Take no further job, and wait for those under way; False if they take longer."""

        def end() -> None:
            if self._work is not None:
                self._work.cancel()

        self._loop.call_soon_threadsafe(end)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def running(self) -> bool:
        """Does it take jobs?"""
        return self._work is not None and not self._work.done()

    def rescue(self) -> None:
        """Put back the jobs of workers that are gone."""
        asyncio.run_coroutine_threadsafe(self._rescue(), self._loop).result(30)

    async def _rescue(self) -> None:
        manager = self._app.job_manager
        for job in await manager.get_stalled_jobs(seconds_since_heartbeat=DEAD):
            if job.id is not None:
                await manager.retry_job(job)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except asyncio.CancelledError:
            pass
        except BaseException as error:  # noqa: BLE001 - told by the thread that looks
            self.failed = error
        finally:
            self._loop.close()

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


def missing() -> ConnectorError:
    """What a worker needs that is not there."""
    return ConnectorError(
        "`connector worker` needs a PostgreSQL ledger and the extra `postgres`",
        code="usage",
        cure="set `ledger: postgresql+psycopg://…`, install shop-erp-connector[postgres], then"
        " `connector ledger upgrade`; on one machine `connector run` is all you need",
    )
