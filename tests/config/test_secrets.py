"""Secrets: where they are found, and where they never are."""

from pathlib import Path

import pytest

from connector.problems import Problems
from connector.secret import Secrets
from connector.yamlread import read_yaml


def secrets(folder: Path, stored: str = "", mode: int = 0o600, **env: str) -> tuple[Secrets, str]:
    """Open a folder with an .env; return its secrets and what was wrong with it."""
    if stored:
        (folder / ".env").write_text(stored, encoding="utf-8")
        (folder / ".env").chmod(mode)
    problems = Problems()
    return Secrets.beside(folder / "config.yaml", problems, env), str(problems)


def revealed(found: Secrets, text: str) -> tuple[object, str]:
    """Reveal a YAML text; return the value and what was wrong."""
    problems = Problems()
    return found.reveal(read_yaml(text, "config.yaml", problems), problems), str(problems)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=x", "x"),
        ("export A=x y", "x y"),
        ("A='x # y'", "x # y"),
        ('A="="', "="),
        (" A = x", None),
    ],
)
def test_env_lines_are_read_as_they_are_commonly_written(
    tmp_path: Path, line: str, value: str | None
) -> None:
    """With export, quotes, blanks inside; anything else is a problem, without its text."""
    found, wrong = secrets(tmp_path, f"# secrets\n\n{line}\n")
    assert found.stored.get("A") == value
    assert bool(wrong) == (value is None)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_an_env_that_others_may_read_is_a_problem(tmp_path: Path, mode: int) -> None:
    """The report names the command that closes it."""
    _, wrong = secrets(tmp_path, "A=x", mode)
    assert f"chmod 600 {tmp_path}/.env" in wrong


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """What a container or systemd sets replaces what lies beside the configuration."""
    found, _ = secrets(tmp_path, "A=file\nB=file", A="process")
    assert revealed(found, "[$A, '${A}', '${B}-${B}']")[0] == ["$A", "process", "file-file"]


def test_a_file_gives_its_text_without_the_last_line_end(tmp_path: Path) -> None:
    """As `echo secret > file` writes it, and Docker mounts it."""
    (tmp_path / "key").write_text("s3\n", encoding="utf-8")
    assert revealed(secrets(tmp_path)[0], "${file:key}") == ("s3", "")


@pytest.mark.parametrize("what", ["NOPE", "file:nope", ""])
def test_what_is_not_there_is_a_problem_at_its_line(tmp_path: Path, what: str) -> None:
    """It names what was looked for and how to provide it."""
    _, wrong = revealed(secrets(tmp_path)[0], f"a: 1\nb: '${{{what}}}'")
    assert f"config.yaml:2: b: ${{{what}}}" in wrong
    assert "cure: " in wrong


def test_no_repr_shows_a_secret(tmp_path: Path) -> None:
    """Neither of the revealed values, nor of where they come from."""
    found, _ = secrets(tmp_path, "A=canary", B="canary")
    shown = repr(revealed(found, "{user: '${A}', password: '${B}'}")) + repr(found) + str(found)
    assert "canary" not in shown
