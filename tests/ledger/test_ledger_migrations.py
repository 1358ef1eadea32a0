"""Alembic's migrations build exactly the schema file, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, insert, inspect, select

from connector.ledger import migrate, records, revisions
from connector.ledger.schema import life
from connector.ledger.store import Ledger
from connector.places import migrations_folder
from connector.testing.rig import START


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated(request, tmp_path):
    """A new ledger, brought to this version by the migrations alone."""
    url = f"sqlite:///{tmp_path / 'migrated.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("database")("template1")
    ledger = Ledger(url)
    yield ledger
    ledger.close()


@pytest.fixture
def built(migrated, request, tmp_path):
    """A ledger that the schema file built, on the same kind of database."""
    url = f"sqlite:///{tmp_path / 'built.db'}"
    if migrated.path is None:
        url = request.getfixturevalue("database")("empty")
    ledger = Ledger(url)
    if migrated.path is not None:
        with ledger.begin() as db:
            life.metadata.create_all(db)
    yield ledger
    ledger.close()


def shape(ledger):
    """Everything that the database itself says of its tables."""
    with ledger.engine.connect() as db:
        seen = inspect(db)
        return {
            table: {
                "columns": {
                    c["name"]: (str(c["type"]), c["nullable"], c["default"])
                    for c in seen.get_columns(table)
                },
                "key": seen.get_pk_constraint(table),
                "foreign": seen.get_foreign_keys(table),
                "checks": by_name(seen.get_check_constraints(table)),
                "unique": by_name(seen.get_unique_constraints(table)),
                "indexes": by_name(seen.get_indexes(table)),
            }
            for table in seen.get_table_names()
            if table != "alembic_version"
        }


def by_name(found):
    """Options are trees of clauses, equal only as text."""

    def plain(value):
        return {k: str(v) for k, v in value.items()} if isinstance(value, dict) else str(value)

    return {one["name"]: {k: plain(v) for k, v in one.items()} for one in found}


def test_migrations_build_exactly_the_schema_file(migrated, built):
    """Columns, defaults, keys, checks, partial indexes: nothing is forgotten in a migration."""
    migrate.upgrade(migrated, migrations_folder(), START)

    assert shape(migrated) == shape(built)


def test_every_table_of_the_schema_file_is_there(migrated):
    """The comparison above is not one of two empty databases."""
    migrate.upgrade(migrated, migrations_folder(), START)

    assert shape(migrated).keys() == life.metadata.tables.keys()
    assert all(table["checks"] for name, table in shape(migrated).items() if name == "record")


def test_head_is_the_newest_revision():
    """The ledger that this version asks for is the one that its migrations make."""
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))

    assert ScriptDirectory.from_config(config).get_current_head() == revisions.HEAD


def test_an_upgrade_tells_where_it_began_and_keeps_the_life(migrated):
    """A second upgrade changes nothing."""
    assert migrate.upgrade(migrated, migrations_folder(), START) is None
    born = migrated.read(lambda db: db.scalar(select(life.c.id)))

    assert migrate.upgrade(migrated, migrations_folder(), START) == revisions.HEAD
    assert migrated.read(lambda db: db.scalar(select(life.c.id))) == born
    assert migrated.read(revisions.revision) == revisions.HEAD


def grown(ledger, revision):
    """Tables as an earlier release left them, with something in each kind of row."""
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    with ledger.begin() as db:
        config.attributes["connection"] = db
        command.upgrade(config, revision)
        then = MetaData()
        then.reflect(db)
        due = {"flow": "orders", "entity": "order", "source": "shop", "target": "erp",
               "reference": "r", "doc": b"{}", "due_at": 0, "read_at": 0, "created_at": 0,
               "changed_at": 0}  # fmt: skip
        doubt = {"state": "in_doubt"}
        ids = [
            db.execute(
                insert(then.tables["record"]).values(
                    due | {"key": key, "serial_key": key, "reference": key} | more
                )
            ).inserted_primary_key[0]
            for key, more in (("due", {"state": "prepared"}), ("doubt", doubt))
        ]
        open_ = {"record": ids[1], "serial_key": "doubt", "action": "create", "op_class": "create",
                 "seq": 1, "payload": b"{}", "payload_hash": "h", "write_digest": "w", "fence": 0,
                 "written_at": 0, "send_before": 0}  # fmt: skip
        db.execute(insert(then.tables["attempt"]).values(open_))
        linked = {"role": "identity", "entity": "order", "source": "shop", "source_key": "old",
                  "target": "erp", "target_key": "O1", "made_at": 0, "made_by": "you"}  # fmt: skip
        db.execute(insert(then.tables["link"]).values(linked))
        at = {"connection": "shop", "entity": "order", "scope": "orders", "position": "p7",
              "rev": 3, "moved_at": 0}  # fmt: skip
        db.execute(insert(then.tables["cursor"]).values(at))
        return {
            name: db.execute(select(then.tables[name])).mappings().all()
            for name in ("record", "attempt", "link", "cursor")
        }


def test_a_ledger_of_the_first_revision_keeps_what_it_knows(migrated):
    """Records, an open intent, a link, a position: after the upgrade they stand as they stood."""
    before = grown(migrated, "0001")
    assert migrate.upgrade(migrated, migrations_folder(), START) == "0001"
    with migrated.begin() as db:
        now = MetaData()
        now.reflect(db)
        for name, rows in before.items():
            after = db.execute(select(now.tables[name])).mappings().all()
            assert [{k: row[k] for k in rows[0]} for row in after] == [dict(row) for row in rows]
        claimed = records.claim(
            db, "orders", owner="me", now=START, lease=START + timedelta(minutes=1), most=9
        )
    assert [one.key for one in claimed] == ["due"]  # what is in doubt is not in hand
