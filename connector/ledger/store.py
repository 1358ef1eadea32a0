"""The ledger's door: one writer at a time, a transaction a `with`, none across the network."""

from __future__ import annotations

import fcntl
import os
import secrets
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.pool import QueuePool

from connector.errors import Bug, ConnectorError, LedgerAway
from connector.ledger import life, records, shares
from connector.ledger.life import Life, Witness

P = ParamSpec("P")
T = TypeVar("T")

PRAGMAS = (
    # A new ledger's; two documents fit into one page, so that a commit writes half as many.
    "PRAGMA page_size=8192",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=20000",
)
# How soon a connection is given up whose other end is gone: the kernel alone takes many minutes.
ATTENTIVE: dict[str, str] = {
    "connect_timeout": "10",
    "tcp_user_timeout": "15000",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "2",
}


class Ledger:
    """One ledger database. `begin` writes, `read` reads; SQL functions get the Connection first."""

    def __init__(self, url: str) -> None:
        self.url: URL = make_url(url)
        self.engine: Engine = _engine(self.url)
        self.owner = f"{life.machine()[:8]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._life: Life | None = None
        self.woken_at: datetime | None = None  # when this process began its watch
        self._writer = threading.Lock()
        self._lock_file: int | None = None
        self._beaten: tuple[datetime, float] | None = None

    @property
    def life(self) -> Life:
        """The life this process watches; Bug before `wake`."""
        if self._life is None:
            raise Bug("the ledger was not woken")
        return self._life

    @property
    def witness(self) -> Witness:
        """The file beside the database that would contradict a ledger that was set back."""
        beside = self.path or Path(tempfile.gettempdir()) / f"connector-{self.url.database}"
        return Witness(beside.with_name(beside.name + ".life"))

    @property
    def path(self) -> Path | None:
        """The database file of a SQLite ledger, None elsewhere."""
        sqlite = self.url.get_backend_name() == "sqlite"
        return Path(self.url.database) if sqlite and self.url.database else None

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A write transaction: committed at the end of the `with`, rolled back by any exception.

        Raises LedgerAway when the database cannot be used now.
        """
        with self._writer, _answering(), self.engine.connect() as db:
            db = db.execution_options(connector_write=True)
            with db.begin():
                yield db

    def read(
        self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a query function in a transaction that only reads. Raises LedgerAway."""
        with _answering(), self.engine.connect() as db, db.begin():
            return query(db, *args, **kwargs)

    def own(self) -> None:
        """Become the one process that delivers from this SQLite ledger, until it ends.

        The kernel drops the lock when a process dies, so holding it proves that every earlier
        owner is dead (O1). Raises ConnectorError(ledger_locked) naming the holder.
        """
        if self.path is None or self._lock_file is not None:
            return
        fd = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(fd, 200).decode(errors="replace").strip()
            os.close(fd)
            raise _locked(holder) from error
        self._lock_file = fd
        self.announce("")

    def announce(self, role: str) -> None:
        """Say what the holder is (`daemon`: can be asked); on PostgreSQL that lasts for a while."""
        if self._lock_file is not None:
            os.ftruncate(self._lock_file, 0)
            os.pwrite(self._lock_file, f"pid {os.getpid()} {role}".strip().encode(), 0)
        if self.path is None and role == "daemon":
            with self.begin() as db:
                shares.hold(db, self.owner, _namespace())

    def held_by(self, role: str) -> bool:
        """Does one hold it that is *role*? On PostgreSQL a worker is a daemon, too."""
        if self.path is None:
            daemons = self.read(shares.daemons) if role == "daemon" else ()
            return any(_lives(*it) for it in daemons) or bool(self.read(shares.living))
        return _held(Path(f"{self.path}.lock"), role)

    def wake(self, now: datetime, boot: float | None = None) -> None:
        """Begin or continue a watch: own the ledger, judge its life, take back what the dead held.

        Raises ConnectorError(ledger_locked) if another process has it.
        """
        self.own()
        self.woken_at = now
        with self.begin() as db:
            self._life = life.wake(db, now, self.witness, boot if self.path else None)
            # Holding the lock proves every other owner of a SQLite ledger dead (O1).
            records.lapse(db, now, owner=self.owner, dead=self.path is not None)
            highest = life.highest_intent(db)
        self.witness.note(self._life.id, highest)

    def beat(self, now: datetime, boot: float) -> None:
        """Say that we watch; a wall clock that jumped since the last beat is noticed (O3)."""
        before, self._beaten = self._beaten, (now, boot)
        jumped = life.jumped(before, (now, boot))  # PostgreSQL's row is beaten by many machines
        with self.begin() as db:
            self._life = life.beat(db, now, boot if self.path else None, jumped=jumped)

    def note(self, highest: int) -> None:
        """Remember beside the database that intent *highest* is committed and may be sent (S1)."""
        if highest:
            self.witness.note(self.life.id, highest)

    def close(self) -> None:
        """Give the database and the owner's lock back."""
        if self.path is None and self.woken_at is not None:
            with suppress(LedgerAway), self.begin() as db:
                shares.release(db, self.owner)
        self.engine.dispose()
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None


