"""`connector ledger`: made once, measured often."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from connector import cli
from connector.ledger import revisions

CONFIG = """\
version: 1
ledger: {ledger}
connections:
  shop: {{profile: woocommerce, url: "http://127.0.0.1:1", zone: UTC}}
  erp: {{profile: sandbox_erp, url: "http://127.0.0.1:1", zone: UTC}}
flows:
  orders: {{entity: order, from: shop, to: erp, start: 2026-01-01T00:00:00Z}}
"""


def config(folder: Path, ledger: str) -> str:
    """A configuration whose ledger lies at *ledger*."""
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(ledger=ledger))
    return str(path)


def test_a_ledger_is_made_with_its_folder_for_us_alone(tmp_path: Path) -> None:
    """It will hold personal data: nobody else may read it."""
    path = config(tmp_path, "sqlite:///state/deep/ledger.db")
    assert cli.run(["ledger", "upgrade", "-c", path]) == 0
    made = tmp_path / "state" / "deep" / "ledger.db"
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


def test_an_upgrade_of_a_ledger_of_today_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says so; it may be run at every start."""
    path = config(tmp_path, "sqlite:///ledger.db")
    cli.run(["ledger", "upgrade", "-c", path])
    assert cli.run(["ledger", "upgrade", "-c", path]) == 0
    assert f"is at revision {revisions.HEAD} already" in capsys.readouterr().out


def test_a_folder_that_cannot_be_made_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the cure, not with a traceback."""
    (tmp_path / "file").touch()
    path = config(tmp_path, "sqlite:///file/ledger.db")
    assert cli.run(["ledger", "upgrade", "-c", path]) == 2
    assert "error[ledger_missing]: the ledger cannot be made at" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["status"], ["ledger", "stats"], ["record", "list"]])
def test_without_a_ledger_a_command_names_the_one_that_makes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """ledger_missing, and nothing is made by the way."""
    path = config(tmp_path, "sqlite:///ledger.db")
    assert cli.run([*command, "-c", path]) == 2
    said = capsys.readouterr().err
    assert "error[ledger_missing]" in said
    assert "connector ledger upgrade" in said
    assert not (tmp_path / "ledger.db").exists()


def test_stats_measure_rows_states_and_life(desk: Any) -> None:
    """Rows by table, states by flow, size, since when it watches."""
    desk.company.order()
    desk.company.settle()
    told = desk("ledger", "stats", "--json").json
    assert told["rows"]["record"] == 3
    assert told["bytes"] > 0
    assert {"flow": "orders", "state": "done", "reason": "sent"}.items() <= told["states"][
        1
    ].items()
    assert told["life"]["epoch"] >= 1
    assert [c["connection"] for c in told["cursors"]] == ["shop"]
    assert "watching since" in desk("ledger", "stats").out


def test_a_ledger_is_exported_and_imported_and_delivers_on(desk: Any) -> None:
    """The old one is retired; the new one knows every order and makes none a second time."""
    desk.company.order()
    desk.company.settle()
    file = desk.company.folder / "export.db"
    desk.company.stop()
    assert f"are in {file}; this ledger is retired" in desk("ledger", "export", str(file)).out
    assert "there already" in desk("ledger", "export", str(file)).err
    desk.company.config(ledger="sqlite:///new.db")
    desk("ledger", "upgrade")
    assert desk("ledger", "import", str(file), "--json").json["rows"]["record"] == 3
    number = desk.company.order()
    for _ in range(3):
        desk.company.pass_(15)
        desk.company.sync()
    assert len(desk.company.books()) == 2
    assert f"DE-{number}" in desk.company.references()
