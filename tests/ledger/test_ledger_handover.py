"""A ledger moves to another database: nothing is lost, and the old one delivers no more (O4)."""

from __future__ import annotations

import shutil
import stat
from datetime import timedelta

import pytest
from ledger_rows import NOW, SECOND, a_link, a_record, an_attempt, an_event
from sqlalchemy import select, text

from connector.errors import ConnectorError
from connector.ledger import handover, life, migrate
from connector.ledger.schema import life as life_table
from connector.ledger.schema import meta, record
from connector.ledger.store import Ledger
from connector.places import migrations_folder

LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def old(ledger):
    """A ledger that has worked: records, an open intent, a link, what happened."""
    with ledger.begin() as db:
        db.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        db.execute(text("INSERT INTO alembic_version VALUES ('0002')"))
        life.create(db, NOW)
        ids = [a_record(db, doc=b'{"note": "\xc3\xa4\xf0\x9f\x98\x80"}') for _ in range(3)]
        an_attempt(db, ids[0])
        an_attempt(db, ids[1], outcome="done", finished_at=NOW)
        an_event(db, ids[1])
        a_link(db, "k1", "O1")
    ledger.wake(NOW)
    return ledger


@pytest.fixture
def new(request, tmp_path):
    """An empty ledger, as `ledger upgrade` makes it; SQLite's becomes PostgreSQL's, and back."""
    made = []

    def make(other):
        url = f"sqlite:///{tmp_path / 'new.db'}"
        if other.path is not None:
            url = request.getfixturevalue("database")("template0")
        made.append(Ledger(url))
        migrate.upgrade(made[0], migrations_folder(), LATER)
        return made[0]

    yield make
    for one in made:
        one.close()


def rows(ledger):
    """Everything in every table, less what a new owner writes anew."""
    with ledger.engine.connect() as db:
        return {
            table.name: [tuple(row) for row in db.execute(select(table).order_by(*table.columns))]
            for table in meta.sorted_tables
            if table.name != "life"
        }


def test_every_row_comes_over_and_numbers_go_on(old, new, tmp_path):
    """From SQLite to PostgreSQL and back: records, intents, links, and the installation's name."""
    before, file = rows(old), tmp_path / "export.db"
    copied = handover.export(old, file, LATER)
    into = new(old)
    assert handover.take_over(into, file) == copied
    assert rows(into) == before
    assert copied["record"] == 3
    assert into.read(life.read).installation == old.read(life.read).installation
    with into.begin() as db:
        assert a_record(db) not in {id_ for id_, *_ in before["record"]}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_new_ledger_looks_before_it_creates(old, new, tmp_path):
    """S1: what was under way when it moved counts as absent only after the settle time."""
    handover.export(old, tmp_path / "export.db", LATER)
    into = new(old)
    handover.take_over(into, tmp_path / "export.db")
    into.wake(LATER)
    assert into.life.epoch == old.read(life.read).epoch + 1
    assert into.life.alive_since == into.life.unsettled_since == LATER


def test_the_old_ledger_delivers_no_more(old, tmp_path):
    """Whoever works on it is told, also one who was at it; its export can be had again."""
    handover.export(old, tmp_path / "export.db", LATER)
    for act in (lambda: old.beat(LATER, 0.0), lambda: old.wake(LATER)):
        with pytest.raises(ConnectorError, match="retired") as raised:
            act()
        assert raised.value.code == "ledger_retired"
    handover.export(old, tmp_path / "again.db", LATER + 100 * SECOND)
    again = Ledger(f"sqlite:///{tmp_path / 'again.db'}")
    again.wake(LATER)  # the file is a ledger itself, and not retired
    again.close()


def test_an_export_that_fails_retires_nothing(old, tmp_path, monkeypatch):
    """No copy, no retirement: the old one goes on."""

    def broken(*_):
        raise OSError("no space left")

    monkeypatch.setattr(handover, "fill", broken)
    with pytest.raises(OSError, match="space"):
        handover.export(old, tmp_path / "export.db", LATER)
    assert not (tmp_path / "export.db").exists()
    old.beat(LATER, 0.0)


def test_a_ledger_that_somebody_works_on_is_not_exported(old, tmp_path):
    """SQLite knows its owner by the lock, PostgreSQL by the last beat."""
    other = Ledger(old.url.render_as_string(hide_password=False))
    with pytest.raises(ConnectorError) as raised:
        handover.export(other, tmp_path / "export.db", NOW + SECOND)
    other.close()
    assert raised.value.code == "ledger_locked"
    assert old.read(lambda db: db.scalar(select(life_table.c.retired_at))) is None


def test_only_an_empty_ledger_takes_one_over(old, new, tmp_path):
    """Two histories cannot be one; and an export of another version is refused."""
    file = tmp_path / "export.db"
    handover.export(old, file, LATER)
    into = new(old)
    handover.take_over(into, file)
    with pytest.raises(ConnectorError) as raised:
        handover.take_over(into, file)
    assert raised.value.code == "not_allowed"
    stale = Ledger(f"sqlite:///{shutil.copy(file, tmp_path / 'stale.db')}")
    with stale.begin() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    stale.close()
    with pytest.raises(ConnectorError) as raised:
        handover.take_over(into, tmp_path / "stale.db")
    assert raised.value.code == "ledger_outdated"
    assert len(into.read(lambda db: db.execute(select(record)).all())) == 3