def _held(lock: Path, role: str) -> bool:
    """Does somebody hold that file, and has written into it that he is *role*?"""
    if not lock.exists():
        return False
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return file.read().endswith(f" {role}")
    return False


def _namespace() -> str:
    """In which a pid is this process: each container has one of its own."""
    there = Path("/proc/self/ns/pid")
    return str(there.readlink()) if there.exists() else ""


def _lives(owner: str, namespace: str) -> bool:
    """May that process live? Of this machine's own the system knows."""
    machine, pid, _ = owner.split(":")
    if machine != life.machine()[:8] or namespace != _namespace():
        return True
    return int(pid) != os.getpid() and Path(f"/proc/{pid}").exists()


def _locked(holder: str) -> ConnectorError:
    return ConnectorError(
        f"another process delivers from this ledger ({holder or 'unknown'})",
        code="ledger_locked",
        cure="wait for it to end, or stop it",
    )


@contextmanager
def _answering() -> Iterator[None]:
    """Tell a database that is locked, full or away from a statement that is wrong."""
    try:
        yield
    except (OperationalError, InterfaceError, InternalError, NoConnection) as error:
        cause = getattr(error, "orig", error)
        why = getattr(cause, "sqlite_errorname", "") or type(cause).__name__
        if why == "SQLITE_ERROR":
            raise
        raise LedgerAway(
            f"the ledger does not answer ({why})",
            cure="free the disk, end what locks it, or start its server",
        ) from error


def _engine(url: URL) -> Engine:
    # Parameters hold personal data, and errors reach logs.
    if url.get_backend_name() != "sqlite":
        # A process that was stopped or cut off in a transaction must not hold up all others.
        bounds = {"options": "-c idle_in_transaction_session_timeout=30s -c lock_timeout=20s"}
        given = {n: v for n, v in {**bounds, **ATTENTIVE}.items() if n not in url.query}
        postgres = create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args=given)
        event.listen(postgres, "handle_error", _without_detail)
        return postgres
    engine = create_engine(
        url, poolclass=QueuePool, pool_size=4, max_overflow=12, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def _open(raw: object, _record: object) -> None:
        # sqlite3's own transaction handling starts them too late; ours are explicit (O1).
        raw.isolation_level = None  # type: ignore[attr-defined]
        for pragma in PRAGMAS:
            raw.execute(pragma)  # type: ignore[attr-defined]

    @event.listens_for(engine, "begin")
    def _begin(db: Connection) -> None:
        write = db.get_execution_options().get("connector_write", False)
        db.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _without_detail(context: ExceptionContext) -> None:
    """PostgreSQL's DETAIL shows the whole row."""
    for error in (context.original_exception, context.sqlalchemy_exception):
        if error is not None and error.args:
            error.args = (str(error.args[0]).partition("\nDETAIL")[0], *error.args[1:])
