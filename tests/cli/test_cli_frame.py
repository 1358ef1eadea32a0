"""The frame of the command line: light, helpful, and every failure one report."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import click
import pytest

from connector import cli, codes
from connector.cli import options, output
from connector.errors import Braked, ConfigError, ConnectorError, Unavailable, WrongSystem
from connector.problems import Problem, Problems

HEAVY = {
    "yaml",
    "pydantic",
    "sqlalchemy",
    "zeep",
    "lxml",
    "requests",
    "rich",
    "structlog",
    "jinja2",
}


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """A command `fail` that raises what is put into the list."""
    raised: list[Exception] = []

    @click.command()
    @options.json_option
    def fail(as_json: bool) -> int:
        if raised:
            raise raised[0]
        return codes.ATTENTION

    monkeypatch.setattr(sys.modules[__name__], "command", fail, raising=False)
    monkeypatch.setitem(cli.COMMANDS, "fail", (f"{__name__}:command", "fails"))
    return raised


def test_help_imports_nothing_heavy() -> None:
    """That is what keeps `connector --help` under 0.2 s, on any machine."""
    code = (
        "import sys; from connector.cli import run; run(['--help']); "
        "print('IMPORTED', *{m.partition('.')[0] for m in sys.modules})"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "init" in said.stdout
    assert HEAVY & set(said.stdout.partition("IMPORTED")[2].split()) == set()


def test_a_misspelled_command_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """Usage errors end with 2 and name what was meant."""
    assert cli.run(["inot"]) == codes.USAGE
    assert "did you mean `init`?" in capsys.readouterr().err


def test_a_misspelled_option_is_told_which_help_to_read(capsys: pytest.CaptureFixture[str]) -> None:
    """The cure names the help of the very command."""
    assert cli.run(["init", "--nope"]) == codes.USAGE
    assert "cure: see connector init --help" in capsys.readouterr().err


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """And is a usage error, for scripts."""
    assert cli.run([]) == codes.USAGE
    assert "Commands:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (ConfigError(Problems()), 2),
        (WrongSystem("another company"), 3),
        (Unavailable("shop"), 4),
        (ConnectorError("x", code="no_such_record"), 1),
        (ConnectorError("x", code="bug"), 70),
        (Braked("x", code="conflict"), 5),
    ],
)
def test_every_error_ends_with_the_exit_code_of_its_code(
    failing: list[Exception], error: Exception, exit_code: int
) -> None:
    """The catalogue decides; a script need not read text."""
    failing.append(error)
    assert cli.run(["fail"]) == exit_code


def test_a_command_may_end_with_an_exit_code_of_its_own(failing: list[Exception]) -> None:
    """`check` finds something without failing."""
    assert cli.run(["fail"]) == codes.ATTENTION


def test_a_failure_names_cure_and_command(
    failing: list[Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    """On stderr; the error's own cure wins over the catalogue's."""
    failing.append(ConnectorError("no order 7", code="no_such_record", cure="try 8"))
    cli.run(["fail"])
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "error[no_such_record]: no order 7\n  cure: try 8\n  command: connector record list\n"
    )


def test_a_failure_is_json_on_demand(
    failing: list[Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, with every problem and its place."""
    problems = Problems()
    problems.add(Problem(file="c.yaml", line=3, path="zone", message="m", cure="c"))
    failing.append(ConfigError(problems))
    cli.run(["fail", "--json"])
    report = json.loads(capsys.readouterr().err)["error"]
    assert (report["code"], report["command"]) == ("config", "connector check")
    assert report["problems"] == [
        {"file": "c.yaml", "line": 3, "path": "zone", "message": "m", "cure": "c"}
    ]


def test_an_unexpected_error_shows_its_class_and_place_only(
    failing: list[Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    """Its message may hold a name or a secret: it stays inside."""
    failing.append(ValueError("canary Ann Smith"))
    assert cli.run(["fail"]) == codes.BUG
    said = capsys.readouterr().err
    assert "error[bug]: ValueError at test_cli_frame.py:" in said
    assert "canary" not in said


def test_a_table_that_nobody_watches_is_plain(capsys: pytest.CaptureFixture[str]) -> None:
    """Aligned, no colours, no frames: grep and awk can read it."""
    output.table([{"a": "x", "b": Decimal("1E+1")}, {"a": "longer"}], ["a", "b"])
    assert capsys.readouterr().out == "a       b\nx       10\nlonger\n"


def test_json_keeps_money_and_times_exact(capsys: pytest.CaptureFixture[str]) -> None:
    """Decimals and times are strings, never floats."""
    output.emit({"total": Decimal("10.10"), "at": datetime(2026, 1, 2, tzinfo=UTC)})
    said = json.loads(capsys.readouterr().out)
    assert said == {"total": "10.10", "at": "2026-01-02T00:00:00+00:00"}


def test_json_refuses_what_has_no_form() -> None:
    """An object slipping into --json could show anything."""
    with pytest.raises(TypeError, match="object has no JSON form"):
        output.emit({"x": object()})


def test_the_configuration_is_looked_for_at_its_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one given, else ./config.yaml; a missing one names where it was looked for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(options, "PLACES", (Path("config.yaml"),))
    with pytest.raises(ConnectorError, match=r"no configuration at config\.yaml"):
        options.config_path(None)
    (tmp_path / "config.yaml").touch()
    assert options.config_path(None) == Path("config.yaml")
    with pytest.raises(ConnectorError, match=r"no configuration at other\.yaml"):
        options.config_path(Path("other.yaml"))


@pytest.mark.parametrize("unread", ["config.yaml", ".env"])
def test_whoever_may_not_read_the_configuration_is_told_whose_it_is(
    unread: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`sudo -u` forgotten: not a list of all secrets that are missing."""
    for name in ("config.yaml", ".env"):
        (tmp_path / name).touch()
    monkeypatch.setattr("os.access", lambda path, _: path.name != unread)
    assert options.config_path(tmp_path / "config.yaml") == tmp_path / "config.yaml"  # our own
    monkeypatch.setattr("os.geteuid", lambda: 4_000_000)
    with pytest.raises(ConnectorError, match=f"{unread} belongs to another user") as told:
        options.config_path(tmp_path / "config.yaml")
    assert (told.value.code, told.value.cure[:8]) == ("other_user", "sudo -u ")


def test_a_folder_that_is_closed_to_us_is_no_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/etc/connector for its owner alone."""

    def closed(_: Path) -> bool:
        raise PermissionError

    monkeypatch.setattr(Path, "is_file", closed)
    with pytest.raises(ConnectorError, match=f"the folder {tmp_path} belongs to another") as told:
        options.config_path(tmp_path / "config.yaml")
    assert told.value.code == "other_user"


@pytest.mark.parametrize("option", ["-c", "--config", "--json"])
def test_an_option_before_the_command_is_told_its_place(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is every command's own."""
    assert cli.run([option, "config.yaml", "check"]) == codes.USAGE
    assert "it stands behind the command: connector check --config FILE" in capsys.readouterr().err


def test_a_file_that_the_command_line_names_is_no_bug_of_ours(
    tmp_path: Path, failing: list[Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    """Where it cannot be written, that is said; one that nobody named is a bug all the same."""
    there = str(tmp_path / "not there" / "plan.yaml")
    failing.append(FileNotFoundError(2, "No such file or directory", there))
    assert cli.run(["fail"]) == 70
    failing[0] = FileNotFoundError(2, "No such file or directory", "samples")
    assert cli.run(["fail"]) == codes.USAGE
    assert "samples cannot be used: No such file" in capsys.readouterr().err
