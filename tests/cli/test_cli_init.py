"""`connector init` gives a beginning, and takes nothing."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector import cli, codes
from connector.config import load_config
from connector.problems import Problems


def test_what_it_writes_is_a_configuration(tmp_path: Path) -> None:
    """It loads without a problem, and lets no order in that is older than itself."""
    assert cli.run(["init", str(tmp_path / "new")]) == codes.OK
    problems = Problems()
    config = load_config(tmp_path / "new" / "config.yaml", problems, env={})
    assert str(problems) == ""
    assert config is not None
    start = config.flows["orders"].start
    assert start is not None
    assert datetime.now(UTC) - start < timedelta(minutes=5)


def test_the_env_is_for_its_owner_only(tmp_path: Path) -> None:
    """From its first moment, whatever the umask says; it names every secret of the example."""
    cli.run(["init", str(tmp_path)])
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    stored = (tmp_path / ".env").read_text(encoding="utf-8")
    config = (tmp_path / "config.yaml").read_text(encoding="utf-8")
    for name in ("WOO_KEY", "WOO_SECRET", "ERP_USER", "ERP_PASSWORD"):
        assert f"{name}=" in stored
        assert f"${{{name}}}" in config


def test_it_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is there stays byte for byte, even behind a link."""
    (tmp_path / "mine").write_text("mine", encoding="utf-8")
    (tmp_path / "config.yaml").symlink_to(tmp_path / "mine")
    (tmp_path / ".env").write_text("A=b", encoding="utf-8")
    assert cli.run(["init", str(tmp_path)]) == codes.OK
    assert (tmp_path / "mine").read_text(encoding="utf-8") == "mine"
    assert (tmp_path / ".env").read_text(encoding="utf-8") == "A=b"
    assert capsys.readouterr().out.count("kept") == 2


def test_a_folder_that_cannot_be_written_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A usage error with its cure, no traceback."""
    (tmp_path / "file").touch()
    assert cli.run(["init", str(tmp_path / "file" / "below")]) == codes.USAGE
    assert "choose a folder" in capsys.readouterr().err
