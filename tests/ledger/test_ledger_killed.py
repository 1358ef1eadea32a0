"""The work of an administrator on a ledger, killed in the middle and done again (protocol §8)."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import timedelta

import pytest
from ledger_rows import NOW, a_link, a_record, an_attempt, an_event
from sqlalchemy import func, select

from connector import points
from connector.ledger import handover, keeping, life, migrate
from connector.ledger.keeping import Bounds
from connector.ledger.schema import meta, record
from connector.ledger.store import Ledger
from connector.places import migrations_folder

LATER = NOW + timedelta(days=900)


def killed(point: str, act: Callable[[], object]) -> None:
    """Do *act* in a process of its own, which SIGKILL ends at *point*."""
    pid = os.fork()
    if not pid:
        points.on_reach = _at(point)
        try:
            act()
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, f"{point} was not reached"


def _at(point: str) -> Callable[[str], None]:
    def on_reach(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return on_reach


@pytest.fixture(params=["sqlite", "postgresql"])
def bare(request, tmp_path, monkeypatch):
    """The address of a database with nothing in it, of which no other run left a witness."""
    if request.param == "postgresql":
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        return request.getfixturevalue("database")("template0")
    return f"sqlite:///{tmp_path / 'bare.db'}"


def upgraded(url: str) -> Ledger:
    made = Ledger(url)
    migrate.upgrade(made, migrations_folder(), NOW)
    return made


def with_work(url: str) -> dict[str, list[tuple]]:
    """Fill a ledger with work, and say all that it holds."""
    made = upgraded(url)
    with made.begin() as db:
        ids = [a_record(db, doc=b'{"note": "n"}') for _ in range(3)]
        an_attempt(db, ids[0])
        an_attempt(db, ids[1], outcome="done", finished_at=NOW)
        an_event(db, ids[1])
        a_link(db, "k1", "O1")
    return closed(made)


def closed(ledger: Ledger) -> dict[str, list[tuple]]:
    """Everything in every table but the life's; the ledger is closed."""
    with ledger.engine.connect() as db:
        held = {
            table.name: [tuple(row) for row in db.execute(select(table).order_by(*table.columns))]
            for table in meta.sorted_tables
            if table.name != "life"
        }
    ledger.close()
    return held


def test_an_upgrade_killed_in_the_middle_is_made_again(bare) -> None:
    """All of it or nothing: the next one begins where this one began."""
    killed("migration.mid", lambda: upgraded(bare))
    made = Ledger(bare)
    assert migrate.upgrade(made, migrations_folder(), NOW) is None
    assert made.read(life.read).installation
    assert set(closed(made)) == {t.name for t in meta.sorted_tables} - {"life"}


def test_an_export_killed_after_it_has_retired_is_made_again(bare, tmp_path) -> None:
    """The ledger delivers no more, and gives the same once more; nothing half is left."""
    before, file = with_work(bare), tmp_path / "export.db"
    killed("export.after_retire", lambda: handover.export(Ledger(bare), file, LATER))
    assert not file.exists()
    old = Ledger(bare)
    handover.export(old, file, LATER)
    old.close()
    assert closed(Ledger(f"sqlite:///{file}")) == before
    assert [path.name for path in tmp_path.glob("export.db*")] == ["export.db"]


def test_an_import_killed_in_the_middle_is_made_again(bare, tmp_path) -> None:
    """Nothing of it is there, so the ledger is as empty as it must be."""
    file = tmp_path / "export.db"
    before = with_work(f"sqlite:///{tmp_path / 'old.db'}")
    old = Ledger(f"sqlite:///{tmp_path / 'old.db'}")
    handover.export(old, file, LATER)
    old.close()
    upgraded(bare).close()
    killed("import.mid", lambda: handover.take_over(Ledger(bare), file))
    new = Ledger(bare)
    assert not new.read(lambda db: db.scalar(select(func.count()).select_from(record)))
    handover.take_over(new, file)
    assert closed(new) == before


def test_a_life_that_begins_after_a_failover_and_is_killed_begins_again(bare) -> None:
    """The tail of the ledger is lost: an intent that was sent is not there, and a life that died

    of noticing it has not noticed it: the next one does, once, and from then on it is known.
    """
    before, now = upgraded(bare), NOW + timedelta(minutes=1)
    before.wake(now)
    before.note(7)  # committed, sent, and gone with the server that had it
    before.close()
    killed("failover.lost_tail", lambda: Ledger(bare).wake(now))
    for _ in range(2):
        ledger = Ledger(bare)
        ledger.wake(now + timedelta(seconds=1))
        assert ledger.life.epoch == 2
        assert ledger.life.unsettled_since == now + timedelta(seconds=1)
        ledger.close()


def test_a_vacuum_killed_in_the_middle_is_made_again(bare) -> None:
    """What went is gone, what was to stay is there, and the next night takes the rest."""
    with_work(bare)
    made = Ledger(bare)
    with made.begin() as db:
        a_record(db, key="old", state="done", reason="sent", acked_seq=1, doc=b'{"note": "n"}')
    made.close()
    bounds = Bounds(payloads=LATER, attempts=LATER, proof=LATER)
    killed("vacuum.mid", lambda: keeping.drop(Ledger(bare), bounds))
    again = Ledger(bare)
    keeping.drop(again, bounds)
    docs = again.read(lambda db: dict(db.execute(select(record.c.key, record.c.doc)).all()))
    assert docs.pop("old") is None
    assert len(docs) == 3
    assert all(docs.values())  # what is not done keeps its content
    assert keeping.drop(again, bounds) == dict.fromkeys(keeping.STEPS, 0)
    again.close()
